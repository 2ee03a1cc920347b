/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters with places that are filled in when a call is made: {"subject": "{{event.subject}}"}.
 * A text that is one place and nothing else becomes the value that it leads to, of whatever type;
 * within a text the value is written out. What is filled in is never more than a value: it adds no
 * fields and is not looked at for places again. Keys are as they are. */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "base/macros.h"

struct placeholder_root {
	struct str name;          /* the first word of a path */
	const struct json *value; /* what the rest of it leads into */
};

struct placeholders {
	struct arena *arena;
	const struct placeholder_root *roots;
	size_t n_roots;
	struct str bad;   /* out: the path that leads nowhere, or the place that is none */
	const char *why;  /* out */
	struct str param; /* out: the parameter that it is in */
};

/* `value` with all places filled in; the same pointer when it has none. 0, PLACEHOLDERS_BAD, or
 * negative. */
enum { PLACEHOLDERS_BAD = 1 };
int placeholders_fill(struct placeholders *p, const struct json *value,
		      const struct json **out) must_check;
/* Are they well-formed? Each path is given to `check`, which says what is wrong with it, or NULL.
 * 0 or PLACEHOLDERS_BAD. */
typedef const char *placeholder_check_fn(const void *data, struct str path);
int placeholders_check(struct placeholders *p, const struct json *value,
		       placeholder_check_fn *check, const void *data) must_check;
bool placeholders_are_in(const struct json *value);
