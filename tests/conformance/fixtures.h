/* SPDX-License-Identifier: Apache-2.0 */
/* The tools, resources and prompts that MCP's conformance suite expects a server under test to
 * have. They are part of a test build only (meson's option `fixtures`). */
#pragma once

#include "server/mcp.h"
#include "server/mcp_extra.h"

#define FIXTURE_IMAGE                                                                              \
	"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5E" \
	"rkJggg=="
#define FIXTURE_AUDIO "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="

#define FIXTURE_NO_ARGUMENTS "{\"type\":\"object\",\"additionalProperties\":false}"
#define FIXTURE_TOOL(name, schema) \
	STR("{\"name\":\"" name    \
	    "\",\"description\":\"conformance fixture\",\"inputSchema\":" schema "}")

/* Ends the call with this `content` (a JSON array). */
void fixture_content(struct mcp_call *c, struct str content);
void fixture_text(struct mcp_call *c, const char *fmt, ...) printf_like(2, 3);

/* The three things to ask a client for. */
extern const struct mcp_input fixture_ask_name, fixture_ask_greeting, fixture_ask_roots;
/* What the client accepted in a form; NONE when it did not. */
struct str fixture_accepted(const struct mcp_call *c, struct str key, struct str field);

extern const struct mcp_extra_tool fixture_plain_tools[], fixture_asking_tools[],
    fixture_input_tools[], fixture_task_tools[];
extern const struct mcp_extra_prompt fixture_prompts[];
