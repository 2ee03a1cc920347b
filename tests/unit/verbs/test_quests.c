/* SPDX-License-Identifier: Apache-2.0 */
/* quests.*: creating, changing, assigning, linking to ideas; what each refuses, and its events. */
#include "tests/unit/verbs/world.h"

/* A quest with this subject; its short id follows the order of creation. */
static void create(struct world *w, const char *subject)
{
	CHECK_ERROR(world_say(w, "quests.create", "{'subject': '%s'}", subject), NULL);
}

static const struct json *finish(struct world *w, const char *id, const char *kind)
{
	return world_say(w, "quests.close",
			 "{'id': '%s', 'kind': '%s', 'summary': 'so', 'override': true}", id, kind);
}

TEST(quests_create_says_everything_that_get_says)
{
	WORLD_OPEN(w);
	const struct json *made, *got;

	world_say(&w, "agents.spawn", "{'name': 'ann'}");
	create(&w, "first");
	made =
	    world_say(&w, "quests.create",
		      "{'subject': 'Fix it', 'description': 'a\\nb', 'acceptance': 'works',"
		      " 'priority': 'high', 'assignee': 'Ann', 'parent': 'q-1', 'required': false, "
		      " 'depends_on': ['q-1', 'q-1'],"
		      " 'labels': ['web', 'web', 'ui'], 'due_at': '2027-01-01T00:00:00Z'}");
	got = world_say(&w, "quests.get", "{'id': '%.*s'}", STR_ARG(world_text(made, "id")));
	CHECK_STR(world_text(made, "short_id"), "q-2");
	CHECK_STR(world_text(made, "assignee"), "ann");
	CHECK_INT(world_count(made, "labels"), 2);
	CHECK_INT(world_count(made, "depends_on"), 1);
	for (size_t i = 0; i < got->n; i++) {
		struct str key = got->members[i].key;
		const struct json *same = json_get(made, key);

		if (!str_eq(key, STR("context")) && CHECK(same))
			CHECK_STR_EQ(same->raw, got->members[i].value.raw);
	}
	CHECK_STR(world_text(made, "next"), "quests.why_pending with id: q-2");
}

TEST(quests_create_names_what_it_does_not_find)
{
	static const char *const wrong[][2] = { { "'assignee': 'nobody'", "assignee" },
						{ "'parent': 'q-9'", "parent" },
						{ "'depends_on': ['q-9']", "depends_on" },
						{ "'idea_id': 'x'", "idea_id" },
						{ "'idea_ids': ['x']", "idea_ids" } };
	WORLD_OPEN(w);

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		const struct json *r = world_say(&w, "quests.create", "{'subject': 'x', %s}",
						 wrong[i][0]);

		CHECK_ERROR(r, "not_found");
		CHECK_STR(world_text(r, "field"), wrong[i][1]);
	}
	CHECK_INT(world_count(world_say(&w, "quests.list", "{}"), "items"), 0);
}

TEST(quests_refused_ones_leave_no_gap_in_short_ids)
{
	WORLD_OPEN(w);

	create(&w, "one");
	world_say(&w, "quests.create", "{'subject': 'x', 'depends_on': ['q-9']}");
	CHECK_STR(world_text(world_say(&w, "quests.create", "{'subject': 'two'}"), "short_id"),
		  "q-2");
}

TEST(quests_short_ids_are_exact)
{
	static const char *const not_ids[] = { "q-0",  "q-01", "q--1", "q-",
					       "q-1x", "Q-1",  "1",    "q-99999999999999999999" };
	WORLD_OPEN(w);

	create(&w, "one");
	for (size_t i = 0; i < ARRAY_LEN(not_ids); i++)
		CHECK_ERROR(world_say(&w, "quests.get", "{'id': '%s'}", not_ids[i]), "not_found");
}

