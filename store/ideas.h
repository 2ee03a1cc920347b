/* SPDX-License-Identifier: Apache-2.0 */
/* Ideas: rows, tags, words and fingerprints. An owner is "" for the company's ideas. Strings of
 * results live in the transaction's arena. */
#pragma once

#include <stdbool.h>

#include "store/fingerprint.h"
#include "store/store.h"
#include "types.gen.h"

enum { IDEA_NONE = 1, IDEA_NAME_TAKEN, IDEA_AMBIGUOUS };

/* Who reads: the one predicate for every way to an idea. */
struct idea_reader {
	struct str id; /* a principal's or agent's id */
	bool sees_all; /* people and programs of the company */
};
bool idea_is_visible(const struct idea_reader *r, enum idea_scope scope, struct str owner);

/* An idea with its row's number. */
struct idea_row {
	struct idea idea; /* owner is NONE for the company */
	int64_t seq;
};

int store_idea_get(struct store_tx *tx, struct str id,
		   struct idea_row *out) must_check; /* IDEA_NONE */
/* Names compare folded (fold.h). The one that is written so, else the only one that compares equal.
 * IDEA_NONE; IDEA_AMBIGUOUS with the first ids and the oldest in *out: a store from before names
 * were folded may hold several. */
int store_idea_find(struct store_tx *tx, struct str owner, struct str name, struct idea_row *out,
		    struct str_list *ids) must_check;
/* The one that the name means to a reader: his own, else the company's, else the only one that he
 * sees. IDEA_NONE; IDEA_AMBIGUOUS with the first ids. */
int store_idea_named(struct store_tx *tx, struct str name, const struct idea_reader *reader,
		     struct idea_row *out, struct str_list *ids) must_check;

/* Adds with a new id, version 1 and now's times, all of which it fills in, with tags, words and
 * fingerprint. IDEA_NAME_TAKEN. */
int store_idea_add(struct store_tx *tx, struct idea_row *row) must_check;
/* Writes `row` over `before` (the same seq); version and updated_at are filled in. IDEA_NAME_TAKEN.
 */
int store_idea_change(struct store_tx *tx, const struct idea_row *before,
		      struct idea_row *row) must_check;
int store_idea_remove(struct store_tx *tx, const struct idea_row *row) must_check;

/* Others whose text is almost that of the idea: at most 10, most alike first. */
int store_idea_near(struct store_tx *tx, const struct idea_row *row,
		    const struct idea_reader *reader, struct idea_near_list *out) must_check;

struct idea_filter {
	struct str kind, tag, owner; /* NONE = any */
	enum idea_scope scope;       /* 0 = any */
	enum injection_mode mode;    /* 0 = any */
};
/* Newest first, with seq < before (INT64_MAX at first). At most max, and looks at most at 2,000
 * rows: *next is the `before` of the next page, 0 when this is the last. */
int store_idea_list(struct store_tx *tx, const struct idea_filter *f,
		    const struct idea_reader *reader, int64_t before, size_t max,
		    struct idea_brief_list *out, int64_t *next) must_check;

/* Tags as they are kept: one a line. */
int store_idea_tags(struct arena *a, struct str kept, struct str_list *out) must_check;
