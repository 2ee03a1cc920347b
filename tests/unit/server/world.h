/* SPDX-License-Identifier: Apache-2.0 */
/* A whole server in the test's folder, and channels of lines in memory that keep what they were
 * sent. */
#pragma once

#include "base/buf.h"
#include "server/channel.h"
#include "server/server.h"

struct peer {
	struct channel channel;
	struct buf out; /* messages, a line each */
	bool is_slow;   /* refuses frames */
	size_t n_answers;
};

struct world {
	struct server server;
	bool is_open;
};

/* `flag` is a further flag of questd serve, or NULL. With a fake clock the wall says 2026-01-01. */
bool world_open(struct world *w, const char *flag, bool is_clock_fake);
void world_close(struct world *w); /* all peers must be closed */

/* Who: NULL is the owner. */
bool peer_open(struct peer *p, struct world *w, const struct principal *who);
void peer_close(struct peer *p);
/* Hands over a line; what runs on the loop is answered already. */
void peer_say(struct peer *p, const char *line);
/* Turns the loop until so many messages have come in all. False after 10 s. */
bool peer_wait(struct peer *p, size_t n_messages);
/* The i-th message so far, NONE when there are not so many. */
struct str peer_message(const struct peer *p, size_t i);
size_t peer_n(const struct peer *p);
/* Says, waits for one message more, and gives it. */
struct str peer_ask(struct peer *p, const char *line);
void peer_forget(struct peer *p); /* the messages so far */
