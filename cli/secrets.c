/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/secrets.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "cli/ask.h"
#include "cli/hidden.h"
#include "cli/input.h"
#include "cli/invoke.h"
#include "cli/say.h"
#include "schemas/shape_text.h"
#include "verbs.gen.h"

struct secrets_flags {
	const char *agent, *role, *provider, *kind;
};

const struct args_option secrets_options[] = {
	{ "agent", ARGS_TEXT, offsetof(struct secrets_flags, agent), "AGENT",
	  "for this agent alone, by id or name" },
	{ "role", ARGS_TEXT, offsetof(struct secrets_flags, role), "ROLE",
	  "for whoever sits in this role, by id or short id" },
	{ "provider", ARGS_TEXT, offsetof(struct secrets_flags, provider), "NAME",
	  "whose service it opens; known of OPENROUTER_API_KEY and its like" },
	{ "kind", ARGS_TEXT, offsetof(struct secrets_flags, kind), "KIND",
	  "api_key, token, password, private_key, setting (no secret), other" },
};
const size_t secrets_n_options = ARRAY_LEN(secrets_options);

static void put_flag(struct json_out *w, const char *key, const char *value)
{
	if (!value)
		return;
	json_key(w, str_from(key));
	json_str(w, str_from(value));
}

static void put_place(struct json_out *w, const char *name, const struct secrets_flags *f)
{
	JSON_KV_STR(w, "name", str_from(name));
	put_flag(w, "agent", f->agent);
	put_flag(w, "role", f->role);
	put_flag(w, "provider", f->provider);
}

static int call(struct cli *c, struct str method, struct buf *params)
{
	return invoke(c, verb_find(method), method, buf_str(params));
}

/* As credentials.ingest takes it: said before anybody types a value. */
static int check_name(const char *way, const char *name)
{
	const struct verb *verb = verb_find(STR("credentials.ingest"));
	const struct shape_field *f = shape_find(verb->params, STR("name"));
	struct str s = str_from(name);

	if (s.n <= (size_t)f->max && shape_text_is_valid(f->format, s))
		return 0;
	say_error("'%s' is no name of a secret", name);
	say_hint(
	    "questd secrets %s NAME, where NAME is 1 to %lld letters, digits, _ and -, such as "
	    "OPENROUTER_API_KEY",
	    way, (long long)f->max);
	return EXIT_USAGE;
}

/* ---- set ---- */

static int refuse_words(const char *name)
{
	say_error("a value on the command line can be read by every program on this machine");
	say_hint("type it: questd secrets set %s; or from a pipe: printf %%s \"$VALUE\" | questd "
		 "secrets set %s",
		 name, name);
	return EXIT_USAGE;
}

static int read_typed(struct cli *c, const char *name, struct buf *out)
{
	char prompt[128];

	if (c->globals.no_input) {
		say_error("no value: --no-input asks nothing");
		say_hint("from a pipe: printf %%s \"$VALUE\" | questd secrets set %s", name);
		return EXIT_USAGE;
	}
	snprintf(prompt, sizeof(prompt), "value of %.64s (it is not shown): ", name);
	return hidden_read(c, prompt, out);
}

/* A line's end is not part of what was piped. */
static int read_piped(struct cli *c, struct buf *out)
{
	struct str text;
	int e = input_read(c, &text);

	if (e)
		return e;
	text.n -= str_ends(text, STR("\n"));
	text.n -= str_ends(text, STR("\r"));
	buf_put_str(out, text);
	explicit_bzero((void *)text.p, text.n);
	return out->failed ? say_fault(err_nomem(), NULL) : 0;
}

