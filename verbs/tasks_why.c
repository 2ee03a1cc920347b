/* SPDX-License-Identifier: Apache-2.0 */
/* tasks.why_pending: what stands between a task and its start, each as a code and a sentence. */
#include "base/clock.h"
#include "handlers.gen.h"
#include "store/tasks_links.h"
#include "store/tasks_ready.h"
#include "verbs/tasks_common.h"

#define REASONS_MAX 100

struct why {
	struct call *call;
	const struct store_task *task;
	struct task_waiting_list *list;
	bool is_ready;
};

static struct task_waiting *add(struct why *y, enum task_wait kind, struct str text)
{
	size_t last = MIN(y->list->n,
			  (size_t)REASONS_MAX - 1); /* written again when all are taken */
	struct task_waiting *reason = &y->list->v[last];

	y->list->n = last + 1;
	*reason = (struct task_waiting){ .kind = kind, .text = text };
	return reason;
}

static void add_time(struct why *y, enum task_wait kind, const char *what, int64_t until)
{
	char text[CLOCK_RFC3339_MAX];
	struct task_waiting *reason;

	clock_format(text, until);
	reason = add(y, kind, str_fmt(y->call->arena, "%s %s", what, text));
	reason->until = until;
	reason->has_until = true;
}

static const char *say(enum task_state s)
{
	if (s == TASK_STATE_FAILED)
		return "failed: tasks.requeue tries it again";
	if (s == TASK_STATE_CANCELLED)
		return "was cancelled and will not come: cancel this one too";
	return "must be completed first";
}

static int add_dependencies(struct why *y)
{
	struct call *c = y->call;
	struct store_task_brief_list open;
	int e = store_task_open_dependencies(c->tx, y->task->n, REASONS_MAX, &open);

	for (size_t i = 0; e == 0 && i < open.n; i++) {
		struct str id = store_task_short_id(c->arena, open.v[i].n);
		struct task_waiting *reason = add(y, TASK_WAIT_DEPENDENCY,
						  str_fmt(c->arena, "%.*s %s", STR_ARG(id),
							  say(open.v[i].state)));

		reason->task = id;
		reason->state = open.v[i].state;
	}
	return err_trace(e);
}

static int explain_pending(struct why *y)
{
	const struct task *w = &y->task->task;
	int e = w->has_open_dependencies ? add_dependencies(y) : 0;

	if (y->task->wake_at)
		add_time(y, TASK_WAIT_SCHEDULE, "it is scheduled for", y->task->wake_at);
	if (w->has_retry_at)
		add_time(y, TASK_WAIT_RETRY, "it is tried again at", w->retry_at);
	return err_trace(e);
}

/* ---- a ready one ---- */

static void add_limit(struct why *y, const struct store_queue *q)
{
	struct arena *a = y->call->arena;

	if (q->queue.paused)
		(void)add(y, TASK_WAIT_QUEUE_PAUSED,
			  str_fmt(a, "queue '%.*s' is paused: queues.resume",
				  STR_ARG(q->queue.name)));
	if (q->queue.has_max_running && store_queue_running(q) >= q->queue.max_running)
		(void)add(y, TASK_WAIT_QUEUE_FULL,
			  str_fmt(a, "%lld tasks of queue '%.*s' run, more may not",
				  (long long)q->queue.max_running, STR_ARG(q->queue.name)));
}

static int add_key(struct why *y)
{
	struct call *c = y->call;
	const struct task *w = &y->task->task;
	struct task_waiting *reason;
	int64_t holder;
	bool has_room;
	int e = store_task_key_room(c->tx, y->task, &has_room);

	if (e || has_room)
		return err_trace(e);
	reason = add(y, TASK_WAIT_KEY_FULL,
		     str_fmt(c->arena, "%lld with concurrency key '%.*s' run, more may not",
			     (long long)w->concurrency_limit, STR_ARG(w->concurrency_key)));
	e = store_task_key_holder(c->tx, y->task, &holder);
	if (e == 0)
		reason->task = store_task_short_id(c->arena, holder);
	return e < 0 ? err_trace(e) : 0;
}

