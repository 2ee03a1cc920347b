/* SPDX-License-Identifier: Apache-2.0 */
/* Which ready task a claim gets. What tasks ask for is kept once for all that ask the same
 * (needs); those of one needs stand in order of rank, and those that share a concurrency key stand
 * in a lane of their own, so that a full key keeps none but its own waiting. A claim looks at the
 * needs of its queue, at the first task of each that it can meet, and at the best open lane. */
#pragma once

#include "store/queues.h"
#include "store/tasks.h"

struct store_needs {
	int64_t n;        /* 0 = not looked up yet */
	int64_t assignee; /* worker; 0 = any */
	struct str_list capabilities, tags;
};

/* The row of these needs, made at need. Sorts the lists. STORE_TOO_MANY. */
int store_needs_have(struct store_tx *tx, struct store_queue *q,
		     struct store_needs *needs) must_check;
/* So many tasks more have these needs; the row goes with the last. */
int store_needs_count(struct store_tx *tx, int64_t queue, int64_t needs, int64_t more) must_check;

/* It becomes ready now: its rank, its lane. Its row says so afterwards (store_task_add, _set). */
int store_task_enter(struct store_tx *tx, struct store_task *t) must_check;
/* The same for one that has no row yet is done behind its adding: the first of a lane is known by
 * its n. */
int store_task_entered(struct store_tx *tx, const struct store_task *t) must_check;
/* It was ready and is not any more, its row says so: the lane's next comes to the front. */
int store_task_leave(struct store_tx *tx, const struct store_task *t, int64_t lane) must_check;
/* One more, or one less, runs with the task's concurrency key. */
int store_task_count_key(struct store_tx *tx, const struct store_task *t, int64_t more) must_check;

struct store_offer {
	int64_t worker;               /* 0 = none */
	struct str_list capabilities; /* sorted */
	struct str_list tags;         /* that the task must have; sorted */
};
/* The first ready task of the queue that the offer meets. STORE_NONE. */
int store_task_next(struct store_tx *tx, const struct store_queue *q,
		    const struct store_offer *offer, int64_t *out) must_check;
/* Is the first list in the second? Both are sorted. */
bool store_words_within(struct str_list part, struct str_list whole);
void store_words_sort(struct str_list *list); /* and each once */
/* Some held task with the same concurrency key. STORE_NONE. */
int store_task_key_holder(struct store_tx *tx, const struct store_task *t, int64_t *out) must_check;
/* Has the task's concurrency key room for one more? */
int store_task_key_room(struct store_tx *tx, const struct store_task *t, bool *out) must_check;
