/* SPDX-License-Identifier: Apache-2.0 */
/* The program has nothing beside its verbs. (A fixtures build leaves this file out.) */
#include "server/mcp_extra.h"

const struct mcp_extras mcp_extras;
