/* SPDX-License-Identifier: Apache-2.0 */
/* What time does to tasks and workers. */
#include "verbs/tasks_due.h"

#include "store/tasks_links.h"
#include "store/tasks_times.h"
#include "verbs/tasks_retry.h"
#include "verbs/workers_common.h"

#define AGAIN_MS        ((int64_t)24 * 3600 * 1000) /* when others still wait for what should go */
#define OF_A_CONNECTION 64

/* ---- tasks ---- */

/* Its time has come, or its retry; other things may keep it pending all the same. */
static int go_on(struct call *c, struct store_task *t, enum task_reason reason)
{
	int e = task_let_go(c, t, reason);

	if (e || t->task.state != TASK_STATE_PENDING)
		return err_trace(e);
	return err_trace(store_task_set(c->tx, t, TASK_STATE_PENDING));
}

static int wake(struct call *c, int64_t n)
{
	struct store_task t;
	int e = store_task_get_n(c->tx, n, &t);

	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_CORRUPT, "a task is missing");
	t.wake_at = 0;
	return err_trace(go_on(c, &t, TASK_REASON_NONE));
}

static int look_at_pending(struct call *c, struct store_task *t)
{
	if (t->task.reason == TASK_REASON_DEPENDENCY)
		return err_trace(task_become(c, t, TASK_STATE_CANCELLED, TASK_REASON_DEPENDENCY));
	if (t->task.has_retry_at && t->task.retry_at <= c->tx->steady_ms)
		t->task.has_retry_at = false;
	return err_trace(go_on(c, t, t->task.reason));
}

static int look_at_finished(struct call *c, const struct store_task *t)
{
	int e = store_task_remove(c->tx, t);

	if (e == STORE_REFUSED)
		e = store_task_set_due(c->tx, t->n, c->tx->steady_ms + AGAIN_MS);
	return err_trace(e);
}

static int apply_limit(struct call *c, struct store_task *t, enum task_reason limit)
{
	bool is_whole = limit == TASK_REASON_SCHEDULE_TO_CLOSE ||
			limit == TASK_REASON_SCHEDULE_TO_START;
	struct task_failing f = { .ended = limit,
				  .code = task_reason_text(limit),
				  .message = STR("the time limit is over"),
				  .is_final = is_whole };

	if (store_task_is_held(t->task.state))
		return err_trace(task_fail_attempt(c, t, &f));
	t->task.error_code = f.code;
	t->task.error_message = f.message;
	return err_trace(task_become(c, t, TASK_STATE_FAILED, limit));
}

static int look_at_task(struct call *c, int64_t n)
{
	enum task_reason limit;
	struct store_task t;
	int e = store_task_get_n(c->tx, n, &t);

	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_CORRUPT, "a task is missing");
	if (store_task_is_over(t.task.state))
		return err_trace(look_at_finished(c, &t));
	if (t.task.state == TASK_STATE_PENDING)
		return err_trace(look_at_pending(c, &t));
	limit = store_task_limit(&t, c->tx->steady_ms);
	switch (limit) {
	case TASK_REASON_NONE:
		return err_trace(store_task_set(c->tx, &t, t.task.state));
	case TASK_REASON_CANCELLED:
		return err_trace(task_become(c, &t, TASK_STATE_CANCELLED, limit));
	case TASK_REASON_LAPSED:
		return err_trace(task_lapse(c, &t, limit));
	default:
		return err_trace(apply_limit(c, &t, limit));
	}
}

/* ---- workers ---- */

static int give_up(struct call *c, struct store_worker *w)
{
	int64_t n;
	int e = worker_release_all(c, w, TASK_REASON_LAPSED, &n);

	w->worker.status = WORKER_STATUS_OFFLINE;
	w->is_draining = w->worker.has_drain_by = w->resumes = false;
	if (e == 0)
		e = store_worker_set(c->tx, w);
	return e ? err_trace(e) : err_trace(worker_event(c, "worker.offline", w));
}

static int end_drain(struct call *c, struct store_worker *w)
{
	int64_t n;
	int e = worker_release_all(c, w, TASK_REASON_DRAINED, &n);

	w->worker.has_drain_by = false;
	return e ? err_trace(e) : err_trace(store_worker_set(c->tx, w));
}

static int degrade(struct call *c, struct store_worker *w)
{
	int e;

	w->worker.status = WORKER_STATUS_DEGRADED;
	e = store_worker_set(c->tx, w);
	return e ? err_trace(e) : err_trace(worker_event(c, "worker.degraded", w));
}

static int look_at_worker(struct call *c, int64_t n)
{
	struct store_worker w;
	int e = store_worker_get_n(c->tx, n, &w);

	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_CORRUPT, "a worker is missing");
	if (w.worker.has_drain_by && w.worker.drain_by <= c->tx->steady_ms)
		return err_trace(end_drain(c, &w));
	switch (w.worker.status) {
	case WORKER_STATUS_ONLINE:
	case WORKER_STATUS_BUSY:
		return err_trace(degrade(c, &w));
	case WORKER_STATUS_DISCONNECTED:
		return err_trace(give_up(c, &w));
	default:
		return err_trace(worker_lost(c, &w));
	}
}

static int lose(struct call *c, int64_t n)
{
	struct store_worker w;
	int e = store_worker_get_n(c->tx, n, &w);

	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_CORRUPT, "a worker is missing");
	return err_trace(worker_lost(c, &w));
}

int workers_gone(struct call *c, uint64_t connection)
{
	struct store_n_list ns = { NULL, 0 };
	int e;

	if (!connection)
		return err_trace(store_worker_forget_connections(c->tx));
	e = store_worker_of_connection(c->tx, (int64_t)connection, OF_A_CONNECTION, &ns);
	for (size_t i = 0; e == 0 && i < ns.n; i++)
		e = lose(c, ns.v[i]);
	return err_trace(e);
}

/* ---- all ---- */

static int each(struct call *c, const struct store_n_list *ns, int (*fn)(struct call *, int64_t))
{
	int e = 0;

	for (size_t i = 0; e == 0 && i < ns->n; i++)
		e = fn(c, ns->v[i]);
	return err_trace(e);
}

int tasks_tick(struct call *c, size_t max, bool *has_more)
{
	struct store_n_list ns;
	int e = store_task_wakes(c->tx, max, &ns);

	*has_more = false;
	if (e == 0)
		e = each(c, &ns, wake);
	*has_more |= ns.n == max;
	if (e == 0)
		e = store_task_due(c->tx, max, &ns);
	if (e == 0)
		e = each(c, &ns, look_at_task);
	*has_more |= ns.n == max;
	if (e == 0)
		e = store_worker_due(c->tx, max, &ns);
	if (e == 0)
		e = each(c, &ns, look_at_worker);
	*has_more |= ns.n == max;
	return err_trace(e);
}
