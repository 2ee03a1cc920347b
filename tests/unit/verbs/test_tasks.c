/* SPDX-License-Identifier: Apache-2.0 */
/* tasks.*: the ten states, claims and their proof, under a clock that the test moves. Names begin
 * with the row of the promise. */
#include <stdio.h>

#include "store/tasks.h"
#include "tests/unit/verbs/task_words.h"

/* ---- states ---- */

/* Statements that bring a task into each state by legal ways. */
static const char *const ways_to[TASK_STATE_MAX] = {
	[TASK_STATE_PENDING] = "1|",
	[TASK_STATE_READY] = "2|",
	[TASK_STATE_CLAIMED] = "2|3",
	[TASK_STATE_IN_PROGRESS] = "2|34",
	[TASK_STATE_AWAITING_APPROVAL] = "5|",
	[TASK_STATE_AWAITING_INPUT] = "2|346",
	[TASK_STATE_OUTPUT_PENDING_REVIEW] = "2|347",
	[TASK_STATE_COMPLETED] = "2|348",
	[TASK_STATE_FAILED] = "2|9",
	[TASK_STATE_CANCELLED] = "1|:", /* 10 */
};

static struct str move(struct world *w, int from, int to)
{
	char sql[2048];
	const char *way = ways_to[from];
	int n =
	    snprintf(sql, sizeof(sql),
		     "insert into queues (n, name, plain, created_at, updated_at) values (1, 'q', "
		     "1, 1, 1); insert into task_needs (n, queue) values (1, 1); insert into "
		     "tasks (n, id, queue, needs, state, priority, lease_ms, on_failed, "
		     "begins_at, created_by, created_at, updated_at) values (1, 'x', 1, 1, %c, "
		     "0, 1, 1, 1, 'p', 1, 1);",
		     way[0]);

	for (way += 2; *way; way++)
		n += snprintf(sql + n, sizeof(sql) - (size_t)n, "update tasks set state = %d;",
			      *way - '0');
	snprintf(sql + n, sizeof(sql) - (size_t)n, "update tasks set state = %d;", to);
	return world_refusal(w, sql);
}

TEST(ag_1_of_all_hundred_pairs_of_states_the_table_lets_through_exactly_the_published_ones)
{
	WORLD_OPEN(w);
	int n_legal = 0;

	for (int from = 1; from < TASK_STATE_MAX; from++)
		for (int to = 1; to < TASK_STATE_MAX; to++) {
			bool is_legal = store_task_may((enum task_state)from, (enum task_state)to);
			struct str refusal = move(&w, from, to);

			n_legal += is_legal;
			if (is_legal || from == to)
				CHECK_STR(refusal, NULL);
			else
				CHECK_HAS(refusal, "tasks.state");
		}
	CHECK_INT(n_legal, 31);
}

TEST(ag_1_a_refused_way_names_from_to_and_what_is_allowed)
{
	WORLD_OPEN(w);
	const struct json *r;

	task_create(&w, "");
	r = world_say(&w, "tasks.approve", "{'id': 't-1', 'decision': 'approve'}");
	CHECK_ERROR(r, "illegal_transition");
	CHECK_STR(world_text(r, "from"), "ready");
	CHECK_STR(world_text(r, "needs"), "awaiting_approval");
	r = world_say(&w, "tasks.requeue", "{'id': 't-1'}");
	CHECK_ERROR(r, "illegal_transition");
	CHECK_STR(world_text(r, "from"), "ready");
	CHECK_STR(world_text(r, "to"), "ready");
	CHECK_INT(world_count(r, "allowed"), 4);
	task_complete(&w, task_claim(&w, ""));
	r = world_say(&w, "tasks.cancel", "{'id': 't-1'}");
	CHECK_ERROR(r, "illegal_transition");
	CHECK_STR(world_text(r, "from"), "completed");
	CHECK_INT(world_count(r, "allowed"), 0);
}

TEST(tasks_begin_as_pending_ready_or_awaiting_approval_only)
{
	WORLD_OPEN(w);

	for (int state = 1; state < TASK_STATE_MAX; state++) {
		struct str refusal = world_refusal(
		    &w, str_fmt(&w.arena,
				"insert into queues (n, name, created_at, updated_at) values (1, "
				"'q', 1, 1); insert into tasks (id, queue, needs, state, priority, "
				"lease_ms, on_failed, begins_at, created_by, created_at, "
				"updated_at) values ('x', 1, 1, %d, 0, 1, 1, 1, 'p', 1, 1)",
				state)
			    .p);

		if (state == 1 || state == 2 || state == 5)
			CHECK_STR(refusal, NULL);
		else
			CHECK_HAS(refusal, "tasks.state");
	}
}

