/* SPDX-License-Identifier: Apache-2.0 */
/* The calling side, blocking, libc only: one request line and its answer over a Unix socket, or one
 * POST over plain HTTP. For the command line; the relay and the worker have loops of their own.
 *
 * Who answers at the path of a Unix socket must be this user or root. A URL's host is an address or
 * `localhost`: the program is linked statically, where glibc cannot look names up. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

enum {
	CLIENT_NOT_RUNNING = 1,
	CLIENT_TIMEOUT,
	CLIENT_CLOSED,
	CLIENT_TOO_LONG,
	CLIENT_BAD_URL,
	CLIENT_HTTPS
};

int client_connect_unix(const char *path,
			int *out_fd) must_check; /* CLIENT_NOT_RUNNING, CLIENT_TOO_LONG */
/* Sends line + '\n' and reads one line (without newline) into `in` behind what it held; bytes read
 * beyond the newline stay in `rest`. timeout_ms -1 = none, boot time. */
int client_send_line(int fd, struct str line, int64_t timeout_ms) must_check;
int client_read_line(int fd, struct buf *rest, struct arena *a, int64_t timeout_ms,
		     struct str *out) must_check;

struct client_http {
	struct str url;   /* http://ADDRESS:PORT/PATH */
	struct str token; /* NONE = none */
	struct str body;
	int64_t timeout_ms;
};
/* status and body of the answer. CLIENT_HTTPS: only http:// is spoken here. */
int client_http_post(const struct client_http *h, struct arena *a, int *status,
		     struct str *body) must_check;
