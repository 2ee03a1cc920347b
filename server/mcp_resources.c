/* SPDX-License-Identifier: Apache-2.0 */
/* resources/…: quests, ideas and agents as documents to attach or to follow, events by their id.
 * Each is read by its verb, so that who may read what is decided in one place. */
#include "server/mcp_extra.h"
#include "server/mcp_listen.h"
#include "server/mcp_skills.h"
#include "server/mcp_uri.h"

#define PAGE        50
#define LIST_TTL_MS 10000
#define READ_TTL_MS 5000

/* ---- resources/list: kind after kind, each by its verb's pages ---- */

struct listing {
	size_t kind; /* in mcp_kinds */
	struct str cursor;
};

static void list_next(struct mcp_call *c);

static void list_end(struct mcp_call *c, struct str next_cursor)
{
	json_end_array(&c->w);
	if (next_cursor.p)
		JSON_KV_STR(&c->w, "nextCursor", next_cursor);
	mcp_put_cache(c, LIST_TTL_MS, true);
	mcp_result_end(c);
}

void mcp_put_resource(struct mcp_call *c, const struct mcp_kind *kind, const struct json *item)
{
	struct str id = json_get_str(item, STR("id")),
		   short_id = json_get_str(item, STR("short_id"));
	struct str name = json_get_str(item, STR("name")),
		   subject = json_get_str(item, STR("subject"));
	struct str changed = json_get_str(item, STR("updated_at"));
	struct str excerpt = json_get_str(item, STR("excerpt"));
	struct json_out *w = &c->w;

	JSON_KV_STR(w, "uri", mcp_uri_make(&c->arena, kind, short_id.p ? short_id : id));
	JSON_KV_STR(w, "name", short_id.p ? short_id : name.p ? name : id);
	if (subject.p && c->version >= MCP_2025_06_18)
		JSON_KV_STR(w, "title", subject);
	if (excerpt.n || subject.n)
		JSON_KV_STR(w, "description", excerpt.n ? excerpt : subject);
	JSON_KV_STR(w, "mimeType",
		    str_eq(kind->name, STR("idea")) ? STR("text/markdown")
						    : STR("application/json"));
	if (changed.p && c->version >= MCP_2025_06_18) {
		json_key(w, STR("annotations"));
		json_begin_object(w);
		JSON_KV_STR(w, "lastModified", changed);
		json_end_object(w);
	}
}

static void listed(struct mcp_call *c, const struct mcp_outcome *o)
{
	struct listing *l = c->state;
	const struct mcp_kind *kind = &mcp_kinds[l->kind];
	const struct json *v = o->failure ? NULL : mcp_outcome_json(c, o), *items;
	struct str next;

	if (o->failure && o->failure->code == ERROR_CURSOR_INVALID) {
		mcp_fail(c, MCP_INVALID_PARAMS, "params.cursor is not one that this server gave");
		return;
	}
	if (o->failure) {
		mcp_fail_verb(c, o);
		return;
	}
	if (!v) {
		mcp_fail_memory(c);
		return;
	}
	items = json_get(v, STR("items"));
	for (uint32_t i = 0; items && items->type == JSON_ARRAY && i < items->n; i++) {
		json_begin_object(&c->w);
		mcp_put_resource(c, kind, &items->items[i]);
		json_end_object(&c->w);
	}
	next = json_get_str(v, STR("next_cursor"));
	if (next.n) {
		list_end(c, str_fmt(&c->arena, "%.*s:%.*s", STR_ARG(kind->name), STR_ARG(next)));
		return;
	}
	l->kind++;
	l->cursor = STR_NONE;
	list_next(c);
}

static void list_next(struct mcp_call *c)
{
	struct listing *l = c->state;
	struct mcp_params *p;

	while (l->kind < mcp_n_kinds && !mcp_kinds[l->kind].list.p)
		l->kind++;
	if (l->kind == mcp_n_kinds) {
		list_end(c, STR_NONE);
		return;
	}
	p = mcp_params_new(c);
	mcp_params_int(p, STR("limit"), PAGE);
	mcp_params_str(p, STR("cursor"), l->cursor);
	mcp_verb_with(c, mcp_kinds[l->kind].list, p, listed);
}

