/* SPDX-License-Identifier: Apache-2.0 */
/* agents.*: names, grants that never grow from parent to child, models, retiring and erasing. */
#include "tests/unit/verbs/world.h"

#define LEAD                                                                                    \
	"{'name': 'lead', 'grants': {'may_spawn': true, 'depth': 2, 'children': 2, 'sandbox': " \
	"'strict',"                                                                             \
	" 'egress': ['*.example.org'], 'files_write': ['/srv'], 'tools_allow': ['quests.*', "   \
	"'ideas.get'],"                                                                         \
	" 'tools_deny': ['quests.close'], 'models': ['haiku'], 'tokens_per_hour': 1000, "       \
	"'secrets': ['A']}}"

TEST(agents_spawn_gives_an_active_agent_with_an_id)
{
	WORLD_OPEN(w);
	const struct json *a = world_say(&w, "agents.spawn",
					 "{'name': 'ann', 'instructions': 'Be kind.'}");

	CHECK(id_is_valid(world_text(a, "id")));
	CHECK_STR(world_text(a, "status"), "active");
	CHECK_STR(world_text(a, "instructions"), "Be kind.");
	CHECK_STR(world_text(a, "created_by"), "uid:1000");
	CHECK_INT(world_int(a, "max_concurrent"), 1);
	CHECK_STR_EQ(world_text(world_say(&w, "agents.get", "{'id': 'ANN'}"), "id"),
		     world_text(a, "id"));
}

TEST(agents_names_are_unique_in_any_case)
{
	WORLD_OPEN(w);

	world_say(&w, "agents.spawn", "{'name': 'ann'}");
	world_say(&w, "agents.spawn", "{'name': 'bob'}");
	CHECK_ERROR(world_say(&w, "agents.spawn", "{'name': 'Ann'}"), "name_taken");
	CHECK_ERROR(world_say(&w, "agents.update", "{'id': 'bob', 'name': 'ANN'}"), "name_taken");
	CHECK_STR(world_text(world_say(&w, "agents.update", "{'id': 'bob', 'name': 'Bob'}"),
			     "name"),
		  "Bob");
}

TEST(agents_that_are_not_there_are_not_found)
{
	WORLD_OPEN(w);
	const char *id = "01234567-0123-7123-8123-0123456789ab";

	CHECK_ERROR(world_say(&w, "agents.get", "{'id': 'nobody'}"), "not_found");
	CHECK_ERROR(world_say(&w, "agents.get", "{'id': '%s'}", id), "not_found");
	CHECK_ERROR(world_say(&w, "agents.update", "{'id': 'nobody', 'model': 'm'}"), "not_found");
	CHECK_ERROR(world_say(&w, "agents.update", "{'id': 'nobody'}"), "invalid_params");
	CHECK_ERROR(world_say(&w, "agents.delete", "{'id': 'nobody'}"), "not_found");
	CHECK_ERROR(world_say(&w, "agents.list", "{'parent': 'nobody'}"), "not_found");
	CHECK_ERROR(world_say(&w, "agents.spawn", "{'name': 'x', 'parent': 'nobody'}"),
		    "not_found");
}

TEST(agents_a_child_takes_over_the_limits_it_does_not_set)
{
	WORLD_OPEN(w);
	const struct json *c;

	world_say(&w, "agents.spawn", LEAD);
	c = world_say(&w, "agents.spawn",
		      "{'name': 'kid', 'parent': 'lead', 'grants': {'tools_deny': ['x']}}");
	CHECK_STR(world_text(c, "grants.sandbox"), "strict");
	CHECK_STR(world_text(c, "grants.tools_allow.0"), "quests.*");
	CHECK_STR(world_text(c, "grants.models.0"), "haiku");
	CHECK_INT(world_int(c, "grants.tokens_per_hour"), 1000);
	CHECK_INT(world_count(c, "grants.tools_deny"), 2);
	CHECK_INT(world_count(c, "grants.egress"), 0);
	CHECK_INT(world_int(c, "depth"), 1);
	CHECK_INT(world_int(world_say(&w, "agents.get", "{'id': 'lead'}"), "children"), 1);
}

