/* SPDX-License-Identifier: Apache-2.0 */
/* prompts/…: the texts of server/prompts with the company's present state in them.
 *
 * A text is taken line by line. `{name}` is an argument; `{=field}` a field of the last object that
 * a verb gave; a line that names an argument which was not given is left out. A line that begins
 * with @ is a verb and its parameters: its result is shown in its place. */
#include "server/clean.h"
#include "server/mcp.h"
#include "server/mcp_extra.h"
#include "server/mcp_texts.h"

#define LIST_TTL_MS   300000
#define ARGUMENT_MAX  4000
#define PAYLOAD_SHOWN 200

struct writing {
	const struct mcp_prompt *prompt;
	const struct json *arguments;
	struct str rest;         /* of the text */
	const struct json *last; /* object */
	struct buf text;
};

/* ---- prompts/list ---- */

static void put_prompt(struct mcp_call *c, const struct mcp_prompt *p, struct json_out *w)
{
	json_begin_object(w);
	JSON_KV_STR(w, "name", p->name);
	if (c->version >= MCP_2025_06_18)
		JSON_KV_STR(w, "title", p->title);
	JSON_KV_STR(w, "description", p->description);
	json_key(w, STR("arguments"));
	json_begin_array(w);
	for (size_t i = 0; i < p->n_arguments; i++) {
		json_begin_object(w);
		JSON_KV_STR(w, "name", p->arguments[i].name);
		JSON_KV_STR(w, "description", p->arguments[i].description);
		JSON_KV_BOOL(w, "required", p->arguments[i].is_required);
		json_end_object(w);
	}
	json_end_array(w);
	json_end_object(w);
}

void mcp_prompts_list_start(struct mcp_call *c)
{
	struct json_out *w;

	if (c->params && json_get(c->params, STR("cursor"))) {
		mcp_fail(c, MCP_INVALID_PARAMS, "params.cursor is not one that this server gave");
		return;
	}
	w = mcp_result(c);
	json_key(w, STR("prompts"));
	json_begin_array(w);
	for (const struct mcp_extra_prompt *p = mcp_extras.prompts; p && p->name.p; p++)
		json_raw(w, p->json);
	for (size_t i = 0; i < mcp_n_prompts; i++)
		put_prompt(c, &mcp_prompts[i], w);
	json_end_array(w);
	mcp_put_cache(c, LIST_TTL_MS, false);
	mcp_result_end(c);
}

/* ---- results as text ---- */

static bool put_first(struct buf *b, const struct json *item, const char *before,
		      const struct str *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct str s = json_get_str(item, keys[i]);

		if (!s.n)
			continue;
		buf_put_str(b, str_from(before));
		buf_put_str(b, s);
		return true;
	}
	return false;
}

/* "- q-12: Mend the roof (pending, high, ana)" */
static void put_item(struct mcp_call *c, struct buf *b, const struct json *item)
{
	static const struct str names[] = { STR("short_id"), STR("name"), STR("kind"), STR("id") };
	static const struct str subjects[] = { STR("subject"), STR("excerpt"),
					       STR("instructions") };
	static const struct str notes[] = { STR("status"),     STR("priority"), STR("assignee"),
					    STR("blocked_by"), STR("due_at"),   STR("time") };
	const struct json *payload = json_get(item, STR("payload"));
	const char *before = " (";

	BUF_LIT(b, "- ");
	put_first(b, item, "", names, ARRAY_LEN(names));
	if (payload) { /* an event: what it says is better than its subject's id */
		buf_put_char(b, ' ');
		buf_put_str(b, clean_shown(c->server, &c->arena, payload->raw, PAYLOAD_SHOWN));
	} else {
		put_first(b, item, ": ", subjects, ARRAY_LEN(subjects));
	}
	for (size_t i = 0; i < ARRAY_LEN(notes); i++)
		if (put_first(b, item, before, &notes[i], 1))
			before = ", ";
	if (before[0] == ',')
		buf_put_char(b, ')');
	buf_put_char(b, '\n');
}

