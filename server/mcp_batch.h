/* SPDX-License-Identifier: Apache-2.0 */
/* JSON-RPC batches on lines, which 2025-03-26 alone has: a channel of its own that gathers the
 * answers and gives them to the connection as one array. */
#pragma once

#include "server/mcp.h"

/* `all` is an array; the arena is handed over. */
void mcp_batch_receive(struct mcp_conn *conn, struct arena *arena, const struct json *all);
/* The connection goes. */
void mcp_batches_gone(struct mcp_conn *conn);
