/* SPDX-License-Identifier: Apache-2.0 */
/* MCP's Streamable HTTP: what conn_http.c hands over for /mcp, /mcp/x/LIST and /mcp/readonly. */
#pragma once

#include <stdbool.h>

#include "base/str.h"
#include "transport/http.h"
#include "verbs/call.h"

struct mcp_exchange;
struct server;

/* Who asks, and what the path chose. Views that live until the exchange ends. */
struct mcp_http_caller {
	struct server *server;
	const struct principal *principal;
	struct str toolsets; /* the LIST of /mcp/x/LIST, else NONE */
	bool is_read_only;   /* /mcp/readonly */
};

/* One exchange, any method, its body whole; Host, Origin and token were found good. It is answered
 * here or later. NULL: answered already, nothing more to do. Otherwise the caller keeps the pointer
 * and gives it back in mcp_http_end() when the transport's on_end comes. */
struct mcp_exchange *mcp_http_request(struct http_exchange *x, const struct http_request *r,
				      const struct mcp_http_caller *caller);
/* The client has gone (was_cut: before the answer's end) or everything is sent. */
void mcp_http_end(struct mcp_exchange *m, bool was_cut);
