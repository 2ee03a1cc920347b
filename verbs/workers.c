/* SPDX-License-Identifier: Apache-2.0 */
/* workers.*: programs that take tasks, from their coming to their going. */
#include "handlers.gen.h"
#include "store/tasks_ready.h"
#include "verbs/workers_common.h"

/* ---- register ---- */

static void describe(struct call *c, const struct workers_register_params *p,
		     struct store_worker *w)
{
	struct worker *k = &w->worker;

	k->name = p->name;
	k->kind = p->kind;
	k->version = p->version;
	k->queues = p->queues;
	k->capabilities = p->capabilities;
	k->tags = p->tags;
	store_words_sort(&k->capabilities);
	k->capacity = p->capacity;
	k->principal = c->principal->id;
	k->heartbeat_ms = p->heartbeat_ms;
	k->has_heartbeat_ms = true;
	k->grace_ms = p->grace_ms;
	k->has_grace_ms = true;
	w->connection = (int64_t)c->connection;
}

/* It came back: by its name it is the same, and gets what it held before anything new. */
static int come_back(struct call *c, const struct workers_register_params *p,
		     struct store_worker *w)
{
	if (!str_eq(w->worker.principal, c->principal->id) && !c->principal->is_owner)
		return call_fail_field(c, ERROR_NAME_TAKEN, "name",
				       "a worker of somebody else is called '%.*s'",
				       STR_ARG(w->worker.name));
	describe(c, p, w);
	w->is_draining = false;
	w->worker.has_drain_by = false;
	w->worker.drain_reason = STR_NONE;
	w->resumes = w->worker.running > 0;
	w->worker.registered_at = c->now_ms;
	worker_alive(c, w);
	return err_trace(store_worker_set(c->tx, w));
}

static int come(struct call *c, const struct workers_register_params *p, struct store_worker *w)
{
	int e;

	*w = (struct store_worker){ .n = 0 };
	describe(c, p, w);
	e = store_worker_add(c->tx, w);
	if (e != STORE_TOO_MANY)
		return err_trace(e);
	return call_fail(c, ERROR_CONFLICT, "there are %d workers, more are not allowed",
			 WORKERS_MAX);
}

int workers_register(struct call *call, const struct workers_register_params *p,
		     struct workers_register_result *r)
{
	struct store_worker w;
	int e = store_worker_get(call->tx, p->name, &w);

	if (e == 0)
		e = come_back(call, p, &w);
	else if (e == STORE_NONE)
		e = come(call, p, &w);
	if (e == 0)
		e = worker_event(call, "worker.registered", &w);
	if (e)
		return e;
	r->worker = w.worker;
	r->next = STR("tasks.claim with worker: its name; workers.heartbeat every heartbeat_ms");
	return 0;
}

/* ---- heartbeat ---- */

static int extend(struct call *c, const struct store_worker *w, bool leases,
		  struct str_list *cancel)
{
	struct store_n_list held;
	int e = store_worker_held(c->tx, w->n, 100, &held);

	if (e)
		return err_trace(e);
	*cancel = (struct str_list){ ARENA_ARRAY(c->arena, held.n, struct str), 0 };
	if (!cancel->v)
		return err_nomem();
	for (size_t i = 0; e == 0 && i < held.n; i++) {
		struct store_task t;

		e = store_task_get_n(c->tx, held.v[i], &t);
		if (e == 0 && t.task.has_cancel_at)
			cancel->v[cancel->n++] = t.task.short_id;
		if (e == 0 && leases)
			e = store_task_resume(c->tx, &t);
	}
	return err_trace(e);
}

int workers_heartbeat(struct call *call, const struct workers_heartbeat_params *p,
		      struct workers_heartbeat_result *r)
{
	struct store_worker w;
	int e = worker_named(call, "id", p->id, &w);

	if (e)
		return e;
	if (w.worker.status == WORKER_STATUS_OFFLINE) {
		call->failure.hint = STR("workers.register with its name");
		return call_fail_field(call, ERROR_CONFLICT, "id", "'%.*s' is offline",
				       STR_ARG(w.worker.name));
	}
	if (call->connection)
		w.connection = (int64_t)call->connection;
	worker_alive(call, &w);
	e = store_worker_set(call->tx, &w);
	if (e == 0 && w.worker.running)
		e = extend(call, &w, p->extend, &r->cancel);
	r->worker = w.worker;
	return err_trace(e);
}

/* ---- seen ---- */

int workers_get(struct call *call, const struct workers_get_params *p, struct workers_get_result *r)
{
	struct store_worker w;
	int e = worker_named(call, "id", p->id, &w);

	if (e)
		return e;
	r->worker = w.worker;
	return 0;
}

int workers_list(struct call *call, const struct workers_list_params *p,
		 struct workers_list_result *r)
{
	struct str after = p->cursor;
	bool has_more;
	int e = store_worker_page(call->tx, p->status, (size_t)p->limit, &after, &r->items,
				  &has_more);

	if (e)
		return err_trace(e);
	if (has_more)
		r->next_cursor = after;
	return 0;
}

/* ---- drained, gone ---- */

static int find_present(struct call *c, struct str id, struct store_worker *out)
{
	int e = worker_named(c, "id", id, out);

	if (e || out->worker.status != WORKER_STATUS_OFFLINE)
		return e;
	return call_fail_field(c, ERROR_CONFLICT, "id", "'%.*s' is offline",
			       STR_ARG(out->worker.name));
}

int workers_drain(struct call *call, const struct workers_drain_params *p,
		  struct workers_drain_result *r)
{
	struct store_worker w;
	int e = find_present(call, p->id, &w);

	if (e)
		return e;
	w.is_draining = true;
	w.worker.drain_reason = p->reason;
	w.worker.has_drain_by = p->deadline_ms > 0;
	w.worker.drain_by = call->tx->steady_ms + p->deadline_ms;
	if (w.worker.status != WORKER_STATUS_DISCONNECTED)
		w.worker.status = WORKER_STATUS_DRAINING;
	e = store_worker_set(call->tx, &w);
	if (e == 0)
		e = worker_event(call, "worker.draining", &w);
	r->worker = w.worker;
	return err_trace(e);
}

int workers_resume(struct call *call, const struct workers_resume_params *p,
		   struct workers_resume_result *r)
{
	struct store_worker w;
	int e = find_present(call, p->id, &w);

	if (e)
		return e;
	w.is_draining = false;
	w.worker.has_drain_by = false;
	w.worker.drain_reason = STR_NONE;
	if (w.worker.status == WORKER_STATUS_DRAINING)
		w.worker.status = w.worker.running ? WORKER_STATUS_BUSY : WORKER_STATUS_ONLINE;
	e = store_worker_set(call->tx, &w);
	if (e == 0)
		e = worker_event(call, "worker.resumed", &w);
	r->worker = w.worker;
	return err_trace(e);
}

int workers_remove(struct call *call, const struct workers_remove_params *p,
		   struct workers_remove_result *r)
{
	struct store_worker w;
	int e = worker_named(call, "id", p->id, &w);

	if (e == 0)
		e = worker_release_all(call, &w, TASK_REASON_RELEASED, &r->released);
	if (e == 0)
		e = store_worker_remove(call->tx, w.n);
	if (e == 0)
		e = worker_event(call, "worker.removed", &w);
	if (e)
		return e;
	r->id = w.worker.id;
	r->name = w.worker.name;
	return 0;
}