/* "quest:…"; false: not one of ours. */
static bool take_cursor(const struct mcp_call *c, struct listing *l)
{
	const struct json *v = c->params ? json_get(c->params, STR("cursor")) : NULL;
	const struct mcp_kind *kind;
	struct str rest;

	if (!v)
		return true;
	rest = v->type == JSON_STRING ? v->s : STR_NONE;
	kind = mcp_kind_find(str_cut(&rest, ':'));
	if (!kind || !kind->list.p || !rest.n)
		return false;
	l->kind = (size_t)(kind - mcp_kinds);
	l->cursor = rest;
	return true;
}

void mcp_resources_list_start(struct mcp_call *c)
{
	struct listing *l = ARENA_NEW(&c->arena, struct listing);

	if (!l) {
		mcp_fail_memory(c);
		return;
	}
	if (!take_cursor(c, l)) {
		mcp_fail(c, MCP_INVALID_PARAMS, "params.cursor is not one that this server gave");
		return;
	}
	c->state = l;
	mcp_result(c);
	json_key(&c->w, STR("resources"));
	json_begin_array(&c->w);
	if (!l->cursor.p) {
		for (const struct mcp_extra_resource *r = mcp_extras.resources; r && r->uri.p; r++)
			json_raw(&c->w, r->json);
		mcp_skills_put_resources(c, &c->w);
	}
	list_next(c);
}

void mcp_templates_list_start(struct mcp_call *c)
{
	struct json_out *w = mcp_result(c);

	json_key(w, STR("resourceTemplates"));
	json_begin_array(w);
	for (const struct str *t = mcp_extras.templates; t && t->p; t++)
		json_raw(w, *t);
	for (size_t i = 0; i < mcp_n_kinds; i++) {
		const struct mcp_kind *k = &mcp_kinds[i];

		json_begin_object(w);
		JSON_KV_STR(w, "uriTemplate",
			    str_fmt(&c->arena, "questd://%.*s/{id}", STR_ARG(k->name)));
		JSON_KV_STR(w, "name", k->name);
		if (c->version >= MCP_2025_06_18)
			JSON_KV_STR(w, "title", k->title);
		JSON_KV_STR(w, "description", k->what);
		JSON_KV_STR(w, "mimeType",
			    str_eq(k->name, STR("idea")) ? STR("text/markdown")
							 : STR("application/json"));
		json_end_object(w);
	}
	json_end_array(w);
	mcp_put_cache(c, LIST_TTL_MS, false);
	mcp_result_end(c);
}

/* ---- resources/read ---- */

static struct str uri_of(const struct mcp_call *c)
{
	return c->params ? json_get_str(c->params, STR("uri")) : STR_NONE;
}

static void fail_missing(struct mcp_call *c, struct str uri)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, 0);
	w = json_out(&b);
	json_begin_object(&w);
	JSON_KV_STR(&w, "uri", uri);
	JSON_KV_STR(&w, "code", STR("not_found"));
	JSON_KV_STR(&w, "hint",
		    STR("resources/list and resources/templates/list say what there is"));
	JSON_KV_BOOL(&w, "retryable", false);
	json_end_object(&w);
	mcp_fail_data(c, mcp_is_modern(c) ? MCP_INVALID_PARAMS : MCP_RESOURCE_NOT_FOUND,
		      STR("no such resource"),
		      b.failed ? STR_NONE : str_dup(&c->arena, buf_str(&b)));
	buf_deinit(&b);
}

static void answer_text(struct mcp_call *c, struct str uri, struct str mime, struct str text)
{
	struct json_out *w = mcp_result(c);

	json_key(w, STR("contents"));
	json_begin_array(w);
	json_begin_object(w);
	JSON_KV_STR(w, "uri", uri);
	JSON_KV_STR(w, "mimeType", mime);
	JSON_KV_STR(w, "text", text);
	json_end_object(w);
	json_end_array(w);
	mcp_put_cache(c, READ_TTL_MS, true);
	mcp_result_end(c);
}

/* events.poll gave the events behind the one before it: the first must be the one. */
static const struct json *first_event(const struct json *v, struct str id)
{
	const struct json *items = json_get(v, STR("items"));

	if (!items || items->type != JSON_ARRAY || !items->n ||
	    !str_eq(json_get_str(&items->items[0], STR("id")), id))
		return NULL;
	return &items->items[0];
}

