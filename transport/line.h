/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as lines over a connected stream socket, or the two pipes that its peer moved to
 * (transport/pipes.h): non-blocking, on a loop.
 *
 * Reading: a line of up to `line_max` bytes is handed out without its newline (a CR before it is
 * cut too, empty lines are skipped). A longer one is discarded up to its newline without being
 * kept, and reported once. Reading stops while the owner says so, and while
 * more than a quarter of `out_max` waits for the peer (back-pressure). Writing: bytes gather in an
 * out buffer that is flushed at the end of the loop's turn with one write; what the peer does not
 * take stays, up to `out_max`, then the connection is cut with LINE_SLOW. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/loop.h"
#include "base/rpc_limits.h"
#include "base/str.h"

#define LINE_MAX_DEFAULT     RPC_LINE_MAX
#define LINE_OUT_MAX_DEFAULT (16 * 1024 * 1024)

struct line_conn;

enum line_close { LINE_EOF = 1, LINE_ERROR, LINE_SLOW, LINE_CLOSED_BY_US };

struct line_ops {
	/* A whole line; a view that lives until the function returns. */
	void (*on_line)(struct line_conn *c, struct str line);
	/* A line over the limit is being skipped. */
	void (*on_too_long)(struct line_conn *c);
	/* The peer says no more but may still read (`printf … | socat`): the owner answers what is
	 * open, then calls line_conn_close(). NULL: the end of input is the end. */
	void (*on_eof)(struct line_conn *c);
	/* Called exactly once, from the loop; c is freed by its owner afterwards
	 * (line_conn_deinit), not inside. */
	void (*on_close)(struct line_conn *c, enum line_close why);
};

struct line_conn {
	struct loop *loop;
	const struct line_ops *ops;
	struct loop_fd watch;
	struct loop_fd watch_out;  /* with pipes, the other one */
	int fd, out_fd;            /* the same but for pipes */
	struct loop_task turn_end; /* held lines, then the one write */
	struct buf in, out;
	size_t line_max, out_max; /* the owner may change them before the first line */
	size_t scanned;           /* of in: bytes known to hold no newline */
	size_t room;              /* of the next read: grows while reads fill it */
	bool is_skipping, is_paused, is_closing, is_closed, is_eof;
	bool has_read, has_pipes, has_told_eof;
	int64_t stalled_since_ms; /* 0 = the peer takes what we write */
};

/* Takes the socket and makes it non-blocking; on failure it stays the caller's. */
int line_conn_init(struct line_conn *c, struct loop *l, int fd,
		   const struct line_ops *ops) must_check;
void line_conn_deinit(struct line_conn *c);
/* The out buffer: append one or more whole lines, newline included, then line_conn_flush_later().
 */
struct buf *line_conn_out(struct line_conn *c);
void line_conn_flush_later(struct line_conn *c);
/* Writes what it can of it at once: for the end of the program. */
void line_conn_flush_now(struct line_conn *c);
void line_conn_pause(struct line_conn *c, bool on);
/* Sends what is in the out buffer, then closes; on_close comes from the loop. No more lines come.
 */
void line_conn_close(struct line_conn *c);