static int add_assignee(struct why *y)
{
	struct call *c = y->call;
	struct store_worker w = { .n = 0 };
	enum worker_status s;
	int e = store_worker_get_n(c->tx, y->task->assignee, &w);

	if (e < 0)
		return err_trace(e);
	s = w.worker.status;
	if (e == STORE_NONE)
		(void)add(y, TASK_WAIT_ASSIGNEE,
			  STR("the worker that alone may take it is gone: tasks.reassign"));
	else if (s != WORKER_STATUS_ONLINE && s != WORKER_STATUS_BUSY)
		(void)add(y, TASK_WAIT_ASSIGNEE,
			  str_fmt(c->arena, "only worker '%.*s' may take it, which is %.*s",
				  STR_ARG(w.worker.name), STR_ARG(worker_status_text(s))));
	return 0;
}

static int add_workers(struct why *y)
{
	struct call *c = y->call;
	const struct task *w = &y->task->task;
	struct store_worker_lack lack;
	int e = store_worker_lack(c->tx, w->capabilities, &lack);

	if (e)
		return err_trace(e);
	if (!lack.is_able)
		add(y, TASK_WAIT_NO_CAPABILITY, STR("no worker has all the capabilities it needs"))
		    ->missing = lack.missing;
	y->is_ready = y->list->n == 0;
	if (!lack.is_any && y->is_ready)
		(void)add(y, TASK_WAIT_NO_WORKER,
			  STR("no worker is registered: whoever calls tasks.claim gets it"));
	return 0;
}

static int explain_ready(struct why *y)
{
	struct store_queue q;
	int e = store_queue_get_n(y->call->tx, y->task->queue, &q);

	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_CORRUPT, "a task's queue is missing");
	add_limit(y, &q);
	e = add_key(y);
	if (e == 0 && y->task->assignee)
		e = add_assignee(y);
	if (e == 0)
		e = add_workers(y);
	if (e == 0 && y->list->n == 0)
		(void)add(y, TASK_WAIT_READY, STR("nothing: it can be claimed"));
	return err_trace(e);
}

static int explain(struct why *y)
{
	const struct task *w = &y->task->task;
	struct arena *a = y->call->arena;

	switch (w->state) {
	case TASK_STATE_PENDING:
		return err_trace(explain_pending(y));
	case TASK_STATE_READY:
		return err_trace(explain_ready(y));
	case TASK_STATE_CLAIMED:
	case TASK_STATE_IN_PROGRESS:
		(void)add(y, TASK_WAIT_RUNNING,
			  str_fmt(a, "it is being done: claimed by %.*s", STR_ARG(w->claimed_by)));
		return 0;
	case TASK_STATE_AWAITING_APPROVAL:
		(void)add(y, TASK_WAIT_APPROVAL, STR("it waits for tasks.approve"));
		return 0;
	case TASK_STATE_AWAITING_INPUT:
		(void)add(y, TASK_WAIT_INPUT, STR("its question waits for tasks.answer"));
		return 0;
	case TASK_STATE_OUTPUT_PENDING_REVIEW:
		(void)add(y, TASK_WAIT_REVIEW, STR("its result waits for tasks.review"));
		return 0;
	default:
		(void)add(y, TASK_WAIT_FINISHED,
			  str_fmt(a, "it is %.*s", STR_ARG(task_state_text(w->state))));
		return 0;
	}
}

int tasks_why_pending(struct call *call, const struct tasks_why_pending_params *p,
		      struct tasks_why_pending_result *r)
{
	struct store_task t;
	struct why y = { .call = call, .task = &t, .list = &r->reasons };
	int e = task_named(call, "id", p->id, &t);

	if (e)
		return e;
	r->reasons.v = ARENA_ARRAY(call->arena, REASONS_MAX, struct task_waiting);
	if (!r->reasons.v)
		return err_nomem();
	e = explain(&y);
	if (e)
		return err_trace(e);
	r->id = t.task.id;
	r->short_id = t.task.short_id;
	r->state = t.task.state;
	r->ready = y.is_ready;
	if (!r->ready && !store_task_is_over(t.task.state))
		r->next = str_fmt(call->arena, "tasks.get with id: %.*s", STR_ARG(t.task.short_id));
	return 0;
}
