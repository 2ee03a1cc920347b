/* SPDX-License-Identifier: Apache-2.0 */
/* Which tools a client is offered: by default the verbs marked so, or the toolsets that its URL or
 * its relay's flags name; the tools that stand for all verbs at once (`search`). */
#pragma once

#include <stdbool.h>

#include "server/channel.h"
#include "server/mcp.h"
#include "verbs.gen.h"

struct mcp_toolset {
	struct str
	    list; /* the client's: "quests,ideas", "all", "search"; NONE = the server's option */
	struct str_list option;      /* empty = the default list */
	const struct principal *who; /* is offered no tool that it may not call */
	bool is_read_only;
};

struct mcp_toolset mcp_toolset_of(const struct channel *ch);
/* The first name of the list that is no toolset; NONE when all are. */
struct str mcp_toolset_unknown(const struct mcp_toolset *t);
/* All that there are, in the arena. Empty without memory. */
struct str_list mcp_toolset_names(struct arena *a);
/* May it be called? (The default list leaves out verbs that may be called all the same.) */
bool mcp_toolset_allows(const struct mcp_toolset *t, const struct verb *v);
/* The same, or through one of the tools below. */
bool mcp_toolset_reaches(const struct mcp_toolset *t, const struct verb *v);

/* verbs_read, verbs_write, verbs_destroy: call any verb of that class by its name. */
struct mcp_caller {
	struct str name, json;
	bool is_read_only, is_destructive;
};
const struct mcp_caller *mcp_caller_find(const struct mcp_toolset *t, struct str name);
/* By its name, whether it was chosen or not. */
const struct mcp_caller *mcp_caller_named(struct str name);
bool mcp_caller_fits(const struct mcp_caller *caller, const struct verb *v);

/* The elements of `tools`, into an open array. */
void mcp_toolset_put(const struct mcp_toolset *t, struct mcp_call *c, struct json_out *w);
