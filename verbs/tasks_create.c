/* SPDX-License-Identifier: Apache-2.0 */
/* tasks.create. */
#include "handlers.gen.h"
#include "verbs/tasks_make.h"

static struct str next_step(struct arena *a, const struct task *t)
{
	switch (t->state) {
	case TASK_STATE_READY:
		return STR("tasks.claim takes it");
	case TASK_STATE_PENDING:
		return str_fmt(a, "tasks.why_pending with id: %.*s", STR_ARG(t->short_id));
	case TASK_STATE_AWAITING_APPROVAL:
		return str_fmt(a, "tasks.approve with id: %.*s", STR_ARG(t->short_id));
	default:
		return str_fmt(a, "tasks.get with id: %.*s", STR_ARG(t->short_id));
	}
}

int tasks_create(struct call *call, const struct tasks_create_params *p,
		 struct tasks_create_result *r)
{
	struct store_task t;
	bool is_new;
	int e = task_refuse_turns(call, "queue", p->queue);

	if (e == 0)
		e = task_make(call, p, &t, &is_new);
	if (e)
		return e;
	r->task = t.task;
	r->next = next_step(call->arena, &r->task);
	return 0;
}
