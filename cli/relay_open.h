/* SPDX-License-Identifier: Apache-2.0 */
/* The ids that the client has asked with and nobody has answered yet. What goes beyond the bounds
 * is passed on all the same, but not remembered: the server's own bounds are far below. Lines that
 * are kept unread have a bound of their own; beyond it they are read at once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/str.h"

struct buf;

#define RELAY_OPEN_MAX       10000
#define RELAY_OPEN_BYTES_MAX (1024 * 1024) /* of ids */
#define RELAY_OPEN_LINES_MAX (1024 * 1024) /* of unread lines */

struct relay_open {
	struct map ids;
	struct list unread; /* those whose line nobody has parsed */
	size_t n_bytes, n_line_bytes;
	size_t n_streams; /* of the ids: calls that end only when somebody ends them */
};

/* Why open calls are answered by the relay: a JSON-RPC error. */
struct relay_refusal {
	int code;
	struct str name, message, hint;
	bool is_retryable;
	bool has_place;    /* the next two are said: */
	int64_t at, limit; /* of a message that cannot be read, the byte; 0 = no limit's */
};

void relay_open_init(struct relay_open *o);
void relay_open_deinit(struct relay_open *o);
/* How a call ends. */
enum relay_call {
	RELAY_CALL_MCP = 1, /* by its answer, or without one when it is cancelled */
	RELAY_CALL_NATIVE,  /* by its answer, cancelled or not */
	RELAY_CALL_STREAM,  /* as MCP's, but only when somebody ends it */
	RELAY_CALL_FOLLOW,  /* likewise, as a native one */
};

/* `batch`: a number that all messages of one line share; 0 for a line of one message. */
void relay_open_add(struct relay_open *o, struct str id, uint64_t batch, enum relay_call kind);
/* The one call of a line that has only been walked over: the line is kept, to be read when that
 * matters. False: not remembered, as the id is open already or there is no room for the line. */
bool relay_open_add_unread(struct relay_open *o, struct str line, struct str id,
			   enum relay_call kind);
/* The next line that was never read; NONE when there is none. `relay_open_read` says of it whether
 * its call is one, which ends it as unread; one that is none is forgotten. */
struct str relay_open_unread(const struct relay_open *o);
void relay_open_read(struct relay_open *o, bool is_call);
bool relay_open_remove(struct relay_open *o, struct str id); /* false when it is not open */
/* All calls of that id are cancelled: those that nobody will answer are forgotten. */
void relay_open_cancel(struct relay_open *o, struct str id);
bool relay_open_has(const struct relay_open *o, struct str id);
/* Is one open whose answer comes by itself? */
bool relay_open_is_owed(const struct relay_open *o);
/* Answers all of them, a batch's in one line, and forgets them. */
void relay_open_answer_all(struct relay_open *o, const struct relay_refusal *why, struct buf *out);
void relay_refusal_put(const struct relay_refusal *why, struct str id, struct buf *out);