/* ---- order ---- */

TEST(ik_q2_the_highest_priority_first_and_equal_ones_in_order)
{
	static const int priorities[] = { 0, 5, 1, 5 };
	static const char *const want[] = { "t-2", "t-4", "t-3", "t-1" };
	WORLD_OPEN(w);

	for (size_t i = 0; i < 4; i++) {
		task_create(&w, str_fmt(&w.arena, "'priority': %d", priorities[i]).p);
		clock_advance(&w.clock, 1);
	}
	for (size_t i = 0; i < 4; i++)
		CHECK_STR(task_claimed(&w, ""), want[i]);
	CHECK(!task_claim(&w, ""));
}

TEST(ag_9_one_that_waited_long_enough_comes_before_a_more_urgent_one)
{
	WORLD_OPEN(w);

	world_say(&w, "queues.update", "{'name': 'default', 'ageing_ms': 1000}");
	task_create(&w, "'priority': 0");
	world_wait(&w, 3000);
	task_create(&w, "'priority': 5");
	task_create(&w, "'priority': 2");
	CHECK_STR(task_claimed(&w, ""), "t-2");
	CHECK_STR(task_claimed(&w, ""), "t-1");
	CHECK_STR(task_claimed(&w, ""), "t-3");
}

TEST(ag_3_a_thousand_urgent_tasks_for_others_do_not_stand_before_mine)
{
	WORLD_OPEN(w);

	for (int i = 0; i < 1000; i++)
		task_create(&w, "'priority': 9, 'capabilities': ['a', 'x']");
	task_create(&w, "'priority': -5, 'capabilities': ['b']");
	CHECK_STR(task_claimed(&w, "'capabilities': ['c', 'b']"), "t-1001");
	CHECK(!task_claim(&w, "'capabilities': ['a', 'b']"));
	CHECK_STR(task_claimed(&w, "'capabilities': ['y', 'x', 'b', 'a']"), "t-1");
}

TEST(tasks_claim_takes_only_those_with_all_the_tags_it_names)
{
	WORLD_OPEN(w);

	task_create(&w, "'tags': ['red']");
	task_create(&w, "'tags': ['red', 'big']");
	CHECK(!task_claim(&w, "'tags': ['blue']"));
	CHECK_STR(task_claimed(&w, "'tags': ['big', 'red']"), "t-2");
	CHECK_STR(task_claimed(&w, ""), "t-1");
}

TEST(tasks_claim_takes_several_at_once_in_order)
{
	WORLD_OPEN(w);
	const struct json *r;

	for (int i = 0; i < 5; i++)
		task_create(&w, i == 3 ? "'priority': 1" : "");
	r = world_say(&w, "tasks.claim", "{'max': 3}");
	CHECK_INT(world_count(r, "items"), 3);
	CHECK_STR(world_text(r, "items.0.short_id"), "t-4");
	CHECK_STR(world_text(r, "items.1.short_id"), "t-1");
	CHECK_STR(world_text(r, "items.2.short_id"), "t-2");
	r = world_say(&w, "tasks.claim", "{'max': 100}");
	CHECK_INT(world_count(r, "items"), 2);
}

/* ---- times ---- */

TEST(ik_q3_a_task_of_later_is_not_claimed_before_its_time)
{
	WORLD_OPEN(w);

	task_create(&w, "'delay_ms': 1500");
	task_create(&w, "'scheduled_for': '2026-11-21T11:00:00Z'");
	world_wait(&w, 1000);
	CHECK(!task_claim(&w, ""));
	CHECK_STR(task_state(&w, "t-1"), "pending");
	world_wait(&w, 500);
	CHECK_STR(task_claimed(&w, ""), "t-1");
	CHECK_ERROR(world_say(&w, "tasks.create",
			      "{'delay_ms': 1, 'scheduled_for': "
			      "'2027-01-01T00:00:00Z'}"),
		    "conflict");
	/* a time that is over already */
	task_create(&w, "'scheduled_for': '2020-01-01T00:00:00Z'");
	CHECK_STR(task_state(&w, "t-3"), "ready");
}

