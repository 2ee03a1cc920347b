/* SPDX-License-Identifier: Apache-2.0 */
/* What hangs between quests: dependencies, parents, what follows for others when one ends. */
#include <stdio.h>

#include "tests/unit/verbs/world.h"

static const struct json *create(struct world *w, const char *more)
{
	const struct json *r = world_say(w, "quests.create", "{'subject': 'x'%s}", more);

	CHECK_ERROR(r, NULL);
	return r;
}

static const struct json *update(struct world *w, const char *id, const char *more)
{
	return world_say(w, "quests.update", "{'id': '%s', %s}", id, more);
}

static const struct json *close_as(struct world *w, const char *id, const char *kind)
{
	return world_say(w, "quests.close",
			 "{'id': '%s', 'kind': '%s', 'summary': '%s of %s', 'override': true}", id,
			 kind, kind, id);
}

static void do_it(struct world *w, const char *id)
{
	CHECK_ERROR(world_say(w, "quests.claim", "{'id': '%s'}", id), NULL);
	CHECK_ERROR(close_as(w, id, "done"), NULL);
}

static const struct json *get(struct world *w, const char *id)
{
	return world_say(w, "quests.get", "{'id': '%s'}", id);
}

TEST(quests_wait_for_all_they_depend_on)
{
	WORLD_OPEN(w);
	const struct json *r;

	create(&w, "");
	create(&w, "");
	create(&w, ", 'depends_on': ['q-1', 'q-2'], 'priority': 'critical'");
	r = world_say(&w, "quests.claim", "{'id': 'q-3'}");
	CHECK_ERROR(r, "conflict");
	CHECK_STR(world_text(r, "depends_on.1"), "q-2");
	CHECK_STR(world_text(r, "hint"), "quests.why_pending with id: q-3 names them");
	do_it(&w, "q-1");
	CHECK_INT(world_int(get(&w, "q-3"), "open_dependencies"), 1);
	do_it(&w, "q-2");
	CHECK_STR(world_text(world_say(&w, "quests.claim", "{}"), "short_id"), "q-3");
}

TEST(quests_outcomes_and_ideas_travel_to_dependents)
{
	WORLD_OPEN(w);
	const struct json *idea = world_say(&w, "ideas.store", "{'name': 'a', 'content': 'c'}");
	const struct json *second = world_say(&w, "ideas.store", "{'name': 'b', 'content': 'd'}");
	const struct json *r;

	world_say(&w, "quests.create", "{'subject': 'x', 'idea_id': '%.*s', 'idea_ids': ['%.*s']}",
		  STR_ARG(world_text(idea, "id")), STR_ARG(world_text(second, "id")));
	create(&w, ", 'depends_on': ['q-1']");
	do_it(&w, "q-1");
	r = get(&w, "q-2");
	CHECK_STR(world_text(r, "context.0.quest"), "q-1");
	CHECK_STR(world_text(r, "context.0.outcome.summary"), "done of q-1");
	CHECK_STR_EQ(world_text(r, "context.0.idea_ids.0"), world_text(idea, "id"));
	CHECK_STR_EQ(world_text(r, "context.0.idea_ids.1"), world_text(second, "id"));
	r = world_say(&w, "quests.claim", "{}");
	CHECK_STR(world_text(r, "context.0.outcome.kind"), "done");
}

TEST(quests_a_failed_dependency_blocks_its_dependents_and_names_itself)
{
	WORLD_OPEN(w);
	const struct json *r;

	create(&w, "");
	create(&w, ", 'depends_on': ['q-1']");
	create(&w, ", 'depends_on': ['q-2']");
	world_say(&w, "quests.claim", "{'id': 'q-1'}");
	close_as(&w, "q-1", "failed");
	r = get(&w, "q-2");
	CHECK_STR(world_text(r, "status"), "blocked");
	CHECK_STR(world_text(r, "blocked_by"), "q-1");
	CHECK_STR(world_text(get(&w, "q-3"), "status"), "pending");
	r = world_say(&w, "quests.why_pending", "{'id': 'q-2'}");
	CHECK_STR(world_text(r, "reasons.0.kind"), "dependency");
	CHECK_STR(world_text(r, "reasons.0.quest"), "q-1");
	CHECK_STR(world_text(r, "reasons.0.status"), "failed");
	r = world_say(&w, "quests.why_pending", "{'id': 'q-3'}");
	CHECK_STR(world_text(r, "reasons.0.quest"), "q-2");
	CHECK_STR(world_text(r, "reasons.0.status"), "blocked");
}

