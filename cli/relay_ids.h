/* SPDX-License-Identifier: Apache-2.0 */
/* What the relay must know of a line: each message's id and method. Found by walking over the text
 * at about the speed of copying it; only where an escape hides a name is the message parsed. A line
 * that is no valid JSON gives anything or nothing, and is left to the server to refuse. */
#pragma once

#include <stdbool.h>

#include "base/str.h"

struct arena;

struct relay_message {
	struct str text; /* the whole message */
	struct str
	    id; /* as written, a view into text; NONE when it has none that can be answered */
	struct str method; /* NONE for a response */
};

struct relay_scan {
	struct str line;
	size_t at;
	bool is_batch, is_over;
	struct arena *arena; /* for what must be parsed */
};

void relay_scan_begin(struct relay_scan *s, struct str line, struct arena *arena);
/* The next message of the line; false when there is none. */
bool relay_scan_next(struct relay_scan *s, struct relay_message *m);
/* A member of the message's params as written, by a parse: for messages that are rare. NONE when it
 * has no such member. Lives until the arena's next reset. */
struct str relay_message_param(const struct relay_message *m, struct str name, struct arena *arena);
