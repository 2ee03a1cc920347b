/* SPDX-License-Identifier: Apache-2.0 */
/* What the relay remembers of the lines it has handed on: which ids are open, and the handshake. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "cli/relay_open.h"
#include "cli/relay_replay.h"

struct relay_notes {
	struct relay_open open;
	struct relay_replay replay;
	struct arena scratch; /* of one line */
	uint64_t n_batches;
	bool has_mcp_batches; /* the client's revision of MCP is the one with batches */
};

/* What a line of the server is. */
enum relay_verdict {
	RELAY_PASS = 1, /* for the client */
	RELAY_OURS,     /* an answer to a repetition of ours */
	RELAY_LIVES,    /* to our probe: the server lives */
	RELAY_STOPS,    /* to our probe: it is about to stop */
	RELAY_REFUSED,  /* the key that the client uses has ended */
};

void relay_notes_init(struct relay_notes *n);
void relay_notes_deinit(struct relay_notes *n);
/* A line of the client. `is_for_replay`: a server was given it. */
void relay_notes_take(struct relay_notes *n, struct str line, bool is_for_replay);
/* All lines of a text, each with its newline. */
void relay_notes_take_all(struct relay_notes *n, struct str lines, bool is_for_replay);
/* Leaves only calls in `open` that the server has taken, or would have. */
void relay_notes_settle(struct relay_notes *n);
/* A line of the server. */
enum relay_verdict relay_notes_judge(struct relay_notes *n, struct str line);
