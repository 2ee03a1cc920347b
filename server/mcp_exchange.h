/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP exchange on /mcp as a channel: a JSON answer, or an event stream that ends with it. In a
 * legacy session it may outlive its client: the answer is then kept for who comes back for it. */
#pragma once

#include "server/mcp.h"
#include "server/mcp_http.h"

struct mcp_replay;
struct mcp_session;

/* A legacy session's reference is handed over with success; NULL = modern. 0, positive: the caller
 * has too much open, or negative. */
int mcp_exchange_new(struct http_exchange *x, const struct http_request *r,
		     const struct mcp_http_caller *caller, struct mcp_session *session,
		     struct mcp_exchange **out) must_check;
struct mcp_conn *mcp_exchange_conn(struct mcp_exchange *m);
struct channel *mcp_exchange_channel(struct mcp_exchange *m);
/* The answer carries Mcp-Session-Id. */
void mcp_exchange_names_session(struct mcp_exchange *m);

/* One more request waits for its answer. */
void mcp_exchange_opened(struct mcp_exchange *m);
/* What could be answered at once has been: from now on it is kept alive. */
void mcp_exchange_settle(struct mcp_exchange *m);
/* 202, nothing else. */
void mcp_exchange_accept(struct mcp_exchange *m);

/* Answers gather until each request between begin and end has one. */
void mcp_exchange_begin_batch(struct mcp_exchange *m);
void mcp_exchange_add_error(struct mcp_exchange *m, struct str id, const struct mcp_route *route);
void mcp_exchange_end_batch(struct mcp_exchange *m);

/* A GET: the session's own stream, or the rest of another one. */
void mcp_exchange_listen(struct mcp_exchange *m);
void mcp_exchange_show_replay(struct mcp_exchange *m, struct mcp_replay *replay, uint64_t after);
