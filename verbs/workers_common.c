/* SPDX-License-Identifier: Apache-2.0 */
/* The states of a worker. */
#include "verbs/workers_common.h"

#include "verbs/tasks_retry.h"

#define HELD_MAX 1000

void worker_alive(struct call *c, struct store_worker *w)
{
	w->worker.heartbeat_at = c->tx->steady_ms;
	w->worker.status = w->is_draining      ? WORKER_STATUS_DRAINING
			   : w->worker.running ? WORKER_STATUS_BUSY
					       : WORKER_STATUS_ONLINE;
}

int worker_event(struct call *c, const char *kind, const struct store_worker *w)
{
	struct call_field fields[] = { { "worker", w->worker.name, 0 },
				       { "status", worker_status_text(w->worker.status), 0 } };

	return err_trace(call_event(c, kind, w->worker.id, fields, ARRAY_LEN(fields)));
}

int worker_lost(struct call *c, struct store_worker *w)
{
	int e;

	w->connection = 0;
	w->worker.status = WORKER_STATUS_DISCONNECTED;
	e = store_worker_set(c->tx, w);
	return e ? err_trace(e) : err_trace(worker_event(c, "worker.disconnected", w));
}

static int release_one(struct call *c, int64_t n, enum task_reason why)
{
	struct store_task t;
	int e = store_task_get_n(c->tx, n, &t);

	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_CORRUPT, "a held task is missing");
	if (why == TASK_REASON_LAPSED)
		return err_trace(task_lapse(c, &t, why));
	if (t.task.has_cancel_at)
		return err_trace(task_become(c, &t, TASK_STATE_CANCELLED, TASK_REASON_CANCELLED));
	return err_trace(task_become(c, &t, TASK_STATE_READY, why));
}

int worker_release_all(struct call *c, const struct store_worker *w, enum task_reason why,
		       int64_t *out_n)
{
	struct store_n_list held;
	int e = store_worker_held(c->tx, w->n, HELD_MAX, &held);

	if (e)
		return err_trace(e);
	*out_n = (int64_t)held.n;
	for (size_t i = 0; e == 0 && i < held.n; i++)
		e = release_one(c, held.v[i], why);
	return err_trace(e);
}
