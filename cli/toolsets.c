/* SPDX-License-Identifier: Apache-2.0 */
/* The names of toolsets. */
#include "cli/toolsets.h"

#include <stdio.h>

#include "base/str.h"
#include "cli/exits.h"
#include "cli/say.h"
#include "verbs.gen.h"

#define PROFILES 3 /* names that stand for a choice of verbs, not for one group */

/* Each name once; returns how many. */
static size_t all_names(struct str out[VERB_MAX + PROFILES])
{
	size_t n = 0;

	out[n++] = STR("default");
	out[n++] = STR("all");
	out[n++] = STR("search");
	for (size_t i = 0; i < VERB_MAX; i++) {
		bool is_known = verb_table[i].mcp == VERB_MCP_NO;

		for (size_t j = 0; j < n; j++)
			is_known = is_known || str_eq(out[j], verb_table[i].toolset);
		if (!is_known)
			out[n++] = verb_table[i].toolset;
	}
	return n;
}

int toolsets_check(const char *list)
{
	struct str names[VERB_MAX + PROFILES], rest = str_from(list);
	size_t n = all_names(names);

	while (rest.p) {
		struct str name = str_trim(str_cut(&rest, ','));
		bool is_known = false;

		for (size_t i = 0; i < n; i++)
			is_known = is_known || str_eq(names[i], name);
		if (is_known)
			continue;
		struct str near = str_nearest(name, names, n);
		char all[512];
		size_t used = 0;

		for (size_t i = 0; i < n && used + names[i].n + 3 < sizeof(all); i++)
			used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%.*s",
						 i ? ", " : "", STR_ARG(names[i]));
		say_error("there is no toolset '%.*s'", STR_ARG(name));
		if (near.p)
			say_hint("did you mean '%.*s'? There are: %s", STR_ARG(near), all);
		else
			say_hint("there are: %s", all);
		return EXIT_USAGE;
	}
	return 0;
}
