/* SPDX-License-Identifier: Apache-2.0 */
/* Completion scripts and live ids. */
#include "cli/completion.h"

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
	CLEANUP(buf_deinit) struct buf b;
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

/* What a person knows an object by. */
static struct str known_as(const struct json *item)
{
	static const struct str keys[] = {
		{ "subject", 7 }, { "name", 4 }, { "title", 5 }, { "kind", 4 }
	};
	struct str text = STR_NONE;

	for (size_t i = 0; i < ARRAY_LEN(keys) && !text.p; i++)
		text = json_get_str(item, keys[i]);
	return text;
}

static void put_items(struct cli *c, const struct json *items, struct str prefix, struct buf *out)
{
	for (uint32_t i = 0; items && items->type == JSON_ARRAY && i < items->n; i++) {
		struct str id = json_get_str(&items->items[i], STR("short_id"));

		if (!id.p)
			id = json_get_str(&items->items[i], STR("id"));
		if (!id.p || !str_starts(id, prefix))
			continue;
		struct str text = width_safe(&c->arena, known_as(&items->items[i]));

		buf_fmt(out, "%.*s\t%.*s\n", STR_ARG(id), STR_ARG(text));
	}
}

/* Of quests quests.list, of a mailbox mailboxes.list; NULL when there is none. */
static const struct verb *lister_of(struct cli *c, struct str type)
{
	const struct verb *v = verb_find(str_fmt(&c->arena, "%.*ss.list", STR_ARG(type)));

	return v ? v : verb_find(str_fmt(&c->arena, "%.*ses.list", STR_ARG(type)));
}

/* Types have longer names than their nouns where C has the short one: of a task_queue queues.list.
 */
static const struct verb *find_lister(struct cli *c, struct str type)
{
	const struct verb *v = lister_of(c, type);

	return v ? v : lister_of(c, str_slice(type, str_find(type, '_', 0) + 1, type.n));
}

/* complete-ids TYPE [PREFIX]. Whatever goes wrong, there is nothing to complete: a shell's prompt
 * is no place for errors. */
int completion_ids_run(struct cli *c, struct args *a)
{
	CLEANUP(buf_deinit) struct buf b;
	struct args_spec spec = { .min_words = 1, .max_words = 2 };
	struct running running;
	struct answer answer;
	struct paths paths;
	struct json list;

	if (args_parse(c, a, &spec))
		return EXIT_USAGE;
	const struct verb *v = find_lister(c, str_from(spec.words[0]));

	if (c->globals.timeout_ms == 0)
		c->globals.timeout_ms = PATIENCE_MS;
	if (!v || where_paths(c, &paths) || running_find(&paths, &running) || !running.is_reached)
		return EXIT_OK;
	if (ask(c, v->name, STR("{\"limit\":200}"), &answer) || !answer.result.p ||
	    json_parse(&c->arena, answer.result, &list, NULL))
		return EXIT_OK;
	buf_init(&b, 0);
	put_items(c, json_get(&list, STR("items")), str_from(spec.n_words > 1 ? spec.words[1] : ""),
		  &b);
	return say_out(&b);
}
