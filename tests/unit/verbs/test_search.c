/* SPDX-License-Identifier: Apache-2.0 */
/* verbs.search: what people and models say leads to the verb they want. */
#include "base/arena.h"
#include "base/macros.h"
#include "tests/unit/test.h"
#include "tests/unit/verbs/world.h"

static const struct wanted {
	const char *query, *first;
} wanted[] = {
	{ "remember a fact", "ideas.store" },
	{ "add a note", "ideas.store" },
	{ "save knowledge for later", "ideas.store" },
	{ "find memory", "ideas.search" },
	{ "look up what we know", "ideas.search" },
	{ "delete a note", "ideas.delete" },
	{ "connect two notes", "ideas.link" },
	{ "follow links between ideas", "ideas.walk" },
	{ "finish my work", "quests.close" },
	{ "cancel a task", "tasks.cancel" },
	{ "mark task as done", "quests.close" },
	{ "close work", "quests.close" },
	{ "list tasks", "tasks.list" },
	{ "find open tasks", "quests.list" },
	{ "create a new task", "tasks.create" },
	{ "start the next task", "quests.claim" },
	{ "assign work to an agent", "quests.assign" },
	{ "wait for a quest", "quests.wait" },
	{ "what is blocked", "quests.why_pending" },
	{ "why is my quest not moving", "quests.why_pending" },
	{ "change the priority of a task", "quests.update" },
	{ "hire a worker", "agents.spawn" },
	{ "fire an agent", "agents.delete" },
	{ "list agents", "agents.list" },
	{ "pause an agent", "agents.update" },
	{ "what happened lately", "events.list" },
	{ "publish an event", "events.fire" },
	{ "wait for events", "events.poll" },
	{ "take a backup", "system.backup" },
	{ "show the settings", "system.config" },
	{ "which version is this", "system.info" },
	{ "run several calls at once", "system.batch" },
	{ "explain a verb", "verbs.describe" },
	{ "Closing QUESTS", "quests.close" },
	{ "cancelled tasks", "tasks.cancel" },
	{ "add subtask", "quests.create" },
	{ "record the outcome of a quest", "quests.close" },
	{ "hand back a quest", "quests.close" },
	{ "edit a note", "ideas.update" },
	{ "is the server alive", "system.ping" },
	{ "is the database damaged", "system.check" },
	{ "task", "tasks.get" }, /* nothing says which: one that only reads */
	{ "remind me every monday", "schedules.create" },
	{ "add a cron timer", "schedules.create" },
	{ "when is the timer due next", "schedules.preview" },
	{ "add a webhook from github", "hooks.create" },
	{ "which automations are there", "events.subscriptions" },
	{ "damag", "system.check" }, /* a beginning, when no word fits better */
};

TEST(verbs_search_puts_the_wanted_verb_first)
{
	WORLD_OPEN(w);

	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		const struct wanted *want = &wanted[i];
		const struct json *r = world_say(&w, "verbs.search", "{'query': '%s'}",
						 want->query);

		CHECK_STR_EQ(str_fmt(&w.arena, "%s: %.*s", want->query,
				     STR_ARG(world_text(r, "items.0.name"))),
			     str_fmt(&w.arena, "%s: %s", want->query, want->first));
	}
}

TEST(verbs_search_finds_nothing_in_words_that_say_nothing)
{
	WORLD_OPEN(w);
	const struct json *r = world_say(&w, "verbs.search", "{'query': 'what is to be of the'}");

	CHECK_INT(world_count(r, "items"), 0);
	CHECK_HAS(world_text(r, "next"), "verbs.list");
	CHECK_INT(world_count(world_say(&w, "verbs.search", "{'query': 'zeppelin'}"), "items"), 0);
}
