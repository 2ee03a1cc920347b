/* SPDX-License-Identifier: Apache-2.0 */
/* A loop with a fake clock, an HTTP server on a free port, and clients that are plain sockets.
 * Nothing sleeps: turns are taken until something has happened, at most TURNS_MAX. */
#pragma once

#include "base/buf.h"
#include "base/clock.h"
#include "base/loop.h"
#include "transport/http.h"

#define TURNS_MAX 2000

struct world {
	struct clock clock;
	struct loop *loop;
	struct http_server *server;
	struct http_options options;
	/* what the owner does and saw */
	enum { WORLD_REPLY, WORLD_HOLD, WORLD_STREAM, WORLD_REPLY_AT_HEAD } mode;
	size_t body_max, reply_bytes; /* 0 = the default; 0 = an echo */
	bool marks_authenticated,
	    is_poor; /* poor: what cannot be made for want of memory is aborted */
	int n_heads, n_requests, n_ends, n_cut;
	struct http_exchange *held[4096]; /* held or streaming, by order of arrival; NULL = ended */
	size_t n_held;
	char last_path[256], last_query[256], last_body[256];
};

void world_init(struct world *w); /* options are the defaults; change them before world_start */
void world_start(struct world *w);
void world_deinit(struct world *w);
void world_turns(struct world *w, int n);
void world_advance(struct world *w, int64_t ms);

struct peer {
	struct world *world;
	int fd;
	struct buf in;
	bool is_at_end, was_reset;
};

void peer_open(struct peer *p, struct world *w);
void peer_close(struct peer *p);
void peer_send(struct peer *p, struct str s);
void peer_read(struct peer *p); /* what is there */
/* Turns until the bytes came, or the end. */
bool peer_wait_for(struct peer *p, const char *text);
bool peer_wait_for_end(struct peer *p);
/* Answers that are in: status lines. */
int peer_n_answers(const struct peer *p);
int peer_status(const struct peer *p); /* of the first */
struct str peer_text(const struct peer *p);
