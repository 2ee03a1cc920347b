/* SPDX-License-Identifier: Apache-2.0 */
/* The states of a quest: one table of ways, one function that goes them, with all that follows for
 * its agent, its parent and those that depend on it. */
#pragma once

#include "store/quests.h"
#include "verbs/call.h"

bool quest_may_become(enum quest_status from, enum quest_status to);
/* illegal_transition with from, to and allowed. */
int quest_refuse_change(struct call *c, const struct store_quest *q,
			enum quest_status to) must_check;

struct quest_change {
	enum quest_status to;
	int64_t blocked_by;      /* n of a dependency; 0 = none */
	struct str reason;       /* of being blocked */
	struct outcome *outcome; /* of the attempt that ends; NULL: the last one stays */
	enum task_reason why;    /* the attempt ended by itself; NONE: somebody ended it */
	int64_t lapses;          /* attempts in a row that did, with this one */
	bool is_freed;           /* whose it is only by the attempt has it no longer */
};
/* Any change but the claim; writes its events. CALL_FAILED with illegal_transition, or conflict
 * where a dependency, a parent or children stand against it. */
int quest_become(struct call *c, struct store_quest *q, const struct quest_change *to) must_check;
