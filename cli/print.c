/* SPDX-License-Identifier: Apache-2.0 */
/* Answers on stdout. */
#include "cli/print.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "cli/say.h"
#include "cli/width.h"

#define INDENT  2
#define KEY_MAX 20

static void put_indent(struct buf *out, size_t n)
{
	buf_fmt(out, "%*s", (int)n, "");
}

/* ---- keys and values ---- */

static bool is_table(const struct json *v)
{
	return v->type == JSON_ARRAY && v->n > 0 && v->items[0].type == JSON_OBJECT;
}

static void put_key(const struct print *p, struct str key, size_t width, size_t indent,
		    struct buf *out)
{
	struct str safe = width_safe(p->arena, key);
	size_t w = width_of(safe);

	put_indent(out, indent);
	if (p->has_color)
		BUF_LIT(out, "\033[1m");
	buf_put_str(out, safe);
	if (p->has_color)
		BUF_LIT(out, "\033[0m");
	put_indent(out, w < width ? width - w : 0);
}

/* Text of several lines: below its key, indented. */
static void put_block(const struct print *p, struct str text, size_t indent, struct buf *out)
{
	buf_put_char(out, '\n');
	while (text.p) {
		struct str line = str_cut(&text, '\n');

		if (!text.p && line.n == 0)
			break;
		put_indent(out, indent);
		buf_put_str(out, width_safe(p->arena, line));
		buf_put_char(out, '\n');
	}
}

static void put_object(const struct print *p, const struct json *o, size_t indent, struct buf *out);

static void put_nested(const struct print *p, const struct json *v, size_t indent, struct buf *out)
{
	CLEANUP(buf_deinit) struct buf table = { 0 };

	buf_put_char(out, '\n');
	if (v->type == JSON_OBJECT) {
		put_object(p, v, indent, out);
		return;
	}
	struct print narrow = *p;

	narrow.width = p->width > indent + 20 ? p->width - indent : 20;
	buf_init(&table, 0);
	print_table(&narrow, v, &table);
	for (struct str rest = buf_str(&table); rest.n > 0;) {
		put_indent(out, indent);
		buf_put_str(out, str_cut(&rest, '\n'));
		buf_put_char(out, '\n');
	}
}

static void put_member(const struct print *p, const struct json_member *m, size_t width,
		       size_t indent, struct buf *out)
{
	const struct json *v = &m->value;

	if (is_table(v) || (v->type == JSON_OBJECT && v->n > 0)) {
		put_key(p, m->key, 0, indent, out);
		put_nested(p, v, indent + INDENT, out);
		return;
	}
	struct str text = print_scalar(p, v, false);
	bool is_block = memchr(text.p, '\n', text.n) != NULL;

	put_key(p, m->key, is_block ? 0 : width + INDENT, indent, out);
	if (is_block) {
		put_block(p, text, indent + INDENT, out);
		return;
	}
	buf_put_str(out, width_safe(p->arena, text));
	buf_put_char(out, '\n');
}

static bool is_left_out(const struct json_member *m)
{
	return m->value.type == JSON_NULL ||
	       ((m->value.type == JSON_ARRAY || m->value.type == JSON_OBJECT) && m->value.n == 0);
}

static void put_object(const struct print *p, const struct json *o, size_t indent, struct buf *out)
{
	size_t width = 0;

	for (uint32_t i = 0; i < o->n; i++)
		if (!is_left_out(&o->members[i]))
			width = MAX(width, MIN(width_of(o->members[i].key), KEY_MAX));
	for (uint32_t i = 0; i < o->n; i++)
		if (!is_left_out(&o->members[i]) &&
		    !(indent == 0 && str_eq(o->members[i].key, STR("next"))))
			put_member(p, &o->members[i], width, indent, out);
}

/* {"items": […], "next_cursor"?, …}: the table, then what else there is. */
static void put_list(const struct print *p, const struct json *o, const struct json *items,
		     struct buf *out)
{
	if (items->n == 0)
		BUF_LIT(out, "nothing found\n");
	else if (is_table(items))
		print_table(p, items, out);
	else
		for (uint32_t i = 0; i < items->n; i++)
			buf_fmt(out, "%.*s\n",
				STR_ARG(width_safe(p->arena,
						   print_scalar(p, &items->items[i], false))));
	for (uint32_t i = 0; i < o->n; i++) {
		const struct json_member *m = &o->members[i];

		if (&m->value == items || is_left_out(m) || str_eq(m->key, STR("next")) ||
		    str_eq(m->value.raw, STR("false"))) /* "cut: no" below a list */
			continue;
		if (str_eq(m->key, STR("next_cursor"))) {
			buf_fmt(out, "more: --cursor %.*s\n",
				STR_ARG(width_safe(p->arena, m->value.s)));
			continue;
		}
		put_member(p, m, width_of(m->key), 0, out);
	}
}

