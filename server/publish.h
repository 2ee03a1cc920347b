/* SPDX-License-Identifier: Apache-2.0 */
/* From the outbox to whoever follows: after each commit the loop reads the new events once, encodes
 * each once, and offers it to every stream whose filter matches. A stream has a cursor of its own
 * and catches up from the store in pages before it joins the live ones; one that does not take its
 * bytes is cut with a reason and may resume from its cursor. Parked calls (CALL_WAIT) are woken
 * here too. Loop thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/charge.h"
#include "base/list.h"
#include "base/macros.h"
#include "base/str.h"
#include "store/events.h"

struct principal;
struct publish;
struct quota_user;
struct server;
struct stream;

enum stream_end {
	STREAM_CYCLE = 1, /* 5 minutes ± 20 % are over: connect again with the cursor */
	STREAM_LAGGED,    /* the reader does not keep up */
	STREAM_SHUTDOWN,
	STREAM_REVOKED,
	STREAM_CANCELLED, /* by its owner */
};

struct stream_ops {
	/* First call: where the stream stands. */
	void (*connected)(struct stream *s, int64_t head, int64_t floor, int64_t cursor);
	/* Retention has passed the cursor: events (from, to] are gone. */
	void (*gap)(struct stream *s, int64_t from, int64_t to);
	/* One event and its JSON (encoded once for all streams). 0, or CHANNEL_SLOW, CHANNEL_GONE.
	 */
	int (*event)(struct stream *s, const struct event *e, struct str json);
	void (*keep_alive)(struct stream *s); /* 15 s without anything */
	/* Has the reader enough to take already? Catching up then goes on later. May be NULL:
	 * never. */
	bool (*is_full)(const struct stream *s);
	/* Last call; s is unlinked. The owner says `disconnecting` to its reader and frees. */
	void (*end)(struct stream *s, enum stream_end why);
};

struct stream {
	struct list link;
	struct server *server;
	const struct stream_ops *ops;
	void *owner;
	struct str id;           /* for streams.list */
	struct quota_user *user; /* whose account it is charged to; outlives it */
	uint64_t token;          /* by which its caller came; 0 = by none, or its channel's */
	const char *transport;   /* "lines", "sse", "mcp" */
	struct store_event_filter filter; /* memory of the owner */
	bool never_cycles;

	/* publish.c's */
	struct charge charge;
	int64_t cursor, opened_ms, n_sent, last_sent_ms, cycles_ms;
	bool is_live;
};

/* The owner fills ops, owner, id, user, transport, filter, never_cycles. since < 0: only what
 * comes from now on. `connected` (and a gap) are called before this returns. Positive: refused,
 * nothing was called or kept. */
enum { STREAM_TOO_MANY = 1, STREAM_NO_STORE };
int stream_open(struct server *srv, struct stream *s, int64_t since) must_check;
void stream_close(struct stream *s, enum stream_end why); /* ends with ops->end */
const char *stream_end_text(enum stream_end why);         /* "cycle", "lagged", … */
/* "<generation>.<seq>": an event's id and a cursor, as they are outside. */
#define STREAM_CURSOR_MAX 64
size_t stream_cursor_text(const struct server *srv, int64_t seq, char out[STREAM_CURSOR_MAX]);

/* ---- what the rest of server/ uses ---- */
int publish_new(struct server *srv, struct publish **out) must_check;
struct publish *publish_free(struct publish *p);
/* Before anything that waits for events looks at the store: from here on nothing is missed. */
int publish_watch(struct publish *p) must_check;
/* Something was committed. */
void publish_committed(struct publish *p);
/* Ends all streams. */
void publish_end_all(struct publish *p, enum stream_end why);
/* Ends those (STREAM_REVOKED) whose caller may not follow any more. */
void publish_look_again(struct publish *p, bool (*may)(void *data, const struct stream *),
			void *data);
size_t publish_n_streams(const struct publish *p);
struct call;
struct stream_info_list;
int publish_list(struct publish *p, struct call *c, struct stream_info_list *out) must_check;