TEST(quests_are_freed_when_the_failed_one_is_tried_again)
{
	WORLD_OPEN(w);

	create(&w, "");
	create(&w, "");
	create(&w, ", 'depends_on': ['q-1', 'q-2']");
	for (int i = 1; i <= 2; i++) {
		char id[16];

		snprintf(id, sizeof(id), "q-%d", i);
		world_say(&w, "quests.claim", "{'id': '%s'}", id);
		close_as(&w, id, "failed");
	}
	CHECK_STR(world_text(get(&w, "q-3"), "blocked_by"), "q-1");
	update(&w, "q-1", "'status': 'pending'");
	CHECK_STR(world_text(get(&w, "q-3"), "blocked_by"), "q-2");
	update(&w, "q-2", "'status': 'pending'");
	CHECK_STR(world_text(get(&w, "q-3"), "status"), "pending");
	CHECK_STR(world_text(get(&w, "q-3"), "blocked_by"), NULL);
}

TEST(quests_are_freed_when_the_cancelled_one_is_taken_out)
{
	WORLD_OPEN(w);
	const struct json *r;

	create(&w, "");
	create(&w, "");
	close_as(&w, "q-1", "cancelled");
	r = create(&w, ", 'depends_on': ['q-1', 'q-2']");
	CHECK_STR(world_text(r, "status"), "blocked");
	CHECK_STR(world_text(r, "blocked_by"), "q-1");
	r = update(&w, "q-3", "'status': 'pending'");
	CHECK_ERROR(r, "conflict");
	CHECK_STR(world_text(r, "dependency"), "q-1");
	r = update(&w, "q-3", "'depends_on': ['q-2'], 'status': 'pending'");
	CHECK_STR(world_text(r, "status"), "pending");
	CHECK_INT(world_int(r, "open_dependencies"), 1);
	r = update(&w, "q-3", "'depends_on': ['q-1']");
	CHECK_STR(world_text(r, "status"), "blocked");
	r = update(&w, "q-3", "'clear': ['depends_on']");
	CHECK_STR(world_text(r, "status"), "pending");
	CHECK_INT(world_count(r, "depends_on"), 0);
}

TEST(quests_another_failed_dependency_goes_on_blocking)
{
	WORLD_OPEN(w);
	const struct json *r;

	create(&w, "");
	create(&w, "");
	close_as(&w, "q-1", "cancelled");
	close_as(&w, "q-2", "cancelled");
	create(&w, ", 'depends_on': ['q-1']");
	r = update(&w, "q-3", "'depends_on': ['q-2']");
	CHECK_STR(world_text(r, "status"), "blocked");
	CHECK_STR(world_text(r, "blocked_by"), "q-2");
}

TEST(quests_blocked_by_hand_stay_so_whatever_happens_to_dependencies)
{
	WORLD_OPEN(w);

	create(&w, "");
	create(&w, ", 'depends_on': ['q-1']");
	update(&w, "q-2", "'status': 'blocked', 'reason': 'by hand'");
	world_say(&w, "quests.claim", "{'id': 'q-1'}");
	close_as(&w, "q-1", "failed");
	update(&w, "q-1", "'status': 'pending'");
	CHECK_STR(world_text(get(&w, "q-2"), "status"), "blocked");
	CHECK_STR(world_text(get(&w, "q-2"), "blocked_reason"), "by hand");
	do_it(&w, "q-1");
	CHECK_STR(world_text(update(&w, "q-2", "'status': 'pending'"), "status"), "pending");
}

TEST(quests_cycles_are_refused_and_name_their_members)
{
	WORLD_OPEN(w);
	const struct json *r;

	create(&w, "");
	create(&w, ", 'depends_on': ['q-1']");
	create(&w, ", 'depends_on': ['q-2']");
	r = update(&w, "q-1", "'depends_on': ['q-3']");
	CHECK_ERROR(r, "cycle");
	CHECK_INT(world_count(r, "cycle"), 4);
	CHECK_STR(world_text(r, "cycle.0"), "q-1");
	CHECK_STR(world_text(r, "cycle.1"), "q-3");
	CHECK_STR(world_text(r, "cycle.2"), "q-2");
	CHECK_STR(world_text(r, "cycle.3"), "q-1");
	r = update(&w, "q-1", "'depends_on': ['q-1']");
	CHECK_ERROR(r, "cycle");
	CHECK_INT(world_count(r, "cycle"), 2);
	CHECK_INT(world_count(get(&w, "q-1"), "depends_on"), 0);
}

