/* SPDX-License-Identifier: Apache-2.0 */
/* Lists and objects in one column: short lists of lines as text, one a line; objects as canonical
 * JSON, written and read by the tables of their type. */
#pragma once

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"

struct shape;

/* "a\nb"; NONE for an empty or absent list, and when memory is out. No line holds a newline. */
struct str pack_lines(struct arena *a, struct str_list list);
/* Views into `text`, which must live in the arena; NONE gives an absent list. */
int unpack_lines(struct arena *a, struct str text, struct str_list *out) must_check;
/* Is the line one of the text's? */
bool packed_has_line(struct str text, struct str line);

int pack_object(struct arena *a, const struct shape *shape, const void *object,
		struct str *out) must_check;
/* *out is a zeroed struct of the shape, or NULL when `text` is NONE. */
int unpack_object(struct arena *a, const struct shape *shape, struct str text,
		  void **out) must_check;

/* Do two JSON texts mean the same? Absent ones are alike. */
int pack_is_same(struct arena *a, struct str x, struct str y, bool *out) must_check;
