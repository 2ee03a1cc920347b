/* SPDX-License-Identifier: Apache-2.0 */
/* The way from a quest back to itself. A quest waits for its dependencies, and for its required
 * children unless one of the two is done or cancelled, which is for good. */
#pragma once

#include "store/quests_graph.h"

#define QUEST_WALK_MAX 10000 /* quests looked at in search of a way */

/* What it waits for, what that waits for, …, itself. STORE_NONE when it does not wait for itself,
 * STORE_TOO_FAR when QUEST_WALK_MAX quests were not enough to know. */
int store_quest_cycle(struct store_tx *tx, int64_t n, struct store_n_list *out) must_check;
