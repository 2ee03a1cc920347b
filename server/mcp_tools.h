/* SPDX-License-Identifier: Apache-2.0 */
/* A tool's result in its envelope, for whoever calls a verb as a tool. */
#pragma once

#include "server/mcp.h"

/* The fields of a CallToolResult: `content`, then structuredContent or isError. */
void mcp_put_tool_result(enum mcp_version v, const struct mcp_outcome *o, struct json_out *w);
/* Ends the call with one text. */
void mcp_tool_text(struct mcp_call *c, struct str text, bool is_error);
/* Asks the client's user whether a verb may do what cannot be undone; false: this client cannot be
 * asked. The call goes on (legacy) or ends (modern) by itself. */
bool mcp_confirm_ask(struct mcp_call *c, const struct verb *v, const struct json *arguments);
/* Looks at what a modern client brought back. */
enum mcp_confirmed { MCP_CONFIRM_NONE, MCP_CONFIRM_YES, MCP_CONFIRM_NO };
enum mcp_confirmed mcp_confirm_given(const struct mcp_call *c, struct str state);
/* Runs a verb as a tool and ends the call with its result. */
void mcp_tool_run(struct mcp_call *c, const struct verb *v, const struct json *arguments);
void mcp_tool_declined(struct mcp_call *c);
/* May the call run this within a batch? As if it came alone. False: the child's failure is set. */
bool mcp_tools_admit(const struct mcp_call *c, struct request *child);
