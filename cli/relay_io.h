/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's three ends: the client's pipes as they are found, and buffers of lines of which only
 * whole ones are ever handed on. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/macros.h"
#include "base/str.h"

/* Bytes on their way in one direction. */
struct relay_lines {
	struct buf buf;
	size_t whole;   /* of them: up to the last newline; only these may leave */
	size_t scanned; /* looked through for newlines */
	size_t written; /* of `whole`: written, but kept, for their line is not out in full */
};

enum { RELAY_IO_END = 1, RELAY_IO_AGAIN };

void relay_lines_init(struct relay_lines *l);
void relay_lines_deinit(struct relay_lines *l);
/* One read into the buffer. 0, RELAY_IO_END (end of file or a broken connection), RELAY_IO_AGAIN,
 * or negative when memory is out. */
int relay_lines_read(struct relay_lines *l, int fd);
/* The next whole line that was not looked at yet, newline included: a view, then part of `whole`.
 */
bool relay_lines_next(struct relay_lines *l, struct str *line);
/* Takes the line just given by relay_lines_next() out again. */
void relay_lines_drop_last(struct relay_lines *l, struct str line);
/* Half a line that will not be finished. */
void relay_lines_drop_rest(struct relay_lines *l);
/* Puts lines of our own behind the last whole one, before what has begun to come in. */
void relay_lines_insert(struct relay_lines *l, struct str lines);
/* The first n bytes have left. */
void relay_lines_eat(struct relay_lines *l, size_t n);

/* The client's stdout as a descriptor of ours. */
struct relay_out {
	int fd;
	bool is_socket;
};

/* Takes the client's stdout, so that writing to it does not block where that is possible without
 * changing what others share, and puts stderr in its place (TM-STDIO-01). */
int relay_out_init(struct relay_out *o) must_check;
/* write(2); never raises SIGPIPE where that is ignored. */
ssize_t relay_out_write(const struct relay_out *o, const void *p, size_t n);
