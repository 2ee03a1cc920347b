/* SPDX-License-Identifier: Apache-2.0 */
/* A world with its listeners, and clients of it that are plain sockets. */
#pragma once

#include "base/buf.h"
#include "tests/unit/server/world.h"

struct sock {
	struct world *world;
	int fd;
	struct buf in;
	bool is_at_end;
};

#define SOCK_TOKEN "qd_a-token-of-the-tests-and-of-nobody-else"

/* A world with HTTP on a free port and the Unix socket in the test's folder. */
bool sock_world(struct world *w, bool is_clock_fake);

bool sock_open_http(struct sock *s, struct world *w);
bool sock_open_lines(struct sock *s, struct world *w);
void sock_close(struct sock *s);
void sock_send(struct sock *s, struct str text);
/* A request with Host and the token; further headers end with CRLF; body NULL = none. */
void sock_ask(struct sock *s, const char *request_line, const char *headers, const char *body);
/* Turns the loop until the text came; false at the end or after 10 s. */
bool sock_wait(struct sock *s, const char *text);
bool sock_wait_end(struct sock *s);
int sock_status(const struct sock *s); /* of the first answer; 0 = none */
struct str sock_text(const struct sock *s);
void sock_forget(struct sock *s);