TEST(quests_dependencies_change_only_while_nobody_works_on_them)
{
	WORLD_OPEN(w);

	create(&w, "");
	create(&w, "");
	world_say(&w, "quests.claim", "{'id': 'q-2'}");
	CHECK_ERROR(update(&w, "q-2", "'depends_on': ['q-1']"), "conflict");
	close_as(&w, "q-2", "failed");
	CHECK_ERROR(update(&w, "q-2", "'depends_on': ['q-1']"), NULL);
	update(&w, "q-2", "'status': 'pending'");
	CHECK_ERROR(world_say(&w, "quests.claim", "{'id': 'q-2'}"), "conflict");
	do_it(&w, "q-1");
	do_it(&w, "q-2");
	CHECK_ERROR(update(&w, "q-2", "'depends_on': []"), "conflict");
	CHECK_ERROR(update(&w, "q-2", "'depends_on': ['q-9']"), "conflict");
	CHECK_ERROR(create(&w, ", 'depends_on': ['q-2']"), NULL);
	CHECK_ERROR(update(&w, "q-3", "'depends_on': ['q-9']"), "not_found");
}

TEST(quests_a_failed_quest_is_not_opened_over_a_failed_dependency)
{
	WORLD_OPEN(w);

	create(&w, "");
	create(&w, "");
	close_as(&w, "q-1", "cancelled");
	world_say(&w, "quests.claim", "{'id': 'q-2'}");
	close_as(&w, "q-2", "failed");
	update(&w, "q-2", "'depends_on': ['q-1']");
	CHECK_ERROR(update(&w, "q-2", "'status': 'pending'"), "conflict");
}

TEST(quests_at_most_a_thousand_wait_for_one)
{
	WORLD_OPEN(w);
	const struct json *r;

	create(&w, "");
	for (int i = 0; i < 1000; i++)
		create(&w, ", 'depends_on': ['q-1']");
	r = world_say(&w, "quests.create", "{'subject': 'x', 'depends_on': ['q-1']}");
	CHECK_ERROR(r, "conflict");
	CHECK_INT(world_int(r, "limit"), 1000);
	create(&w, "");
	CHECK_ERROR(update(&w, "q-1002", "'depends_on': ['q-1']"), "conflict");
	world_say(&w, "quests.claim", "{'id': 'q-1'}");
	close_as(&w, "q-1", "failed");
	CHECK_STR(world_text(get(&w, "q-1001"), "status"), "blocked");
}

/* ---- parents ---- */

TEST(quests_are_not_done_while_required_children_are_open)
{
	WORLD_OPEN(w);
	const struct json *r;

	create(&w, "");
	create(&w, ", 'parent': 'q-1'");
	create(&w, ", 'parent': 'q-1', 'required': false");
	world_say(&w, "quests.claim", "{'id': 'q-1'}");
	r = close_as(&w, "q-1", "done");
	CHECK_ERROR(r, "conflict");
	CHECK_INT(world_count(r, "children"), 1);
	CHECK_STR(world_text(r, "children.0"), "q-2");
	CHECK_STR(world_text(r, "message"), "q-1 has 1 required child that is open: q-2");
	CHECK_INT(world_int(get(&w, "q-1"), "open_children"), 1);
	do_it(&w, "q-2");
	CHECK_ERROR(close_as(&w, "q-1", "done"), NULL);
}

TEST(quests_are_not_put_under_closed_ones)
{
	WORLD_OPEN(w);

	create(&w, "");
	create(&w, ", 'parent': 'q-1', 'required': false");
	create(&w, "");
	do_it(&w, "q-1");
	CHECK_ERROR(world_say(&w, "quests.create", "{'subject': 'x', 'parent': 'q-1'}"),
		    "conflict");
	CHECK_ERROR(update(&w, "q-3", "'parent': 'q-1'"), "conflict");
	CHECK_ERROR(update(&w, "q-2", "'required': true"), "conflict");
	CHECK_ERROR(update(&w, "q-2", "'subject': 'y', 'required': false"), NULL);
}

TEST(quests_required_children_are_not_opened_again_under_closed_ones)
{
	WORLD_OPEN(w);
	const struct json *r;

	create(&w, "");
	create(&w, ", 'parent': 'q-1'");
	world_say(&w, "quests.claim", "{'id': 'q-2'}");
	close_as(&w, "q-2", "failed");
	do_it(&w, "q-1");
	CHECK_ERROR(update(&w, "q-2", "'status': 'pending'"), "conflict");
	r = update(&w, "q-2", "'required': false, 'status': 'pending'");
	CHECK_STR(world_text(r, "status"), "pending");
}

