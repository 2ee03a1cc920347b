/* SPDX-License-Identifier: Apache-2.0 */
/* Which tools a client is offered, and their entries as they are sent. The entries were serialised
 * at build time; older revisions get them without the fields they do not know. */
#include "server/mcp_toolset.h"

#include "server/mcp_extra.h"
#include "verbs/authority.h"

/* Clients that load tools on demand are asked to have these at hand from the start. */
#define ALWAYS_LOAD ",\"_meta\":{\"anthropic/alwaysLoad\":true}}"
static const struct str hubs[] = {
	STR("system.info"),  STR("quests.list"), STR("quests.get"),   STR("quests.create"),
	STR("quests.claim"), STR("agents.list"), STR("ideas.search"), STR("verbs.search"),
};

#define CALLER_SCHEMA                                                                            \
	"\"inputSchema\":{\"type\":\"object\",\"properties\":{\"method\":{\"type\":\"string\","  \
	"\"maxLength\":40,\"description\":\"the verb, e.g. quests.list\"},\"params\":{\"type\":" \
	"\"object\",\"description\":\"its parameters, as verbs_describe shows them\"}},"         \
	"\"required\":[\"method\"],\"additionalProperties\":false}"

static const struct mcp_caller callers[] = {
	{ STR("verbs_read"),
	  STR("{\"name\":\"verbs_read\",\"title\":\"Call a verb that only "
	      "reads\",\"description\":\"Use this to "
	      "call any verb that changes nothing; verbs_search finds it, verbs_describe shows its "
	      "parameters.\"," CALLER_SCHEMA
	      ",\"annotations\":{\"readOnlyHint\":true,\"destructiveHint\":false,"
	      "\"idempotentHint\":true,\"openWorldHint\":false}}"),
	  true, false },
	{ STR("verbs_write"),
	  STR("{\"name\":\"verbs_write\",\"title\":\"Call a verb that changes "
	      "something\",\"description\":\"Use "
	      "this to call any verb that creates or changes and can be undone; verbs_search finds "
	      "it, "
	      "verbs_describe shows its parameters.\"," CALLER_SCHEMA
	      ",\"annotations\":{\"readOnlyHint\":false,"
	      "\"destructiveHint\":false,\"idempotentHint\":false,\"openWorldHint\":false}}"),
	  false, false },
	{ STR("verbs_destroy"),
	  STR("{\"name\":\"verbs_destroy\",\"title\":\"Call a verb that cannot be "
	      "undone\",\"description\":\"Use "
	      "this to call any verb that removes something for good; it asks for confirm: true in "
	      "params."
	      "\"," CALLER_SCHEMA
	      ",\"annotations\":{\"readOnlyHint\":false,\"destructiveHint\":true,"
	      "\"idempotentHint\":false,\"openWorldHint\":false}}"),
	  false, true },
};

struct mcp_toolset mcp_toolset_of(const struct channel *ch)
{
	const struct options *o = &ch->server->options;

	return (struct mcp_toolset){
		.list = ch->toolsets,
		.option = o->toolsets,
		.who = &ch->principal,
		.is_read_only = ch->is_read_only || o->read_only_tools,
	};
}

static bool is_default(const struct mcp_toolset *t)
{
	return !t->list.p && !t->option.n;
}

/* The i-th name of the list; false behind the last. */
static bool name_at(const struct mcp_toolset *t, size_t i, struct str *out)
{
	struct str rest = t->list;

	if (!rest.p && i < t->option.n) {
		*out = t->option.v[i];
		return true;
	}
	while (rest.p) {
		*out = str_trim(str_cut(&rest, ','));
		if (!i--)
			return true;
	}
	return false;
}

static bool names(const struct mcp_toolset *t, struct str name)
{
	struct str at;

	for (size_t i = 0; name_at(t, i, &at); i++)
		if (str_eq(at, name))
			return true;
	return false;
}

static bool is_toolset(struct str name)
{
	if (str_eq(name, STR("all")) || str_eq(name, STR("search")) || str_eq(name, STR("default")))
		return true;
	for (size_t i = 0; i < VERB_MAX; i++)
		if (verb_table[i].mcp != VERB_MCP_NO && str_eq(verb_table[i].toolset, name))
			return true;
	return false;
}

struct str mcp_toolset_unknown(const struct mcp_toolset *t)
{
	struct str name;

	for (size_t i = 0; name_at(t, i, &name); i++)
		if (!is_toolset(name))
			return name;
	return STR_NONE;
}

struct str_list mcp_toolset_names(struct arena *a)
{
	static const struct str profiles[] = { STR("default"), STR("all"), STR("search") };
	struct str_list out = { ARENA_ARRAY(a, ARRAY_LEN(profiles) + VERB_MAX, struct str), 0 };

