/* SPDX-License-Identifier: Apache-2.0 */
/* What store_check finds wrong between agents and quests, how often system.check tries, and that a
 * call without memory leaves nothing behind. */
#include "base/clock.h"
#include "handlers.gen.h"
#include "store/db.h"
#include "tests/unit/verbs/world.h"

static void fill(struct world *w)
{
	world_say(w, "agents.spawn",
		  "{'name': 'lead', 'grants': {'may_spawn': true, 'depth': 1, 'children': 2}}");
	world_say(w, "agents.spawn", "{'name': 'kid', 'parent': 'lead', 'max_concurrent': 2}");
	world_say(w, "quests.create", "{'subject': 'one', 'labels': ['a']}");
	world_say(w, "quests.create", "{'subject': 'two', 'depends_on': ['q-1']}");
	world_say(w, "quests.create", "{'subject': 'three', 'assignee': 'kid', 'parent': 'q-1'}");
	world_say(w, "quests.claim", "{'id': 'q-3', 'agent': 'kid'}");
}

TEST(check_finds_whatever_does_not_add_up)
{
	static const char *const wrongs[][2] = {
		{ "update quests set dependencies = 2 where n = 2",
		  "quest q-2: counts 2 dependencies" },
		{ "update quests set dependents = 0 where n = 1",
		  "quest q-1: counts 0 dependencies" },
		{ "update quests set open_dependencies = 0 where n = 2",
		  "quest q-2: counts 1 dependencies" },
		{ "delete from quest_dependencies", "quest q-1: counts" },
		{ "update quests set open_children = 0 where n = 1",
		  "quest q-1: counts 0 open children" },
		{ "update quests set task = null where n = 3", "quest q-3: status 2" },
		{ "update tasks set state = 8 where quest = 3", "quest q-3: its attempt t-1" },
		{ "insert into tasks (id, queue, needs, state, priority, lease_ms, on_failed, "
		  "begins_at,"
		  " created_by, created_at, updated_at, quest) values ('x', 1, 1, 2, 0, 1, 1, 1, "
		  "'p', 1,"
		  " 1, 3)",
		  "task t-2: its quest q-3 has another" },
		{ "update quests set status = 5, blocked_by = 1 where n = 2",
		  "quest q-2: status 5" },
		{ "update quest_labels set rank = 1", "quest q-1: its label a" },
		{ "update quest_labels set label = 'b'", "quest q-1: its label b" },
		{ "update quest_labels set capabilities = 'gpu'", "quest q-1: its label a" },
		{ "update agents set in_progress = 0 where n = 2", "counts 0 quests in progress" },
		{ "update agents set children = 0 where n = 1", "and 0 children" },
	};
	WORLD_OPEN(w);

	fill(&w);
	for (size_t i = 0; i < ARRAY_LEN(wrongs); i++) {
		struct str_list found = { NULL, 0 };
		struct store_tx tx;

		CHECK_OK(store_begin(w.store));
		CHECK_OK(store_call_begin(w.store, &w.arena, 0, &tx));
		CHECK_OK(db_exec(tx.db, wrongs[i][0]));
		CHECK_OK(store_check(&tx, false, &found));
		if (CHECK(found.n > 0))
			CHECK_HAS(found.v[0], wrongs[i][1]);
		store_rollback(w.store);
	}
}

/* ---- quests that wait for each other, as only an older questd left them ---- */

static void depend(struct world *w, int quest, int on)
{
	struct store_tx tx;

	CHECK_OK(store_begin(w->store));
	CHECK_OK(store_call_begin(w->store, &w->arena, 0, &tx));
	CHECK_OK(
	    db_exec(tx.db, str_fmt(&w->arena,
				   "insert into quest_dependencies values (%d, %d);"
				   "update quests set dependencies = dependencies + 1,"
				   " open_dependencies = open_dependencies + 1 where n = %d;"
				   "update quests set dependents = dependents + 1 where n = %d",
				   quest, on, quest, on)
			       .p));
	CHECK_OK(store_call_keep(w->store));
	CHECK_OK(store_commit(w->store));
}

static struct str_list stuck_of(struct world *w, bool quick)
{
	struct store_check c = { 0 };
	struct store_tx tx;
	int e;

	CHECK_OK(store_begin(w->store));
	CHECK_OK(store_call_begin(w->store, &w->arena, 0, &tx));
	CHECK_OK(store_check_begin(&tx, quick, STORE_CHECK_WHOLE_MAX, &c));
	while ((e = store_check_step(&tx, &c)) == STORE_MORE)
		;
	CHECK_OK(e);
	CHECK_INT(c.problems.n, 0);
	store_rollback(w->store);
	return c.stuck;
}

