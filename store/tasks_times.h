/* SPDX-License-Identifier: Apache-2.0 */
/* When tasks must be looked at. All reasons of a task share one column, its earliest time, in the
 * steady clock; only scheduled_for is a wall time and has its own. */
#pragma once

#include "store/tasks.h"

/* Steady; 0 = never. */
int64_t store_task_due_at(const struct store_task *t, int64_t steady_ms);
/* Which of a held, ready or waiting task's limits is over, in the order of their weight; NONE. */
enum task_reason store_task_limit(const struct store_task *t, int64_t steady_ms);
/* Leaves the task's times with the batch's news. */
void store_task_tell_times(struct store_tx *tx, const struct store_task *t);
/* Tasks whose time has come, the longest due first. */
int store_task_due(struct store_tx *tx, size_t max, struct store_n_list *out) must_check;
int store_task_wakes(struct store_tx *tx, size_t max, struct store_n_list *out) must_check;
/* When the next of each kind comes; 0 = never. */
int store_task_next_times(struct store_tx *tx, int64_t *out_due, int64_t *out_wake) must_check;
/* Looks at it in the next round of timers. */
int store_task_look_soon(struct store_tx *tx, int64_t n, enum task_reason why) must_check;
int store_task_set_due(struct store_tx *tx, int64_t n, int64_t due_at) must_check;
