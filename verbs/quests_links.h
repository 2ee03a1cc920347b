/* SPDX-License-Identifier: Apache-2.0 */
/* What a quest hangs on: its dependencies and its parent, checked before they are written. */
#pragma once

#include "store/quests.h"
#include "store/quests_graph.h"
#include "verbs/call.h"

struct quest_dependencies {
	struct store_quest_key v[QUEST_DEPENDENCIES_MAX];
	size_t n, n_open; /* open: not done */
	int64_t failed;   /* n of one that failed or was cancelled; 0 = none */
};
/* Finds each once; not_found or conflict (too many wait for one) name depends_on. */
int quest_find_dependencies(struct call *c, struct str_list ids,
			    struct quest_dependencies *out) must_check;
/* Of a quest that has none yet. */
int quest_add_dependencies(struct call *c, int64_t n,
			   const struct quest_dependencies *d) must_check;
/* Replaces them; blocks or unblocks the quest as they say. `grows`: it waits for one more. */
int quest_replace_dependencies(struct call *c, struct store_quest *q, struct str_list ids,
			       bool *grows) must_check;

/* The parent of a new quest. */
int quest_find_parent(struct call *c, struct str id, struct store_quest_key *out) must_check;
/* Moves it (id NONE: out of the tree) and sets whether the parent waits for it; counters follow.
 * `grows`: a parent waits for it that did not. The row itself is the caller's. */
int quest_move(struct call *c, struct store_quest *q, struct str parent, bool is_required,
	       bool *grows) must_check;

/* Once all its rows are written: refused as `cycle` when it waits for itself. */
int quest_check_cycle(struct call *c, const struct store_quest *q, const char *field,
		      bool is_new) must_check;
