/* SPDX-License-Identifier: Apache-2.0 */
/* Telling clients that something changed: a modern subscriptions/listen, or a legacy connection
 * after its handshake. */
#pragma once

#include <stdbool.h>

#include "base/str.h"
#include "server/mcp.h"

enum { MCP_TOOLS_CHANGED = 1 << 0, MCP_PROMPTS_CHANGED = 1 << 1, MCP_RESOURCES_CHANGED = 1 << 2 };

#define MCP_WATCHED_MAX 64

/* Follows as the principal of that channel. NULL: no memory, or too many streams. */
struct mcp_watch *mcp_watch_new_legacy(struct mcp_conn *conn, const struct channel *ch);
struct mcp_watch *mcp_watch_free(struct mcp_watch *w);
/* A resource to be told of; `id` is its object's, as events name it. false: there is no room. */
bool mcp_watch_add(struct mcp_watch *w, struct str uri, struct str id);
void mcp_watch_remove(struct mcp_watch *w, struct str uri);
/* What happened while the connection had nowhere to send. */
void mcp_watch_flush(struct mcp_watch *w);

void mcp_changed(struct mcp *m, unsigned what);
/* A task moved: `message` builds nothing by itself, see mcp_tasks.c. */
struct mcp_task;
void mcp_task_changed(struct mcp *m, const struct mcp_task *t);
/* The server stops. */
void mcp_watches_end(struct mcp *m);
