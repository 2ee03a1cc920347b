/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities of quests: who may take which, in which order, and what is said when nobody can. */
#include <stdio.h>

#include "store/quests.h"
#include "tests/unit/verbs/world.h"

/* `more` begins with a comma; its short id follows the order of creation. */
static void create(struct world *w, const char *more)
{
	CHECK_ERROR(world_say(w, "quests.create", "{'subject': 'x'%s}", more), NULL);
}

/* The short id of what a claim takes, or the code of its refusal. */
static struct str taken(struct world *w, const char *params)
{
	const struct json *r = world_say(w, "quests.claim", "{%s}", params);
	struct str error = world_text(r, "error");

	return error.p ? error : world_text(r, "short_id");
}

static const struct json *why(struct world *w, const char *id)
{
	return world_say(w, "quests.why_pending", "{'id': '%s'}", id);
}

TEST(quests_capabilities_are_kept_sorted_and_each_once)
{
	WORLD_OPEN(w);
	const struct json *r;

	r = world_say(&w, "quests.create",
		      "{'subject': 'x', 'capabilities': ['gpu', 'cuda', 'gpu']}");
	CHECK_STR(world_at(r, "capabilities")->raw, "[\"cuda\",\"gpu\"]");
	CHECK_STR(world_text(r, "next"), "quests.claim with id: q-1 and capabilities");
	r = world_say(&w, "quests.get", "{'id': 'q-1'}");
	CHECK_STR(world_at(r, "capabilities")->raw, "[\"cuda\",\"gpu\"]");
	r = world_say(&w, "quests.list", "{}");
	CHECK_STR(world_at(r, "items.0.capabilities")->raw, "[\"cuda\",\"gpu\"]");
	r = world_say(&w, "quests.update", "{'id': 'q-1', 'subject': 'y'}");
	CHECK_INT(world_count(r, "capabilities"), 2);
	r = world_say(&w, "quests.update", "{'id': 'q-1', 'capabilities': ['tpu']}");
	CHECK_STR(world_at(r, "capabilities")->raw, "[\"tpu\"]");
	r = world_say(&w, "quests.update",
		      "{'id': 'q-1', 'capabilities': ['a'], 'clear': ['capabilities']}");
	CHECK_ERROR(r, "conflict");
	r = world_say(&w, "quests.update", "{'id': 'q-1', 'clear': ['capabilities']}");
	CHECK(!world_at(r, "capabilities"));
	r = world_say(&w, "agents.spawn", "{'name': 'ann'}");
	r = world_say(&w, "quests.update", "{'id': 'q-1', 'capabilities': ['gpu']}");
	r = world_say(&w, "quests.assign", "{'id': 'q-1', 'assignee': 'ann'}");
	CHECK_STR(world_text(r, "next"),
		  "quests.claim with id: q-1 and capabilities and agent: ann");
}

TEST(quests_that_need_something_are_for_claims_that_have_all_of_it)
{
	WORLD_OPEN(w);
	const struct json *r;

	create(&w, ", 'priority': 'critical', 'capabilities': ['gpu', 'cuda']");
	create(&w, ", 'priority': 'high', 'capabilities': ['gpu']");
	CHECK_STR(taken(&w, ""), "not_found");
	CHECK_STR(taken(&w, "'capabilities': ['cuda']"), "not_found");
	CHECK_STR(taken(&w, "'capabilities': []"), "not_found");
	create(&w, "");
	CHECK_STR(taken(&w, ""), "q-3");
	CHECK_STR(taken(&w, "'capabilities': ['gpu']"), "q-2");
	CHECK_STR(taken(&w, "'capabilities': ['tpu', 'gpu', 'cuda']"), "q-1");
	create(&w, ", 'capabilities': ['gpu', 'cuda']");
	r = world_say(&w, "quests.claim", "{'id': 'q-4', 'capabilities': ['gpu']}");
	CHECK_ERROR(r, "conflict");
	CHECK_STR(world_text(r, "field"), "capabilities");
	CHECK_INT(world_count(r, "needs"), 2);
	CHECK_STR(taken(&w, "'id': 'q-4'"), "conflict");
	CHECK_STR(taken(&w, "'id': 'q-4', 'capabilities': ['gpu', 'cuda']"), "q-4");
}

TEST(quests_of_many_sorts_are_claimed_by_priority_then_age)
{
	static const char *const quests[] = {
		", 'capabilities': ['z']",
		", 'capabilities': ['a'], 'priority': 'low'",
		", 'priority': 'high'",
		", 'capabilities': ['b', 'z'], 'priority': 'critical'",
		", 'capabilities': ['a']",
		", 'assignee': 'ann', 'capabilities': ['z'], 'priority': 'critical'",
		", 'assignee': 'ann'",
		", 'assignee': 'bob', 'capabilities': ['a'], 'priority': 'critical'",
		", 'capabilities': ['a', 'q'], 'priority': 'critical'",
	};
	static const char *const order[] = { "q-4", "q-6", "q-3", "q-1", "q-5", "q-7", "q-2" };
	WORLD_OPEN(w);

	world_say(&w, "agents.spawn", "{'name': 'ann', 'max_concurrent': 100}");
	world_say(&w, "agents.spawn", "{'name': 'bob', 'max_concurrent': 100}");
	for (size_t i = 0; i < ARRAY_LEN(quests); i++)
		create(&w, quests[i]);
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		CHECK_STR(taken(&w, "'agent': 'ann', 'capabilities': ['z', 'a', 'b']"), order[i]);
	CHECK_STR(taken(&w, "'agent': 'ann', 'capabilities': ['z', 'a', 'b']"), "not_found");
}

