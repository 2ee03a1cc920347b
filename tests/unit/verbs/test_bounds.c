/* SPDX-License-Identifier: Apache-2.0 */
/* Where work ends: rows looked at for a page, quests in search of a cycle, levels of a tree; and
 * what the store says to what no verb asks of it. */
#include <stdio.h>

#include "base/err.h"
#include "store/agents.h"
#include "store/db.h"
#include "store/quests.h"
#include "store/quests_graph.h"
#include "tests/unit/verbs/world.h"

static bool begin(struct world *w, struct store_tx *tx)
{
	return CHECK_OK(store_begin(w->store)) &&
	       CHECK_OK(store_call_begin(w->store, &w->arena, 1, tx));
}

static void keep(struct world *w)
{
	CHECK_OK(store_call_keep(w->store));
	CHECK_OK(store_commit(w->store));
}

/* n quests at once; in a chain each depends on the one before. */
static void add_many(struct world *w, int n, bool in_chain)
{
	struct store_tx tx;

	if (!begin(w, &tx))
		return;
	for (int i = 1; i <= n; i++) {
		int64_t links = in_chain && i > 1;
		struct store_quest q = { .dependencies = links,
					 .quest = { .subject = STR("x"),
						    .status = QUEST_STATUS_PENDING,
						    .priority = PRIORITY_NORMAL,
						    .open_dependencies = links,
						    .created_by = STR("p") } };

		if (!CHECK_OK(store_quest_add(&tx, &q)))
			break;
		if (links)
			CHECK_OK(store_quest_dependency_add(&tx, q.n, q.n - 1));
	}
	keep(w);
}

TEST(lists_look_at_20000_rows_a_page_and_say_where_to_go_on)
{
	WORLD_OPEN(w);
	const struct json *page;

	add_many(&w, 20001, false);
	world_say(&w, "quests.update", "{'id': 'q-1', 'priority': 'low'}");
	page = world_say(&w, "quests.list", "{'priority': 'low'}");
	CHECK_INT(world_count(page, "items"), 0);
	page = world_say(&w, "quests.list", "{'priority': 'low', 'cursor': '%.*s'}",
			 STR_ARG(world_text(page, "next_cursor")));
	CHECK_STR(world_text(page, "items.0.short_id"), "q-1");
	CHECK_STR(world_text(page, "next_cursor"), NULL);
}

TEST(agents_list_looks_at_20000_rows_a_page)
{
	WORLD_OPEN(w);
	const struct json *page;
	struct store_tx tx;

	if (!begin(&w, &tx))
		return;
	for (int i = 0; i < 20001; i++) {
		struct store_agent a = { .agent = { .name = str_fmt(&w.arena, "a%05d", i),
						    .max_concurrent = 1,
						    .created_by = STR("p") } };

		if (!CHECK_OK(store_agent_add(&tx, &a)))
			break;
	}
	keep(&w);
	world_say(&w, "agents.update", "{'id': 'a20000', 'status': 'paused'}");
	page = world_say(&w, "agents.list", "{'status': 'paused'}");
	CHECK_INT(world_count(page, "items"), 0);
	CHECK_STR(world_text(page, "next_cursor"), "a19999");
	page = world_say(&w, "agents.list", "{'status': 'paused', 'cursor': 'a19999'}");
	CHECK_STR(world_text(page, "items.0.name"), "a20000");
}

TEST(cycles_are_searched_among_10000_quests_and_not_further)
{
	WORLD_OPEN(w);
	const struct json *r;

	add_many(&w, 10002, true);
	r = world_say(&w, "quests.update", "{'id': 'q-3', 'depends_on': ['q-10002']}");
	CHECK_ERROR(r, "cycle");
	CHECK_INT(world_count(r, "cycle"), 100);
	CHECK_STR(world_text(r, "cycle.99"), "q-9904");
	world_say(&w, "quests.create", "{'subject': 'apart'}");
	r = world_say(&w, "quests.update", "{'id': 'q-2', 'depends_on': ['q-1', 'q-10003']}");
	CHECK_ERROR(r, "conflict");
	CHECK_INT(world_int(r, "limit"), 10000);
	CHECK_ERROR(world_say(&w, "quests.update", "{'id': 'q-2', 'depends_on': []}"), NULL);
	CHECK_ERROR(world_say(&w, "quests.update", "{'id': 'q-3', 'depends_on': ['q-10003']}"),
		    NULL);
	r = world_say(&w, "quests.create", "{'subject': 'last', 'depends_on': ['q-10002']}");
	CHECK_ERROR(r, NULL);
	CHECK_ERROR(world_say(&w, "quests.update", "{'id': 'q-10004', 'depends_on': ['q-2']}"),
		    NULL);
}

/* Sixty levels, the first of them q-<first>. */
static void add_tree(struct world *w, int first)
{
	for (int i = 0; i < 60; i++) {
		struct str parent = i ? str_fmt(&w->arena, ", 'parent': 'q-%d'", first + i - 1)
				      : STR("");

		CHECK_ERROR(world_say(w, "quests.create", "{'subject': 'x'%.*s}", STR_ARG(parent)),
			    NULL);
	}
}

TEST(trees_grown_by_moving_get_no_further_levels)
{
	WORLD_OPEN(w);
	const struct json *r;

	add_tree(&w, 1);
	add_tree(&w, 61);
	CHECK_ERROR(world_say(&w, "quests.update", "{'id': 'q-61', 'parent': 'q-40'}"), NULL);
	r = world_say(&w, "quests.create", "{'subject': 'x', 'parent': 'q-120'}");
	CHECK_ERROR(r, "conflict");
	CHECK_INT(world_int(r, "limit"), 64);
	CHECK_ERROR(world_say(&w, "quests.update", "{'id': 'q-1', 'parent': 'q-120'}"), "conflict");
}

TEST(store_refuses_changes_of_status_that_no_verb_makes)
{
	WORLD_OPEN(w);
	struct store_quest_status done = { .status = QUEST_STATUS_DONE, .is_closed = true };
	struct store_tx tx;

	add_many(&w, 1, false);
	if (!begin(&w, &tx))
		return;
	CHECK_INT(store_quest_set_status(&tx, 1, &done), STORE_REFUSED);
	CHECK_OK(store_quest_claim(&tx, 1, 0, 0, STR("p")));
	CHECK_OK(store_quest_set_status(&tx, 1, &done));
	CHECK_INT(store_quest_claim(&tx, 1, 0, 0, STR("p")), STORE_REFUSED);
	keep(&w);
}

TEST(store_tells_damage_from_absence)
{
	WORLD_OPEN(w);
	struct store_quest_key key;
	struct store_agent agent;
	struct store_quest quest;
	struct store_tx tx;

	world_say(&w, "agents.spawn", "{'name': 'ann', 'grants': {}}");
	add_many(&w, 1, false);
	if (!begin(&w, &tx))
		return;
	CHECK_INT(store_quest_key_n(&tx, 9, &key), STORE_NONE);
	CHECK_INT(store_agent_get(&tx, 9, &agent), STORE_NONE);
	CHECK_OK(db_exec(tx.db, "update quests set outcome = '{\"kind\":\"what\"}'"));
	CHECK_FAULT(store_quest_get_n(&tx, 1, &quest), ERR_CORRUPT);
	CHECK_OK(db_exec(tx.db, "update agents set grants = 'no'"));
	CHECK_FAULT(store_agent_find(&tx, STR("ann"), &agent), ERR_CORRUPT);
	CHECK_FAULT(store_quest_dependency_add(&tx, 1, 9), ERR_INTERNAL);
	store_rollback(w.store);
}