void print_value(const struct print *p, const struct json *v, struct buf *out)
{
	const struct json *items = json_get(v, STR("items"));
	struct str next = json_get_str(v, STR("next"));

	if (v->type != JSON_OBJECT) {
		buf_put_str(out, width_safe(p->arena, print_scalar(p, v, false)));
		buf_put_char(out, '\n');
		return;
	}
	if (items && items->type == JSON_ARRAY)
		put_list(p, v, items, out);
	else
		put_object(p, v, 0, out);
	if (next.n)
		buf_fmt(out, "\nnext: %.*s\n", STR_ARG(width_safe(p->arena, next)));
}

/* ---- JSON ---- */

/* A string literal in which a terminal finds nothing to obey: what the log would escape becomes
 * \uXXXX, so that it stays JSON. */
static void put_json_text(struct str s, struct buf *out)
{
	buf_put_char(out, '"');
	for (size_t at = 0; at < s.n;) {
		uint32_t code = 0;
		size_t n = MAX(str_utf8_at(s, at, &code), 1);
		struct str one = str_slice(s, at, at + n);
		size_t end = at;
		char safe[16];
		size_t n_safe = log_escape_next(safe, s, &end);

		if (code == '"' || code == '\\')
			buf_fmt(out, "\\%c", (char)code);
		else if (code == '\n')
			BUF_LIT(out, "\\n");
		else if (code == '\t')
			BUF_LIT(out, "\\t");
		else if (str_eq((struct str){ safe, n_safe }, one))
			buf_put_str(out, one);
		else if (code > 0xffff)
			buf_fmt(out, "\\u%04x\\u%04x", 0xd7c0 + (code >> 10),
				0xdc00 + (code & 0x3ff));
		else
			buf_fmt(out, "\\u%04x", code);
		at += n;
	}
	buf_put_char(out, '"');
}

static void put_json(const struct json *v, size_t indent, struct buf *out)
{
	bool is_object = v->type == JSON_OBJECT;

	if (v->type == JSON_STRING) {
		put_json_text(v->s, out);
		return;
	}
	if ((!is_object && v->type != JSON_ARRAY) || v->n == 0) {
		buf_put_str(out, v->raw);
		return;
	}
	buf_put_char(out, is_object ? '{' : '[');
	for (uint32_t i = 0; i < v->n; i++) {
		buf_put_str(out, i ? STR(",\n") : STR("\n"));
		put_indent(out, indent + INDENT);
		if (is_object) {
			put_json_text(v->members[i].key, out);
			BUF_LIT(out, ": ");
		}
		put_json(is_object ? &v->members[i].value : &v->items[i], indent + INDENT, out);
	}
	buf_put_char(out, '\n');
	put_indent(out, indent);
	buf_put_char(out, is_object ? '}' : ']');
}

void print_json(const struct print *p, const struct json *v, struct buf *out)
{
	put_json(v, 0, out);
	buf_put_char(out, '\n');
}

/* ---- commands ---- */

struct print print_for(struct cli *c)
{
	return (struct print){
		.arena = &c->arena,
		.width = width_of_terminal(STDOUT_FILENO),
		.has_color = c->has_color_out,
		.now_ms = clock_wall_ms(&(struct clock){ 0 }),
	};
}

bool print_is_json(const struct cli *c)
{
	return c->globals.json || !c->is_tty_out;
}

int print_result(struct cli *c, struct str result)
{
	CLEANUP(buf_deinit) struct buf out;
	struct print p = print_for(c);
	struct json value;

	buf_init(&out, 0);
	if (!c->is_tty_out) {
		buf_put_str(&out, result);
		buf_put_char(&out, '\n');
		return say_out(&out);
	}
	if (json_parse(&c->arena, result, &value, NULL))
		return say_fault(err_nomem(), NULL);
	if (c->globals.json)
		print_json(&p, &value, &out);
	else
		print_value(&p, &value, &out);
	return say_out(&out);
}

int print_own(struct cli *c, struct buf *json)
{
	return json->failed ? say_fault(err_nomem(), NULL) : print_result(c, buf_str(json));
}
