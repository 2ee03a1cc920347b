/* SPDX-License-Identifier: Apache-2.0 */
/* Making a task. */
#include "verbs/tasks_make.h"

#include "store/pack.h"
#include "store/tasks_links.h"
#include "store/tasks_ready.h"
#include "verbs/talk_say.h"

#define KEY_KEPT_MS ((int64_t)24 * 3600 * 1000)
#define RETRY_MS    1000

struct making {
	struct call *call;
	const struct tasks_create_params *p;
	struct store_queue queue;
	struct store_needs needs;
	struct store_task_brief dependencies[TASK_DEPENDENCIES_MAX];
	size_t n_dependencies;
	struct store_task *task;
};

/* ---- its key ---- */

/* The task that has the key, if it still counts. */
static int find_by_key(struct making *m, struct store_task_key *out)
{
	struct call *c = m->call;
	int e = store_task_by_key(c->tx, m->queue.n, m->p->key, out);

	if (e || !out->finished_at || c->now_ms - out->finished_at <= KEY_KEPT_MS)
		return err_trace(e);
	e = store_task_clear_key(c->tx, out->n);
	return e ? err_trace(e) : STORE_NONE;
}

static int check_key(struct making *m, bool *out_is_there)
{
	struct call *c = m->call;
	struct store_task_key found;
	bool is_same;
	int e = m->p->key.p ? find_by_key(m, &found) : STORE_NONE;

	*out_is_there = e == 0;
	if (e)
		return e == STORE_NONE ? 0 : err_trace(e);
	e = pack_is_same(c->arena, found.payload, m->p->payload, &is_same);
	if (e)
		return err_trace(e);
	if (is_same) {
		e = store_task_get_n(c->tx, found.n, m->task);
		m->task->task.payload = found.payload;
		return err_trace(e);
	}
	call_data_str(c, "task", store_task_short_id(c->arena, found.n));
	return call_fail_field(c, ERROR_CONFLICT, "key",
			       "a task with that key has another payload");
}

/* ---- what it waits for ---- */

static bool is_known(const struct making *m, int64_t n)
{
	for (size_t i = 0; i < m->n_dependencies; i++)
		if (m->dependencies[i].n == n)
			return true;
	return false;
}

static int add_dependency(struct making *m, struct str id)
{
	struct call *c = m->call;
	struct store_task on;
	int e = task_named(c, "depends_on", id, &on);

	if (e || is_known(m, on.n))
		return e;
	if (on.dependents >= TASK_DEPENDENTS_MAX)
		return call_fail_field(c, ERROR_CONFLICT, "depends_on",
				       "%.*s has %d dependents, more are not allowed",
				       STR_ARG(on.task.short_id), TASK_DEPENDENTS_MAX);
	if (m->p->on_failed == ON_FAILED_CANCEL && store_task_is_over(on.task.state) &&
	    on.task.state != TASK_STATE_COMPLETED)
		return call_fail_field(c, ERROR_CONFLICT, "depends_on",
				       "%.*s is %.*s, and on_failed is cancel",
				       STR_ARG(on.task.short_id),
				       STR_ARG(task_state_text(on.task.state)));
	m->dependencies[m->n_dependencies++] = (struct store_task_brief){ on.n, on.task.state };
	return 0;
}

static bool is_open(const struct making *m, const struct store_task_brief *on)
{
	if (on->state == TASK_STATE_COMPLETED)
		return false;
	return !store_task_is_over(on->state) || m->p->on_failed != ON_FAILED_RUN;
}

static int find_dependencies(struct making *m)
{
	int64_t n_open = 0;
	int e = 0;

	for (size_t i = 0; e == 0 && i < m->p->depends_on.n; i++)
		e = add_dependency(m, m->p->depends_on.v[i]);
	for (size_t i = 0; i < m->n_dependencies; i++)
		n_open += is_open(m, &m->dependencies[i]);
	m->task->dependencies = (int64_t)m->n_dependencies;
	m->task->task.open_dependencies = n_open;
	m->task->task.has_open_dependencies = n_open > 0;
	return e;
}

