/* SPDX-License-Identifier: Apache-2.0 */
/* tasks.claim: the most urgent ready tasks that the caller can do, or, for a worker that came back,
 * first those that it held when it went. */
#include "handlers.gen.h"
#include "store/tasks_ready.h"
#include "verbs/authority.h"
#include "verbs/talk_say.h"
#include "verbs/tasks_common.h"
#include "verbs/workers_common.h"

struct claiming {
	struct call *call;
	const struct tasks_claim_params *p;
	struct store_worker *worker; /* NULL = none */
	struct store_worker was;     /* the worker's row */
	struct store_queue queue;
	struct store_offer *offer;
	struct task_claim_list *out;
	size_t max;
};

static void show(const struct store_task *t, bool resumed, struct task_claim *out)
{
	const struct task *w = &t->task;

	*out = (struct task_claim){ .id = w->id,
				    .short_id = w->short_id,
				    .queue = w->queue,
				    .subject = w->subject,
				    .payload = w->payload,
				    .priority = w->priority,
				    .attempt = w->attempt,
				    .token = t->token,
				    .lease_until = w->lease_until,
				    .resumed = resumed,
				    .has_resumed = resumed,
				    .tries = w->tries,
				    .has_tries = w->has_tries,
				    .progress = w->progress,
				    .question = w->question,
				    .answer = w->answer,
				    .note = w->note,
				    .result = w->result,
				    .cancel_at = w->cancel_at,
				    .has_cancel_at = w->has_cancel_at,
				    .created_at = w->created_at };
}

/* ---- the worker ---- */

static int check_worker(struct call *c, const struct store_worker *w)
{
	const struct worker *k = &w->worker;

	if (w->is_draining || k->status == WORKER_STATUS_OFFLINE) {
		c->failure.hint = w->is_draining ? STR("workers.resume lets it take tasks again")
						 : STR("register again: workers.register");
		return call_fail_field(c, ERROR_CONFLICT, "worker", "'%.*s' is %s",
				       STR_ARG(k->name), w->is_draining ? "draining" : "offline");
	}
	if (k->running < k->capacity || w->resumes)
		return 0;
	call_data_int(c, "running", k->running);
	return call_fail_field(c, ERROR_CONFLICT, "worker", "'%.*s' holds as many tasks as it can",
			       STR_ARG(k->name));
}

static int find_worker(struct claiming *m)
{
	struct call *c = m->call;
	int e;

	if (!m->p->worker.p)
		return 0;
	m->worker = ARENA_NEW(c->arena, struct store_worker);
	if (!m->worker)
		return err_nomem();
	e = worker_named(c, "worker", m->p->worker, m->worker);
	if (e == 0)
		e = authority_over_worker(c, "worker", m->p->worker);
	if (e == 0)
		e = check_worker(c, m->worker);
	if (e)
		return e;
	m->was = *m->worker;
	worker_alive(c, m->worker);
	m->max = MIN(m->max, (size_t)(m->worker->worker.capacity - m->worker->worker.running));
	return 0;
}

/* What it held when it went, with new tokens: whoever has the old ones has not any more. */
static int resume(struct claiming *m)
{
	struct call *c = m->call;
	struct store_n_list held;
	int e = store_worker_held(c->tx, m->worker->n, (size_t)m->p->max, &held);

	for (size_t i = 0; e == 0 && i < held.n; i++) {
		struct store_task t;

		e = store_task_get_n(c->tx, held.v[i], &t);
		if (e == 0)
			e = store_task_payload(c->tx, &t);
		t.token = task_new_token(c->arena);
		if (e == 0 && !t.token.p)
			e = err_nomem();
		if (e == 0)
			e = store_task_resume(c->tx, &t);
		if (e == 0)
			show(&t, true, &m->out->v[m->out->n++]);
	}
	m->worker->resumes = false;
	return err_trace(e);
}

/* ---- ready ones ---- */

/* Turns are for the agent they are of, and the server's owner. */
static int only_own_turns(struct claiming *m, struct str_list *tags)
{
	struct call *c = m->call;
	struct str_list all = { ARENA_ARRAY(c->arena, tags->n + 1, struct str), tags->n };

	if (c->principal->is_owner || !str_eq(m->p->queue, STR(TURNS_QUEUE)))
		return 0;
	if (c->principal->kind != PRINCIPAL_KIND_AGENT) {
		c->failure.hint = STR("claim with a key of the agent: keys.create");
		return call_fail_field(c, ERROR_CONFLICT, "queue",
				       "turns are for the agents they are of");
	}
	if (!all.v)
		return err_nomem();
	for (size_t i = 0; i < tags->n; i++)
		all.v[i] = tags->v[i];
	all.v[all.n++] = c->principal->id; /* "agent:<id>", as talk_turn() tags it */
	*tags = all;
	return 0;
}

