/* SPDX-License-Identifier: Apache-2.0 */
/* A second set of tools, resources and prompts beside the verbs'. It is empty in the program; a
 * test build (meson's option `fixtures`) puts the conformance suite's there. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"
#include "base/str.h"

struct mcp_call;

/* An argument that an HTTP header repeats (x-mcp-header). */
struct mcp_extra_mirror {
	struct str argument, header;
};

struct mcp_extra_tool {
	struct str name;
	struct str json; /* as listed; NONE = callable, not listed */
	/* Ends the call. */
	void (*start)(struct mcp_call *c, const struct json *arguments);
	const struct mcp_extra_mirror *mirrors;
	size_t n_mirrors;
};

struct mcp_extra_resource {
	struct str uri;
	struct str json; /* as listed; NONE = not listed */
};

struct mcp_extra_prompt {
	struct str name;
	struct str json;
	/* Ends the call. */
	void (*start)(struct mcp_call *c, const struct json *arguments);
};

/* Tables end with an entry without a name (or uri); NULL = none. */
struct mcp_extras {
	const struct mcp_extra_tool *const *tools; /* tables of them, ended by NULL */
	const struct mcp_extra_resource *resources;
	const struct mcp_extra_prompt *prompts;
	const struct str *templates; /* elements of resourceTemplates */
	/* Reads a URI and ends the call; false: not one of its own. NULL = none. */
	bool (*read)(struct mcp_call *c, struct str uri);
};

extern const struct mcp_extras mcp_extras;

static inline const struct mcp_extra_tool *mcp_extra_tool_find(struct str name)
{
	for (const struct mcp_extra_tool *const *t = mcp_extras.tools; t && *t; t++)
		for (const struct mcp_extra_tool *tool = *t; tool->name.p; tool++)
			if (str_eq(tool->name, name))
				return tool;
	return NULL;
}

static inline const struct mcp_extra_prompt *mcp_extra_prompt_find(struct str name)
{
	for (const struct mcp_extra_prompt *p = mcp_extras.prompts; p && p->name.p; p++)
		if (str_eq(p->name, name))
			return p;
	return NULL;
}