static int keep_dependencies(struct making *m)
{
	struct call *c = m->call;
	int e = 0;

	for (size_t i = 0; e == 0 && i < m->n_dependencies; i++)
		e = store_task_depend(c->tx, m->task->n, m->dependencies[i].n,
				      is_open(m, &m->dependencies[i]));
	if (e == 0 && m->n_dependencies)
		e = store_task_dependency_ids(c->tx, m->task->n, &m->task->task.depends_on);
	return err_trace(e);
}

static int find_time(struct making *m)
{
	const struct tasks_create_params *p = m->p;
	struct call *c = m->call;
	struct store_task *t = m->task;

	if (p->has_scheduled_for && p->delay_ms)
		return call_fail_field(c, ERROR_CONFLICT, "delay_ms",
				       "scheduled_for says when already");
	t->task.has_scheduled_for = p->has_scheduled_for || p->delay_ms;
	t->task.scheduled_for = p->delay_ms ? c->now_ms + p->delay_ms : p->scheduled_for;
	if (t->task.has_scheduled_for && t->task.scheduled_for > c->now_ms)
		t->wake_at = t->task.scheduled_for;
	return 0;
}

/* ---- what it asks for ---- */

static int find_needs(struct making *m)
{
	const struct tasks_create_params *p = m->p;
	struct call *c = m->call;
	struct store_worker w;
	int e = p->assignee.p ? worker_named(c, "assignee", p->assignee, &w) : 0;

	if (e)
		return e;
	m->needs = (struct store_needs){ .assignee = p->assignee.p ? w.n : 0,
					 .capabilities = p->capabilities,
					 .tags = p->tags };
	e = store_needs_have(c->tx, &m->queue, &m->needs);
	if (e == STORE_TOO_MANY)
		return call_fail_field(c, ERROR_CONFLICT, "capabilities",
				       "the queue has tasks of %d sorts, more are not allowed",
				       QUEUE_NEEDS_MAX);
	if (e == 0 && m->needs.n != m->queue.plain)
		e = store_needs_count(c->tx, m->queue.n, m->needs.n, 1);
	m->task->needs = m->needs.n;
	m->task->assignee = m->task->needs_assignee = m->needs.assignee;
	m->task->task.assignee = p->assignee.p ? w.worker.name : STR_NONE;
	m->task->task.capabilities = m->needs.capabilities;
	m->task->task.tags = m->needs.tags;
	return err_trace(e);
}

static int find_queue(struct making *m)
{
	struct call *c = m->call;
	int e = task_refuse_own_queue(c, "queue", m->p->queue);

	if (e == 0)
		e = store_queue_have(c->tx, m->p->queue, &m->queue);
	if (e != STORE_TOO_MANY)
		return err_trace(e);
	return call_fail_field(c, ERROR_CONFLICT, "queue",
			       "there are %d queues, more are not allowed", QUEUES_MAX);
}

static int check_room(struct making *m)
{
	struct call *c = m->call;
	const struct task_queue *q = &m->queue.queue;

	if (store_queue_waiting(&m->queue) < q->max_pending)
		return 0;
	c->failure.retry_after_ms = RETRY_MS;
	call_data_int(c, "max_pending", q->max_pending);
	return call_fail_field(c, ERROR_OVERLOADED, "queue", "%lld tasks wait in '%.*s'",
			       (long long)store_queue_waiting(&m->queue), STR_ARG(q->name));
}

/* ---- all together ---- */

