/* SPDX-License-Identifier: Apache-2.0 */
/* Making a task: of tasks.create, and of one that follows another. */
#pragma once

#include "verbs.gen.h"
#include "verbs/tasks_common.h"

/* Refuses (`conflict`) the queue of agents' turns: what is said makes them, nobody else. */
int task_refuse_turns(struct call *c, const char *field, struct str queue) must_check;
/* The task as it is afterwards; *out_is_new false: its idempotency key had made it before. Refuses
 * with not_found, conflict or overloaded. */
int task_make(struct call *c, const struct tasks_create_params *p, struct store_task *out,
	      bool *out_is_new) must_check;
/* What a task that follows another takes over from it. */
int task_make_next(struct call *c, const struct store_task *after, const struct task_next *next,
		   struct store_task *out) must_check;
