/* SPDX-License-Identifier: Apache-2.0 */
/* The names an idea's Markdown calls: [[name]] mentions, ![[name]] embeds. Code spans and fenced
 * blocks call nothing. */
#pragma once

#include "base/arena.h"
#include "base/macros.h"
#include "store/ideas_links.h"

#define MENTIONS_MAX 200 /* of one idea; what follows calls nothing */

struct mentions {
	struct idea_mention v[MENTIONS_MAX];
	size_t n;
};

/* Names are views into the content; each pair of type and name once. */
void mentions_find(struct str content, struct mentions *out);
