/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks in their orders: pages, newest first; the finished ones of a queue, oldest first. */
#pragma once

#include "store/tasks.h"

struct store_task_filter {
	int64_t queue, worker; /* 0 = any */
	enum task_state state; /* 0 = any */
	struct str tag;
	size_t limit;
};
/* *cursor is the n of the last row seen (0 at first), kept up. A page may be short. */
int store_task_page(struct store_tx *tx, const struct store_task_filter *f, int64_t *cursor,
		    struct task_line_list *out, bool *has_more) must_check;
/* The line of a task. */
void store_task_line(const struct store_task *t, struct task_line *out);
/* Tasks of a queue in this finished state that ended before; looks at a bounded number of rows. */
int store_task_finished(struct store_tx *tx, const struct store_task_filter *f, int64_t before_ms,
			struct store_n_list *out, bool *has_more) must_check;

/* Tasks of all queues that wait for people in this state, in order of queues: at most max behind
 * the place given. */
struct store_task_place {
	int64_t queue, n;
};
struct store_task_place_list {
	struct store_task_place *v;
	size_t n;
};
int store_task_parked(struct store_tx *tx, enum task_state state,
		      const struct store_task_place *after, size_t max,
		      struct store_task_place_list *out) must_check;
