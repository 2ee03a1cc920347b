/* SPDX-License-Identifier: Apache-2.0 */
/* The URIs of resources. Parsing is by prefix and percent-decoding only: what an id may be is the
 * verb's business. */
#include "server/mcp_uri.h"

#include "base/id.h"
#include "base/macros.h"

#define SCHEME STR("questd://")

const struct mcp_kind mcp_kinds[] = {
	{ STR("quest"), STR("Quest"), STR("quests.get"), STR("quests.list"), STR("id"), STR("id"),
	  STR("A unit of work: status, who has it, what it waits for, its outcome. ID: q-12 or the "
	      "UUID"),
	  STR("quest.created"), STR_NONE },
	{ STR("idea"), STR("Idea"), STR("ideas.get"), STR("ideas.list"), STR("id"), STR("name"),
	  STR("A piece of knowledge in Markdown. ID: the idea's name or its UUID"),
	  STR("idea.stored"), STR("idea.deleted") },
	{ STR("agent"), STR("Agent"), STR("agents.get"), STR("agents.list"), STR("id"), STR("id"),
	  STR("An agent: instructions, status, grants. ID: the agent's UUID or name"),
	  STR("agent.spawned"), STR("agent.erased") },
	{ STR("event"), STR("Event"), STR("events.poll"), STR_NONE, STR("since"), STR("since"),
	  STR("Something that happened, as it was recorded. ID: GENERATION.SEQ as events carry it"),
	  STR_NONE, STR_NONE },
};
const size_t mcp_n_kinds = ARRAY_LEN(mcp_kinds);

const struct mcp_kind *mcp_kind_find(struct str name)
{
	for (size_t i = 0; i < mcp_n_kinds; i++)
		if (str_eq(mcp_kinds[i].name, name))
			return &mcp_kinds[i];
	return NULL;
}

const struct mcp_kind *mcp_kind_read_by(struct str verb)
{
	for (size_t i = 0; i < mcp_n_kinds; i++)
		if (mcp_kinds[i].list.p && str_eq(mcp_kinds[i].get, verb))
			return &mcp_kinds[i];
	return NULL;
}

struct str mcp_kind_parameter(const struct mcp_kind *kind, struct str id)
{
	return id_is_valid(id) ? kind->by_id : kind->by_name;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* false: a broken escape, or what is no UTF-8. */
static bool decode(struct arena *a, struct str s, struct str *out)
{
	char *p;
	size_t n = 0;

	if (str_find(s, '%', 0) == s.n) {
		*out = s;
		return s.n > 0;
	}
	p = arena_alloc(a, s.n);
	if (!p)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		int high, low;

		if (s.p[i] != '%') {
			p[n++] = s.p[i];
			continue;
		}
		if (i + 2 >= s.n || (high = hex(s.p[i + 1])) < 0 || (low = hex(s.p[i + 2])) < 0)
			return false;
		p[n++] = (char)(high * 16 + low);
		i += 2;
	}
	*out = (struct str){ p, n };
	return n > 0 && str_is_utf8(*out);
}

const struct mcp_kind *mcp_uri_parse(struct arena *a, struct str uri, struct str *out_id)
{
	const struct mcp_kind *kind;
	struct str rest = uri;

	if (!str_starts(uri, SCHEME))
		return NULL;
	rest = str_slice(uri, SCHEME.n, uri.n);
	kind = mcp_kind_find(str_cut(&rest, '/'));
	if (!kind || !rest.p || str_find(rest, '/', 0) < rest.n || !decode(a, rest, out_id))
		return NULL;
	return kind;
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

struct str mcp_uri_make(struct arena *a, const struct mcp_kind *kind, struct str id)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t n = SCHEME.n + kind->name.n + 1;
	char *p = arena_alloc(a, n + id.n * 3);

	if (!p)
		return STR_NONE;
	memcpy(p, SCHEME.p, SCHEME.n);
	memcpy(p + SCHEME.n, kind->name.p, kind->name.n);
	p[n - 1] = '/';
	for (size_t i = 0; i < id.n; i++) {
		unsigned char c = (unsigned char)id.p[i];

		if (is_unreserved(id.p[i])) {
			p[n++] = id.p[i];
			continue;
		}
		p[n++] = '%';
		p[n++] = digits[c >> 4];
		p[n++] = digits[c & 15];
	}
	return (struct str){ p, n };
}
