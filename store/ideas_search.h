/* SPDX-License-Identifier: Apache-2.0 */
/* Finding ideas by words: every word first, any of them when no idea has all. At most 2,000 ideas
 * are scored, the newest of those that match. A score is text × recency × links. */
#pragma once

#include "store/ideas.h"
#include "store/words.h"

struct idea_query {
	struct str text;
	struct str kind, tag; /* NONE = any */
	int64_t half_life_days;
	size_t max;
	bool explain;
	const struct idea_reader *reader;
};

struct idea_found {
	struct idea_hit_list hits; /* best first */
	struct str_list words;
	bool is_any; /* no idea has all the words */
	bool is_cut; /* more matched than were scored */
};

int store_idea_search(struct store_tx *tx, const struct idea_query *q,
		      struct idea_found *out) must_check;
