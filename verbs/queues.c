/* SPDX-License-Identifier: Apache-2.0 */
/* queues.*: limits and pauses. */
#include "store/queues.h"
#include "handlers.gen.h"
#include "store/news.h"
#include "verbs/call.h"

int queues_list(struct call *call, const struct queues_list_params *p, struct queues_list_result *r)
{
	bool has_more;
	int e = store_queue_page(call->tx, p->cursor, (size_t)p->limit, &r->items, &has_more);

	if (e)
		return err_trace(e);
	if (has_more)
		r->next_cursor = r->items.v[r->items.n - 1].name;
	return 0;
}

static int tell(struct call *c, const char *kind, const struct store_queue *q)
{
	struct call_field fields[] = { { "queue", q->queue.name, 0 } };

	return err_trace(call_event(c, kind, STR_NONE, fields, 1));
}

/* Whoever waits for a task may get one now. */
static int keep(struct call *c, struct store_queue *q, const char *kind)
{
	int e = store_queue_set(c->tx, q);

	if (e == 0)
		e = tell(c, kind, q);
	store_news_room(c->tx, q->n, q->queue.ready);
	return e ? err_trace(e) : err_trace(store_queue_get_n(c->tx, q->n, q));
}

static int set_paused(struct call *c, struct str name, bool paused, struct task_queue *out)
{
	struct store_queue q;
	int e = store_queue_get(c->tx, name, &q);

	if (e == STORE_NONE)
		return call_not_found(c, "queue", "name", name);
	if (e == 0 && q.queue.paused != paused) {
		q.queue.paused = paused;
		e = keep(c, &q, paused ? "queue.paused" : "queue.resumed");
	}
	*out = q.queue;
	return err_trace(e);
}

int queues_pause(struct call *call, const struct queues_pause_params *p,
		 struct queues_pause_result *r)
{
	return set_paused(call, p->name, true, &r->task_queue);
}

int queues_resume(struct call *call, const struct queues_resume_params *p,
		  struct queues_resume_result *r)
{
	return set_paused(call, p->name, false, &r->task_queue);
}

int queues_update(struct call *call, const struct queues_update_params *p,
		  struct queues_update_result *r)
{
	struct store_queue q;
	int e = store_queue_have(call->tx, p->name, &q);

	if (e == STORE_TOO_MANY)
		return call_fail_field(call, ERROR_CONFLICT, "name",
				       "there are %d queues, more are not allowed", QUEUES_MAX);
	if (e)
		return err_trace(e);
	if (p->has_max_running) {
		q.queue.max_running = p->max_running;
		q.queue.has_max_running = p->max_running > 0;
	}
	if (p->has_max_pending)
		q.queue.max_pending = p->max_pending;
	if (p->has_ageing_ms) {
		q.queue.ageing_ms = p->ageing_ms;
		q.queue.has_ageing_ms = p->ageing_ms > 0;
	}
	if (p->has_keep_ms)
		q.queue.keep_ms = p->keep_ms;
	e = keep(call, &q, "queue.updated");
	r->task_queue = q.queue;
	return err_trace(e);
}
