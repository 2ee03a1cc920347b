/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the agent that a parameter names. */
#include "verbs/agents_common.h"

int agent_named(struct call *c, const char *field, struct str who, struct store_agent *out)
{
	int e = store_agent_find(c->tx, who, out);

	return e == STORE_NONE ? call_not_found(c, "agent", field, who) : err_trace(e);
}