static int make_offer(struct claiming *m)
{
	struct call *c = m->call;
	bool is_own = !m->p->capabilities.v && m->worker;

	m->offer = ARENA_NEW(c->arena, struct store_offer);
	if (!m->offer)
		return err_nomem();
	m->offer->worker = m->worker ? m->worker->n : 0;
	m->offer->capabilities = is_own ? m->worker->worker.capabilities : m->p->capabilities;
	m->offer->tags = m->p->tags;
	int e = only_own_turns(m, &m->offer->tags);

	store_words_sort(&m->offer->capabilities);
	store_words_sort(&m->offer->tags);
	return err_trace(e);
}

static size_t room(const struct claiming *m)
{
	const struct task_queue *q = &m->queue.queue;
	int64_t n = q->has_max_running ? q->max_running - store_queue_running(&m->queue)
				       : (int64_t)m->max;

	if (q->paused || n < 0)
		n = 0;
	return MIN(m->max, (size_t)n);
}

static int take(struct claiming *m, int64_t n)
{
	static const struct store_worker_count one = { .running = 1 };
	struct call *c = m->call;
	struct store_task t;
	int64_t lane;
	int e = store_task_get_n(c->tx, n, &t);

	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_CORRUPT, "a ready task is missing");
	lane = t.lane;
	t.token = task_new_token(c->arena);
	if (!t.token.p)
		return err_nomem();
	t.worker = m->worker ? m->worker->n : 0;
	t.task.claimed_by = c->principal->id;
	t.claim_ms = m->p->lease_ms;
	e = store_task_payload(c->tx, &t);
	if (e == 0)
		e = store_task_claim(c->tx, &t, m->p->start);
	if (e == 0)
		e = store_task_leave(c->tx, &t, lane);
	if (e == 0)
		e = store_task_count_key(c->tx, &t, 1);
	if (e == 0 && t.worker)
		e = store_worker_count(c->tx, t.worker, &one);
	if (e == 0)
		e = task_event(c, "task.claimed", &t);
	if (e)
		return err_trace(e);
	show(&t, false, &m->out->v[m->out->n++]);
	return 0;
}

static int take_ready(struct claiming *m)
{
	size_t n = room(m);
	int64_t next;
	int e = 0;

	for (size_t i = 0; i < n; i++) {
		e = store_task_next(m->call->tx, &m->queue, m->offer, &next);
		if (e == 0)
			e = take(m, next);
		if (e)
			break;
		m->queue.queue.ready--;
		if (m->worker)
			m->worker->worker.running++;
	}
	return e == STORE_NONE ? 0 : err_trace(e);
}

static int look(struct claiming *m)
{
	int e = store_queue_get(m->call->tx, m->p->queue, &m->queue);

	if (e)
		return e == STORE_NONE ? 0 : err_trace(e);
	return err_trace(take_ready(m));
}

/* A claim that found nothing is a sign of life as any: written when the last is a while ago. */
static bool says_something(const struct claiming *m)
{
	const struct worker *was = &m->was.worker, *is = &m->worker->worker;

	return m->out->n || is->status != was->status || m->worker->resumes != m->was.resumes ||
	       is->heartbeat_at - was->heartbeat_at >= was->heartbeat_ms / 4;
}

int tasks_claim(struct call *call, const struct tasks_claim_params *p, struct tasks_claim_result *r)
{
	struct claiming m = { .call = call, .p = p, .out = &r->items, .max = (size_t)p->max };
	int e;

	r->items.v = ARENA_ARRAY(call->arena, (size_t)p->max, struct task_claim);
	if (!r->items.v)
		return err_nomem();
	e = task_refuse_own_queue(call, "queue", p->queue);
	if (e == 0)
		e = find_worker(&m);
	if (e == 0)
		e = make_offer(&m);
	if (e == 0 && m.worker && m.worker->resumes)
		e = resume(&m);
	if (e)
		return e;
	if (r->items.n == 0)
		e = look(&m);
	if (e)
		return err_trace(e);
	if (r->items.n == 0 && p->wait_ms && !call->is_time_over)
		return call_wait_to_take(call, &(struct call_wait){
						   .timeout_ms = p->wait_ms,
						   .place = { STORE_PLACE_QUEUE, m.queue.n },
						   .offer = m.offer,
						   .is_there = m.queue.queue.ready && room(&m) });
	if (m.worker) {
		worker_alive(call, m.worker);
		if (says_something(&m))
			e = store_worker_set(call->tx, m.worker);
	}
	call->is_idle = r->items.n == 0;
	r->next = r->items.n ? STR("tasks.complete with its id, attempt and token; tasks.heartbeat "
				   "before lease_until")
			     : STR("tasks.claim with wait_ms waits for one");
	return err_trace(e);
}
