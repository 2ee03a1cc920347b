/* SPDX-License-Identifier: Apache-2.0 */
/* Text on a terminal: how many columns it takes, and cutting it to fit. */
#pragma once

#include "base/arena.h"
#include "base/str.h"

/* Columns of text that holds no control characters. */
size_t width_of(struct str s);
/* The longest prefix of at most `max` columns. */
struct str width_cut(struct str s, size_t max);
/* Foreign text for a terminal: control bytes, escapes, bidi and zero-width marks made visible
 * (TM-LLM-03). NONE when memory is out. */
struct str width_safe(struct arena *a, struct str s);
/* The terminal's columns, 80 when nobody knows. */
size_t width_of_terminal(int fd);
