/* SPDX-License-Identifier: Apache-2.0 */
/* Queues as rows: limits, and how many tasks stand where (kept by the tasks' triggers). */
#pragma once

#include "store/store.h"
#include "types.gen.h"

/* The runtime's own: its tasks are the attempts of quests. */
#define QUESTS_QUEUE STR("quests")

enum { QUEUES_MAX = 1000, QUEUE_NEEDS_MAX = 1000 };

struct store_queue {
	struct task_queue queue;
	int64_t n;
	int64_t plain; /* the needs of tasks that need nothing */
	int64_t n_needs, n_lanes;
};

/* STORE_NONE. */
int store_queue_get(struct store_tx *tx, struct str name, struct store_queue *out) must_check;
int store_queue_get_n(struct store_tx *tx, int64_t n, struct store_queue *out) must_check;
/* Makes it when there is none. STORE_TOO_MANY. */
int store_queue_have(struct store_tx *tx, struct str name, struct store_queue *out) must_check;
/* One of the runtime's own, however many there are. */
int store_queue_have_own(struct store_tx *tx, struct str name, struct store_queue *out) must_check;
/* paused and the limits. */
int store_queue_set(struct store_tx *tx, const struct store_queue *q) must_check;
/* By name, behind `after`. */
int store_queue_page(struct store_tx *tx, struct str after, size_t limit,
		     struct task_queue_list *out, bool *has_more) must_check;
/* Tasks in progress or claimed; tasks that wait to be. */
int64_t store_queue_running(const struct store_queue *q);
int64_t store_queue_waiting(const struct store_queue *q);
/* Is there a task that is not over or waits for people, or a worker that is there? */
int store_queue_has_work(struct store_tx *tx, bool *out) must_check;
