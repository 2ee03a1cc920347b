/* SPDX-License-Identifier: Apache-2.0 */
/* Quests in their orders: lists, page by page, and the queue of ready ones. */
#pragma once

#include "store/store.h"
#include "types.gen.h"

struct store_quest_filter {
	bool is_ready; /* only what can be claimed: by priority, then age */
	enum quest_status status;
	enum priority priority;
	int64_t assignee, parent; /* n; 0 = any */
	struct str label, capability;
	struct str subject; /* a beginning, ASCII letters in any case: in order of subjects */
	size_t limit;
};

/* The last quest of the page before: its n, and what else the order goes by. {0} = from the start.
 */
struct store_quest_cursor {
	int64_t n;
	int64_t priority;
	struct str subject;
};

/* Otherwise newest first. *has_more: `cursor` is where the next page begins; a page may be short,
 * even empty, when many rows had to be looked at. */
int store_quest_page(struct store_tx *tx, const struct store_quest_filter *f,
		     struct store_quest_cursor *cursor, struct quest_line_list *out,
		     bool *has_more) must_check;

struct store_quest_offer {
	int64_t agent;                /* those of it besides those of nobody; 0 = none */
	struct str label;             /* that the quest must have; NONE = any */
	struct str_list capabilities; /* sorted */
};
/* The most urgent ready quest that the offer meets, the oldest of these. STORE_NONE. */
int store_quest_next(struct store_tx *tx, const struct store_quest_offer *offer,
		     int64_t *out) must_check;
