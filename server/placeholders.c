/* SPDX-License-Identifier: Apache-2.0 */
/* The value is written anew with what stands for its places, and parsed again: what keeps its
 * source text (raw fields) then holds it too. */
#include "server/placeholders.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/template.h"

#define TEXT_MAX ((size_t)1024 * 1024)

bool placeholders_are_in(const struct json *v)
{
	if (v->type == JSON_STRING)
		return template_is(v->s);
	for (uint32_t i = 0; v->type == JSON_ARRAY && i < v->n; i++)
		if (placeholders_are_in(&v->items[i]))
			return true;
	for (uint32_t i = 0; v->type == JSON_OBJECT && i < v->n; i++)
		if (placeholders_are_in(&v->members[i].value))
			return true;
	return false;
}

static int bad(struct placeholders *p, struct str what, const char *why)
{
	p->bad = what;
	p->why = why;
	return PLACEHOLDERS_BAD;
}

/* ---- looking up ---- */

static const struct json *root_of(const struct placeholders *p, struct str name)
{
	for (size_t i = 0; i < p->n_roots; i++)
		if (str_eq(p->roots[i].name, name))
			return p->roots[i].value;
	return NULL;
}

static int look_up(struct placeholders *p, struct str path, const struct json **out)
{
	struct str rest = path, root = str_cut(&rest, '.');
	const struct json *v = json_at(root_of(p, root), rest);

	if (!v)
		return bad(p, path, "leads to nothing");
	*out = v;
	return 0;
}

/* ---- writing ---- */

static int put_in_text(struct placeholders *p, struct str path, struct buf *text)
{
	const struct json *v;
	int e = look_up(p, path, &v);

	if (e)
		return e;
	if (v->type == JSON_NULL)
		return bad(p, path, "leads to null, which is no text");
	buf_put_str(text, v->type == JSON_STRING ? v->s : v->raw);
	return 0;
}

static int put_text(struct placeholders *p, struct str s, struct json_out *w)
{
	CLEANUP(buf_deinit) struct buf text;
	struct template_part part;
	int e = 0, kind;

	buf_init(&text, TEXT_MAX);
	while (!e && (kind = template_next(&s, &part))) {
		if (kind == TEMPLATE_TEXT)
			buf_put_str(&text, part.text);
		else if (kind == TEMPLATE_PATH)
			e = put_in_text(p, part.text, &text);
		else
			e = bad(p, part.text, part.why);
	}
	if (e)
		return e;
	json_str(w, buf_str(&text));
	w->buf->failed |= text.failed;
	w->buf->is_over |= text.is_over;
	return 0;
}

static int put_string(struct placeholders *p, struct str s, struct json_out *w)
{
	const struct json *v;
	struct str path;
	int e;

	if (!template_is_one(s, &path))
		return put_text(p, s, w);
	e = look_up(p, path, &v);
	if (!e)
		json_raw(w, v->raw);
	return e;
}

static int put(struct placeholders *p, const struct json *v, struct json_out *w)
{
	int e = 0;

	if (!placeholders_are_in(v)) {
		json_raw(w, v->raw);
		return 0;
	}
	if (v->type == JSON_STRING)
		return put_string(p, v->s, w);
	if (v->type == JSON_ARRAY) {
		json_begin_array(w);
		for (uint32_t i = 0; i < v->n && !e; i++)
			e = put(p, &v->items[i], w);
		if (!e)
			json_end_array(w);
		return e;
	}
	json_begin_object(w);
	for (uint32_t i = 0; i < v->n && !e; i++) {
		json_key(w, v->members[i].key);
		e = put(p, &v->members[i].value, w);
		if (e)
			p->param = v->members[i].key; /* the outermost says it last */
	}
	if (!e)
		json_end_object(w);
	return e;
}

int placeholders_fill(struct placeholders *p, const struct json *value, const struct json **out)
{
	CLEANUP(buf_deinit) struct buf text;
	struct json_out w;
	struct json *root;
	struct str copy;
	int e;

	buf_init(&text, TEXT_MAX);
	*out = value;
	if (!placeholders_are_in(value))
		return 0;
	w = json_out(&text);
	e = put(p, value, &w);
	if (e)
		return e;
	if (text.is_over)
		return bad(p, STR("{{…}}"), "makes more than a megabyte");
	root = ARENA_NEW(p->arena, struct json);
	copy = text.failed ? STR_NONE : str_dup(p->arena, buf_str(&text));
	if (!root || !copy.p)
		return err_nomem();
	e = json_parse(p->arena, copy, root, NULL);
	if (e > 0)
		return bad(p, STR("{{…}}"), "makes values too deep or too many");
	*out = root;
	return err_trace(e);
}

/* ---- checking ---- */

static int check_text(struct placeholders *p, struct str s, placeholder_check_fn *check,
		      const void *data)
{
	struct template_part part;
	const char *why;
	int kind;

	while ((kind = template_next(&s, &part))) {
		if (kind == TEMPLATE_BAD)
			return bad(p, part.text, part.why);
		why = kind == TEMPLATE_PATH ? check(data, part.text) : NULL;
		if (why)
			return bad(p, part.text, why);
	}
	return 0;
}

int placeholders_check(struct placeholders *p, const struct json *v, placeholder_check_fn *check,
		       const void *data)
{
	int e = v->type == JSON_STRING ? check_text(p, v->s, check, data) : 0;

	for (uint32_t i = 0; !e && v->type == JSON_ARRAY && i < v->n; i++)
		e = placeholders_check(p, &v->items[i], check, data);
	for (uint32_t i = 0; !e && v->type == JSON_OBJECT && i < v->n; i++) {
		e = placeholders_check(p, &v->members[i].value, check, data);
		if (e)
			p->param = v->members[i].key;
	}
	return e;
}