TEST(quests_that_are_not_there_are_not_found)
{
	WORLD_OPEN(w);

	CHECK_ERROR(world_say(&w, "quests.get", "{'id': 'q-9'}"), "not_found");
	CHECK_ERROR(world_say(&w, "quests.update", "{'id': 'q-9', 'subject': 's'}"), "not_found");
	CHECK_ERROR(world_say(&w, "quests.update", "{'id': 'q-1'}"), "invalid_params");
	CHECK_ERROR(world_say(&w, "quests.update", "{'id': 'q-1', 'clear': []}"), "invalid_params");
	CHECK_ERROR(world_say(&w, "quests.assign", "{'id': 'q-9', 'assignee': 'x'}"), "not_found");
	CHECK_ERROR(world_say(&w, "quests.claim", "{'id': 'q-9'}"), "not_found");
	CHECK_ERROR(world_say(&w, "quests.claim", "{}"), "not_found");
	CHECK_ERROR(finish(&w, "q-9", "done"), "not_found");
	CHECK_ERROR(world_say(&w, "quests.wait", "{'id': 'q-9'}"), "not_found");
	CHECK_ERROR(world_say(&w, "quests.why_pending", "{'id': 'q-9'}"), "not_found");
	CHECK_ERROR(world_say(&w, "quests.list", "{'parent': 'q-9'}"), "not_found");
	CHECK_ERROR(world_say(&w, "quests.list", "{'assignee': 'x'}"), "not_found");
}

/* ---- assign ---- */

TEST(quests_assign_while_nobody_works_on_it)
{
	WORLD_OPEN(w);
	const struct json *r;

	world_say(&w, "agents.spawn", "{'name': 'ann'}");
	world_say(&w, "agents.spawn", "{'name': 'old'}");
	world_say(&w, "agents.delete", "{'id': 'old'}");
	create(&w, "x");
	r = world_say(&w, "quests.assign", "{'id': 'q-1', 'assignee': 'ann'}");
	CHECK_STR(world_text(r, "assignee"), "ann");
	CHECK_STR(world_text(r, "next"), "quests.claim with id: q-1 and agent: ann");
	CHECK_ERROR(world_say(&w, "quests.assign", "{'id': 'q-1', 'assignee': 'nobody'}"),
		    "not_found");
	CHECK_ERROR(world_say(&w, "quests.assign", "{'id': 'q-1', 'assignee': 'old'}"), "conflict");
	CHECK_ERROR(world_say(&w, "quests.create", "{'subject': 'y', 'assignee': 'old'}"),
		    "conflict");
	r = world_say(&w, "quests.update", "{'id': 'q-1', 'clear': ['assignee']}");
	CHECK_STR(world_text(r, "assignee"), NULL);
	world_say(&w, "quests.claim", "{}");
	CHECK_ERROR(world_say(&w, "quests.assign", "{'id': 'q-1', 'assignee': 'ann'}"), "conflict");
	CHECK_ERROR(world_say(&w, "quests.update", "{'id': 'q-1', 'clear': ['assignee']}"),
		    "conflict");
	finish(&w, "q-1", "done");
	CHECK_ERROR(world_say(&w, "quests.assign", "{'id': 'q-1', 'assignee': 'ann'}"), "conflict");
}

/* ---- update ---- */

TEST(quests_update_keeps_what_is_absent_and_clears_what_is_named)
{
	WORLD_OPEN(w);
	const struct json *r;

	world_say(&w, "quests.create",
		  "{'subject': 'x', 'description': 'd', 'acceptance': 'a', 'due_at': "
		  "'2027-01-01T00:00:00Z'}");
	r = world_say(&w, "quests.update",
		      "{'id': 'q-1', 'subject': 'y', 'clear': ['due_at', 'acceptance']}");
	CHECK_STR(world_text(r, "subject"), "y");
	CHECK_STR(world_text(r, "description"), "d");
	CHECK_STR(world_text(r, "acceptance"), NULL);
	CHECK_STR(world_text(r, "due_at"), NULL);
	r = world_say(&w, "quests.update",
		      "{'id': 'q-1', 'clear': ['description', 'idea_id', 'idea_ids']}");
	CHECK_STR(world_text(r, "description"), NULL);
}

TEST(quests_update_refuses_a_field_that_is_set_and_cleared)
{
	static const char *const fields[][2] = {
		{ "description", "'x'" }, { "acceptance", "'x'" },
		{ "parent", "'q-1'" },    { "depends_on", "[]" },
		{ "idea_id", "'x'" },     { "idea_ids", "[]" },
		{ "labels", "[]" },       { "due_at", "'2027-01-01T00:00:00Z'" },
	};
	WORLD_OPEN(w);

	create(&w, "x");
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const struct json *r = world_say(&w, "quests.update",
						 "{'id': 'q-1', '%s': %s, 'clear': ['%s']}",
						 fields[i][0], fields[i][1], fields[i][0]);

		CHECK_ERROR(r, "conflict");
		CHECK_STR(world_text(r, "field"), fields[i][0]);
	}
}