static void describe(struct making *m)
{
	const struct tasks_create_params *p = m->p;
	struct store_task *t = m->task;

	*t = (struct store_task){ .queue = m->queue.n,
				  .begins_at = m->call->tx->steady_ms,
				  .keep_ms = m->queue.queue.keep_ms,
				  .ageing_ms = m->queue.queue.ageing_ms,
				  .is_capped = m->queue.queue.has_max_running };
	t->task = (struct task){ .queue = m->queue.queue.name,
				 .subject = p->subject,
				 .payload = p->payload,
				 .priority = p->priority,
				 .on_failed = p->on_failed,
				 .concurrency_key = p->concurrency_key,
				 .concurrency_limit = p->concurrency_limit,
				 .has_concurrency_limit = p->concurrency_key.p != NULL,
				 .key = p->key,
				 .lease_ms = p->lease_ms,
				 .has_lease_ms = true,
				 .schedule_to_start_ms = p->schedule_to_start_ms,
				 .has_schedule_to_start_ms = p->schedule_to_start_ms > 0,
				 .schedule_to_close_ms = p->schedule_to_close_ms,
				 .has_schedule_to_close_ms = p->schedule_to_close_ms > 0,
				 .start_to_close_ms = p->start_to_close_ms,
				 .has_start_to_close_ms = p->start_to_close_ms > 0,
				 .heartbeat_timeout_ms = p->heartbeat_timeout_ms,
				 .has_heartbeat_timeout_ms = p->heartbeat_timeout_ms > 0,
				 .retry = p->retry,
				 .approval = p->approval,
				 .has_approval = p->approval,
				 .review = p->review,
				 .has_review = p->review,
				 .created_by = m->call->principal->id };
}

static int put(struct making *m)
{
	struct store_tx *tx = m->call->tx;
	struct store_task *t = m->task;
	int e = 0;

	t->task.state = t->wake_at || t->task.has_open_dependencies ? TASK_STATE_PENDING
			: t->task.approval                          ? TASK_STATE_AWAITING_APPROVAL
								    : TASK_STATE_READY;
	if (t->task.state == TASK_STATE_READY)
		e = store_task_enter(tx, t);
	if (e == 0)
		e = store_task_add(tx, t);
	if (e == 0)
		e = store_task_entered(tx, t);
	if (e == 0)
		e = keep_dependencies(m);
	return e ? err_trace(e) : err_trace(task_event(m->call, "task.created", t));
}

int task_make(struct call *c, const struct tasks_create_params *p, struct store_task *out,
	      bool *out_is_new)
{
	struct making *m = ARENA_NEW(c->arena, struct making);
	bool is_there = false;
	int e;

	if (!m)
		return err_nomem();
	m->call = c;
	m->p = p;
	m->task = out;
	e = find_queue(m);
	if (e == 0)
		e = check_key(m, &is_there);
	*out_is_new = !is_there;
	if (e || is_there)
		return e;
	describe(m);
	e = check_room(m);
	if (e == 0)
		e = find_time(m);
	if (e == 0)
		e = find_dependencies(m);
	if (e == 0)
		e = find_needs(m);
	return e ? e : put(m);
}

int task_refuse_turns(struct call *c, const char *field, struct str queue)
{
	if (!str_eq(queue, STR(TURNS_QUEUE)))
		return 0;
	c->failure.hint = STR("message_to gives an agent a turn");
	return call_fail_field(c, ERROR_CONFLICT, field,
			       "the tasks of '%.*s' are made by what is said to an agent",
			       STR_ARG(queue));
}

int task_make_next(struct call *c, const struct store_task *after, const struct task_next *next,
		   struct store_task *out)
{
	const struct task *a = &after->task;
	struct tasks_create_params p = {
		.queue = next->queue.p ? next->queue : a->queue,
		.subject = next->subject,
		.payload = next->payload,
		.priority = next->has_priority ? next->priority : a->priority,
		.capabilities = next->capabilities,
		.tags = next->tags,
		.delay_ms = next->delay_ms,
		.on_failed = ON_FAILED_WAIT,
		.concurrency_key = next->concurrency_key,
		.concurrency_limit = a->concurrency_limit ? a->concurrency_limit : 1,
		.key = next->key,
		.retry = a->retry,
		.lease_ms = a->lease_ms,
		.schedule_to_start_ms = a->schedule_to_start_ms,
		.schedule_to_close_ms = a->schedule_to_close_ms,
		.start_to_close_ms = a->start_to_close_ms,
		.heartbeat_timeout_ms = a->heartbeat_timeout_ms,
		.approval = next->approval,
		.review = next->review,
	};
	bool is_new;
	int e = task_refuse_turns(c, "next_task.queue", p.queue);

	return e ? e : task_make(c, &p, out, &is_new);
}