TEST(agents_a_child_gets_what_its_parent_covers)
{
	WORLD_OPEN(w);

	world_say(&w, "agents.spawn", LEAD);
	CHECK_ERROR(
	    world_say(
		&w, "agents.spawn",
		"{'name': 'kid', 'parent': 'lead', 'grants': {'egress': ['mirror.example.org'],"
		" 'files_read': ['/srv/a'], 'files_write': ['/srv'], 'models': ['haiku'],"
		" 'tools_allow': ['quests.get', 'quests.*'], 'tokens_per_hour': 10,"
		" 'secrets': ['A'], 'may_spawn': true, 'depth': 1, 'children': 1}}"),
	    NULL);
}

TEST(agents_a_child_never_gets_more_than_its_parent)
{
	static const char *const wide[][2] = {
		{ "'egress': ['example.org']", "grants.egress" },
		{ "'egress': ['*']", "grants.egress" },
		{ "'files_write': ['/srvshop']", "grants.files_write" },
		{ "'files_read': ['/']", "grants.files_read" },
		{ "'tools_allow': ['*']", "grants.tools_allow" },
		{ "'tools_allow': ['ideas.*']", "grants.tools_allow" },
		{ "'models': ['opus']", "grants.models" },
		{ "'secrets': ['B']", "grants.secrets" },
		{ "'contracts': ['c']", "grants.contracts" },
		{ "'own_tools': ['t']", "grants.own_tools" },
		{ "'repos': ['r']", "grants.repos" },
		{ "'tokens_per_hour': 1001", "grants.tokens_per_hour" },
		{ "'depth': 2", "grants.depth" },
		{ "'children': 3", "grants.children" },
		{ "'sandbox': 'debug'", "grants.sandbox" },
	};
	WORLD_OPEN(w);

	world_say(&w, "agents.spawn", LEAD);
	for (size_t i = 0; i < ARRAY_LEN(wide); i++) {
		const struct json *r =
		    world_say(&w, "agents.spawn",
			      "{'name': 'kid', 'parent': 'lead', 'grants': {%s}}", wide[i][0]);

		CHECK_ERROR(r, "denied");
		CHECK_STR(world_text(r, "field"), wide[i][1]);
	}
}

TEST(agents_paths_of_grants_are_absolute_and_plain)
{
	static const char *const bad[] = { "work", "/srv/../etc", "/a//b", "/a/./b", "/a/" };
	WORLD_OPEN(w);

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const struct json *r =
		    world_say(&w, "agents.spawn",
			      "{'name': 'kid', 'grants': {'files_read': ['%s']}}", bad[i]);

		CHECK_ERROR(r, "invalid_params");
		CHECK_STR(world_text(r, "field"), "grants.files_read");
	}
}

TEST(agents_spawn_within_width_and_depth_only)
{
	WORLD_OPEN(w);

	world_say(&w, "agents.spawn", LEAD);
	CHECK_ERROR(world_say(&w, "agents.spawn", "{'name': 'a', 'parent': 'lead'}"), NULL);
	CHECK_ERROR(world_say(&w, "agents.spawn", "{'name': 'c', 'parent': 'a'}"), "denied");
	CHECK_ERROR(
	    world_say(
		&w, "agents.spawn",
		"{'name': 'b', 'parent': 'lead', 'grants': {'may_spawn': true, 'children': 1}}"),
	    NULL);
	CHECK_ERROR(world_say(&w, "agents.spawn", "{'name': 'c', 'parent': 'b'}"), "conflict");
	CHECK_ERROR(world_say(&w, "agents.spawn", "{'name': 'c', 'parent': 'lead'}"), "conflict");
	world_say(&w, "agents.delete", "{'id': 'a'}");
	CHECK_ERROR(world_say(&w, "agents.spawn", "{'name': 'c', 'parent': 'lead'}"), NULL);
	CHECK_ERROR(world_say(&w, "agents.update", "{'id': 'a', 'status': 'active'}"), "conflict");
	world_say(&w, "agents.delete", "{'id': 'lead'}");
	CHECK_ERROR(world_say(&w, "agents.spawn", "{'name': 'd', 'parent': 'lead'}"), "conflict");
}