TEST(quests_relabelled_are_claimed_by_their_new_labels)
{
	WORLD_OPEN(w);

	world_say(&w, "agents.spawn", "{'name': 'ann', 'max_concurrent': 3}");
	world_say(&w, "quests.create", "{'subject': 'x', 'labels': ['a']}");
	world_say(&w, "quests.update", "{'id': 'q-1', 'labels': ['b', 'c']}");
	CHECK_ERROR(world_say(&w, "quests.claim", "{'label': 'a'}"), "not_found");
	world_say(&w, "quests.assign", "{'id': 'q-1', 'assignee': 'ann'}");
	CHECK_ERROR(world_say(&w, "quests.claim", "{'label': 'b'}"), "not_found");
	CHECK_ERROR(world_say(&w, "quests.claim", "{'label': 'b', 'agent': 'ann'}"), NULL);
	world_say(&w, "quests.update", "{'id': 'q-1', 'clear': ['labels']}");
	CHECK_INT(world_count(world_say(&w, "quests.list", "{'label': 'b'}"), "items"), 0);
}

TEST(quests_refused_updates_change_nothing)
{
	WORLD_OPEN(w);

	create(&w, "x");
	CHECK_ERROR(world_say(&w, "quests.update",
			      "{'id': 'q-1', 'subject': 'y', 'depends_on': ['q-1']}"),
		    "cycle");
	CHECK_STR(world_text(world_say(&w, "quests.get", "{'id': 'q-1'}"), "subject"), "x");
}

/* ---- ideas ---- */

TEST(quests_link_to_ideas_that_exist)
{
	WORLD_OPEN(w);
	const struct json *idea = world_say(&w, "ideas.store", "{'name': 'plan', 'content': 'c'}");
	const struct json *r;

	r = world_say(&w, "quests.create",
		      "{'subject': 'x', 'idea_id': '%.*s', 'idea_ids': ['%.*s']}",
		      STR_ARG(world_text(idea, "id")), STR_ARG(world_text(idea, "id")));
	CHECK_STR_EQ(world_text(r, "idea_id"), world_text(idea, "id"));
	CHECK_INT(world_count(r, "idea_ids"), 1);
	CHECK_ERROR(world_say(&w, "quests.update", "{'id': 'q-1', 'idea_id': 'nothing'}"),
		    "not_found");
}

/* ---- events ---- */

TEST(quests_each_change_is_an_event_of_the_quest)
{
	static const char *const kinds[] = { "quest.created",   "quest.created",  "quest.assigned",
					     "quest.claimed",   "quest.released", "quest.claimed",
					     "quest.closed",    "quest.blocked",  "quest.unblocked",
					     "quest.unblocked", "quest.updated" };
	WORLD_OPEN(w);
	struct str_list seen;

	world_say(&w, "agents.spawn", "{'name': 'ann'}");
	create(&w, "x");
	world_say(&w, "quests.create", "{'subject': 'y', 'depends_on': ['q-1']}");
	world_say(&w, "quests.assign", "{'id': 'q-1', 'assignee': 'ann'}");
	world_say(&w, "quests.claim", "{'agent': 'ann'}");
	finish(&w, "q-1", "handoff");
	world_say(&w, "quests.claim", "{'agent': 'ann'}");
	finish(&w, "q-1", "failed");
	world_say(&w, "quests.update", "{'id': 'q-1', 'status': 'pending'}");
	seen = world_rows(&w, "select kind from events where kind like 'quest.%' order by seq");
	if (CHECK_INT(seen.n, ARRAY_LEN(kinds)))
		for (size_t i = 0; i < seen.n; i++)
			CHECK_STR(seen.v[i], kinds[i]);
	seen = world_rows(&w, "select 1 from events where kind like 'quest.%'"
			      " and subject not in (select id from quests)");
	CHECK_INT(seen.n, 0);
}