static void put_outcome(struct mcp_call *c, const struct json *v)
{
	struct writing *t = c->state;
	const struct json *items = json_get(v, STR("items"));

	if (!items || items->type != JSON_ARRAY) {
		BUF_LIT(&t->text, "```json\n");
		buf_put_str(&t->text, v->raw);
		BUF_LIT(&t->text, "\n```\n");
		t->last = v;
		return;
	}
	for (uint32_t i = 0; i < items->n; i++)
		put_item(c, &t->text, &items->items[i]);
	if (!items->n)
		BUF_LIT(&t->text, "(none)\n");
	else if (json_get(v, STR("next_cursor")))
		BUF_LIT(&t->text, "(and more)\n");
}

/* ---- lines ---- */

/* What {…} stands for; NONE when it is not there. *is_ours: it names an argument or a field. */
static struct str value_of(const struct writing *t, struct str name, bool *is_ours)
{
	*is_ours = true;
	if (str_starts(name, STR("=")))
		return t->last ? json_get_str(t->last, str_slice(name, 1, name.n)) : STR_NONE;
	for (size_t i = 0; i < t->prompt->n_arguments; i++)
		if (str_eq(t->prompt->arguments[i].name, name))
			return t->arguments ? json_get_str(t->arguments, name) : STR_NONE;
	*is_ours = false;
	return STR_NONE;
}

/* The line with its values put in; false: one of them is absent. */
static bool fill(const struct writing *t, struct str line, bool is_json, struct buf *b)
{
	while (line.n) {
		size_t open = str_find(line, '{', 0), close = str_find(line, '}', open);
		struct str name = str_slice(line, open + 1, close), value = STR_NONE;
		bool is_ours = false;

		if (close < line.n)
			value = value_of(t, name, &is_ours);
		if (is_ours && !value.n)
			return false;
		if (!is_ours) { /* the brace is text */
			buf_put_str(b, str_slice(line, 0, open + 1));
			line = str_slice(line, open + 1, line.n);
			continue;
		}
		buf_put_str(b, str_slice(line, 0, open));
		if (is_json) {
			size_t start = buf_len(b);

			json_put_quoted(b, value);
			if (b->failed)
				return false;
			/* The text has the quotes already. */
			memmove(b->p + b->head + start, b->p + b->head + start + 1,
				buf_len(b) - start - 2);
			buf_truncate(b, buf_len(b) - 2);
		} else {
			buf_put_str(b, value);
		}
		line = str_slice(line, close + 1, line.n);
	}
	return true;
}

static void next_line(struct mcp_call *c);

static void free_writing(struct mcp_call *c)
{
	buf_deinit(&((struct writing *)c->state)->text);
}

static void line_done(struct mcp_call *c, const struct mcp_outcome *o)
{
	const struct json *v = o->failure ? NULL : mcp_outcome_json(c, o);

	if (o->failure &&
	    (o->failure->code == ERROR_NOT_FOUND || o->failure->code == ERROR_INVALID_PARAMS)) {
		mcp_fail(c, MCP_INVALID_PARAMS, "%.*s", STR_ARG(o->failure->message));
	} else if (o->failure) {
		mcp_fail_verb(c, o);
	} else if (!v) {
		mcp_fail_memory(c);
	} else {
		put_outcome(c, v);
		next_line(c);
	}
}

/* `@quests.list {…}`, filled in; false: it is left out. */
static bool run_line(struct mcp_call *c, struct str line)
{
	struct writing *t = c->state;
	struct json *params = ARENA_NEW(&c->arena, struct json);
	struct str text = STR_NONE, verb = str_slice(line, 1, str_find(line, ' ', 0));
	struct buf b;

	buf_init(&b, 0);
	if (fill(t, str_slice(line, str_find(line, ' ', 0) + 1, line.n), true, &b))
		text = str_dup(&c->arena, buf_str(&b));
	buf_deinit(&b);
	if (!text.p || !params || json_parse(&c->arena, text, params, NULL))
		return false;
	mcp_verb(c, verb, params, line_done);
	return true;
}

