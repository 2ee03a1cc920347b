/* SPDX-License-Identifier: Apache-2.0 */
/* Text with places to be filled in: "{{event.payload.name}}" stands for what lies at that path.
 * "{{{{" stands for "{{" itself. Read in one pass. */
#pragma once

#include <stdbool.h>

#include "base/macros.h"
#include "base/str.h"

#define TEMPLATE_PATH_MAX 200

enum { TEMPLATE_TEXT = 1, TEMPLATE_PATH, TEMPLATE_BAD };

struct template_part {
	struct str text; /* a piece of text, a path, or the bad place from its braces on */
	const char *why; /* of a bad one: what was expected */
};

/* The next part, or 0 at the end. Behind TEMPLATE_BAD nothing more comes. Parts are views. */
int template_next(struct str *rest, struct template_part *out) must_check;
/* Has the text anything but plain text in it? */
bool template_is(struct str text);
/* The text is one place and nothing else: what stands for it keeps its type. */
bool template_is_one(struct str text, struct str *out_path);
