/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the agent that a parameter names. */
#pragma once

#include "store/agents.h"
#include "verbs/call.h"

/* By id or name, or CALL_FAILED with not_found naming the field. */
int agent_named(struct call *c, const char *field, struct str who,
		struct store_agent *out) must_check;
