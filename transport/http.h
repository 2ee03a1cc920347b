/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 by libmicrohttpd with its epoll nested in our loop, on the loop's thread. Knows bytes,
 * heads, deadlines and limits; not paths' meaning, JSON or tokens.
 *
 * Before a request reaches its owner its head has been vetted: one Host, at most one Origin,
 * Authorization, Content-Length, Content-Type and each MCP-* header, no Transfer-Encoding, no
 * control bytes, no folded lines or bare LF, Content-Length of ≤ 8 digits, at most 64 headers;
 * otherwise 400 (411 for Transfer-Encoding, 431) and close. Deadlines are ours, by shutting the
 * socket: head 5 s from accept, 65 s between requests, body 10 s and stalled write 15 s, both with
 * a second more for each KB that moved. At most 512 connections without an authenticated request,
 * 64 a peer address; over it those that owe a head make room for new ones, the silent first, and
 * hear 503. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/loop.h"
#include "base/str.h"

struct http_server;
struct http_exchange; /* one request and its answer */

struct http_header {
	struct str name, value;
};

struct http_request {
	struct str method; /* "POST" */
	struct str path;   /* without the query, not decoded */
	struct str query;  /* without "?", NONE when there is none */
	const struct http_header *headers;
	size_t n_headers;
	struct str peer; /* "127.0.0.1" */
	struct str body; /* empty in on_head */
};

struct http_ops {
	/* The head is there, the body not yet. The owner may answer at once (http_reply): the body
	 * is then not read and the connection closes if there was one. *body_max is the cap. */
	void (*on_head)(void *data, struct http_exchange *x, const struct http_request *r,
			size_t *body_max);
	/* The body is whole. The owner answers now or later. Views live until the exchange ends. */
	void (*on_request)(void *data, struct http_exchange *x, const struct http_request *r);
	/* The client has gone, or the answer is sent; last call for x. `was_cut`: before the
	 * answer's end. */
	void (*on_end)(void *data, struct http_exchange *x, bool was_cut);
	/* The body of what the transport refuses by itself, in the owner's own words: 400, 411,
	 * 413, 431, 503. May be NULL: the reason as plain text. */
	void (*refusal)(void *data, int status, const char *why, struct buf *body);
	struct str refusal_type; /* "application/json" */
};

struct http_options {
	const char *address;                         /* "127.0.0.1", "::1" */
	uint16_t port;                               /* 0 = any free one */
	int n_conns_max;                             /* default 12,000 */
	int64_t head_ms, idle_ms, body_ms, write_ms; /* defaults above; tests shorten them */
	int n_unauthenticated_max, n_peer_max;
};

enum { HTTP_IN_USE = 1, HTTP_BAD_ADDRESS };

void http_options_init(struct http_options *o);
int http_server_new(struct loop *l, const struct http_options *o, const struct http_ops *ops,
		    void *data, struct http_server **out) must_check;
/* Could it listen there? 0, HTTP_IN_USE, HTTP_BAD_ADDRESS or negative. */
int http_try_listen(const struct http_options *o) must_check;
uint16_t http_server_port(const struct http_server *s);
/* No new connections; exchanges go on. */
void http_server_quiesce(struct http_server *s);
size_t http_server_n_exchanges(const struct http_server *s);
/* Ends what is left (resumes all, as MHD demands). */
struct http_server *http_server_free(struct http_server *s);
struct http_stats {
	int64_t n_conns, n_exchanges, n_streams, n_bad_heads, n_refused, n_timeouts;
};
void http_server_stats(const struct http_server *s, struct http_stats *out);

struct arena *http_arena(struct http_exchange *x); /* lives until on_end */
void http_set_user(struct http_exchange *x, void *user);
void *http_user(const struct http_exchange *x);
/* Name compared without case; NONE when absent. */
struct str http_header(const struct http_request *r, struct str name);
/* Ends the connection's unauthenticated caps (first good token). */
void http_mark_authenticated(struct http_exchange *x);

/* The whole answer; body is copied. `close` closes the connection behind it. */
struct http_answer {
	int status;
	struct str content_type; /* NONE = no body */
	struct str body;
	const struct http_header *headers;
	size_t n_headers;
	bool close;
};
/* Headers that go with whatever answer comes (CORS); the array lives until the exchange ends. */
void http_set_common_headers(struct http_exchange *x, const struct http_header *headers, size_t n);
int http_reply(struct http_exchange *x, const struct http_answer *a) must_check;

/* A stream: head at once, then bytes as they are put, until the end. */
int http_stream_begin(struct http_exchange *x, const struct http_answer *head) must_check;
/* Copies into the stream's buffer; HTTP_SLOW when more than 1 MiB waits (the owner should end it).
 */
enum { HTTP_SLOW = 1, HTTP_GONE };
int http_stream_put(struct http_exchange *x, struct str bytes) must_check;
size_t http_stream_waiting(const struct http_exchange *x); /* bytes not yet taken */
void http_stream_end(struct http_exchange *x);             /* after what is in the buffer */
void http_stream_abort(struct http_exchange *x);           /* now */
