/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns over words with separators between them: "quest.*", "bills/2026/(two stars)/x.pdf".
 * `*` stands for any characters of one word, also none; two of them for any characters. Two of
 * them that are a whole word, with a separator behind, also stand for no word at all; behind the
 * last separator they stand for one character at least. Time grows with the length of the pattern
 * times that of the text, whatever is in them. */
#pragma once

#include <stdbool.h>

#include "base/str.h"

#define GLOB_MAX 256 /* bytes of a pattern; a longer one matches nothing */

bool glob_is(struct str pattern); /* has it a star? */
bool glob_matches(struct str pattern, struct str text, char separator);
/* The pattern up to and with the separator in front of its first word with a star, at most
 * `n_words` words: with this every text begins that it matches. */
struct str glob_prefix(struct str pattern, char separator, size_t n_words);