	if (!out.v)
		return out;
	for (size_t i = 0; i < ARRAY_LEN(profiles); i++)
		out.v[out.n++] = profiles[i];
	for (size_t i = 0; i < VERB_MAX; i++) {
		bool is_new = verb_table[i].mcp != VERB_MCP_NO;

		for (size_t j = 0; is_new && j < out.n; j++)
			is_new = !str_eq(out.v[j], verb_table[i].toolset);
		if (is_new)
			out.v[out.n++] = verb_table[i].toolset;
	}
	return out;
}

static bool is_finder(const struct verb *v)
{
	return str_eq(v->name, STR("verbs.search")) || str_eq(v->name, STR("verbs.describe"));
}

static bool lists(const struct mcp_toolset *t, const struct verb *v)
{
	if (v->mcp == VERB_MCP_NO || (t->is_read_only && !v->is_read_only))
		return false;
	if (v->mcp == VERB_MCP_DEFAULT && (is_default(t) || names(t, STR("default"))))
		return true;
	return names(t, STR("all")) || names(t, v->toolset) ||
	       (names(t, STR("search")) && is_finder(v));
}

bool mcp_toolset_allows(const struct mcp_toolset *t, const struct verb *v)
{
	if (is_default(t))
		return v->mcp != VERB_MCP_NO && (!t->is_read_only || v->is_read_only);
	return lists(t, v);
}

const struct mcp_caller *mcp_caller_named(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(callers); i++)
		if (str_eq(callers[i].name, name))
			return &callers[i];
	return NULL;
}

const struct mcp_caller *mcp_caller_find(const struct mcp_toolset *t, struct str name)
{
	const struct mcp_caller *caller = mcp_caller_named(name);

	if (!caller || !names(t, STR("search")) || (t->is_read_only && !caller->is_read_only))
		return NULL;
	return caller;
}

bool mcp_caller_fits(const struct mcp_caller *caller, const struct verb *v)
{
	return v->mcp != VERB_MCP_NO && caller->is_read_only == v->is_read_only &&
	       caller->is_destructive == v->is_destructive;
}

bool mcp_toolset_reaches(const struct mcp_toolset *t, const struct verb *v)
{
	for (size_t i = 0; i < ARRAY_LEN(callers); i++)
		if (mcp_caller_find(t, callers[i].name) && mcp_caller_fits(&callers[i], v))
			return true;
	return mcp_toolset_allows(t, v);
}

/* ---- entries ---- */

static bool is_hub(const struct verb *v)
{
	for (size_t i = 0; i < ARRAY_LEN(hubs); i++)
		if (str_eq(hubs[i], v->name))
			return true;
	return false;
}

/* Without `title` (2025-06-18), before that without `annotations` (2025-03-26). */
static void put_old(struct mcp_call *c, struct str json, struct json_out *w)
{
	struct json v;

	if (json_parse(&c->arena, json, &v, NULL)) {
		c->out.failed = true; /* our own text: only memory can be short */
		return;
	}
	json_begin_object(w);
	for (uint32_t i = 0; i < v.n; i++) {
		const struct json_member *m = &v.members[i];

		if (str_eq(m->key, STR("title")) || str_eq(m->key, STR("_meta")) ||
		    (c->version < MCP_2025_03_26 && str_eq(m->key, STR("annotations"))))
			continue;
		json_key(w, m->key);
		json_raw(w, m->value.raw);
	}
	json_end_object(w);
}

static void put(struct mcp_call *c, struct str json, bool is_hub, struct json_out *w)
{
	struct str text = json;

	if (c->version < MCP_2025_06_18) {
		put_old(c, json, w);
		return;
	}
	if (is_hub)
		text = str_fmt(&c->arena, "%.*s" ALWAYS_LOAD, (int)json.n - 1, json.p);
	json_raw(w, text);
}

/* A tool that calls others is of use to who may call one of them. */
static bool may_use(const struct principal *p, const struct mcp_caller *caller)
{
	for (size_t i = 0; i < VERB_MAX; i++)
		if (mcp_caller_fits(caller, &verb_table[i]) && authority_has(p, &verb_table[i]))
			return true;
	return false;
}

void mcp_toolset_put(const struct mcp_toolset *t, struct mcp_call *c, struct json_out *w)
{
	for (const struct mcp_extra_tool *const *tables = mcp_extras.tools; tables && *tables;
	     tables++)
		for (const struct mcp_extra_tool *e = *tables; e->name.p; e++)
			if (e->json.p)
				put(c, e->json, false, w);
	for (size_t i = 0; i < VERB_MAX; i++)
		if (lists(t, &verb_table[i]) && authority_has(t->who, &verb_table[i]))
			put(c, verb_table[i].tool_json, is_hub(&verb_table[i]), w);
	for (size_t i = 0; i < ARRAY_LEN(callers); i++)
		if (mcp_caller_find(t, callers[i].name) && may_use(t->who, &callers[i]))
			put(c, callers[i].json, false, w);
}
