/* SPDX-License-Identifier: Apache-2.0 */
/* Completion scripts and live ids. */
#include "cli/completion.h"

#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "cli/ask.h"
#include "cli/running.h"
#include "cli/say.h"
#include "cli/scripts.h"
#include "cli/where.h"
#include "cli/width.h"
#include "verbs.gen.h"

#define PATIENCE_MS 1000 /* somebody waits with a finger on the tab key */

int completion_run(struct cli *c, struct args *a)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	struct args_spec spec = { .min_words = 1, .max_words = 1 };
	int e = args_parse(c, a, &spec);

	if (e)
		return e;
	buf_init(&b, 0);
	for (size_t i = 0; i < scripts_n; i++) {
		if (strcmp(scripts[i].shell, spec.words[0]) != 0)
			continue;
		buf_put_str(&b, scripts[i].text);
		return say_out(&b);
	}
	say_error("there is completion for bash, zsh and fish, not for '%s'", spec.words[0]);
	return EXIT_USAGE;
}

static struct str first_of(const struct json *item, const struct str *keys, size_t n)
{
	struct str text = STR_NONE;

	for (size_t i = 0; i < n && !text.p; i++)
		text = json_get_str(item, keys[i]);
	return text;
}

/* What a person knows an object by. */
static struct str known_as(const struct json *item)
{
	static const struct str keys[] = { STR("subject"), STR("name"), STR("title"), STR("kind") };

	return first_of(item, keys, ARRAY_LEN(keys));
}

/* And one whose name he knows already. */
static struct str told_of(const struct json *item)
{
	static const struct str keys[] = { STR("cron"), STR("kind"), STR("status"), STR("owner"),
					   STR("id") };

	return first_of(item, keys, ARRAY_LEN(keys));
}

/* Shells would take it apart otherwise. */
static bool is_one_word(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (strchr(" \t\"'\\$`!*?()[]{}<>|&;#~,:", name.p[i]))
			return false;
	return name.n > 0;
}

/* Verbs take their names as well, which nobody else of the kind has. */
static bool has_own_name(struct str type)
{
	static const struct str types[] = { STR("hook"), STR("mailbox"), STR("schedule") };

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (str_eq(types[i], type))
			return true;
	return false;
}

/* The names, or the ids with what a person knows the object by. */
static void put_items(struct cli *c, const struct json *items, bool by_name, struct str prefix,
		      struct buf *out)
{
	for (uint32_t i = 0; items && items->type == JSON_ARRAY && i < items->n; i++) {
		const struct json *item = &items->items[i];
		struct str word = json_get_str(item, STR("short_id")), text = known_as(item);
		struct str name = json_get_str(item, STR("name"));

		if (by_name && is_one_word(name)) {
			text = told_of(item);
			word = name;
		} else if (!word.p) {
			word = json_get_str(item, STR("id"));
		}
		if (!word.p || !str_starts(word, prefix))
			continue;
		buf_fmt(out, "%.*s\t%.*s\n", STR_ARG(word), STR_ARG(width_safe(&c->arena, text)));
	}
}

/* Of quests quests.list, of a mailbox mailboxes.list, of a subscription events.subscriptions; NULL
 * when there is none. */
static const struct verb *lister_of(struct cli *c, struct str type)
{
	static const char *const forms[] = { "%.*ss.list", "%.*ses.list", "%.*s.list",
					     "events.%.*ss" };
	const struct verb *v = NULL;

	for (size_t i = 0; i < ARRAY_LEN(forms) && !v; i++)
		v = verb_find(str_fmt(&c->arena, forms[i], STR_ARG(type)));
	return v;
}

/* Types have longer names than their nouns where C has the short one: of a task_queue queues.list.
 */
static const struct verb *find_lister(struct cli *c, struct str type)
{
	const struct verb *v = lister_of(c, type);

	return v ? v : lister_of(c, str_slice(type, str_find(type, '_', 0) + 1, type.n));
}

static void put_type(struct cli *c, struct str type, struct str prefix, struct buf *out)
{
	bool is_name = str_ends(type, STR("_name"));
	struct str kind = is_name ? str_slice(type, 0, type.n - 5) : type;
	const struct verb *v = find_lister(c, kind);
	const struct shape_field *limit = v ? shape_find(v->params, STR("limit")) : NULL;
	struct str params = STR("{}");
	struct answer answer;
	struct json list;

	if (limit)
		params = str_fmt(&c->arena, "{\"limit\":%lld}", (long long)limit->max);
	if (!v || ask(c, v->name, params, &answer) || !answer.result.p ||
	    json_parse(&c->arena, answer.result, &list, NULL))
		return;
	put_items(c, json_get(&list, STR("items")), is_name || has_own_name(kind), prefix, out);
}

/* complete-ids TYPE[,TYPE] [PREFIX]. Whatever goes wrong, there is nothing to complete: a shell's
 * prompt is no place for errors. */
int completion_ids_run(struct cli *c, struct args *a)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	struct args_spec spec = { .min_words = 1, .max_words = 2 };
	struct running running;
	struct paths paths;
	struct str types, prefix;

	if (args_parse(c, a, &spec))
		return EXIT_USAGE;
	if (c->globals.timeout_ms == 0)
		c->globals.timeout_ms = PATIENCE_MS;
	if (where_paths(c, &paths) || running_find(&paths, &running) || !running.is_reached)
		return EXIT_OK;
	buf_init(&b, 0);
	types = str_from(spec.words[0]);
	prefix = str_from(spec.n_words > 1 ? spec.words[1] : "");
	while (types.n)
		put_type(c, str_cut(&types, ','), prefix, &b);
	return say_out(&b);
}