static int set(struct cli *c, const char *name, const struct secrets_flags *f)
{
	CLEANUP(buf_deinit) struct buf params;
	CLEANUP(buf_deinit) struct buf value;
	struct json_out w = json_out(&params);
	int e;

	buf_init(&value, 0);
	buf_init(&params, 0);
	e = c->is_tty_in ? read_typed(c, name, &value) : read_piped(c, &value);
	if (e)
		return e;
	if (!buf_len(&value)) {
		say_error("the value is empty; nothing was kept");
		say_hint("questd secrets unset %s removes one", name);
		return EXIT_USAGE;
	}
	json_begin_object(&w);
	put_place(&w, name, f);
	put_flag(&w, "kind", f->kind);
	JSON_KV_STR(&w, "source", c->is_tty_in ? STR("terminal") : STR("pipe"));
	JSON_KV_STR(&w, "value", buf_str(&value));
	json_end_object(&w);
	e = call(c, STR("credentials.ingest"), &params);
	buf_wipe(&value);
	buf_wipe(&params);
	return e;
}

/* ---- the others ---- */

static int get(struct cli *c, const char *name, const struct secrets_flags *f)
{
	CLEANUP(buf_deinit) struct buf params;
	struct json_out w = json_out(&params);

	buf_init(&params, 0);
	json_begin_object(&w);
	put_place(&w, name, f);
	json_end_object(&w);
	return call(c, STR("credentials.lookup"), &params);
}

static int list(struct cli *c, const char *name, const struct secrets_flags *f)
{
	CLEANUP(buf_deinit) struct buf params;

	buf_init(&params, 0);
	BUF_LIT(&params, "{\"limit\":200}");
	return call(c, STR("credentials.list"), &params);
}

/* The one that was named, not a wider one that holds in its place. */
static int unset(struct cli *c, const char *name, const struct secrets_flags *f)
{
	CLEANUP(buf_deinit) struct buf params;
	struct json_out w = json_out(&params);
	struct str scope = f->agent ? STR("agent") : f->role ? STR("role") : STR("entity");
	struct json found;
	int e;

	buf_init(&params, 0);
	json_begin_object(&w);
	put_place(&w, name, f);
	json_end_object(&w);
	e = ask_object(c, STR("credentials.lookup"), buf_str(&params), &found);
	if (e)
		return e;
	if (!str_eq(json_get_str(&found, STR("scope")), scope)) {
		say_error("no credential '%s' of this %.*s: the %.*s's would hold", name,
			  STR_ARG(scope), STR_ARG(json_get_str(&found, STR("scope"))));
		return EXIT_NOT_FOUND;
	}
	buf_clear(&params);
	w = json_out(&params);
	json_begin_object(&w);
	JSON_KV_STR(&w, "id", json_get_str(&found, STR("id")));
	json_end_object(&w);
	return call(c, STR("credentials.delete"), &params);
}

static const struct {
	const char *word;
	int (*run)(struct cli *c, const char *name, const struct secrets_flags *f);
	bool has_name;
} ways[] = {
	{ "set", set, true },
	{ "get", get, true },
	{ "list", list, false },
	{ "unset", unset, true },
};

int secrets_run(struct cli *c, struct args *a)
{
	struct secrets_flags flags = { NULL };
	struct args_spec spec = { .options = secrets_options,
				  .n_options = secrets_n_options,
				  .into = &flags,
				  .min_words = 1,
				  .max_words = ARGS_WORDS_MAX };
	int e = args_parse(c, a, &spec);

	if (e)
		return e;
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		if (strcmp(spec.words[0], ways[i].word) != 0)
			continue;
		if (ways[i].has_name && spec.n_words > 1)
			e = check_name(ways[i].word, spec.words[1]);
		if (e)
			return e;
		if (ways[i].run == set && spec.n_words > 2)
			return refuse_words(spec.words[1]);
		if (spec.n_words == 1 + ways[i].has_name)
			return ways[i].run(c, ways[i].has_name ? spec.words[1] : NULL, &flags);
		say_error(ways[i].has_name ? "secrets %s needs one name"
					   : "secrets %s needs no name",
			  ways[i].word);
		say_hint("'questd help secrets' shows how");
		return EXIT_USAGE;
	}
	say_error("secrets does not know '%s'", spec.words[0]);
	say_hint("questd secrets set|get|unset NAME, or questd secrets list");
	return EXIT_USAGE;
}
