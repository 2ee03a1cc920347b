/* SPDX-License-Identifier: Apache-2.0 */
/* The way from one quest to another along dependencies: what would close a cycle, and through whom.
 */
#pragma once

#include "store/quests_graph.h"

#define QUEST_WALK_MAX 10000 /* quests looked at in search of a way */

/* From `from` to `to`, both included; STORE_NONE when there is no way, STORE_TOO_FAR when
 * QUEST_WALK_MAX quests were not enough to know. */
int store_quest_path(struct store_tx *tx, int64_t from, int64_t to,
		     struct store_n_list *out) must_check;
