/* SPDX-License-Identifier: Apache-2.0 */
/* Command line texts as typed JSON. */
#include "cli/values.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "cli/args.h"
#include "cli/exits.h"
#include "cli/say.h"
#include "verbs.gen.h"

static const struct shape_field *find_loose(const struct shape *shape, struct str name)
{
	for (size_t i = 0; shape && i < shape->n_fields; i++)
		if (args_name_is(name, shape->fields[i].name))
			return &shape->fields[i];
	return NULL;
}

static bool is_json_text(struct arena *a, struct str text)
{
	struct json value;
	int e = json_parse(a, text, &value, NULL);

	if (e < 0)
		err_forget();
	return e == 0;
}

const struct shape_field *values_field(const struct shape *shape, struct str key)
{
	struct str name = str_cut(&key, '.');
	const struct shape_field *f = find_loose(shape, name);

	if (!key.p)
		return f;
	return f && f->kind == SHAPE_OBJECT ? find_loose(f->object, key) : NULL;
}

static bool has_fields(const struct shape_field *f)
{
	return f->kind == SHAPE_OBJECT || f->kind == SHAPE_OBJECTS;
}

/* {"method": "keys.use", "params": …} and {"name": "keys_use", "arguments": …} */
static const struct shape *shape_of_call(const struct json *o, struct str member)
{
	bool is_tool = str_eq(member, STR("arguments"));
	struct str name = json_get_str(o, is_tool ? STR("name") : STR("method"));
	const struct verb *v = is_tool || str_eq(member, STR("params"))
				   ? verb_find(name.p ? name : STR(""))
				   : NULL;

	return v ? v->params : NULL;
}

static const struct shape *shape_of_member(const struct shape *shape, const struct json *o,
					   struct str member)
{
	const struct shape_field *f = find_loose(shape, member);

	return f && has_fields(f) ? f->object : shape_of_call(o, member);
}

/* As deep as JSON may be. */
bool values_hold_secret(const struct shape *shape, const struct json *value)
{
	for (uint32_t i = 0; value->type == JSON_ARRAY && i < value->n; i++)
		if (values_hold_secret(shape, &value->items[i]))
			return true;
	for (uint32_t i = 0; value->type == JSON_OBJECT && i < value->n; i++) {
		const struct json_member *m = &value->members[i];
		const struct shape_field *f = find_loose(shape, m->key);

		if ((f && f->flags & SHAPE_SECRET) ||
		    values_hold_secret(shape_of_member(shape, value, m->key), &m->value))
			return true;
	}
	return false;
}

static bool shows_secret(const struct values *values, const struct value *v)
{
	struct json value;

	if (v->leaf && v->leaf->flags & SHAPE_SECRET)
		return true;
	if (json_parse(values->arena, v->text, &value, NULL)) {
		err_forget();
		return false;
	}
	return values_hold_secret(v->leaf && has_fields(v->leaf) ? v->leaf->object : NULL, &value);
}

static bool needs_json(enum shape_kind kind)
{
	return kind == SHAPE_OBJECT || kind == SHAPE_OBJECTS || kind == SHAPE_RAW ||
	       kind == SHAPE_RAW_ANY;
}

static bool is_list(const struct value *v)
{
	return v->leaf && (v->leaf->kind == SHAPE_STRINGS || v->leaf->kind == SHAPE_ENUMS);
}

static bool is_same_place(const struct value *a, const struct value *b)
{
	return str_eq(a->name, b->name) && str_eq(a->part, b->part);
}

/* Is it all that its field gets? Not so an element of a list, but a JSON array. */
static bool is_whole(const struct values *values, const struct value *v)
{
	return !is_list(v) || v->is_json ||
	       (str_starts(v->text, STR("[")) && is_json_text(values->arena, v->text));
}

static bool is_twice(const struct values *values, const struct value *v)
{
	for (size_t i = 0; i < values->n; i++) {
		const struct value *other = &values->v[i];

		if (str_eq(other->name, v->name) && !other->part.p != !v->part.p)
			return true;
		if (is_same_place(other, v) && (is_whole(values, other) || is_whole(values, v)))
			return true;
	}
	return false;
}

int values_add(struct values *values, struct str key, struct str text, bool is_json)
{
	struct value v = { .text = text, .is_json = is_json };

	if (values->n == VALUES_MAX)
		return VALUES_TOO_MANY;
	v.leaf = values_field(values->shape, key);
	if (!values->is_input && shows_secret(values, &v))
		return VALUES_SECRET;
	v.name = str_cut(&key, '.');
	v.field = find_loose(values->shape, v.name);
	if (v.field)
		v.name = v.field->name;
	if (key.p)
		v.part = v.leaf ? v.leaf->name : key;
	if ((is_json || (v.leaf && needs_json((enum shape_kind)v.leaf->kind))) &&
	    !is_json_text(values->arena, text))
		return VALUES_NOT_JSON;
	if (is_twice(values, &v))
		return VALUES_TWICE;
	values->v[values->n++] = v;
	return 0;
}

static int say_not_json(const struct values *values, struct str key, struct str text)
{
	const struct shape_field *f = values_field(values->shape, key);
	struct str shown = str_utf8_prefix(text, 64);

	say_error("%s%.*s needs JSON, not '%.*s'", values->dashes, STR_ARG(key), STR_ARG(shown));
	if (f && f->kind == SHAPE_RAW_ANY)
		say_hint("a text is JSON in double quotes: '\"...\"'");
	return EXIT_USAGE;
}

