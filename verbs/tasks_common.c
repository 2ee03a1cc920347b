/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of tasks share. */
#include "verbs/tasks_common.h"

#include <stdio.h>

#include "base/id.h"
#include "store/firings.h"
#include "store/news.h"
#include "store/quests.h"
#include "store/queues.h"
#include "store/tasks_links.h"
#include "store/tasks_ready.h"
#include "store/tasks_times.h"

static struct str of_quest(struct call *c, const struct store_task *t)
{
	struct str quest = store_quest_short_id(c->arena, t->quest);

	c->failure.hint = str_fmt(c->arena, "quests.get with id: %.*s", STR_ARG(quest));
	return str_fmt(c->arena, "%.*s is an attempt of %.*s: verbs of quests change it",
		       STR_ARG(t->task.short_id), STR_ARG(quest));
}

int task_named(struct call *c, const char *field, struct str id, struct store_task *out)
{
	int e = store_task_get(c->tx, id, out);

	return e == STORE_NONE ? call_not_found(c, "task", field, id) : err_trace(e);
}

int task_to_change(struct call *c, struct str id, struct store_task *out)
{
	int e = task_named(c, "id", id, out);

	if (e || !out->quest)
		return e;
	call_data_str(c, "from", task_state_text(out->task.state));
	return call_fail_field(c, ERROR_ILLEGAL_TRANSITION, "id", "%.*s",
			       STR_ARG(of_quest(c, out)));
}

int task_refuse_own_queue(struct call *c, const char *field, struct str queue)
{
	bool is_quests = str_eq(queue, QUESTS_QUEUE);

	if (!is_quests && !str_eq(queue, FIRINGS_QUEUE))
		return 0;
	c->failure.hint = is_quests ? STR("quests.create and quests.claim")
				    : STR("events.subscribe makes its tasks");
	return call_fail_field(c, ERROR_CONFLICT, field,
			       "the tasks of '%.*s' are made and taken by the runtime alone",
			       STR_ARG(queue));
}

int worker_named(struct call *c, const char *field, struct str who, struct store_worker *out)
{
	int e = store_worker_get(c->tx, who, out);

	return e == STORE_NONE ? call_not_found(c, "worker", field, who) : err_trace(e);
}

/* ---- who holds it ---- */

bool task_is_token(struct str token, struct str given)
{
	unsigned char differs = token.n != given.n;

	for (size_t i = 0; i < token.n && i < given.n; i++)
		differs |= (unsigned char)(token.p[i] ^ given.p[i]);
	return token.p && differs == 0;
}

int task_refuse_stale(struct call *c, const struct store_task *t)
{
	const struct task *w = &t->task;

	if (!store_task_is_held(w->state))
		return call_fail(c, ERROR_STALE_ATTEMPT, "%.*s is %.*s: the attempt has ended",
				 STR_ARG(w->short_id), STR_ARG(task_state_text(w->state)));
	return call_fail(c, ERROR_STALE_ATTEMPT, "%.*s is claimed with another attempt or token",
			 STR_ARG(w->short_id));
}

int task_held(struct call *c, const struct task_proof *proof, struct store_task *out)
{
	int e = task_named(c, "id", proof->id, out);
	bool is_attempt;

	if (e)
		return e;
	if (out->quest)
		return call_fail_field(c, ERROR_STALE_ATTEMPT, "id", "%.*s",
				       STR_ARG(of_quest(c, out)));
	is_attempt = store_task_is_held(out->task.state) && proof->attempt == out->task.attempt;
	return task_is_token(out->token, proof->token) && is_attempt ? 0
								     : task_refuse_stale(c, out);
}

int task_ensure_started(struct call *c, struct store_task *t)
{
	int e;

	if (t->task.state != TASK_STATE_CLAIMED)
		return 0;
	e = store_task_start(c->tx, t);
	return e == STORE_STALE ? task_refuse_stale(c, t) : err_trace(e);
}

struct str task_new_token(struct arena *a)
{
	uint64_t r[2];

	id_random(r, sizeof(r));
	return str_fmt(a, "%016llx%016llx", (unsigned long long)r[0], (unsigned long long)r[1]);
}

/* ---- from state to state ---- */

int task_refuse_change(struct call *c, const struct store_task *t, enum task_state to)
{
	enum task_state from = t->task.state;
	struct str_list allowed = store_task_ways(c->arena, from);

	if (!allowed.v)
		return err_nomem();
	call_data_str(c, "from", task_state_text(from));
	call_data_str(c, "to", task_state_text(to));
	call_data_strs(c, "allowed", allowed);
	return call_fail(c, ERROR_ILLEGAL_TRANSITION, "%.*s is %.*s and cannot become %.*s",
			 STR_ARG(t->task.short_id), STR_ARG(task_state_text(from)),
			 STR_ARG(task_state_text(to)));
}