TEST(agents_grants_do_not_shrink_below_those_of_children)
{
	WORLD_OPEN(w);
	const struct json *r;

	world_say(&w, "agents.spawn", LEAD);
	world_say(&w, "agents.spawn",
		  "{'name': 'kid', 'parent': 'lead', 'grants': {'secrets': ['A']}}");
	r = world_say(&w, "agents.update", "{'id': 'lead', 'clear': ['grants']}");
	CHECK_ERROR(r, "conflict");
	CHECK_STR(world_text(r, "children.0"), "kid");
	CHECK_ERROR(world_say(&w, "agents.update", "{'id': 'kid', 'grants': {'secrets': ['B']}}"),
		    "denied");
	world_say(&w, "agents.update", "{'id': 'kid', 'clear': ['grants']}");
	CHECK_ERROR(world_say(&w, "agents.update",
			      "{'id': 'lead', 'grants': {'models': ['haiku'],"
			      " 'tools_allow': ['quests.*', 'ideas.get'],"
			      " 'tokens_per_hour': 1000, 'sandbox': 'strict'}}"),
		    NULL);
}

TEST(agents_update_changes_what_is_given_and_clears_what_is_named)
{
	WORLD_OPEN(w);
	const struct json *a;

	world_say(&w, "agents.spawn", "{'name': 'ann', 'instructions': 'x', 'model': 'opus'}");
	clock_advance(&w.clock, 1000);
	a = world_say(&w, "agents.update",
		      "{'id': 'ann', 'clear': ['model'], 'max_concurrent': 3}");
	CHECK_STR(world_text(a, "instructions"), "x");
	CHECK_STR(world_text(a, "model"), NULL);
	CHECK_INT(world_int(a, "max_concurrent"), 3);
	CHECK(!str_eq(world_text(a, "updated_at"), world_text(a, "created_at")));
	CHECK_ERROR(world_say(&w, "agents.update",
			      "{'id': 'ann', 'clear': ['model'], 'model': 'opus'}"),
		    "conflict");
	CHECK_ERROR(world_say(&w, "agents.update",
			      "{'id': 'ann', 'clear': ['instructions'], 'instructions': 'y'}"),
		    "conflict");
	CHECK_ERROR(world_say(&w, "agents.update",
			      "{'id': 'ann', 'clear': ['grants'], 'grants': {}}"),
		    "conflict");
	a = world_say(&w, "agents.update", "{'id': 'ann', 'clear': ['instructions']}");
	CHECK_STR(world_text(a, "instructions"), NULL);
}

TEST(agents_get_says_where_the_model_comes_from)
{
	WORLD_OPEN(w);
	const struct json *a;

	world_say(&w, "agents.spawn", "{'name': 'ann'}");
	a = world_say(&w, "agents.get", "{'id': 'ann'}");
	CHECK_STR(world_text(a, "model_from"), "nowhere");
	CHECK_STR(world_text(a, "effective_model"), NULL);
	w.company_model = STR("sonnet");
	a = world_say(&w, "agents.get", "{'id': 'ann'}");
	CHECK_STR(world_text(a, "model_from"), "company");
	CHECK_STR(world_text(a, "effective_model"), "sonnet");
	world_say(&w, "agents.update", "{'id': 'ann', 'model': 'opus'}");
	a = world_say(&w, "agents.get", "{'id': 'ann'}");
	CHECK_STR(world_text(a, "model_from"), "agent");
	CHECK_STR(world_text(a, "effective_model"), "opus");
}

TEST(agents_list_pages_by_name_through_filters)
{
	WORLD_OPEN(w);
	const struct json *page;

	for (int i = 0; i < 7; i++)
		world_say(&w, "agents.spawn", "{'name': 'a%d'}", i);
	world_say(&w, "agents.update", "{'id': 'a3', 'status': 'paused'}");
	page = world_say(&w, "agents.list", "{'limit': 4, 'status': 'active'}");
	CHECK_INT(world_count(page, "items"), 4);
	CHECK_STR(world_text(page, "items.3.name"), "a4");
	world_say(&w, "agents.spawn",
		  "{'name': 'A0b'}"); /* before the cursor: neither seen twice nor skipped */
	page = world_say(&w, "agents.list", "{'limit': 4, 'status': 'active', 'cursor': '%.*s'}",
			 STR_ARG(world_text(page, "next_cursor")));
	CHECK_INT(world_count(page, "items"), 2);
	CHECK_STR(world_text(page, "items.0.name"), "a5");
	CHECK_STR(world_text(page, "next_cursor"), NULL);
}

