/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the command line. */
#include "cli/args.h"

#include <stdlib.h>

#include "cli/command.h"
#include "cli/say.h"

#define GLOBAL(field) offsetof(struct globals, field)

const struct args_option args_globals[] = {
	{ "data-dir", ARGS_TEXT, GLOBAL(data_dir), "DIR",
	  "where the store lies; default $XDG_DATA_HOME/questd" },
	{ "socket", ARGS_TEXT, GLOBAL(socket), "PATH",
	  "the server's Unix socket; default DIR/questd.sock" },
	{ "url", ARGS_TEXT, GLOBAL(url), "URL", "reach the server over http:// instead" },
	{ "token-file", ARGS_TEXT, GLOBAL(token_file), "FILE",
	  "token for --url (default DIR/token); key to call with" },
	{ "timeout", ARGS_TIME, GLOBAL(timeout_ms), "TIME", "give up after TIME: 10, 500ms, 2m" },
	{ "json", ARGS_FLAG, GLOBAL(json), NULL, "answer in JSON (always so in a pipe)" },
	{ "yes", ARGS_FLAG, GLOBAL(yes), NULL, "confirm what cannot be undone" },
	{ "no-input", ARGS_FLAG, GLOBAL(no_input), NULL, "never ask anything" },
};
const size_t args_n_globals = ARRAY_LEN(args_globals);

void args_next(struct args *a, struct arg *out)
{
	*out = (struct arg){ .kind = ARGS_END };
	if (a->at >= a->argc)
		return;
	out->text = a->argv[a->at++];
	out->kind = ARGS_WORD;
	if (a->is_only_words || out->text[0] != '-' || out->text[1] == '\0')
		return;
	if (strcmp(out->text, "--") == 0) {
		a->is_only_words = true;
		args_next(a, out);
		return;
	}
	const char *name = out->text + (out->text[1] == '-' ? 2 : 1);
	const char *equals = strchr(name, '=');

	out->kind = ARGS_OPTION;
	out->name = equals ? (struct str){ name, (size_t)(equals - name) } : str_from(name);
	out->value = equals ? equals + 1 : NULL;
}

const char *args_value(struct args *a, const struct arg *o)
{
	if (o->value)
		return o->value;
	if (a->at >= a->argc)
		return NULL;
	/* A value may begin with one dash (a negative number, "-" for stdin), not with two. */
	if (strncmp(a->argv[a->at], "--", 2) == 0)
		return NULL;
	return a->argv[a->at++];
}

bool args_name_is(struct str given, struct str known)
{
	if (given.n != known.n)
		return false;
	for (size_t i = 0; i < given.n; i++) {
		char g = given.p[i] == '_' ? '-' : given.p[i];
		char k = known.p[i] == '_' ? '-' : known.p[i];

		if (g != k)
			return false;
	}
	return true;
}

int64_t args_parse_time(const char *text)
{
	static const struct {
		const char *unit;
		double ms;
	} units[] = { { "", 1000 }, { "s", 1000 }, { "ms", 1 }, { "m", 60000 }, { "h", 3600000 } };
	size_t digits = strspn(text, "0123456789.");
	double value;

	if (!str_to_double((struct str){ text, digits }, &value))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (strcmp(text + digits, units[i].unit) == 0 && value * units[i].ms < 1e12)
			return (int64_t)(value * units[i].ms);
	return -1;
}

static int bad_value(const struct arg *o, const char *expected, const char *got)
{
	say_error("--%.*s needs %s%s%s%s", STR_ARG(o->name), expected, got ? ", not '" : "",
		  got ? got : "", got ? "'" : "");
	return ARGS_BAD;
}

static int take_value(const struct arg *o, const struct args_option *known, const char *value,
		      void *at)
{
	if (known->kind == ARGS_TEXT) {
		if (value[0] == '\0')
			return bad_value(o, "a value that is not empty", NULL);
		*(const char **)at = value;
	} else if (known->kind == ARGS_INT) {
		if (!str_to_i64(str_from(value), at))
			return bad_value(o, "a number", value);
	} else {
		int64_t ms = args_parse_time(value);

		if (ms <= 0)
			return bad_value(o, "a time such as 10, 500ms or 2m", value);
		*(int64_t *)at = ms;
	}
	return 0;
}

/* By its name, or `-x` by its first letter. */
static bool is_meant(const struct arg *o, const struct args_option *known)
{
	if (o->text[1] != '-' && o->name.n == 1)
		return o->name.p[0] == known->name[0];
	return args_name_is(o->name, str_from(known->name));
}

int args_take(struct args *a, const struct arg *o, const struct args_option *table, size_t n,
	      void *into)
{
	for (size_t i = 0; i < n; i++) {
		if (!is_meant(o, &table[i]))
			continue;
		void *at = (char *)into + table[i].offset;

		if (table[i].kind == ARGS_FLAG) {
			if (o->value)
				return bad_value(o, "no value", o->value);
			*(bool *)at = true;
			return 0;
		}
		const char *value = args_value(a, o);

		if (!value) {
			say_error("--%.*s needs a value (%s)", STR_ARG(o->name), table[i].value);
			return ARGS_BAD;
		}
		return take_value(o, &table[i], value, at);
	}
	return ARGS_UNKNOWN;
}

int args_take_global(struct cli *c, struct args *a, const struct arg *o)
{
	return args_take(a, o, args_globals, args_n_globals, &c->globals);
}

void args_say_unknown(struct cli *c, const struct arg *o, const struct args_known *known)
{
	size_t max = known->n_options + known->n_names + args_n_globals + 1, n = 0;
	struct str *names = ARENA_ARRAY(&c->arena, max, struct str), near = STR_NONE;

	for (size_t i = 0; names && i < known->n_options; i++)
		names[n++] = str_from(known->options[i].name);
	for (size_t i = 0; names && i < known->n_names; i++)
		names[n++] = known->names[i];
	for (size_t i = 0; names && i < args_n_globals; i++)
		names[n++] = str_from(args_globals[i].name);
	if (names) {
		names[n++] = STR("help");
		near = str_nearest(o->name, names, n);
	}
	say_error("unknown option '%s'", o->text);
	if (near.p)
		say_hint("did you mean --%.*s?", STR_ARG(near));
	else if (c->command)
		say_hint("'questd help %s' names all options", c->command->name);
}

static int say_words(const struct cli *c, const char *text)
{
	if (text)
		say_error("'%s' is one word too many", text);
	else
		say_error("'questd %s' needs more words", c->command->name);
	say_hint("usage: questd %s%s%s", c->command->name, c->command->synopsis[0] ? " " : "",
		 c->command->synopsis);
	return EXIT_USAGE;
}

int args_parse(struct cli *c, struct args *a, struct args_spec *spec)
{
	struct arg o;

	for (args_next(a, &o); o.kind != ARGS_END; args_next(a, &o)) {
		if (o.kind == ARGS_WORD) {
			if (spec->n_words >= MIN(spec->max_words, ARGS_WORDS_MAX))
				return say_words(c, o.text);
			spec->words[spec->n_words++] = o.text;
			continue;
		}
		int e = args_take(a, &o, spec->options, spec->n_options, spec->into);

		if (e == ARGS_UNKNOWN)
			e = args_take_global(c, a, &o);
		if (e == ARGS_UNKNOWN)
			args_say_unknown(c, &o,
					 &(struct args_known){ .options = spec->options,
							       .n_options = spec->n_options });
		if (e)
			return EXIT_USAGE;
	}
	return spec->n_words < spec->min_words ? say_words(c, NULL) : 0;
}
