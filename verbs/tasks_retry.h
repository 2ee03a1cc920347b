/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a task whose attempt did not end well. */
#pragma once

#include "verbs/tasks_common.h"

struct task_failing {
	enum task_reason ended; /* error, or the time limit that is over */
	struct str code, message;
	bool is_final; /* another attempt is of no use */
};
/* Tried again when its policy lets it, else failed. */
int task_fail_attempt(struct call *c, struct store_task *t,
		      const struct task_failing *f) must_check;
/* Its lease is over: ready again, unless that has happened too often. */
int task_lapse(struct call *c, struct store_task *t, enum task_reason why) must_check;