int values_take(struct values *values, struct str key, struct str text, bool is_json)
{
	switch (values_add(values, key, text, is_json)) {
	case 0:
		return 0;
	case VALUES_TOO_MANY:
		say_error("more than %d parameters", VALUES_MAX);
		return EXIT_USAGE;
	case VALUES_SECRET:
		return say_secret_on_line();
	case VALUES_TWICE:
		say_error("%s%.*s is given twice", values->dashes, STR_ARG(key));
		return EXIT_USAGE;
	default:
		return say_not_json(values, key, text);
	}
}

static bool truth_of(struct str s, bool *out)
{
	static const struct str words[] = { { "true", 4 },  { "yes", 3 }, { "1", 1 },
					    { "false", 5 }, { "no", 2 },  { "0", 1 } };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq(s, words[i])) {
			*out = i < 3;
			return true;
		}
	return false;
}

/* "+2h", "+3d": so long from now. */
static bool time_of(const struct values *values, struct str s, int64_t *ms)
{
	char text[32];

	if (s.n < 2 || s.n >= sizeof(text) || s.p[0] != '+')
		return false;
	memcpy(text, s.p + 1, s.n - 1);
	text[s.n - 1] = '\0';
	int64_t days = 1;

	if (text[s.n - 2] == 'd') {
		text[s.n - 2] = 'h';
		days = 24;
	}
	int64_t away = args_parse_time(text);

	*ms = values->now_ms + away * days;
	return away >= 0;
}

/* On one line: a line's end in JSON is only ever between its parts. */
static void write_json(const struct values *values, struct str text, struct json_out *w)
{
	char *p = ARENA_ARRAY(values->arena, text.n, char);

	for (size_t i = 0; p && i < text.n; i++)
		p[i] = text.p[i] == '\n' ? ' ' : text.p[i];
	if (p)
		json_raw(w, (struct str){ p, text.n });
	else
		w->buf->failed = true;
}

static void write_element(const struct values *values, const struct value *v, struct str text,
			  struct json_out *w)
{
	int64_t i;
	double d;
	bool b;

	switch (v->leaf ? (enum shape_kind)v->leaf->kind : SHAPE_RAW_ANY) {
	case SHAPE_INT:
		if (str_to_i64(text, &i))
			json_int(w, i);
		else
			json_str(w, text);
		break;
	case SHAPE_NUMBER:
		if (str_to_double(text, &d))
			json_double(w, d);
		else
			json_str(w, text);
		break;
	case SHAPE_BOOL:
		if (truth_of(text, &b))
			json_bool(w, b);
		else
			json_str(w, text);
		break;
	case SHAPE_TIME:
		if (time_of(values, text, &i))
			json_time(w, i);
		else
			json_str(w, text);
		break;
	case SHAPE_OBJECT:
	case SHAPE_OBJECTS:
	case SHAPE_RAW:
	case SHAPE_RAW_ANY: /* and of what no schema knows, where a text is good too */
		if (is_json_text(values->arena, text))
			write_json(values, text, w);
		else
			json_str(w, text);
		break;
	case SHAPE_STRING:
	case SHAPE_ENUM:
	case SHAPE_STRINGS:
	case SHAPE_ENUMS:
		json_str(w, text);
		break;
	}
}

/* All that was given for one list: `--labels a,b --labels c`; a JSON array stands alone. */
static void write_list(const struct values *values, const struct value *first, struct json_out *w)
{
	if (is_whole(values, first)) {
		write_json(values, first->text, w);
		return;
	}
	json_begin_array(w);
	for (size_t i = 0; i < values->n; i++) {
		struct str rest = values->v[i].text;

		if (!is_same_place(&values->v[i], first))
			continue;
		while (rest.n > 0)
			write_element(values, first, str_trim(str_cut(&rest, ',')), w);
	}
	json_end_array(w);
}

static void write_value(const struct values *values, const struct value *v, struct json_out *w)
{
	if (v->is_json)
		write_json(values, v->text, w);
	else if (is_list(v))
		write_list(values, v, w);
	else
		write_element(values, v, v->text, w);
}

static bool is_first(const struct values *values, size_t at, bool with_part)
{
	for (size_t i = 0; i < at; i++)
		if (with_part ? is_same_place(&values->v[i], &values->v[at])
			      : str_eq(values->v[i].name, values->v[at].name))
			return false;
	return true;
}

static void write_parts(const struct values *values, struct str name, struct json_out *w)
{
	json_begin_object(w);
	for (size_t i = 0; i < values->n; i++) {
		const struct value *v = &values->v[i];

		if (!v->part.p || !str_eq(v->name, name) || !is_first(values, i, true))
			continue;
		json_key(w, v->part);
		write_value(values, v, w);
	}
	json_end_object(w);
}

void values_write(const struct values *values, struct buf *out)
{
	struct json_out w = json_out(out);

	json_begin_object(&w);
	for (size_t i = 0; i < values->n; i++) {
		const struct value *v = &values->v[i];

		if (!is_first(values, i, false))
			continue;
		json_key(&w, v->name);
		if (v->part.p)
			write_parts(values, v->name, &w);
		else
			write_value(values, v, &w);
	}
	json_end_object(&w);
}
