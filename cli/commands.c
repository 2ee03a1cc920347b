/* SPDX-License-Identifier: Apache-2.0 */
/* The generated commands. */
#include "cli/commands.h"

#include "base/clock.h"
#include "base/err.h"
#include "cli/input.h"
#include "cli/invoke.h"
#include "cli/say.h"
#include "cli/values.h"
#include "schemas/shape.h"
#include "verbs.gen.h"

/* NONE of one that has none. */
static struct str noun_of(const struct verb *v)
{
	size_t dot = str_find(v->name, '.', 0);

	return dot < v->name.n ? str_slice(v->name, 0, dot) : STR_NONE;
}

static struct str verb_of(const struct verb *v)
{
	return str_slice(v->name, str_find(v->name, '.', 0) + 1, v->name.n);
}

bool commands_is_noun(struct str word)
{
	for (size_t i = 0; i < VERB_MAX; i++)
		if (word.n && str_eq(noun_of(&verb_table[i]), word))
			return true;
	return false;
}

const struct verb *commands_find_alone(struct str name)
{
	for (size_t i = 0; i < VERB_MAX; i++)
		if (!noun_of(&verb_table[i]).p && args_name_is(name, verb_table[i].name))
			return &verb_table[i];
	return NULL;
}

const struct verb *commands_find(struct str noun, struct str name)
{
	for (size_t i = 0; i < VERB_MAX; i++)
		if (str_eq(noun_of(&verb_table[i]), noun) &&
		    args_name_is(name, verb_of(&verb_table[i])))
			return &verb_table[i];
	return NULL;
}

const struct shape_field *commands_word_field(const struct verb *v)
{
	if (v->target_param.p)
		return shape_find(v->params, v->target_param);
	for (size_t i = 0; i < v->params->n_fields; i++)
		if (v->params->fields[i].flags & SHAPE_REQUIRED)
			return &v->params->fields[i];
	return shape_find(v->params, STR("id"));
}

int commands_say_no_verb(struct cli *c, struct str noun, const char *given)
{
	struct str names[VERB_MAX], all = STR_NONE;
	size_t n = 0;

	for (size_t i = 0; i < VERB_MAX; i++)
		if (str_eq(noun_of(&verb_table[i]), noun))
			names[n++] = verb_of(&verb_table[i]);
	for (size_t i = 0; i < n; i++)
		all = str_fmt(&c->arena, "%.*s%s%.*s", STR_ARG(all), i ? ", " : "",
			      STR_ARG(names[i]));
	if (!given) {
		say_error("'questd %.*s' needs a verb: %.*s", STR_ARG(noun), STR_ARG(all));
		return EXIT_USAGE;
	}
	struct str near = str_nearest(str_from(given), names, n);

	say_error("%.*s has no verb '%s'", STR_ARG(noun), given);
	if (near.p)
		say_hint("did you mean 'questd %.*s %.*s'?", STR_ARG(noun), STR_ARG(near));
	else
		say_hint("there are: %.*s", STR_ARG(all));
	return EXIT_USAGE;
}

/* --explain, --no-explain, --explain=false: a flag's next word is not its value. */
static int take_flag(struct values *values, const struct arg *o)
{
	return values_take(values, o->name, o->value ? str_from(o->value) : STR("true"), false);
}

/* `--content -`: the value is stdin, without its last line's end; `--content=-` is a dash. */
static int take_input(struct cli *c, struct values *values, struct str key)
{
	struct str text;
	int e;

	if (values->has_input) {
		say_error("--%.*s cannot have stdin, another field has it", STR_ARG(key));
		return EXIT_USAGE;
	}
	e = input_read(c, &text);
	if (e)
		return e;
	if (!str_is_utf8(text)) {
		say_error("stdin is no UTF-8 text");
		return EXIT_USAGE;
	}
	if (text.n && text.p[text.n - 1] == '\n')
		text.n--;
	values->has_input = values->is_input = true;
	e = values_take(values, key, text, false);
	values->is_input = false;
	return e;
}

enum { UNKNOWN_FIELD = -1 }; /* told; what else is wrong is still looked for */

static int say_unknown_field(struct cli *c, const struct verb *v, const struct arg *o)
{
	struct str *names = ARENA_ARRAY(&c->arena, v->params->n_fields + 1, struct str);
	struct str name = str_slice(o->name, 0, str_find(o->name, '.', 0));

	for (size_t i = 0; names && i < v->params->n_fields; i++)
		names[i] = v->params->fields[i].name;
	struct arg shown = *o;

	shown.name = name;
	args_say_unknown(c, &shown,
			 &(struct args_known){ .names = names,
					       .n_names = names ? v->params->n_fields : 0 });
	return UNKNOWN_FIELD;
}