TEST(check_names_a_required_child_that_waits_for_its_own_parent)
{
	WORLD_OPEN(w);
	struct str_list stuck;

	world_say(&w, "quests.create", "{'subject': 'whole'}");
	world_say(&w, "quests.create", "{'subject': 'part', 'parent': 'q-1'}");
	world_say(&w, "quests.create", "{'subject': 'other part', 'parent': 'q-1'}");
	world_say(&w, "quests.create", "{'subject': 'behind', 'depends_on': ['q-2', 'q-3']}");
	CHECK_INT(stuck_of(&w, true).n, 0);
	depend(&w, 2, 1);
	for (int quick = 0; quick < 2; quick++) {
		stuck = stuck_of(&w, quick);
		if (CHECK_INT(stuck.n, 1))
			CHECK_STR(stuck.v[0], "q-2 depends on q-1, which cannot be done before it");
	}
	world_say(&w, "quests.update", "{'id': 'q-2', 'required': false}");
	CHECK_INT(stuck_of(&w, true).n, 0);
}

TEST(check_names_quests_that_wait_for_each_other_by_way_of_others)
{
	WORLD_OPEN(w);
	struct str_list stuck;

	world_say(&w, "quests.create", "{'subject': 'root'}");
	world_say(&w, "quests.create", "{'subject': 'whole', 'parent': 'q-1'}");
	world_say(&w, "quests.create", "{'subject': 'part', 'parent': 'q-2'}");
	world_say(&w, "quests.create", "{'subject': 'behind', 'depends_on': ['q-1']}");
	depend(&w, 3, 4);
	stuck = stuck_of(&w, true);
	if (CHECK_INT(stuck.n, 1))
		CHECK_STR(stuck.v[0], "q-3 depends on q-4, which cannot be done before it");
	world_say(&w, "quests.close",
		  "{'id': 'q-4', 'kind': 'cancelled', 'summary': 's', 'override': true}");
	CHECK_INT(stuck_of(&w, true).n, 0);
}

/* ---- a step that must let go of its snapshot ---- */

enum { RETRIES = 10, LONG_MS = 3600 * 1000 };

/* Enough rows for SQLite to look at the time. */
static void fill_events(struct world *w)
{
	struct store_tx tx;

	CHECK_OK(store_begin(w->store));
	CHECK_OK(store_call_begin(w->store, &w->arena, 0, &tx));
	CHECK_OK(db_exec(tx.db,
			 "with recursive n(i) as (select 1 union all select i + 1 from n limit"
			 " 5000) insert into events (at_ms, kind, source, payload)"
			 " select 0, 'a.b', 'me', '{}' from n"));
	CHECK_OK(store_call_keep(w->store));
	CHECK_OK(store_commit(w->store));
}

/* One call of the verb by a reader of its own; with `is_late` its snapshot has become too old. */
static int check_again(struct world *w, struct store_reader *reader, struct call *c, bool is_late,
		       struct system_check_result *r)
{
	const struct system_check_params params = { 0 };
	struct store_tx tx;
	int e;

	CHECK_OK(store_read_begin(reader, &w->arena, 0, &tx));
	c->tx = &tx;
	if (is_late)
		clock_advance(&w->clock, LONG_MS);
	e = system_check(c, &params, r);
	store_read_end(reader);
	return e;
}

TEST(check_takes_a_step_that_had_to_let_go_ten_times_again)
{
	WORLD_OPEN(w);
	struct call c = { .arena = &w.arena, .store = w.store, .server = &w.server };
	struct system_check_result r = { 0 };
	struct store_reader *reader;
	int e;

	fill_events(&w);
	CHECK_OK(store_reader_new(w.store, false, &reader));
	CHECK_INT(check_again(&w, reader, &c, false, &r), CALL_AGAIN); /* to its lane */
	for (int i = 0; i < RETRIES; i++)
		if (!CHECK_INT(check_again(&w, reader, &c, true, &r), CALL_AGAIN))
			break;
	CHECK_INT(c.progress.done, 1); /* the catalogue; the whole is what takes long */
	while ((e = check_again(&w, reader, &c, false, &r)) == CALL_AGAIN)
		;
	CHECK_OK(e);
	CHECK(r.sound);
	CHECK_INT(c.progress.done, c.progress.total);
	store_reader_free(reader);
}