TEST(quests_moved_are_counted_where_they_are)
{
	WORLD_OPEN(w);
	const struct json *r;

	create(&w, "");
	create(&w, "");
	create(&w, ", 'parent': 'q-1'");
	r = update(&w, "q-3", "'parent': 'q-2'");
	CHECK_STR(world_text(r, "parent"), "q-2");
	CHECK_INT(world_int(get(&w, "q-1"), "open_children"), 0);
	CHECK_INT(world_int(get(&w, "q-2"), "open_children"), 1);
	update(&w, "q-3", "'required': false");
	CHECK_INT(world_int(get(&w, "q-2"), "open_children"), 0);
	r = update(&w, "q-3", "'clear': ['parent'], 'required': true");
	CHECK_STR(world_text(r, "parent"), NULL);
	CHECK_ERROR(update(&w, "q-3", "'parent': 'q-9'"), "not_found");
}

TEST(quests_a_tree_has_no_cycle_and_at_most_64_levels)
{
	WORLD_OPEN(w);
	const struct json *r;
	char more[64];

	create(&w, "");
	for (int i = 1; i < 64; i++) {
		snprintf(more, sizeof(more), ", 'parent': 'q-%d'", i);
		create(&w, more);
	}
	r = world_say(&w, "quests.create", "{'subject': 'x', 'parent': 'q-64'}");
	CHECK_ERROR(r, "conflict");
	CHECK_INT(world_int(r, "limit"), 64);
	r = update(&w, "q-1", "'parent': 'q-3'");
	CHECK_ERROR(r, "cycle");
	CHECK_STR(world_text(r, "cycle.0"), "q-1");
	CHECK_STR(world_text(r, "cycle.1"), "q-3");
	CHECK_STR(world_text(r, "cycle.2"), "q-2");
	CHECK_ERROR(update(&w, "q-1", "'parent': 'q-1'"), "cycle");
	create(&w, "");
	CHECK_ERROR(update(&w, "q-65", "'parent': 'q-64'"), "conflict");
}

static void check_cycle(const struct json *r, const char *field, const char *members)
{
	char path[32];

	CHECK_ERROR(r, "cycle");
	CHECK_STR(world_text(r, "field"), field);
	for (size_t i = 0; i < world_count(r, "cycle"); i++) {
		struct str got, want = str_from(members);

		snprintf(path, sizeof(path), "cycle.%zu", i);
		got = world_text(r, path);
		CHECK(str_starts(want, got));
		members += got.n + 1;
		CHECK_INT(want.n > got.n, i + 1 < world_count(r, "cycle"));
	}
}

TEST(quests_no_required_child_waits_for_what_is_above_it)
{
	WORLD_OPEN(w);
	const struct json *r;

	create(&w, "");
	create(&w, ", 'parent': 'q-1'");
	r = world_say(&w, "quests.create",
		      "{'subject': 'x', 'parent': 'q-2', 'depends_on': ['q-1']}");
	check_cycle(r, "depends_on", "q-1 q-2");
	CHECK_STR(world_text(r, "message"),
		  "the new quest would wait for itself by way of q-1, q-2");
	check_cycle(update(&w, "q-2", "'depends_on': ['q-1']"), "depends_on", "q-2 q-1 q-2");
	create(&w, ", 'parent': 'q-2', 'required': false, 'depends_on': ['q-1']");
	r = update(&w, "q-3", "'required': true");
	check_cycle(r, "required", "q-3 q-1 q-2 q-3");
	CHECK_STR(world_text(r, "message"), "q-3 would wait for itself by way of q-1, q-2");
	CHECK_ERROR(update(&w, "q-3", "'clear': ['parent'], 'required': true"), NULL);
	check_cycle(update(&w, "q-3", "'parent': 'q-1'"), "parent", "q-3 q-1 q-3");
	CHECK_INT(world_int(get(&w, "q-1"), "open_children"), 1);
	CHECK_ERROR(update(&w, "q-3", "'parent': 'q-1', 'depends_on': []"), NULL);
}

TEST(quests_no_required_child_waits_for_those_that_wait_for_its_parent)
{
	WORLD_OPEN(w);

	create(&w, "");
	create(&w, ", 'depends_on': ['q-1']");
	create(&w, "");
	create(&w, ", 'parent': 'q-1'");
	check_cycle(update(&w, "q-4", "'depends_on': ['q-2']"), "depends_on", "q-4 q-2 q-1 q-4");
	check_cycle(world_say(&w, "quests.create",
			      "{'subject': 'x', 'parent': 'q-1', 'depends_on': ['q-2']}"),
		    "depends_on", "q-2 q-1");
	CHECK_ERROR(update(&w, "q-4", "'depends_on': ['q-3']"), NULL);
	CHECK_ERROR(update(&w, "q-3", "'parent': 'q-2'"), NULL);
	check_cycle(update(&w, "q-3", "'depends_on': ['q-1']"), "depends_on", "q-3 q-1 q-4 q-3");
}

