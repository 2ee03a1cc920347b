/* SPDX-License-Identifier: Apache-2.0 */
/* Help for one verb. */
#include "cli/help_verb.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "base/json.h"
#include "cli/commands.h"
#include "schemas/shape.h"
#include "verbs.gen.h"

#define LINE_MAX_CHARS 96
#define FIELD_WIDTH    28

static void put_wrapped(struct buf *out, struct str text, size_t indent, size_t at)
{
	while (text.p) {
		struct str word = str_cut(&text, ' ');

		if (at > indent && at + word.n + 1 > LINE_MAX_CHARS) {
			buf_fmt(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (at > indent) {
			buf_put_char(out, ' ');
			at++;
		}
		buf_put_str(out, word);
		at += word.n;
	}
	buf_put_char(out, '\n');
}

static const char *value_name(const struct shape_field *f)
{
	switch ((enum shape_kind)f->kind) {
	case SHAPE_STRING:
		return f->format == SHAPE_ID ? "ID" : f->format == SHAPE_CURSOR ? "CURSOR" : "TEXT";
	case SHAPE_TIME:
		return "TIME";
	case SHAPE_INT:
		return "N";
	case SHAPE_NUMBER:
		return "NUMBER";
	case SHAPE_BOOL:
		return "";
	case SHAPE_ENUM:
		return "WORD";
	case SHAPE_STRINGS:
		return "TEXT,...";
	case SHAPE_ENUMS:
		return "WORD,...";
	case SHAPE_OBJECT:
	case SHAPE_OBJECTS:
	case SHAPE_RAW:
	case SHAPE_RAW_ANY:
		return "JSON";
	}
	return "";
}

/* What may be given, beyond the description. */
static void put_bounds(const struct shape_field *f, struct buf *out)
{
	if (f->kind == SHAPE_ENUM || f->kind == SHAPE_ENUMS) {
		BUF_LIT(out, " (");
		for (size_t i = 1; i < f->values->n; i++)
			buf_fmt(out, "%s%.*s", i > 1 ? "|" : "", STR_ARG(f->values->values[i]));
		BUF_LIT(out, ")");
	} else if (f->kind == SHAPE_INT) {
		buf_fmt(out, " (%" PRId64 "-%" PRId64 ")", f->min, f->max);
	} else if (f->kind == SHAPE_TIME) {
		BUF_LIT(out, " (2026-11-21T10:00:00Z, or +2h, +3d from now)");
	}
	if (f->default_value.type == JSON_STRING)
		buf_fmt(out, " [%.*s]", STR_ARG(f->default_value.s));
	else if (f->default_value.type != JSON_NONE && f->default_value.raw.n > 0)
		buf_fmt(out, " [%.*s]", STR_ARG(f->default_value.raw));
}

static void put_field(const char *before, const struct shape_field *f, struct buf *out)
{
	CLEANUP(buf_deinit) struct buf text;
	char left[128];
	const char *value = value_name(f);
	int n = snprintf(left, sizeof(left), "  --%s%s%.*s%s%s",
			 f->kind == SHAPE_BOOL ? "[no-]" : "", before, STR_ARG(f->name),
			 *value ? " " : "", value);

	buf_init(&text, 0);
	if (f->flags & SHAPE_REQUIRED)
		BUF_LIT(&text, "required: ");
	buf_put_str(&text, f->description);
	put_bounds(f, &text);
	buf_fmt(out, "%-*s", FIELD_WIDTH, left);
	if (n >= FIELD_WIDTH)
		buf_fmt(out, "\n%*s", FIELD_WIDTH, "");
	put_wrapped(out, str_trim(buf_str(&text)), FIELD_WIDTH, FIELD_WIDTH);
}

static bool has_flag(const struct shape *s)
{
	for (size_t i = 0; i < s->n_fields; i++)
		if (s->fields[i].kind == SHAPE_BOOL)
			return true;
	return false;
}

static void put_fields(const struct verb *v, struct buf *out)
{
	if (v->params->n_fields > 0)
		BUF_LIT(out, "\nFields:\n");
	for (size_t i = 0; i < v->params->n_fields; i++) {
		const struct shape_field *f = &v->params->fields[i];

		put_field("", f, out);
		if (f->kind != SHAPE_OBJECT)
			continue;
		char before[80];

		snprintf(before, sizeof(before), "%.*s.", STR_ARG(f->name));
		for (size_t j = 0; j < f->object->n_fields; j++)
			put_field(before, &f->object->fields[j], out);
	}
}

/* In single quotes where a shell would see more in it than a word. */
static void put_shell_word(struct buf *out, struct str s)
{
	bool is_plain = s.n > 0;

	for (size_t i = 0; i < s.n; i++)
		is_plain = is_plain &&
			   (strchr("-_.,:/@+=", s.p[i]) || (s.p[i] >= '0' && s.p[i] <= '9') ||
			    (s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z'));
	if (is_plain) {
		buf_put_str(out, s);
		return;
	}
	buf_put_char(out, '\'');
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\'')
			BUF_LIT(out, "'\\''");
		else
			buf_put_char(out, s.p[i]);
	buf_put_char(out, '\'');
}

/* An example may take an id from a call before it. */
static struct str example_text(const struct json *v)
{
	if (v->type != JSON_STRING)
		return v->raw;
	return v->s.n > 2 && v->s.p[0] == '$' && v->s.p[2] == '.' ? STR("ID") : v->s;
}

static void put_example_value(struct cli *c, const struct json *v, struct buf *out)
{
	struct str all = STR_NONE;
	bool is_list = v->type == JSON_ARRAY && v->n > 0;

	for (uint32_t i = 0; is_list && i < v->n; i++) {
		struct str one = example_text(&v->items[i]);

		is_list = v->items[i].type == JSON_STRING && str_find(one, ',', 0) == one.n;
		all = str_fmt(&c->arena, "%.*s%s%.*s", STR_ARG(all), i ? "," : "", STR_ARG(one));
	}
	put_shell_word(out, is_list ? all : example_text(v));
}

/* "quests create", "message_to": as it is typed. */
static void put_words(const struct verb *v, struct buf *out)
{
	struct str verb = v->name, noun = str_cut(&verb, '.');

	buf_put_str(out, noun);
	if (verb.p)
		buf_fmt(out, " %.*s", STR_ARG(verb));
}

static void put_example(struct cli *c, const struct verb *v, const struct verb_example *e,
			struct buf *out)
{
	struct json params;

	if (json_parse(&c->arena, e->params, &params, NULL)) {
		err_forget(); /* an example of how not to say it */
		return;
	}
	buf_fmt(out, "  # %.*s%s%.*s\n  questd ", STR_ARG(e->title), e->error.n ? ": answers " : "",
		STR_ARG(e->error));
	put_words(v, out);
	for (uint32_t i = 0; i < params.n; i++) {
		const struct json_member *m = &params.members[i];

		if (str_eq(m->key, STR("confirm"))) {
			BUF_LIT(out, " --yes");
			continue;
		}
		const struct shape_field *f = shape_find(v->params, m->key);
		bool is_flag = f && f->kind == SHAPE_BOOL && m->value.type == JSON_BOOL &&
			       m->value.b;

		buf_fmt(out, " --%.*s%s", STR_ARG(m->key), is_flag ? "" : "=");
		if (f && f->kind == SHAPE_RAW_ANY)
			put_shell_word(out, m->value.raw);
		else if (!is_flag)
			put_example_value(c, &m->value, out);
	}
	buf_put_char(out, '\n');
}

void help_put_verb(struct cli *c, const struct verb *v, struct buf *out)
{
	const struct shape_field *word = commands_word_field(v);

	buf_fmt(out, "%.*s: %.*s\n\nusage: questd ", STR_ARG(v->name), STR_ARG(v->summary));
	put_words(v, out);
	if (word)
		buf_fmt(out, " [%.*s]", STR_ARG(word->name));
	buf_fmt(out, " [--field value ...]\n       questd call %.*s '{...}'\n\n", STR_ARG(v->name));
	put_wrapped(out, v->description, 0, 0);
	put_fields(v, out);
	if (has_flag(v->params))
		BUF_LIT(out, "  (--[no-]field takes no word behind it: --field, --no-field or "
			     "--field=false.)\n");
	if (!v->is_read_only)
		BUF_LIT(out, "  ('--field -' takes a value from stdin; JSON's texts have double "
			     "quotes: '\"...\"'.)\n");
	if (v->n_errors > 0)
		BUF_LIT(out, "\nErrors:\n");
	for (size_t i = 0; i < v->n_errors; i++) {
		buf_fmt(out, "  %-26.*s", STR_ARG(error_table[v->errors[i].code].name));
		put_wrapped(out, v->errors[i].when, FIELD_WIDTH, FIELD_WIDTH);
	}
	if (v->n_examples > 0)
		BUF_LIT(out, "\nExamples:\n");
	for (size_t i = 0; i < v->n_examples; i++)
		put_example(c, v, &v->examples[i], out);
}
