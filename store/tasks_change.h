/* SPDX-License-Identifier: Apache-2.0 */
/* Adding a task, and the ways of its row from state to state. */
#pragma once

#include "store/tasks.h"

/* Fills in n, id, short_id and times. Its state is pending, ready or awaiting_approval; a ready one
 * has been entered (store_task_enter). */
int store_task_add(struct store_tx *tx, struct store_task *t) must_check;

/* ready → claimed (→ in_progress): a new attempt for t->task.claimed_by with t->token and
 * t->claim_ms. */
int store_task_claim(struct store_tx *tx, struct store_task *t, bool is_started) must_check;
/* What a holder writes is checked against attempt and token in the statement: STORE_STALE. */
enum { STORE_STALE = 4 };
int store_task_start(struct store_tx *tx, struct store_task *t) must_check;
/* t->task.progress NONE: as it was. */
int store_task_beat(struct store_tx *tx, struct store_task *t, struct str progress) must_check;
/* in_progress → completed, or to its review. */
int store_task_complete(struct store_tx *tx, struct store_task *t, struct str result) must_check;
/* The same attempt again, with t->token: whoever had it before has not any more. */
int store_task_resume(struct store_tx *tx, struct store_task *t) must_check;
/* Any other change, of state too, to what t says. */
int store_task_set(struct store_tx *tx, struct store_task *t, enum task_state from) must_check;
