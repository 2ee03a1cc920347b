/* SPDX-License-Identifier: Apache-2.0 */
/* What the http_*.c files share. A server has connections (one socket each), a connection has at
 * most one exchange (a request and its answer), taken from a stock when the request line is there
 * and given back when the answer is sent, so that idle connections hold none.
 *
 * libmicrohttpd does the protocol. Ours are: accepting (acceptor.c), who may be connected
 * (http_conn.c), what a head may look like (http_head.c), all deadlines (http_deadline.c), and
 * noticing that a client has gone while its connection is suspended (http_conn.c). */
#pragma once

#include <microhttpd.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/rpc_limits.h"
#include "transport/acceptor.h"
#include "transport/http.h"

#define HTTP_HEADERS_MAX      64
#define HTTP_BODY_MAX_DEFAULT ((size_t)RPC_LINE_MAX)
#define HTTP_STREAM_MAX       ((size_t)1024 * 1024)
#define HTTP_SPARE_MAX        64 /* exchanges kept for the next requests */
#define HTTP_LINGER_MAX       64 /* sockets read to their end after a refusal */
#define HTTP_KEPT_BYTES       4096

/* What the client is expected to do next. */
enum http_phase {
	HTTP_PHASE_NONE, /* nothing: the owner is at work, or a stream is at rest */
	HTTP_PHASE_HEAD, /* its first head */
	HTTP_PHASE_IDLE, /* the next one */
	HTTP_PHASE_BODY,
	HTTP_PHASE_WRITE, /* to take what we send */
	HTTP_PHASE_LEFT,  /* nothing more: it has shut its side and has all its answers */
	HTTP_PHASE_CHECK, /* queue only: a body or an answer that was slow, looked at every second
			   */
	HTTP_PHASE_MAX,
};

struct http_peer {
	struct map_node node; /* key: text */
	struct list waiting;  /* struct http_conn.waiting_link: not authenticated, oldest first */
	int n_waiting, n_conns;
	char text[INET6_ADDRSTRLEN];
};

struct http_conn {
	struct http_server *server;
	struct http_peer *peer;
	struct MHD_Connection *mhd;
	struct http_exchange *exchange; /* NULL between requests */
	struct loop_fd watch;           /* of the client's leaving */
	struct list waiting_link;       /* in its peer's, until authenticated */
	struct list phase_link;         /* in one of the server's queues */
	enum http_phase phase;
	int fd; /* MHD's */
	int64_t since_ms, due_ms;
	int64_t moved_ms, n_moved; /* bytes the client gave or took in this phase, and when last */
	int64_t acked_at_start;    /* of a long answer; -1 = not known */
	bool is_counted;           /* among the unauthenticated */
	bool is_suspended, is_resuming;
	bool has_left;    /* the client has shut its side, or we cut it */
	bool must_linger; /* it may still be sending when we close */
};

enum http_state { HTTP_STATE_HEAD, HTTP_STATE_BODY, HTTP_STATE_OWNED, HTTP_STATE_SENDING };

struct http_exchange {
	struct list link; /* in server->exchanges or ->spare */
	struct http_server *server;
	struct http_conn *conn;
	struct arena arena;
	enum http_state state;
	struct http_request request;
	struct str uri;
	struct http_header headers[HTTP_HEADERS_MAX];
	const struct http_header *common; /* of any answer */
	size_t n_common;
	char *body;
	size_t n_body, n_body_got, n_answer;
	struct MHD_Response *response; /* made and not yet queued */
	unsigned status;
	struct buf stream;
	void *user;
	bool is_known;      /* the owner has seen it: on_end is due */
	bool is_in_handler; /* of MHD: answers are queued when it returns */
	bool is_answered, is_cut, is_stream, is_ending;
};

struct http_server {
	struct loop *loop;
	struct http_options options;
	const struct http_ops *ops;
	void *data;
	uint16_t port;
	struct acceptor acceptor;
	struct buf busy; /* what those hear for whom there is no room */
	struct MHD_Daemon *daemon;
	struct loop_fd mhd_watch;
	struct loop_task run;
	struct loop_timer run_again;
	struct http_conn *joining; /* being added to MHD at this moment */
	struct map peers;
	struct list queues[HTTP_PHASE_MAX];
	int64_t queue_ms[HTTP_PHASE_MAX];
	struct loop_timer deadline;
	struct list exchanges, spare, lingering;
	size_t n_exchanges, n_spare, n_lingering;
	struct loop_timer linger_end;
	int n_conns, n_waiting;
	struct http_stats stats;
	bool has_resumed, is_quiesced, is_stopping, shows_raw_head;
};

/* ---- http_server.c ---- */
void http_run_later(struct http_server *s);
/* Lets MHD call the exchange's handler or reader again. */
void http_resume(struct http_conn *c);

/* ---- http_conn.c ---- */
void http_conn_accept(struct acceptor *a, int fd, const struct sockaddr *peer, socklen_t n);
void http_conn_notify(void *cls, struct MHD_Connection *mhd, void **context,
		      enum MHD_ConnectionNotificationCode code);
void http_conn_cut(struct http_conn *c); /* now, without a word */
void http_conn_settle(struct http_conn *c);

/* ---- http_linger.c ---- */
/* Says 503 and closes, reading what the client still sends for up to a second: closing a socket
 * with unread bytes resets it, and the client would never see the answer. Takes the descriptor. */
void http_linger_refuse(struct http_server *s, int fd);
/* Takes the descriptor of a socket whose writing side is shut. */
void http_linger(struct http_server *s, int fd);
void http_linger_end_all(struct http_server *s);

/* ---- http_refusal.c ---- */
/* The body alone. */
void http_put_refusal(struct http_server *s, int status, const char *why, struct buf *body);
struct str http_refusal_type(const struct http_server *s);
/* Head and body, as written on the socket where MHD has no say. */
void http_put_whole_refusal(struct http_server *s, int status, const char *why, struct buf *out);

/* ---- http_deadline.c ---- */
void http_deadlines_init(struct http_server *s);
void http_phase_set(struct http_conn *c, enum http_phase phase);
void http_phase_moved(struct http_conn *c, size_t n);
/* A long answer begins: remembers how much the client has taken so far. */
void http_phase_mark_start(struct http_conn *c);
/* Bytes the client has sent, ever, read or not; -1 when the kernel does not say. */
int64_t http_n_received(int fd);

/* ---- http_head.c ---- */
struct http_head {
	struct str method, uri;
	const struct http_header *headers;
	size_t n_headers;
	/* The head as MHD left it in its buffer, line ends and separators replaced by NUL; NONE
	 * when the library is not the one whose habits we know. */
	struct str raw;
	const char *version; /* in raw, like method; uri lies between them */
};
/* 0, or the status to refuse with and why. */
int http_head_vet(const struct http_head *head, int64_t *content_length, const char **why);

/* ---- http_early.c ---- */
void http_on_mhd_message(void *cls, const char *format, va_list ap);

/* ---- http_exchange.c ---- */
void *http_on_uri(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result http_on_access(void *cls, struct MHD_Connection *mhd, const char *url,
			       const char *method, const char *version, const char *upload,
			       size_t *n_upload, void **context);
void http_on_completed(void *cls, struct MHD_Connection *mhd, void **context,
		       enum MHD_RequestTerminationCode code);
void http_exchange_free_spare(struct http_server *s);
int http_add_headers(struct http_exchange *x, const struct http_answer *a);
/* The response in x->response is made: hands it to MHD as soon as possible. */
void http_answer_ready(struct http_exchange *x, const struct http_answer *a);
void http_suspend(struct http_exchange *x);