TEST(agents_list_shows_those_under_one)
{
	WORLD_OPEN(w);
	const struct json *page;

	world_say(&w, "agents.spawn", LEAD);
	world_say(&w, "agents.spawn", "{'name': 'kid', 'parent': 'lead'}");
	page = world_say(&w, "agents.list", "{'parent': 'lead'}");
	CHECK_INT(world_count(page, "items"), 1);
	CHECK_STR(world_text(page, "items.0.name"), "kid");
}

TEST(agents_delete_retires_and_keeps_it_readable)
{
	WORLD_OPEN(w);
	const struct json *r;

	world_say(&w, "agents.spawn", "{'name': 'ann'}");
	r = world_say(&w, "agents.delete", "{'id': 'ann'}");
	CHECK_INT(world_int(r, "erased"), false);
	r = world_say(&w, "agents.get", "{'id': 'ann'}");
	CHECK_STR(world_text(r, "status"), "retired");
	CHECK(world_text(r, "retired_at").p);
	CHECK_ERROR(world_say(&w, "agents.delete", "{'id': 'ann'}"), NULL);
	r = world_say(&w, "agents.update", "{'id': 'ann', 'status': 'active'}");
	CHECK_STR(world_text(r, "retired_at"), NULL);
}

TEST(agents_erased_ones_are_gone_but_quests_keep_their_name)
{
	WORLD_OPEN(w);
	const struct json *r;

	world_say(&w, "agents.spawn", "{'name': 'ann'}");
	world_say(&w, "quests.create", "{'subject': 'x', 'assignee': 'ann'}");
	r = world_say(&w, "agents.delete", "{'id': 'ann', 'erase': true}");
	CHECK_INT(world_int(r, "erased"), true);
	CHECK_ERROR(world_say(&w, "agents.get", "{'id': 'ann'}"), "not_found");
	CHECK_ERROR(world_say(&w, "agents.get", "{'id': '%.*s'}", STR_ARG(world_text(r, "id"))),
		    "not_found");
	CHECK_STR(world_text(world_say(&w, "quests.get", "{'id': 'q-1'}"), "assignee"), "ann");
	r = world_say(&w, "quests.why_pending", "{'id': 'q-1'}");
	CHECK_STR(world_text(r, "reasons.0.kind"), "assignee_retired");
	CHECK_ERROR(world_say(&w, "agents.spawn", "{'name': 'ann'}"), NULL);
}

TEST(agents_at_work_or_with_children_are_not_erased)
{
	WORLD_OPEN(w);

	world_say(&w, "agents.spawn", LEAD);
	world_say(&w, "agents.spawn", "{'name': 'kid', 'parent': 'lead'}");
	CHECK_ERROR(world_say(&w, "agents.delete", "{'id': 'lead', 'erase': true}"), "conflict");
	world_say(&w, "quests.create", "{'subject': 'x'}");
	world_say(&w, "quests.claim", "{'agent': 'kid'}");
	CHECK_ERROR(world_say(&w, "agents.delete", "{'id': 'kid', 'erase': true}"), "conflict");
	world_say(&w, "quests.close",
		  "{'id': 'q-1', 'kind': 'done', 'summary': 's', 'override': true}");
	CHECK_ERROR(world_say(&w, "agents.delete", "{'id': 'kid', 'erase': true}"), NULL);
	CHECK_ERROR(world_say(&w, "agents.delete", "{'id': 'lead', 'erase': true}"), NULL);
}

TEST(agents_each_change_is_an_event)
{
	WORLD_OPEN(w);
	struct str_list kinds;

	world_say(&w, "agents.spawn", "{'name': 'ann'}");
	world_say(&w, "agents.update", "{'id': 'ann', 'status': 'paused'}");
	world_say(&w, "agents.delete", "{'id': 'ann'}");
	world_say(&w, "agents.delete", "{'id': 'ann', 'erase': true}");
	kinds = world_rows(&w, "select kind from events order by seq");
	if (!CHECK_INT(kinds.n, 4))
		return;
	CHECK_STR(kinds.v[0], "agent.spawned");
	CHECK_STR(kinds.v[1], "agent.updated");
	CHECK_STR(kinds.v[2], "agent.retired");
	CHECK_STR(kinds.v[3], "agent.erased");
}