TEST(check_gives_up_when_it_had_to_let_go_an_eleventh_time)
{
	WORLD_OPEN(w);
	struct call c = { .arena = &w.arena, .store = w.store, .server = &w.server };
	struct system_check_result r = { 0 };
	struct store_reader *reader;

	fill_events(&w);
	CHECK_OK(store_reader_new(w.store, false, &reader));
	CHECK_INT(check_again(&w, reader, &c, false, &r), CALL_AGAIN);
	CHECK_INT(check_again(&w, reader, &c, false, &r), CALL_AGAIN); /* the catalogue */
	for (int i = 0; i < RETRIES; i++)
		CHECK_INT(check_again(&w, reader, &c, true, &r), CALL_AGAIN);
	CHECK_FAULT(check_again(&w, reader, &c, true, &r), ERR_INTERRUPT);
	store_reader_free(reader);
}

TEST(verbs_that_run_out_of_memory_say_so_and_change_nothing)
{
	static const char *const script[][2] = {
		{ "agents.spawn",
		  "{'name': 'lead', 'instructions': 'i', 'grants': {'may_spawn': true, 'depth': 1,"
		  " 'children': 3, 'models': ['m'], 'tools_deny': ['t'], 'tokens_per_hour': 5}}" },
		{ "agents.spawn",
		  "{'name': 'kid', 'parent': 'lead', 'grants': {'tools_deny': ['u']}}" },
		{ "agents.spawn",
		  "{'name': 'bad', 'parent': 'lead', 'grants': {'secrets': ['S']}}" },
		{ "agents.update", "{'id': 'lead', 'grants': {'secrets': ['S']}}" },
		{ "agents.update",
		  "{'id': 'kid', 'max_concurrent': 2, 'clear': ['instructions']}" },
		{ "agents.get", "{'id': 'kid'}" },
		{ "agents.list", "{'parent': 'lead'}" },
		{ "ideas.store", "{'name': 'plan', 'content': 'c'}" },
		{ "quests.create", "{'subject': 'one', 'labels': ['a', 'b'], 'description': 'd'}" },
		{ "quests.create",
		  "{'subject': 'two', 'depends_on': ['q-1'], 'parent': 'q-1', 'required': false,"
		  " 'assignee': 'kid'}" },
		{ "quests.create", "{'subject': 'x', 'depends_on': ['q-1'], 'parent': 'q-1'}" },
		{ "quests.create", "{'subject': 'three', 'depends_on': ['q-1', 'q-2']}" },
		{ "quests.create", "{'subject': 'part', 'parent': 'q-1'}" },
		{ "quests.create", "{'subject': 'five', 'depends_on': ['q-9']}" },
		{ "quests.update", "{'id': 'q-1', 'depends_on': ['q-3']}" },
		{ "quests.update", "{'id': 'q-1', 'parent': 'q-2'}" },
		{ "quests.update", "{'id': 'q-3', 'subject': 'x', 'labels': ['c'], 'parent': "
				   "'q-2', 'depends_on': ['q-1']}" },
		{ "quests.why_pending", "{'id': 'q-2'}" },
		{ "quests.list", "{'ready': true, 'label': 'a'}" },
		{ "quests.list", "{'subject': 't', 'limit': 1}" },
		{ "quests.list", "{'assignee': 'kid', 'status': 'pending'}" },
		{ "quests.claim", "{'id': 'q-2', 'agent': 'kid'}" },
		{ "quests.claim", "{}" },
		{ "quests.close",
		  "{'id': 'q-1', 'kind': 'done', 'summary': 's', 'override': true}" },
		{ "quests.close", "{'id': 'q-1', 'kind': 'failed', 'summary': 's', 'artifacts': "
				  "['a'], 'override': true}" },
		{ "quests.get", "{'id': 'q-2'}" },
		{ "quests.update", "{'id': 'q-2', 'status': 'pending'}" },
		{ "quests.update", "{'id': 'q-1', 'status': 'pending'}" },
		{ "quests.claim", "{'id': 'q-1'}" },
		{ "quests.close",
		  "{'id': 'q-1', 'kind': 'handoff', 'summary': 's', 'override': true}" },
		{ "quests.assign", "{'id': 'q-1', 'assignee': 'kid'}" },
		{ "quests.claim", "{'agent': 'kid'}" },
		{ "quests.close",
		  "{'id': 'q-1', 'kind': 'blocked', 'summary': 's', 'token': 'x'}" },
		{ "quests.wait", "{'id': 'q-3'}" },
		{ "agents.delete", "{'id': 'kid', 'erase': true}" },
		{ "agents.delete", "{'id': 'kid'}" },
	};
	WORLD_OPEN(w);

	w.is_starving = true;
	for (size_t i = 0; i < ARRAY_LEN(script); i++)
		world_say(&w, script[i][0], "%s", script[i][1]);
	CHECK(w.n_starved > 1000);
	CHECK_STR(world_text(world_say(&w, "quests.get", "{'id': 'q-1'}"), "status"),
		  "in_progress");
	CHECK_INT(world_rows(&w, "select 1 from quests").n, 4);
}