int task_event(struct call *c, const char *kind, const struct store_task *t)
{
	const struct task *w = &t->task;
	struct call_field fields[4] = { { "task", w->short_id, 0 },
					{ "queue", w->queue, 0 },
					{ "attempt", STR_NONE, w->attempt } };
	size_t n = 3;

	if (t->quest)
		return 0; /* the quest's events tell */
	if (w->reason)
		fields[n++] = (struct call_field){ "reason", task_reason_text(w->reason), 0 };
	return err_trace(call_event(c, kind, w->id, fields, n));
}

static int event_of_state(struct call *c, const struct store_task *t)
{
	char kind[64];

	snprintf(kind, sizeof(kind), "task.%.*s", STR_ARG(task_state_text(t->task.state)));
	return err_trace(task_event(c, kind, t));
}

int task_count_end(struct call *c, const struct store_task *t,
		   const struct store_worker_count *more)
{
	int e = 0;

	if (t->worker)
		e = store_worker_count(c->tx, t->worker, more);
	if (e == 0 && t->task.concurrency_key.p)
		e = store_task_count_key(c->tx, t, -1);
	if (e == 0 && t->is_capped && t->has_others)
		store_news_room(c->tx, t->queue, 1);
	return err_trace(e);
}

/* The claim is over: what its holder had is given back. */
static int end_claim(struct call *c, struct store_task *t, enum task_state to)
{
	struct store_worker_count more = { .running = -1, .failed = to == TASK_STATE_FAILED };
	int e = task_count_end(c, t, &more);

	t->token = STR_NONE;
	t->worker = 0;
	t->task.worker = STR_NONE;
	t->task.has_lease_until = t->task.has_cancel_at = false;
	return err_trace(e);
}

static void finish(struct call *c, struct store_task *t)
{
	t->task.finished_at = c->now_ms;
	t->task.has_finished_at = true;
	t->wake_at = 0;
	t->task.has_retry_at = false;
}

int task_become(struct call *c, struct store_task *t, enum task_state to, enum task_reason reason)
{
	enum task_state from = t->task.state;
	int64_t lane = t->lane;
	int e = 0;

	if (!store_task_may(from, to))
		return task_refuse_change(c, t, to);
	if (store_task_is_held(from) && !store_task_is_held(to))
		e = end_claim(c, t, to);
	t->task.state = to;
	t->task.reason = reason;
	t->lane = 0;
	if (to == TASK_STATE_READY) {
		t->task.has_retry_at = t->task.has_finished_at = false;
		t->wake_at = 0;
	}
	if (e == 0 && to == TASK_STATE_READY)
		e = store_task_enter(c->tx, t);
	if (store_task_is_over(to))
		finish(c, t);
	if (e == 0)
		e = store_task_set(c->tx, t, from);
	if (e == 0 && from == TASK_STATE_READY)
		e = store_task_leave(c->tx, t, lane);
	if (e == 0)
		e = event_of_state(c, t);
	if (e == 0 && store_task_is_over(to) && t->dependents)
		e = task_settle_dependents(c, t);
	return err_trace(e);
}

int task_let_go(struct call *c, struct store_task *t, enum task_reason reason)
{
	if (t->task.state != TASK_STATE_PENDING || t->task.has_open_dependencies || t->wake_at ||
	    t->task.has_retry_at)
		return 0;
	if (!t->ready_at)
		t->begins_at = c->tx->steady_ms;
	return task_become(c, t, t->task.approval ? TASK_STATE_AWAITING_APPROVAL : TASK_STATE_READY,
			   reason);
}

/* ---- those that wait for it ---- */

static int settle_one(struct call *c, const struct store_task *t, int64_t n)
{
	struct store_task waiting;
	int e = store_task_settle(c->tx, n, t->n);

	if (e == 0)
		e = store_task_get_n(c->tx, n, &waiting);
	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_CORRUPT, "a dependent is missing");
	return err_trace(task_let_go(c, &waiting, TASK_REASON_NONE));
}

/* It failed or was cancelled. */
static int tell_one(struct call *c, const struct store_task *t, int64_t n)
{
	struct store_task waiting;
	int e = store_task_get_n(c->tx, n, &waiting);

	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_CORRUPT, "a dependent is missing");
	if (waiting.task.on_failed == ON_FAILED_RUN)
		return err_trace(settle_one(c, t, n));
	if (waiting.task.on_failed == ON_FAILED_CANCEL)
		e = store_task_look_soon(c->tx, n, TASK_REASON_DEPENDENCY);
	if (e)
		return err_trace(e);
	struct call_field fields[] = { { "task", waiting.task.short_id, 0 },
				       { "dependency", t->task.short_id, 0 },
				       { "state", task_state_text(t->task.state), 0 } };
	return err_trace(call_event(c, "task.dependency_failed", waiting.task.id, fields, 3));
}

int task_settle_dependents(struct call *c, const struct store_task *t)
{
	struct store_n_list ns;
	int e = store_task_dependents(c->tx, t->n, &ns);

	for (size_t i = 0; e == 0 && i < ns.n; i++)
		e = t->task.state == TASK_STATE_COMPLETED ? settle_one(c, t, ns.v[i])
							  : tell_one(c, t, ns.v[i]);
	return err_trace(e);
}
