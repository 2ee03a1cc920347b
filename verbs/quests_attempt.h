/* SPDX-License-Identifier: Apache-2.0 */
/* An attempt of a quest: the task of the queue `quests` that holds its lease, from the claim to the
 * quest's next status. It says nothing of its own: events tell of the quest. */
#pragma once

#include "store/quests.h"
#include "store/tasks_change.h"
#include "verbs/call.h"

/* A claimed task, with its token. CALL_FAILED with conflict: the queue is paused or full. */
int quest_attempt_begin(struct call *c, const struct store_quest *q, int64_t lease_ms,
			struct store_task *out) must_check;
/* Why the next one cannot begin; a sentence, NONE when it can. */
int quest_attempt_hindrance(struct call *c, enum pending_kind *kind, struct str *out) must_check;

struct quest_proof {
	int64_t attempt;
	struct str token;
	bool has_attempt;
};
/* The attempt that the proof is of, or CALL_FAILED with stale_attempt. */
int quest_attempt_held(struct call *c, const struct store_quest *q, const struct quest_proof *proof,
		       struct store_task *out) must_check;
/* Whose attempt it was: the quest is not in progress any more. */
int quest_attempt_refuse_ended(struct call *c, const struct store_quest *q);
/* Its quest becomes `to`; why: of a quest that is pending again, else NONE. */
int quest_attempt_end(struct call *c, const struct store_quest *q, enum quest_status to,
		      enum task_reason why) must_check;
/* Its lease is over: the quest is pending again, or blocked when that has happened too often. */
int quest_attempt_lapse(struct call *c, const struct store_task *t) must_check;
/* What is to be done after an attempt has ended. */
struct str quest_after_attempt(struct arena *a, const struct quest *q);
