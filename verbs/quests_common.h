/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of quests share: finding the one that a parameter names, showing it, naming
 * others. */
#pragma once

#include "store/quests.h"
#include "store/quests_graph.h"
#include "verbs/call.h"

/* By id or short id, or CALL_FAILED with not_found naming the field. */
int quest_named(struct call *c, const char *field, struct str id,
		struct store_quest *out) must_check;
/* As it is after the call's changes. */
int quest_shown(struct call *c, int64_t n, struct quest *out) must_check;
bool quest_is_open(enum quest_status s); /* pending, in_progress, blocked */
/* Short ids of the first of them, for data and messages. NONE list when memory is out. */
struct str_list quest_short_ids(struct arena *a, const struct store_n_list *ns);
/* `list` without what it holds twice. */
int quest_unique(struct arena *a, struct str_list list, struct str_list *out) must_check;
/* The ids of ideas that are named by id or name and the caller may read; of many each once. */
int quest_find_idea(struct call *c, struct str text, struct str *id) must_check;
int quest_find_ideas(struct call *c, struct str_list texts, struct str_list *ids) must_check;
/* What it is to ask of who takes it: sorted, each once. CALL_FAILED: open quests ask in too many
 * ways. */
int quest_need(struct call *c, struct str_list capabilities, struct quest *q) must_check;
/* Ready: can be claimed now. */
bool quest_is_ready(const struct quest *q);
/* What to call next for a quest as it stands. */
struct str quest_next_step(struct arena *a, const struct quest *q);
