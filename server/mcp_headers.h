/* SPDX-License-Identifier: Apache-2.0 */
/* The headers of a modern HTTP request repeat what its body says, so that proxies can route without
 * reading bodies; here they are compared. */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "server/mcp.h"
#include "transport/http.h"

/* NULL when all agree; else what does not (the answer is then -32020). `route` is the message's. */
const char *mcp_headers_check(struct arena *a, const struct http_request *r,
			      const struct json *message, const struct mcp_route *route);
