/* SPDX-License-Identifier: Apache-2.0 */
/* What the server's parts share: one struct, owned by main.c (or by a test), living on the loop
 * thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "schemas/shape.h"
#include "server/options.h"
#include "server/redact.h"
#include "store/store.h"
#include "verbs/call.h"

struct access;
struct access_keys;
struct channel;
struct claims;
struct conn_http;
struct conn_lines;
struct lanes;
struct metrics;
struct park;
struct publish;
struct quota;
struct reactions;
struct rpc;
struct scheduler;
struct seal;
struct vault;
struct mcp;

struct server {
	struct options options;
	struct clock clock;
	struct loop *loop;
	struct id_gen ids;
	struct store *store;
	struct store_reader *reader; /* inline reads on the loop */
	struct lanes *lanes;
	struct park *park;
	struct claims *claims;
	struct scheduler *scheduler; /* NULL where nothing may be written */
	struct reactions *reactions; /* likewise */
	struct publish *publish;
	struct metrics *metrics;
	struct quota *quota;
	struct access *access;
	struct access_keys *keys;
	struct rpc *rpc;
	struct seal *seal; /* cursors and MCP request state */
	struct vault *vault;
	struct redact redact;
	struct mcp *mcp; /* sessions, tools lists, tasks */
	struct conn_lines *lines;
	struct conn_http *http; /* NULL when HTTP is off */
	const char *http_note;  /* why it is off though it was not asked to be; NULL */
	struct list channels;
	struct list spare; /* requests, for the next ones */
	size_t n_spare, n_requests, n_channels;
	struct call_server for_verbs;
	struct loop_timer audit;              /* puts counted reads on record */
	struct loop_timer idle;               /* lets go of the inline reader's snapshot */
	struct shape_faults faults;           /* the loop's scratch */
	struct log_limit fault_lines;         /* the loop's */
	int64_t started_ms;                   /* wall */
	int64_t last_read_ms, last_client_ms; /* boot */
	int64_t next_slot_us;                 /* boot: when the next refused call may come again */
	uint64_t next_serial;
	bool is_draining;
};

/* Composes a server around an open data directory; everything but the listeners. `out` is zeroed
 * and holds the options (whose arena it takes). 0; SERVER_NO_STORE with *problem; SERVER_NO_ACCESS
 * (the token file, told in problem->text); or negative. */
enum { SERVER_NO_STORE = 1, SERVER_NO_ACCESS };
int server_init(struct server *s, struct store_problem *problem) must_check;
void server_deinit(struct server *s);
/* Instead of serving: puts options.restore in the database's place. As server_init. */
int server_restore(struct server *s, struct store_problem *problem) must_check;
/* Instead of serving: is the database sound? As server_init; no server may be writing it. */
int server_look(struct server *s, bool *is_there, struct store_problem *problem) must_check;
/* Likewise: are there keys whose secret is missing? The next server makes a new one. */
bool server_look_keys(struct server *s);
/* Stops taking calls; streams and waits end, running calls go on. */
void server_begin_drain(struct server *s);
/* Is nothing in flight any more? */
bool server_is_drained(const struct server *s);

/* A channel's message (one line, one body of /rpc): parsed and answered. On lines MCP's methods go
 * to MCP. */
void rpc_receive(struct channel *c, struct str message);
/* A line over the limit was skipped. */
void rpc_too_long(struct channel *c, size_t limit);

/* ---- what mcp.c offers to rpc.c and conn_http.c ---- */
struct json;
/* Is this one of MCP's methods (initialize, tools/list, notifications/…)? */
bool mcp_is_method(struct str method);
/* One MCP message on a line connection, already parsed and known to be an object with a method, a
 * response to a request of ours, or a batch that begins with one of them. `arena` is handed over
 * with all that it holds. */
void mcp_receive(struct channel *c, struct arena *arena, const struct json *message);
/* An empty arena for the next message, with memory of a call that is over where there is some. */
struct arena mcp_arena(struct mcp *m, size_t limit);
/* Is something of MCP's open on this connection: a call, a question, a subscription? */
bool mcp_is_busy(const struct channel *c);
/* The connection's MCP state goes with it: called by channel_gone() when c->mcp is set. */
void mcp_channel_gone(struct channel *c);
int mcp_new(struct server *s, struct mcp **out) must_check;
/* Draining: ends all listens with their closing result, refuses new ones. */
void mcp_drain(struct mcp *m);
struct mcp *mcp_free(struct mcp *m); /* after all channels are gone */
