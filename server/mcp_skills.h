/* SPDX-License-Identifier: Apache-2.0 */
/* Skills (io.modelcontextprotocol/skills): folders of text that teach an agent to work here, served
 * as resources skill://NAME/…. */
#pragma once

#include <stdbool.h>

#include "server/mcp.h"

/* Ends the call with a skill's file; false: the URI is no skill's. */
bool mcp_skills_read(struct mcp_call *c, struct str uri);
/* The SKILL.md of each as elements of resources/list (modern clients only). */
void mcp_skills_put_resources(struct mcp_call *c, struct json_out *w);
