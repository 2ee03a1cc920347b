/* SPDX-License-Identifier: Apache-2.0 */
/* tasks.get and tasks.list. */
#include "handlers.gen.h"
#include "store/queues.h"
#include "store/tasks_links.h"
#include "store/tasks_list.h"
#include "verbs/tasks_common.h"

int tasks_get(struct call *call, const struct tasks_get_params *p, struct tasks_get_result *r)
{
	struct store_task t;
	int e = task_named(call, "id", p->id, &t);

	if (e == 0)
		e = store_task_payload(call->tx, &t);
	if (e == 0 && t.task.attempt)
		e = store_task_attempts(call->tx, t.n, &t.task.errors);
	if (e)
		return e;
	r->task = t.task;
	return 0;
}

static int find_filter(struct call *c, const struct tasks_list_params *p,
		       struct store_task_filter *f)
{
	struct store_queue q;
	struct store_worker w;
	int e = p->queue.p ? store_queue_get(c->tx, p->queue, &q) : 0;

	if (e == STORE_NONE)
		return call_not_found(c, "queue", "queue", p->queue);
	if (e == 0 && p->queue.p)
		f->queue = q.n;
	if (e == 0 && p->worker.p)
		e = worker_named(c, "worker", p->worker, &w);
	if (e == 0 && p->worker.p)
		f->worker = w.n;
	return err_trace(e);
}

int tasks_list(struct call *call, const struct tasks_list_params *p, struct tasks_list_result *r)
{
	struct store_task_filter f = { .state = p->state,
				       .tag = p->tag,
				       .limit = (size_t)p->limit };
	int64_t cursor = 0;
	bool has_more;
	int e = find_filter(call, p, &f);

	if (e)
		return e;
	if (p->cursor.p && (!str_to_i64(p->cursor, &cursor) || cursor <= 0))
		return call_fail_field(call, ERROR_CURSOR_INVALID, "cursor",
				       "this is no cursor of tasks.list");
	e = store_task_page(call->tx, &f, &cursor, &r->items, &has_more);
	if (e)
		return err_trace(e);
	if (has_more)
		r->next_cursor = str_fmt(call->arena, "%lld", (long long)cursor);
	return 0;
}
