/* SPDX-License-Identifier: Apache-2.0 */
/* questd://quest/ID, questd://idea/NAME, questd://agent/ID, questd://event/ID: which verb reads
 * one, and how an id or a name is written into one. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

struct mcp_kind {
	struct str name;           /* "quest" */
	struct str title;          /* "Quest" */
	struct str get;            /* "quests.get" */
	struct str list;           /* "quests.list"; NONE: not listed, never changes */
	struct str by_id, by_name; /* get's parameter for a UUID and for anything else */
	struct str what;           /* one sentence for a model */
	struct str created, gone;  /* kinds of events that change the list; NONE = never */
};

extern const struct mcp_kind mcp_kinds[];
extern const size_t mcp_n_kinds;

const struct mcp_kind *mcp_kind_find(struct str name);
/* The kind and the decoded id of a URI of ours; NULL when it is none. The id may lie in the arena.
 */
const struct mcp_kind *mcp_uri_parse(struct arena *a, struct str uri, struct str *out_id);
/* The kind that a verb reads one of; NULL when it does not. */
const struct mcp_kind *mcp_kind_read_by(struct str verb);
/* get's parameter for this id. */
struct str mcp_kind_parameter(const struct mcp_kind *kind, struct str id);
/* Percent-encodes what must be (RFC 3986 unreserved stays). NONE when memory is out. */
struct str mcp_uri_make(struct arena *a, const struct mcp_kind *kind, struct str id);
