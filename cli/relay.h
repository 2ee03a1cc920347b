/* SPDX-License-Identifier: Apache-2.0 */
/* `questd mcp`: between an MCP client's two pipes and the server's socket. It copies whole lines,
 * survives its server, and ends with its client. */
#pragma once

#include "cli/command.h"

extern const struct args_option relay_options[];
extern const size_t relay_n_options;

int relay_run(struct cli *c, struct args *a);
