/* SPDX-License-Identifier: Apache-2.0 */
/* A channel is somebody who can be answered: one line connection, one HTTP exchange, one test's
 * memory. Transports make them (conn_line.c, conn_http.c); rpc.c and mcp.c talk through them and
 * know nothing of sockets. Lives on the loop thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/charge.h"
#include "base/list.h"
#include "base/macros.h"
#include "base/str.h"
#include "verbs/call.h"

struct channel;
struct server;
struct mcp_conn;
struct quota_user;

enum channel_kind {
	CHANNEL_LINES = 1, /* Unix socket, and stdio through the relay: native methods and MCP */
	CHANNEL_HTTP_RPC,  /* one POST /rpc */
	CHANNEL_HTTP_MCP,  /* one POST (or legacy GET stream) on /mcp */
};

struct channel_ops {
	/* One more message to the peer (a notification, a legacy server request, a stream's frame).
	 * On HTTP the first one turns the exchange into an event stream. 0, or CHANNEL_SLOW when
	 * too much waits for the peer, CHANNEL_GONE when it left. */
	int (*send)(struct channel *c, struct str message);
	/* The answer that this exchange was made for; on lines the same as send. `status` is
	 * HTTP's. message NONE: an empty body (202). On HTTP nothing may follow. */
	int (*answer)(struct channel *c, struct str message, int status);
	/* Bytes that wait for the peer. May be NULL. */
	size_t (*waiting)(const struct channel *c);
	/* One of its requests is over, what it was charged released. May be NULL. */
	void (*eased)(struct channel *c);
	/* Cut it, with what is still unsent sent first. */
	void (*close)(struct channel *c);
};
enum { CHANNEL_SLOW = 1, CHANNEL_GONE };

struct channel {
	struct list link; /* in server->channels */
	struct server *server;
	enum channel_kind kind;
	const struct channel_ops *ops;
	struct principal principal;
	struct quota_user *user; /* the principal's account */
	struct charge charge;    /* of one connection */
	struct list requests;    /* struct request.link, in flight */
	struct list held;        /* reads that wait for this connection's earlier writes */
	uint64_t serial;         /* of a line connection; 0 = it is one exchange */
	bool has_worker;         /* a worker registered on it */
	uint64_t last_write;     /* serial of the newest write on its way, */
	uint32_t n_writes;       /* of so many, */
	uint32_t n_batches;      /* of them batches, which everything behind them waits for */
	uint32_t n_held_writes;  /* among the held: behind such a batch */
	struct mcp_conn
	    *mcp; /* MCP's state of this connection or session; NULL before the first MCP message */
	struct str toolsets;    /* what the URL or the relay's flags chose; NONE = default */
	struct str trace;       /* of all its calls: the id of a trace, or NONE */
	bool is_read_only;      /* nothing may be changed through it, by any method */
	int64_t retry_after_ms; /* HTTP: of the answer that is being sent */
	access_roles step_up;   /* likewise: one of these as a scope of its token would do */
	bool has_secret;        /* the message that is being taken holds one: wiped behind it */
	bool is_cut;            /* its key has ended */
	bool is_gone;           /* the peer left; requests in lanes finish unheard */
};

/* The principal is copied. 0, CHANNEL_TOO_MANY (the principal's connections; c is not to be used or
 * deinited then), or negative. */
enum { CHANNEL_TOO_MANY = 1 };
int channel_init(struct channel *c, struct server *s, enum channel_kind kind,
		 const struct channel_ops *ops, const struct principal *principal) must_check;
/* The peer has left: cancels what may be cancelled, detaches the rest. */
void channel_gone(struct channel *c);
/* Cancels all that is in flight; the peer is told. */
void channel_cancel_all(struct channel *c);
/* Its key has ended: what is in flight is answered `unauthenticated`, then it is closed. */
void channel_cut(struct channel *c);
/* From here on it is this principal's, with its account (the reference is taken over). */
void channel_become(struct channel *c, const struct principal *who, struct quota_user *user);
void channel_deinit(struct channel *c); /* after channel_gone, or when nothing is in flight */