TEST(quests_a_failed_child_is_awaited_and_a_closed_one_is_not)
{
	WORLD_OPEN(w);

	create(&w, "");
	create(&w, ", 'parent': 'q-1'");
	create(&w, ", 'parent': 'q-1'");
	create(&w, "");
	world_say(&w, "quests.claim", "{'id': 'q-2'}");
	close_as(&w, "q-2", "failed");
	close_as(&w, "q-3", "cancelled");
	create(&w, ", 'depends_on': ['q-3']");
	check_cycle(update(&w, "q-2", "'depends_on': ['q-1']"), "depends_on", "q-2 q-1 q-2");
	CHECK_ERROR(update(&w, "q-5", "'depends_on': ['q-1', 'q-3']"), NULL);
	do_it(&w, "q-1");
	CHECK_ERROR(update(&w, "q-2", "'depends_on': ['q-1']"), NULL);
}

/* ---- why ---- */

TEST(quests_why_pending_names_who_cannot_take_it)
{
	WORLD_OPEN(w);
	const struct json *r;

	world_say(&w, "agents.spawn", "{'name': 'ann'}");
	create(&w, "");
	create(&w, ", 'assignee': 'ann'");
	r = world_say(&w, "quests.why_pending", "{'id': 'q-1'}");
	CHECK_INT(world_int(r, "ready"), true);
	CHECK_STR(world_text(r, "reasons.0.kind"), "unassigned");
	r = world_say(&w, "quests.why_pending", "{'id': 'q-2'}");
	CHECK_STR(world_text(r, "reasons.0.kind"), "ready");
	CHECK_STR(world_text(r, "next"), "quests.claim with id: q-2");
	world_say(&w, "quests.claim", "{'id': 'q-1', 'agent': 'ann'}");
	r = world_say(&w, "quests.why_pending", "{'id': 'q-2'}");
	CHECK_STR(world_text(r, "reasons.0.kind"), "assignee_busy");
	CHECK_STR(world_text(r, "reasons.0.agent"), "ann");
	CHECK_INT(world_int(r, "ready"), false);
	CHECK_STR(world_text(r, "next"), "quests.close one that ann has in progress, or "
					 "quests.assign with id: q-2");
	r = world_say(&w, "quests.why_pending", "{'id': 'q-1'}");
	CHECK_STR(world_text(r, "reasons.0.kind"), "in_progress");
	world_say(&w, "agents.update", "{'id': 'ann', 'status': 'paused'}");
	r = world_say(&w, "quests.why_pending", "{'id': 'q-2'}");
	CHECK_STR(world_text(r, "reasons.0.kind"), "assignee_paused");
	CHECK_INT(world_int(r, "ready"), false);
	CHECK_STR(world_text(r, "next"),
		  "agents.update with id: ann and status: active, or quests.assign with id: q-2");
	world_say(&w, "agents.delete", "{'id': 'ann'}");
	r = world_say(&w, "quests.why_pending", "{'id': 'q-2'}");
	CHECK_STR(world_text(r, "reasons.0.kind"), "assignee_retired");
	CHECK_INT(world_int(r, "ready"), false);
	CHECK_STR(world_text(r, "next"), "quests.assign with id: q-2");
	close_as(&w, "q-1", "done");
	r = world_say(&w, "quests.why_pending", "{'id': 'q-1'}");
	CHECK_STR(world_text(r, "reasons.0.kind"), "closed");
	update(&w, "q-2", "'status': 'blocked'");
	r = world_say(&w, "quests.why_pending", "{'id': 'q-2'}");
	CHECK_STR(world_text(r, "reasons.0.kind"), "blocked");
}

TEST(quests_why_pending_names_every_open_dependency)
{
	WORLD_OPEN(w);
	const struct json *r;
	char more[64 * 100] = ", 'depends_on': ['q-1'";

	create(&w, "");
	for (int i = 2; i <= 100; i++) {
		create(&w, "");
		snprintf(more + strlen(more), sizeof(more) - strlen(more), ", 'q-%d'", i);
	}
	snprintf(more + strlen(more), sizeof(more) - strlen(more), "]");
	create(&w, more);
	r = world_say(&w, "quests.why_pending", "{'id': 'q-101'}");
	CHECK_INT(world_count(r, "reasons"), 100);
	CHECK_STR(world_text(r, "reasons.98.quest"), "q-99");
	CHECK_STR(world_text(r, "next"), "quests.wait with until: ready");
	CHECK_INT(world_count(get(&w, "q-101"), "context"), 100);
}