TEST(ik_q5_who_heartbeats_keeps_a_task_and_who_stops_loses_it)
{
	WORLD_OPEN(w);
	const struct json *c;

	task_create(&w, "'lease_ms': 2000");
	c = task_claim(&w, "");
	for (int i = 0; i < 15; i++) {
		world_wait(&w, 667);
		CHECK_ERROR(world_say(&w, "tasks.heartbeat", "{%s}", task_proof(&w, c)), NULL);
	}
	CHECK_STR(task_state(&w, "t-1"), "in_progress");
	world_wait(&w, 1999);
	CHECK_STR(task_state(&w, "t-1"), "in_progress");
	world_wait(&w, 1);
	CHECK_STR(task_state(&w, "t-1"), "ready");
	CHECK_STR(task_reason(&w, "t-1"), "lapsed");
}

TEST(f_11_setting_the_clock_lapses_no_lease_and_moves_what_is_scheduled)
{
	WORLD_OPEN(w);
	const struct json *c;

	task_create(&w, "'lease_ms': 60000");
	task_create(&w, "'scheduled_for': '2026-11-22T00:00:00Z'");
	c = task_claim(&w, "");
	w.clock.fake_wall_ms += 86400000;
	world_wait(&w, 0);
	CHECK_STR(task_state(&w, "t-1"), "in_progress");
	CHECK_STR(task_state(&w, "t-2"), "ready");
	w.clock.fake_wall_ms -= (int64_t)30 * 86400000;
	world_wait(&w, 59999);
	CHECK_STR(task_state(&w, "t-1"), "in_progress");
	world_wait(&w, 1);
	CHECK_STR(task_state(&w, "t-1"), "ready");
	CHECK_ERROR(task_complete(&w, c), "stale_attempt");
}

static void check_stale(struct world *w, const struct json *c)
{
	static const char *const verbs[] = { "start", "heartbeat", "complete", "fail", "release" };

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		const char *verb = str_fmt(&w->arena, "tasks.%s", verbs[i]).p;
		const char *more = i == 3 ? ", 'message': 'x'" : "";

		CHECK_ERROR(world_say(w, verb, "{%s%s}", task_proof(w, c), more), "stale_attempt");
	}
}

TEST(ik_q8_ag_2_what_an_attempt_that_has_ended_says_is_refused_though_the_same_worker_has_the_next)
{
	WORLD_OPEN(w);
	const struct json *first, *second;

	world_say(&w, "workers.register", "{'name': 'w1', 'capacity': 2}");
	task_create(&w, "'lease_ms': 1000");
	first = task_claim(&w, "'worker': 'w1'");
	world_wait(&w, 1000);
	second = task_claim(&w, "'worker': 'w1'");
	CHECK_INT(world_int(second, "attempt"), 2);
	check_stale(&w, first);
	CHECK_ERROR(task_complete(&w, second), NULL);
	check_stale(&w, second);
	CHECK_INT(task_events(&w, "task.completed"), 1);
}

TEST(tasks_a_proof_with_another_attempt_or_token_is_none)
{
	WORLD_OPEN(w);
	const struct json *c;
	struct str token;

	task_create(&w, "");
	c = task_claim(&w, "'start': false");
	token = world_text(c, "token");
	CHECK_STR(task_state(&w, "t-1"), "claimed");
	CHECK_ERROR(world_say(&w, "tasks.complete", "{'id': 't-1', 'attempt': 2, 'token': '%.*s'}",
			      STR_ARG(token)),
		    "stale_attempt");
	CHECK_ERROR(world_say(&w, "tasks.complete", "{'id': 't-1', 'attempt': 1, 'token': '%.*s'}",
			      (int)token.n - 1, token.p),
		    "stale_attempt");
	CHECK_ERROR(world_say(&w, "tasks.start", "{%s}", task_proof(&w, c)), NULL);
	CHECK_ERROR(world_say(&w, "tasks.start", "{%s}", task_proof(&w, c)), NULL); /* once more */
	CHECK_INT(task_events(&w, "task.in_progress"), 1);
	CHECK_STR(world_text(task_complete(&w, c), "state"), "completed");
}