static void read_done(struct mcp_call *c, const struct mcp_outcome *o)
{
	const struct mcp_kind *kind = c->state;
	const struct json *v = o->failure ? NULL : mcp_outcome_json(c, o);
	struct str uri = uri_of(c), id;

	if (o->failure && o->failure->code != ERROR_NOT_FOUND &&
	    o->failure->code != ERROR_INVALID_PARAMS && o->failure->code != ERROR_CURSOR_INVALID &&
	    o->failure->code != ERROR_CURSOR_EXPIRED) {
		mcp_fail_verb(c, o);
		return;
	}
	if (v && str_eq(kind->name, STR("event"))) {
		mcp_uri_parse(&c->arena, uri, &id);
		v = first_event(v, id);
	}
	if (!v)
		fail_missing(c, uri);
	else if (str_eq(kind->name, STR("idea")))
		answer_text(c, uri, STR("text/markdown"), json_get_str(v, STR("content")));
	else
		answer_text(c, uri, STR("application/json"), v->raw);
}

/* What events.poll must be told so that the event comes first; NONE: not an event's id. */
static struct str before_event(struct mcp_call *c, struct str id)
{
	size_t dot = str_find(id, '.', 0);
	int64_t seq;

	if (dot == id.n || !str_to_i64(str_slice(id, dot + 1, id.n), &seq) || seq < 1)
		return STR_NONE;
	return str_fmt(&c->arena, "%.*s.%lld", (int)dot, id.p, (long long)seq - 1);
}

void mcp_resources_read_start(struct mcp_call *c)
{
	struct str uri = uri_of(c), id = STR_NONE;
	const struct mcp_kind *kind;
	struct mcp_params *p;

	if (!uri.p) {
		mcp_fail(c, MCP_INVALID_PARAMS, "params.uri is missing");
		return;
	}
	if (mcp_skills_read(c, uri) || (mcp_extras.read && mcp_extras.read(c, uri)))
		return;
	kind = mcp_uri_parse(&c->arena, uri, &id);
	p = mcp_params_new(c);
	if (kind && str_eq(kind->name, STR("event"))) {
		id = before_event(c, id);
		mcp_params_int(p, STR("timeout_s"), 0);
		mcp_params_int(p, STR("limit"), 1);
	}
	if (!kind || !id.p) {
		fail_missing(c, uri);
		return;
	}
	mcp_params_str(p, mcp_kind_parameter(kind, id), id);
	c->state = (void *)(uintptr_t)kind;
	mcp_verb_with(c, kind->get, p, read_done);
}

/* ---- resources/subscribe, legacy ---- */

static bool watch(struct mcp_call *c, struct str uri, struct str id)
{
	if (!c->conn->watch)
		c->conn->watch = mcp_watch_new_legacy(c->conn, c->channel);
	return c->conn->watch && mcp_watch_add(c->conn->watch, uri, id);
}

static void subscribe_done(struct mcp_call *c, const struct mcp_outcome *o)
{
	const struct json *v = o->failure ? NULL : mcp_outcome_json(c, o);
	struct str id = v ? json_get_str(v, STR("id")) : STR_NONE;

	if (o->failure && o->failure->code != ERROR_NOT_FOUND &&
	    o->failure->code != ERROR_INVALID_PARAMS)
		mcp_fail_verb(c, o);
	else if (!id.n)
		fail_missing(c, uri_of(c));
	else if (!watch(c, uri_of(c), id))
		mcp_fail(c, error_table[ERROR_OVERLOADED].code,
			 "at most %d resources can be subscribed to", MCP_WATCHED_MAX);
	else
		mcp_result_empty(c);
}

static const struct mcp_extra_resource *extra(struct str uri)
{
	for (const struct mcp_extra_resource *r = mcp_extras.resources; r && r->uri.p; r++)
		if (str_eq(r->uri, uri))
			return r;
	return NULL;
}

void mcp_subscribe_start(struct mcp_call *c)
{
	struct str uri = uri_of(c), id;
	const struct mcp_kind *kind;
	struct mcp_params *p;

	if (!uri.p) {
		mcp_fail(c, MCP_INVALID_PARAMS, "params.uri is missing");
		return;
	}
	kind = mcp_uri_parse(&c->arena, uri, &id);
	if (extra(uri)) {
		mcp_result_empty(c);
	} else if (!kind || !kind->list.p) {
		fail_missing(c, uri);
	} else {
		p = mcp_params_new(c);
		mcp_params_str(p, mcp_kind_parameter(kind, id), id);
		mcp_verb_with(c, kind->get, p, subscribe_done);
	}
}

void mcp_unsubscribe_start(struct mcp_call *c)
{
	struct str uri = uri_of(c);

	if (!uri.p) {
		mcp_fail(c, MCP_INVALID_PARAMS, "params.uri is missing");
		return;
	}
	if (c->conn->watch)
		mcp_watch_remove(c->conn->watch, uri);
	mcp_result_empty(c);
}
