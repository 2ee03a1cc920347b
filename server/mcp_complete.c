/* SPDX-License-Identifier: Apache-2.0 */
/* completion/complete: ids and names of what there is, for the arguments of prompts and the
 * variables of resource templates. The newest page of the kind is looked through: what the user
 * means is mostly recent, and the work stays bounded. */
#include "server/clean.h"
#include "server/mcp.h"
#include "server/mcp_extra.h"
#include "server/mcp_texts.h"
#include "server/mcp_uri.h"

#define LOOKED_AT  200
#define VALUES_MAX 100

struct completing {
	struct str kind, value;
};

static void answer_none(struct mcp_call *c)
{
	struct json_out *w = mcp_result(c);

	json_key(w, STR("completion"));
	json_raw(w, STR("{\"values\":[],\"total\":0,\"hasMore\":false}"));
	mcp_result_end(c);
}

/* How the item is named in an id argument, when that begins with (or is named like) what was typed.
 */
static struct str match(const struct json *item, struct str typed)
{
	struct str short_id = json_get_str(item, STR("short_id")),
		   name = json_get_str(item, STR("name"));
	struct str id = json_get_str(item, STR("id")), subject = json_get_str(item, STR("subject"));

	if (short_id.n)
		return str_starts(short_id, typed) || str_starts(id, typed) ||
			       str_contains(subject, typed)
			   ? short_id
			   : STR_NONE;
	if (name.n)
		return str_contains(name, typed) ? name : str_starts(id, typed) ? id : STR_NONE;
	return str_starts(id, typed) ? id : STR_NONE;
}

static void completed(struct mcp_call *c, const struct mcp_outcome *o)
{
	const struct completing *t = c->state;
	const struct json *v = o->failure ? NULL : mcp_outcome_json(c, o), *items;
	bool has_more;
	int64_t n = 0;
	struct json_out *w;

	if (o->failure) {
		mcp_fail_verb(c, o);
		return;
	}
	items = v ? json_get(v, STR("items")) : NULL;
	if (!items || items->type != JSON_ARRAY) {
		mcp_fail_memory(c);
		return;
	}
	has_more = json_get(v, STR("next_cursor")) != NULL;
	w = mcp_result(c);
	json_key(w, STR("completion"));
	json_begin_object(w);
	json_key(w, STR("values"));
	json_begin_array(w);
	for (uint32_t i = 0; i < items->n; i++) {
		struct str s = match(&items->items[i], t->value);

		if (s.p && n++ < VALUES_MAX)
			json_str(w, s);
	}
	json_end_array(w);
	if (!has_more)
		JSON_KV_INT(w, "total", n);
	JSON_KV_BOOL(w, "hasMore", has_more || n > VALUES_MAX);
	json_end_object(w);
	mcp_result_end(c);
}

/* What a prompt's argument means: its name says so. false: there is no such prompt or argument. */
static bool find_prompt(struct str name, struct str argument, struct str *kind)
{
	*kind = argument;
	if (mcp_extra_prompt_find(name))
		return true;
	for (size_t i = 0; i < mcp_n_prompts; i++) {
		if (!str_eq(mcp_prompts[i].name, name))
			continue;
		for (size_t j = 0; j < mcp_prompts[i].n_arguments; j++)
			if (str_eq(mcp_prompts[i].arguments[j].name, argument))
				return true;
	}
	return false;
}

/* questd://quest/{id}, or a URI of that kind. */
static bool find_template(struct mcp_call *c, struct str uri, struct str argument, struct str *kind)
{
	struct str id;
	const struct mcp_kind *k = mcp_uri_parse(&c->arena, uri, &id);

	if (k)
		*kind = k->name;
	if (k || !mcp_extras.templates)
		return k && str_eq(argument, STR("id"));
	*kind = STR_NONE;
	return true;
}

static void look_up(struct mcp_call *c, struct str kind_name, struct str value)
{
	const struct mcp_kind *kind = mcp_kind_find(kind_name);
	struct completing *t = ARENA_NEW(&c->arena, struct completing);
	struct mcp_params *p;

	/* Free text, and events (their ids are not typed), have nothing to offer. */
	if (!kind || !kind->list.p) {
		answer_none(c);
		return;
	}
	if (!t) {
		mcp_fail_memory(c);
		return;
	}
	*t = (struct completing){ kind_name, value };
	c->state = t;
	p = mcp_params_new(c);
	mcp_params_int(p, STR("limit"), LOOKED_AT);
	mcp_verb_with(c, kind->list, p, completed);
}

void mcp_complete_start(struct mcp_call *c)
{
	const struct json *ref = c->params ? json_get(c->params, STR("ref")) : NULL;
	const struct json *argument = c->params ? json_get(c->params, STR("argument")) : NULL;
	struct str type = ref ? json_get_str(ref, STR("type")) : STR_NONE;
	struct str name = argument ? json_get_str(argument, STR("name")) : STR_NONE;
	struct str value = argument ? json_get_str(argument, STR("value")) : STR_NONE,
		   kind = STR_NONE;
	bool is_known;

	if (!name.p || !value.p) {
		mcp_fail(c, MCP_INVALID_PARAMS,
			 "params.argument must have name and value, both strings");
		return;
	}
	if (str_eq(type, STR("ref/prompt")))
		is_known = find_prompt(json_get_str(ref, STR("name")), name, &kind);
	else if (str_eq(type, STR("ref/resource")))
		is_known = find_template(c, json_get_str(ref, STR("uri")), name, &kind);
	else
		is_known = false;
	if (is_known)
		look_up(c, kind, value);
	else
		mcp_fail(c, MCP_INVALID_PARAMS,
			 "params.ref names no prompt or template with an argument '%.*s'",
			 STR_ARG(clean_shown(c->server, &c->arena, name, 64)));
}
