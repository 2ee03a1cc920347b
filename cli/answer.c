/* SPDX-License-Identifier: Apache-2.0 */
/* An error as a person reads it: the message, the wrong fields, what else belongs to it (the
 * circle, the open children, the states that are allowed), and what to do. */
#include "cli/answer.h"

#include "base/macros.h"
#include "cli/call.h"
#include "cli/print.h"
#include "cli/say.h"
#include "types.gen.h"
#include "verbs.gen.h"

#define ITEMS_MAX 12 /* of a list in a line */

static const struct error_info *error_info_of(int64_t code)
{
	for (int i = 1; i < ERROR_MAX; i++)
		if (error_table[i].code == code)
			return &error_table[i];
	return NULL;
}

static void say_faults(const struct json *data)
{
	const struct json *fields = json_get(data, STR("fields")),
			  *n_wrong = json_get(data, STR("n_wrong"));

	if (!fields || fields->type != JSON_ARRAY)
		return;
	for (uint32_t i = 0; i < fields->n; i++) {
		const struct json *f = &fields->items[i];
		struct str name = json_get_str(f, STR("field")),
			   expected = json_get_str(f, STR("expected"));
		struct str got = json_get_str(f, STR("got")),
			   near = json_get_str(f, STR("nearest"));

		say_note("  %.*s: expected %.*s%s%.*s%s%.*s%s", STR_ARG(name), STR_ARG(expected),
			 got.n ? ", got " : "", STR_ARG(got), near.n ? " (did you mean '" : "",
			 STR_ARG(near), near.n ? "'?)" : "");
	}
	if (n_wrong && n_wrong->type == JSON_INT && n_wrong->i > fields->n)
		say_note("  and %lld more", (long long)(n_wrong->i - fields->n));
}

/* "id q-3, subject x": one object in a line. */
static void put_flat(struct arena *a, const struct json *v, struct buf *out)
{
	struct print p = { .arena = a };

	for (uint32_t i = 0; v->type == JSON_OBJECT && i < v->n && i < ITEMS_MAX; i++) {
		buf_fmt(out, "%s%.*s ", i ? ", " : "", STR_ARG(v->members[i].key));
		buf_put_str(out, print_scalar(&p, &v->members[i].value, true));
	}
	if (v->type != JSON_OBJECT)
		buf_put_str(out, print_scalar(&p, v, true));
}

static void put_datum(struct arena *a, const struct json_member *m, struct buf *out)
{
	const struct json *v = &m->value;
	const char *between = str_eq(m->key, STR("cycle")) ? " -> " : ", ";

	if (v->type != JSON_ARRAY) {
		put_flat(a, v, out);
		return;
	}
	for (uint32_t i = 0; i < v->n && i < ITEMS_MAX; i++) {
		if (i)
			buf_put_str(out, v->items[i].type == JSON_OBJECT ? STR("; ")
									 : str_from(between));
		put_flat(a, &v->items[i], out);
	}
	if (v->n > ITEMS_MAX)
		buf_fmt(out, " and %u more", v->n - ITEMS_MAX);
}

/* What has a place of its own in what is said. */
static bool is_told_elsewhere(struct str key)
{
	static const char *const keys[] = { "code",   "hint",    "retryable", "retry_after_ms",
					    "fields", "n_wrong", "nearest",   "field" };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (str_eq(key, str_from(keys[i])))
			return true;
	return false;
}

static void say_data(struct cli *c, const struct json *data, struct str message)
{
	for (uint32_t i = 0; data && data->type == JSON_OBJECT && i < data->n; i++) {
		CLEANUP(buf_deinit) struct buf b;
		const struct json_member *m = &data->members[i];
		struct str key = str_dup(&c->arena, m->key);

		if (is_told_elsewhere(m->key) || !key.p)
			continue;
		buf_init(&b, 0);
		put_datum(&c->arena, m, &b);
		struct str text = buf_str(&b);

		for (size_t at = 0; at < key.n; at++)
			if (key.p[at] == '_')
				((char *)key.p)[at] = ' '; /* the arena's copy is ours */
		if (text.n && (m->value.type == JSON_INT || !str_contains(message, text)))
			say_note("  %.*s: %.*s", STR_ARG(key), STR_ARG(text));
	}
}

/* Of a command that is no verb, its own page: who typed it named no verb. */
static void say_help(const struct cli *c, struct str method)
{
	if (c->command && c->command->run != call_run)
		say_hint("questd help %s shows how", c->command->name);
	else
		say_hint("questd help %.*s shows all fields", STR_ARG(method));
}

static void say_what_to_do(const struct cli *c, const struct answer *a,
			   const struct error_info *info, const struct json *data)
{
	struct str hint = json_get_str(data, STR("hint")),
		   nearest = json_get_str(data, STR("nearest"));
	const struct json *again = json_get(data, STR("retry_after_ms"));

	if (again && again->type == JSON_INT)
		say_note("  again in: %lld ms", (long long)again->i);
	if (info == &error_table[ERROR_METHOD_NOT_FOUND] && !nearest.n)
		nearest = verb_nearest(a->method);
	if (info == &error_table[ERROR_CONFIRMATION_REQUIRED])
		say_hint("repeat it with --yes");
	else if (verb_find(a->method) && str_starts(hint, STR("verbs.describe ")))
		say_help(c, a->method);
	else if (nearest.n)
		say_hint("did you mean %.*s?", STR_ARG(nearest));
	else if (hint.n)
		say_hint("%.*s", STR_ARG(hint));
}

/* Whole, however long; for a terminal with nothing in it that it would obey. */
static void say_error_json(struct cli *c, const struct json *error)
{
	CLEANUP(buf_deinit) struct buf b;
	struct print p = print_for(c);

	buf_init(&b, 0);
	if (c->is_tty_err) {
		print_json(&p, error, &b);
	} else {
		buf_put_str(&b, error->raw);
		buf_put_char(&b, '\n');
	}
	say_ready_text(&b);
}

int answer_say_error(struct cli *c, const struct answer *a)
{
	const struct json *code = json_get(&a->error, STR("code"));
	const struct json *data = json_get(&a->error, STR("data"));
	const struct error_info *info = code && code->type == JSON_INT ? error_info_of(code->i)
								       : NULL;
	struct str name = json_get_str(data, STR("code")), field = json_get_str(data, STR("field"));
	struct str message = json_get_str(&a->error, STR("message"));

	if (c->globals.json) {
		say_error_json(c, &a->error);
		return info ? info->exit : EXIT_FAILED;
	}
	say_error("%.*s (%.*s)", STR_ARG(message), STR_ARG(name.n ? name : STR("error")));
	if (field.n && !json_get(data, STR("fields")))
		say_note("  field: %.*s", STR_ARG(field));
	say_faults(data);
	say_data(c, data, message);
	say_what_to_do(c, a, info, data);
	return info ? info->exit : EXIT_FAILED;
}