static void finish(struct mcp_call *c)
{
	struct writing *t = c->state;
	struct json_out *w = mcp_result(c);

	JSON_KV_STR(w, "description", t->prompt->description);
	json_key(w, STR("messages"));
	json_begin_array(w);
	json_begin_object(w);
	JSON_KV_STR(w, "role", STR("user"));
	json_key(w, STR("content"));
	json_begin_object(w);
	JSON_KV_STR(w, "type", STR("text"));
	JSON_KV_STR(w, "text", str_trim(buf_str(&t->text)));
	json_end_object(w);
	json_end_object(w);
	json_end_array(w);
	w->buf->failed |= t->text.failed;
	mcp_result_end(c);
}

static void next_line(struct mcp_call *c)
{
	struct writing *t = c->state;

	while (t->rest.p) {
		struct str line = str_cut(&t->rest, '\n');
		size_t start = buf_len(&t->text);

		if (str_starts(line, STR("@"))) {
			if (run_line(c, line))
				return;
			continue;
		}
		if (fill(t, line, false, &t->text))
			buf_put_char(&t->text, '\n');
		else
			buf_truncate(&t->text, start);
	}
	finish(c);
}

/* ---- prompts/get ---- */

/* Each argument known, a string, not too long, and the required ones there. */
static bool check_arguments(struct mcp_call *c, const struct mcp_prompt *p,
			    const struct json *arguments)
{
	for (uint32_t i = 0; arguments && i < arguments->n; i++) {
		const struct json_member *m = &arguments->members[i];
		size_t j = 0;

		while (j < p->n_arguments && !str_eq(p->arguments[j].name, m->key))
			j++;
		if (j < p->n_arguments && m->value.type == JSON_STRING &&
		    m->value.s.n <= ARGUMENT_MAX)
			continue;
		mcp_fail(c, MCP_INVALID_PARAMS, "params.arguments.%.*s: %s",
			 STR_ARG(clean_shown(c->server, &c->arena, m->key, 64)),
			 j == p->n_arguments ? "this prompt has no such argument"
					     : "must be a string of at most 4000 bytes");
		return false;
	}
	for (size_t i = 0; i < p->n_arguments; i++) {
		if (!p->arguments[i].is_required ||
		    (arguments && json_get_str(arguments, p->arguments[i].name).n))
			continue;
		mcp_fail(c, MCP_INVALID_PARAMS, "params.arguments.%.*s is missing: %.*s",
			 STR_ARG(p->arguments[i].name), STR_ARG(p->arguments[i].description));
		return false;
	}
	return true;
}

static void start_writing(struct mcp_call *c, const struct mcp_prompt *p,
			  const struct json *arguments)
{
	struct writing *t;

	if (!check_arguments(c, p, arguments))
		return;
	t = ARENA_NEW(&c->arena, struct writing);
	if (!t) {
		mcp_fail_memory(c);
		return;
	}
	t->prompt = p;
	t->arguments = arguments;
	t->rest = p->text;
	buf_init(&t->text, 0);
	c->state = t;
	c->stop = free_writing;
	next_line(c);
}

void mcp_prompts_get_start(struct mcp_call *c)
{
	struct str name = c->params ? json_get_str(c->params, STR("name")) : STR_NONE;
	const struct json *arguments = c->params ? json_get(c->params, STR("arguments")) : NULL;
	const struct mcp_extra_prompt *extra;

	if (!name.p || (arguments && arguments->type != JSON_OBJECT)) {
		mcp_fail(c, MCP_INVALID_PARAMS,
			 name.p ? "params.arguments must be an object" : "params.name is missing");
		return;
	}
	extra = mcp_extra_prompt_find(name);
	if (extra) {
		extra->start(c, arguments);
		return;
	}
	for (size_t i = 0; i < mcp_n_prompts; i++) {
		if (str_eq(mcp_prompts[i].name, name)) {
			start_writing(c, &mcp_prompts[i], arguments);
			return;
		}
	}
	mcp_fail(c, MCP_INVALID_PARAMS, "no prompt '%.*s'; prompts/list names them",
		 STR_ARG(clean_shown(c->server, &c->arena, name, 128)));
}