static int take_option(struct cli *c, const struct verb *v, struct args *a, const struct arg *o,
		       struct values *values)
{
	const struct shape_field *f = values_field(v->params, o->name);
	struct arg positive = *o;

	if (!f && str_starts(o->name, STR("no-"))) {
		positive.name = str_slice(o->name, 3, o->name.n);
		positive.value = "false";
		f = values_field(v->params, positive.name);
		if (f && f->kind != SHAPE_BOOL)
			f = NULL;
	}
	if (f && f->kind == SHAPE_BOOL)
		return take_flag(values, &positive);
	if (!f) {
		int e = args_take_global(c, a, o);

		return e == ARGS_UNKNOWN ? say_unknown_field(c, v, o) : e ? EXIT_USAGE : 0;
	}
	const char *text = args_value(a, o);

	if (!text) {
		say_error("%s needs a value: %.*s", o->text, STR_ARG(f->description));
		return EXIT_USAGE;
	}
	if (!o->value && strcmp(text, "-") == 0)
		return take_input(c, values, o->name);
	return values_take(values, o->name, str_from(text), false);
}

/* `flag`: the yes-or-no field that it stands behind, or NONE. */
static int say_surplus(const struct verb *v, const struct arg *o, struct str flag)
{
	say_error("'%s' is one word too many", o->text);
	if (flag.p)
		say_hint("--%.*s takes no word behind it: --%.*s, --no-%.*s or --%.*s=false",
			 STR_ARG(flag), STR_ARG(flag), STR_ARG(flag), STR_ARG(flag));
	else
		say_hint("fields are given as --field value; 'questd help %.*s' shows all",
			 STR_ARG(v->name));
	return EXIT_USAGE;
}

/* The field's name when the option is a yes-or-no field without its value. */
static struct str flag_of(const struct verb *v, const struct arg *o)
{
	struct str name = str_starts(o->name, STR("no-")) && !values_field(v->params, o->name)
			      ? str_slice(o->name, 3, o->name.n)
			      : o->name;
	const struct shape_field *f = o->value ? NULL : values_field(v->params, name);

	return f && f->kind == SHAPE_BOOL ? name : STR_NONE;
}

static int take_all(struct cli *c, const struct verb *v, struct args *a, struct values *values)
{
	const struct shape_field *for_word = commands_word_field(v);
	bool is_list = for_word && for_word->kind == SHAPE_STRINGS;
	size_t n_words = 0, n_unknown = 0;
	bool is_value = false; /* the word behind an unknown field */
	struct str flag = STR_NONE;
	struct arg o;
	int e = 0;

	for (args_next(a, &o); !e && o.kind != ARGS_END; args_next(a, &o)) {
		if (o.kind == ARGS_OPTION) {
			e = take_option(c, v, a, &o, values);
			is_value = e == UNKNOWN_FIELD && !o.value;
			n_unknown += e == UNKNOWN_FIELD;
			e = e == UNKNOWN_FIELD ? 0 : e;
		} else if (TAKE(is_value, false)) {
			continue;
		} else if (for_word && (n_words++ == 0 || is_list)) {
			e = values_take(values, for_word->name, str_from(o.text), false);
		} else {
			e = say_surplus(v, &o, flag);
		}
		flag = o.kind == ARGS_OPTION ? flag_of(v, &o) : STR_NONE;
	}
	if (n_unknown && !e)
		say_note("  'questd help %.*s' shows all fields", STR_ARG(v->name));
	return n_unknown ? EXIT_USAGE : e;
}

int commands_run(struct cli *c, struct str noun, struct args *a)
{
	struct arg name;

	args_next(a, &name);
	const struct verb *v = name.kind == ARGS_WORD ? commands_find(noun, str_from(name.text))
						      : NULL;

	return v ? commands_run_verb(c, v, a) : commands_say_no_verb(c, noun, name.text);
}

int commands_run_verb(struct cli *c, const struct verb *v, struct args *a)
{
	CLEANUP(buf_deinit) struct buf b;
	struct values *values = ARENA_NEW(&c->arena, struct values);

	buf_init(&b, 0);
	if (!values)
		return say_fault(err_nomem(), NULL);
	*values = (struct values){ .arena = &c->arena,
				   .shape = v->params,
				   .dashes = "--",
				   .now_ms = clock_wall_ms(&(struct clock){ 0 }) };
	int e = take_all(c, v, a, values);

	if (e)
		return e;
	values_write(values, &b);
	return b.failed ? say_fault(err_nomem(), NULL) : invoke(c, v, v->name, buf_str(&b));
}
