/* SPDX-License-Identifier: Apache-2.0 */
/* Links between ideas. A mention or embed calls a name: it dangles until an idea of the same owner,
 * or of the company, has that name. Links of other types join two ideas. */
#pragma once

#include "store/ideas.h"

enum { IDEA_LINK_NONE = 1 };

struct idea_mention {
	struct str type; /* "mention" or "embed" */
	struct str name;
};

/* Replaces the mentions and embeds of an idea. */
int store_idea_mentions_set(struct store_tx *tx, const struct idea_row *row,
			    const struct idea_mention *v, size_t n) must_check;
/* Aims what calls the idea's name, and dangles, at it. */
int store_idea_adopt(struct store_tx *tx, const struct idea_row *row) must_check;

/* *created false: it was there. */
int store_idea_link(struct store_tx *tx, int64_t source, struct str type,
		    const struct idea_row *target, bool *created) must_check;
int store_idea_unlink(struct store_tx *tx, int64_t source, struct str type,
		      struct str target_id) must_check; /* IDEA_LINK_NONE */
/* Before an idea is removed: its own links, and links of a type of its own that end at it; mentions
 * of its name stay and dangle. *n_gone counts the links to and from it. */
int store_idea_links_drop(struct store_tx *tx, const struct idea_row *row,
			  int64_t *n_gone) must_check;

/* At most 200 each; what the reader may not see is called by name only. */
int store_idea_links_of(struct store_tx *tx, const struct idea_row *row,
			const struct idea_reader *reader, struct idea_link_list *out) must_check;
int store_idea_links_to(struct store_tx *tx, const struct idea_row *row,
			const struct idea_reader *reader, struct idea_link_list *out) must_check;

struct idea_walk {
	int64_t depth;
	enum walk_direction direction;
	const struct str_list *types; /* empty = any */
	size_t max;
	const struct idea_reader *reader;
};
/* Breadth first; *cut when there was more than max. */
int store_idea_walk(struct store_tx *tx, const struct idea_row *start, const struct idea_walk *w,
		    struct idea_step_list *out, bool *cut) must_check;
