/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent may use, against what its parent may: a child never has more. */
#pragma once

#include "types.gen.h"

struct arena;

/* Where the first excess lies: a field of the grants, and the entry where it is a list. */
struct grants_excess {
	const char *field; /* NULL = none */
	struct str entry;
};

/* "*" covers all, "quests.*" what begins with "quests." */
bool grants_cover_tool(struct str wide, struct str narrow);
/* Refused whoever the parent is: paths that are not absolute or not plain. */
struct grants_excess grants_malformed(const struct agent_grants *g);
/* What limits and the child leaves open it takes from the parent: sandbox, tools, models, amounts.
 * What the parent denies is denied. */
int grants_inherit(struct arena *a, const struct agent_grants *parent, struct agent_grants *child)
    __attribute__((warn_unused_result));
/* NULL grants are empty ones. */
struct grants_excess grants_beyond(const struct agent_grants *parent,
				   const struct agent_grants *child);
