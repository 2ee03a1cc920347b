/* SPDX-License-Identifier: Apache-2.0 */
/* Text as the index of words wants it, and any text at all as a query that is safe to ask.
 *
 * The tokenizer takes a run of letters as one word. That fails where people write without blanks,
 * so every code point of Han, Kana, Hangul, Thai, Lao, Khmer and Myanmar is cut off as a word of
 * its own, and a query's run of them becomes a phrase: 東京 is found in 東京へ行く, and 京東 is
 * not. A letter that folds to several is written as these, so that STRASSE is found in Straße. */
#pragma once

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"

#define WORDS_MAX 64 /* of a query; what follows is not looked for */

/* The text with blanks around what must stand alone, and ligatures as letters. It may be the text
 * itself. */
int words_cut(struct arena *a, struct str text, struct str *out) must_check;

struct words_query {
	struct str all;        /* a match expression: every word; NONE when there is no word */
	struct str any;        /* at least one */
	struct str_list words; /* as written, each once */
};

int words_query(struct arena *a, struct str text, struct words_query *out) must_check;

/* The stretch of about max_bytes of text around the first place where one of the words stands (its
 * beginning when none does), cut between code points and at blanks, with "…" where it was cut. */
int words_snippet(struct arena *a, struct str text, const struct str_list *words, size_t max_bytes,
		  struct str *out) must_check;
