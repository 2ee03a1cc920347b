/* SPDX-License-Identifier: Apache-2.0 */
/* What others than the holder do to a task: cancel, reassign, requeue, purge. */
#include "handlers.gen.h"
#include "store/tasks_links.h"
#include "store/tasks_list.h"
#include "store/tasks_ready.h"
#include "verbs/tasks_common.h"

/* ---- cancel ---- */

/* Who holds it is told with the next heartbeat; it is over at cancel_at in any case. Asking again
 * changes nothing. */
static int ask_holder(struct call *c, struct store_task *t, int64_t grace_ms)
{
	int e;

	if (t->task.has_cancel_at)
		return 0;
	t->task.cancel_at = c->tx->steady_ms + grace_ms;
	t->task.has_cancel_at = true;
	e = store_task_set(c->tx, t, t->task.state);
	return e ? err_trace(e) : err_trace(task_event(c, "task.cancel_requested", t));
}

int tasks_cancel(struct call *call, const struct tasks_cancel_params *p,
		 struct tasks_cancel_result *r)
{
	struct store_task t;
	int e = task_to_change(call, p->id, &t);

	if (e)
		return e;
	if (p->reason.p && t.task.state != TASK_STATE_CANCELLED)
		t.task.note = p->reason;
	if (store_task_is_held(t.task.state) && !p->force)
		e = ask_holder(call, &t, p->grace_ms);
	else if (t.task.state != TASK_STATE_CANCELLED)
		e = task_become(call, &t, TASK_STATE_CANCELLED, TASK_REASON_CANCELLED);
	if (e)
		return e;
	store_task_line(&t, &r->task_line);
	if (t.task.state != TASK_STATE_CANCELLED)
		r->next = STR("its holder is told; tasks.get shows what becomes of it");
	return 0;
}

/* ---- reassign ---- */

static int change_needs(struct call *c, struct store_task *t, const struct store_worker *w)
{
	struct store_needs needs = { .assignee = w ? w->n : 0,
				     .capabilities = t->task.capabilities,
				     .tags = t->task.tags };
	int64_t old = t->needs;
	struct store_queue q;
	int e = store_queue_get_n(c->tx, t->queue, &q);

	if (e == 0)
		e = store_needs_have(c->tx, &q, &needs);
	if (e == STORE_TOO_MANY)
		return call_fail(c, ERROR_ILLEGAL_TRANSITION,
				 "the queue has tasks of %d sorts, more are not allowed",
				 QUEUE_NEEDS_MAX);
	t->needs = needs.n;
	t->assignee = t->needs_assignee = needs.assignee;
	t->task.assignee = w ? w->worker.name : STR_NONE;
	if (e == 0 && needs.n != old)
		e = store_needs_count(c->tx, t->queue, needs.n, 1);
	if (e == 0 && needs.n != old)
		e = store_needs_count(c->tx, t->queue, old, -1);
	return err_trace(e);
}

/* Out of its lane, or from its holder, and back among the ready with its new needs. */
static int stand_again(struct call *c, struct store_task *t, const struct store_worker *w)
{
	enum task_state from = t->task.state;
	int e = 0;

	if (from == TASK_STATE_READY || store_task_is_held(from))
		e = task_become(c, t, TASK_STATE_PENDING, TASK_REASON_REASSIGNED);
	if (e == 0)
		e = change_needs(c, t, w);
	if (e)
		return e;
	if (from == TASK_STATE_READY || store_task_is_held(from))
		return task_become(c, t, TASK_STATE_READY, TASK_REASON_REASSIGNED);
	return err_trace(store_task_set(c->tx, t, from));
}

int tasks_reassign(struct call *call, const struct tasks_reassign_params *p,
		   struct tasks_reassign_result *r)
{
	struct store_worker w;
	struct store_task t;
	int e = task_to_change(call, p->id, &t);

	if (e == 0)
		e = task_refuse_own_queue(call, "id", t.task.queue);
	if (e == 0 && p->assignee.p)
		e = worker_named(call, "assignee", p->assignee, &w);
	if (e)
		return e;
	if (store_task_is_over(t.task.state))
		return task_refuse_change(call, &t, TASK_STATE_READY);
	e = stand_again(call, &t, p->assignee.p ? &w : NULL);
	if (e == 0)
		e = task_event(call, "task.reassigned", &t);
	if (e)
		return e;
	store_task_line(&t, &r->task_line);
	r->next = str_fmt(call->arena, "tasks.get with id: %.*s", STR_ARG(t.task.short_id));
	return 0;
}

/* ---- requeue ---- */

int tasks_requeue(struct call *call, const struct tasks_requeue_params *p,
		  struct tasks_requeue_result *r)
{
	struct store_task t;
	int e = task_to_change(call, p->id, &t);

	if (e)
		return e;
	if (t.task.state != TASK_STATE_FAILED)
		return task_refuse_change(call, &t, TASK_STATE_READY);
	if (p->has_priority)
		t.task.priority = p->priority;
	t.task.tries = t.reclaims = 0;
	t.task.has_tries = false;
	t.task.requeues++;
	t.task.approval = t.task.has_approval = false; /* who may do this approves it by that */
	t.begins_at = call->tx->steady_ms;
	e = task_become(call, &t, TASK_STATE_READY, TASK_REASON_NONE);
	if (e)
		return e;
	store_task_line(&t, &r->task_line);
	r->next = STR("tasks.claim takes it");
	return 0;
}

/* ---- purge ---- */

static int remove_one(struct call *c, int64_t n, int64_t *n_purged)
{
	struct store_task t;
	int e = store_task_get_n(c->tx, n, &t);

	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_CORRUPT, "a finished task is missing");
	e = store_task_remove(c->tx, &t);
	*n_purged += e == 0;
	return e == STORE_REFUSED ? 0 : err_trace(e);
}

int tasks_purge(struct call *call, const struct tasks_purge_params *p, struct tasks_purge_result *r)
{
	struct store_task_filter f = { .state = p->state, .limit = (size_t)p->limit };
	struct store_queue q;
	struct store_n_list ns;
	int e = store_queue_get(call->tx, p->queue, &q);

	if (e == STORE_NONE)
		return call_not_found(call, "queue", "queue", p->queue);
	if (e)
		return err_trace(e);
	if (!store_task_is_over(p->state))
		return call_fail_field(call, ERROR_CONFLICT, "state",
				       "only completed, failed and cancelled tasks go");
	f.queue = q.n;
	e = store_task_finished(call->tx, &f, p->has_before ? p->before : INT64_MAX, &ns, &r->more);
	for (size_t i = 0; e == 0 && i < ns.n; i++)
		e = remove_one(call, ns.v[i], &r->purged);
	if (e)
		return err_trace(e);
	r->more = r->more && r->purged > 0;
	if (!r->purged)
		return 0;
	struct call_field fields[] = { { "queue", q.queue.name, 0 },
				       { "state", task_state_text(p->state), 0 },
				       { "purged", STR_NONE, r->purged } };
	return err_trace(call_event(call, "queue.purged", STR_NONE, fields, 3));
}