TEST(quests_with_a_label_and_needs_are_found_behind_any_number_of_others)
{
	WORLD_OPEN(w);

	for (int i = 0; i < 30; i++)
		create(&w, ", 'priority': 'critical', 'labels': ['a'], 'capabilities': ['gpu']");
	create(&w, ", 'labels': ['b'], 'capabilities': ['gpu']");
	create(&w, ", 'labels': ['b', 'a'], 'capabilities': ['tpu']");
	create(&w, ", 'priority': 'low', 'labels': ['b']");
	CHECK_STR(taken(&w, "'label': 'b', 'capabilities': ['gpu']"), "q-31");
	CHECK_STR(taken(&w, "'label': 'b', 'capabilities': ['gpu']"), "q-33");
	CHECK_STR(taken(&w, "'label': 'b', 'capabilities': ['gpu']"), "not_found");
	world_say(&w, "quests.update", "{'id': 'q-32', 'capabilities': ['gpu']}");
	CHECK_STR(taken(&w, "'label': 'b', 'capabilities': ['gpu']"), "q-32");
	world_say(&w, "quests.update", "{'id': 'q-30', 'clear': ['capabilities']}");
	CHECK_STR(taken(&w, "'label': 'a'"), "q-30");
}

TEST(quests_list_those_that_need_a_capability)
{
	WORLD_OPEN(w);
	const struct json *r;

	create(&w, ", 'capabilities': ['gpu', 'cuda']");
	create(&w, ", 'capabilities': ['gp']");
	create(&w, "");
	create(&w, ", 'capabilities': ['gpu'], 'labels': ['a']");
	r = world_say(&w, "quests.list", "{'capability': 'gpu'}");
	CHECK_INT(world_count(r, "items"), 2);
	CHECK_STR(world_text(r, "items.0.short_id"), "q-4");
	CHECK_STR(world_text(r, "items.1.short_id"), "q-1");
	r = world_say(&w, "quests.list", "{'capability': 'gpu', 'ready': true, 'label': 'a'}");
	CHECK_INT(world_count(r, "items"), 1);
}

TEST(ag_18_why_pending_of_a_quest_names_missing_capability_and_absent_worker)
{
	WORLD_OPEN(w);
	const struct json *r;

	create(&w, ", 'capabilities': ['cuda', 'gpu']");
	r = why(&w, "q-1");
	CHECK_STR(world_text(r, "reasons.1.kind"), "no_worker");
	CHECK_INT(world_count(r, "reasons.1.missing"), 2);
	CHECK_INT(world_int(r, "ready"), false);
	world_say(&w, "workers.register", "{'name': 'w1', 'capabilities': ['gpu']}");
	r = why(&w, "q-1");
	CHECK_STR(world_text(r, "reasons.1.kind"), "no_capability");
	CHECK_STR(world_at(r, "reasons.1.missing")->raw, "[\"cuda\"]");
	CHECK_STR(world_text(r, "next"), "workers.register with capabilities, or quests.claim with "
					 "id: q-1 and capabilities");
	world_say(&w, "workers.register", "{'name': 'w2', 'capabilities': ['cuda']}");
	r = why(&w, "q-1"); /* each has some, none has all */
	CHECK_STR(world_text(r, "reasons.1.kind"), "no_capability");
	CHECK(!world_at(r, "reasons.1.missing"));
	CHECK_INT(world_int(r, "ready"), false);
	world_say(&w, "workers.register", "{'name': 'w2', 'capabilities': ['cuda', 'gpu']}");
	r = why(&w, "q-1");
	CHECK_INT(world_count(r, "reasons"), 1);
	CHECK_INT(world_int(r, "ready"), true);
	world_say(&w, "workers.remove", "{'id': 'w2'}");
	CHECK_INT(world_int(why(&w, "q-1"), "ready"), false);
	world_say(&w, "quests.update", "{'id': 'q-1', 'clear': ['capabilities']}");
	CHECK_INT(world_int(why(&w, "q-1"), "ready"), true);
}

/* A claim looks at each sort of ready ones: there are only so many. */
TEST(quests_ask_for_no_more_than_a_thousand_sets_of_capabilities)
{
	WORLD_OPEN(w);
	const struct json *r;

	for (int i = 1; i <= QUEST_SORTS_MAX; i++) {
		char more[64];

		snprintf(more, sizeof(more), ", 'capabilities': ['c%d']", i);
		create(&w, more);
	}
	r = world_say(&w, "quests.create", "{'subject': 'x', 'capabilities': ['new']}");
	CHECK_ERROR(r, "conflict");
	CHECK_STR(world_text(r, "field"), "capabilities");
	create(&w, ", 'capabilities': ['c7']");
	r = world_say(&w, "quests.update", "{'id': 'q-1', 'capabilities': ['new']}");
	CHECK_ERROR(r, "conflict");
	CHECK_STR(taken(&w, "'capabilities': ['c1000']"), "q-1000");
	world_say(&w, "quests.close",
		  "{'id': 'q-1000', 'kind': 'done', 'summary': 's', 'override': true}");
	create(&w, ", 'capabilities': ['new']");
	CHECK_STR(taken(&w, "'capabilities': ['new']"), "q-1002");
}
