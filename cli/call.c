/* SPDX-License-Identifier: Apache-2.0 */
/* questd call. */
#include "cli/call.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "cli/input.h"
#include "cli/invoke.h"
#include "cli/say.h"
#include "cli/values.h"
#include "schemas/json_fault.h"
#include "verbs.gen.h"

/* Whole JSON, checked here: a line break in it would end the message. */
static int take_json(struct cli *c, const struct verb *verb, struct str text, bool is_input,
		     struct str *params)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	struct json_error why;
	struct json value;
	int e = json_parse(&c->arena, text, &value, &why);

	if (e < 0)
		return say_fault(e, NULL);
	if (e || value.type != JSON_OBJECT) {
		struct str fault = e ? json_fault_text(&c->arena, &why) : STR("");

		say_error("the parameters are no JSON object%s%.*s", e ? ": " : "", STR_ARG(fault));
		say_hint("write {\"key\": \"value\"}, or key=value words");
		return EXIT_USAGE;
	}
	if (!is_input && values_hold_secret(verb ? verb->params : NULL, &value))
		return say_secret_on_line();
	buf_init(&b, 0);
	struct json_out w = json_out(&b);

	json_value(&w, &value);
	*params = str_dup(&c->arena, buf_str(&b));
	return b.failed || !params->p ? say_fault(err_nomem(), NULL) : 0;
}

static int take_word(struct values *values, const char *word)
{
	struct str text = str_from(word), key = str_cut(&text, '=');
	bool is_json = key.n > 1 && key.p[key.n - 1] == ':';

	if (!text.p || key.n == 0) {
		say_error("'%s' is neither JSON nor key=value", word);
		return EXIT_USAGE;
	}
	if (is_json)
		key.n--;
	return values_take(values, key, text, is_json);
}

static int take_words(struct cli *c, const struct verb *verb, const struct args_spec *spec,
		      struct str *params)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	struct values *values = ARENA_NEW(&c->arena, struct values);

	if (!values)
		return say_fault(err_nomem(), NULL);
	*values = (struct values){ .arena = &c->arena,
				   .shape = verb ? verb->params : NULL,
				   .dashes = "",
				   .now_ms = clock_wall_ms(&(struct clock){ 0 }) };
	for (int i = 1; i < spec->n_words; i++) {
		int e = take_word(values, spec->words[i]);

		if (e)
			return e;
	}
	buf_init(&b, 0);
	values_write(values, &b);
	*params = str_dup(&c->arena, buf_str(&b));
	return b.failed || !params->p ? say_fault(err_nomem(), NULL) : 0;
}

int call_run(struct cli *c, struct args *a)
{
	struct args_spec spec = { .min_words = 1, .max_words = ARGS_WORDS_MAX };
	int e = args_parse(c, a, &spec);

	if (e)
		return e;
	struct str method = str_from(spec.words[0]), params = STR_NONE, text = STR_NONE;
	const struct verb *verb = verb_find(method);
	const char *first = spec.n_words > 1 ? spec.words[1] : "";

	if (spec.n_words == 2 && strcmp(first, "-") == 0) {
		e = input_read(c, &text);
		text = str_trim(text);
		if (!e && text.n > 0)
			e = take_json(c, verb, text, true, &params);
	} else if (spec.n_words == 2 && (first[0] == '{' || first[0] == '[')) {
		e = take_json(c, verb, str_from(first), false, &params);
	} else if (spec.n_words > 1) {
		e = take_words(c, verb, &spec, &params);
	}
	return e ? e : invoke(c, verb, method, params);
}
