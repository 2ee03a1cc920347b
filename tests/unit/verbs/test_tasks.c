/* SPDX-License-Identifier: Apache-2.0 */
/* tasks.*: the ten states, claims and their proof, retries, limits, dead letters, keys, decisions,
 * under a clock that the test moves. Names begin with the row of the promise. */
#include <stdio.h>

#include "store/tasks.h"
#include "tests/unit/verbs/world.h"

/* ---- words for what follows ---- */

static struct str state_of(struct world *w, const char *id)
{
	return world_text(world_say(w, "tasks.get", "{'id': '%s'}", id), "state");
}

static struct str reason_of(struct world *w, const char *id)
{
	return world_text(world_say(w, "tasks.get", "{'id': '%s'}", id), "reason");
}

static const struct json *create(struct world *w, const char *params)
{
	const struct json *r = world_say(w, "tasks.create", "{%s}", params);

	CHECK_ERROR(r, NULL);
	return r;
}

/* The first of what is claimed, or NULL. */
static const struct json *claim(struct world *w, const char *params)
{
	const struct json *r = world_say(w, "tasks.claim", "{%s}", params);

	CHECK_ERROR(r, NULL);
	return world_at(r, "items.0");
}

static struct str claimed_id(struct world *w, const char *params)
{
	return world_text(claim(w, params), "short_id");
}

/* "'id': 't-1', 'attempt': 1, 'token': '…'" of what was claimed. */
static const char *proof(struct world *w, const struct json *c)
{
	return str_fmt(&w->arena, "'id': '%.*s', 'attempt': %lld, 'token': '%.*s'",
		       STR_ARG(world_text(c, "short_id")), (long long)world_int(c, "attempt"),
		       STR_ARG(world_text(c, "token")))
	    .p;
}

static const struct json *complete(struct world *w, const struct json *c)
{
	return world_say(w, "tasks.complete", "{%s}", proof(w, c));
}

static const struct json *fail(struct world *w, const struct json *c, const char *code)
{
	return world_say(w, "tasks.fail", "{%s, 'message': 'no', 'code': '%s'}", proof(w, c), code);
}

static size_t n_events(struct world *w, const char *kind)
{
	return world_count(world_say(w, "events.list", "{'kinds': ['%s'], 'limit': 200}", kind),
			   "items");
}

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

	create(&w, "");
	r = world_say(&w, "tasks.approve", "{'id': 't-1', 'decision': 'approve'}");
	CHECK_ERROR(r, "illegal_transition");
	CHECK_STR(world_text(r, "from"), "ready");
	CHECK_STR(world_text(r, "to"), "ready");
	CHECK_INT(world_count(r, "allowed"), 4);
	complete(&w, claim(&w, ""));
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
		create(&w, str_fmt(&w.arena, "'priority': %d", priorities[i]).p);
		clock_advance(&w.clock, 1);
	}
	for (size_t i = 0; i < 4; i++)
		CHECK_STR(claimed_id(&w, ""), want[i]);
	CHECK(!claim(&w, ""));
}

TEST(ag_9_one_that_waited_long_enough_comes_before_a_more_urgent_one)
{
	WORLD_OPEN(w);

	world_say(&w, "queues.update", "{'name': 'default', 'ageing_ms': 1000}");
	create(&w, "'priority': 0");
	world_wait(&w, 3000);
	create(&w, "'priority': 5");
	create(&w, "'priority': 2");
	CHECK_STR(claimed_id(&w, ""), "t-2");
	CHECK_STR(claimed_id(&w, ""), "t-1");
	CHECK_STR(claimed_id(&w, ""), "t-3");
}

TEST(ag_3_a_thousand_urgent_tasks_for_others_do_not_stand_before_mine)
{
	WORLD_OPEN(w);

	for (int i = 0; i < 1000; i++)
		create(&w, "'priority': 9, 'capabilities': ['a', 'x']");
	create(&w, "'priority': -5, 'capabilities': ['b']");
	CHECK_STR(claimed_id(&w, "'capabilities': ['c', 'b']"), "t-1001");
	CHECK(!claim(&w, "'capabilities': ['a', 'b']"));
	CHECK_STR(claimed_id(&w, "'capabilities': ['y', 'x', 'b', 'a']"), "t-1");
}

TEST(tasks_claim_takes_only_those_with_all_the_tags_it_names)
{
	WORLD_OPEN(w);

	create(&w, "'tags': ['red']");
	create(&w, "'tags': ['red', 'big']");
	CHECK(!claim(&w, "'tags': ['blue']"));
	CHECK_STR(claimed_id(&w, "'tags': ['big', 'red']"), "t-2");
	CHECK_STR(claimed_id(&w, ""), "t-1");
}

TEST(tasks_claim_takes_several_at_once_in_order)
{
	WORLD_OPEN(w);
	const struct json *r;

	for (int i = 0; i < 5; i++)
		create(&w, i == 3 ? "'priority': 1" : "");
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

	create(&w, "'delay_ms': 1500");
	create(&w, "'scheduled_for': '2026-11-21T11:00:00Z'");
	world_wait(&w, 1000);
	CHECK(!claim(&w, ""));
	CHECK_STR(state_of(&w, "t-1"), "pending");
	world_wait(&w, 500);
	CHECK_STR(claimed_id(&w, ""), "t-1");
	CHECK_ERROR(world_say(&w, "tasks.create",
			      "{'delay_ms': 1, 'scheduled_for': "
			      "'2027-01-01T00:00:00Z'}"),
		    "conflict");
	/* a time that is over already */
	create(&w, "'scheduled_for': '2020-01-01T00:00:00Z'");
	CHECK_STR(state_of(&w, "t-3"), "ready");
}

TEST(ik_q5_who_heartbeats_keeps_a_task_and_who_stops_loses_it)
{
	WORLD_OPEN(w);
	const struct json *c;

	create(&w, "'lease_ms': 2000");
	c = claim(&w, "");
	for (int i = 0; i < 15; i++) {
		world_wait(&w, 667);
		CHECK_ERROR(world_say(&w, "tasks.heartbeat", "{%s}", proof(&w, c)), NULL);
	}
	CHECK_STR(state_of(&w, "t-1"), "in_progress");
	world_wait(&w, 1999);
	CHECK_STR(state_of(&w, "t-1"), "in_progress");
	world_wait(&w, 1);
	CHECK_STR(state_of(&w, "t-1"), "ready");
	CHECK_STR(reason_of(&w, "t-1"), "lapsed");
}

TEST(f_11_setting_the_clock_lapses_no_lease_and_moves_what_is_scheduled)
{
	WORLD_OPEN(w);
	const struct json *c;

	create(&w, "'lease_ms': 60000");
	create(&w, "'scheduled_for': '2026-11-22T00:00:00Z'");
	c = claim(&w, "");
	w.clock.fake_wall_ms += 86400000;
	world_wait(&w, 0);
	CHECK_STR(state_of(&w, "t-1"), "in_progress");
	CHECK_STR(state_of(&w, "t-2"), "ready");
	w.clock.fake_wall_ms -= (int64_t)30 * 86400000;
	world_wait(&w, 59999);
	CHECK_STR(state_of(&w, "t-1"), "in_progress");
	world_wait(&w, 1);
	CHECK_STR(state_of(&w, "t-1"), "ready");
	CHECK_ERROR(complete(&w, c), "stale_attempt");
}

static void check_stale(struct world *w, const struct json *c)
{
	static const char *const verbs[] = { "start", "heartbeat", "complete", "fail", "release" };

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		const char *verb = str_fmt(&w->arena, "tasks.%s", verbs[i]).p;
		const char *more = i == 3 ? ", 'message': 'x'" : "";

		CHECK_ERROR(world_say(w, verb, "{%s%s}", proof(w, c), more), "stale_attempt");
	}
}

TEST(ik_q8_ag_2_what_an_attempt_that_has_ended_says_is_refused_though_the_same_worker_has_the_next)
{
	WORLD_OPEN(w);
	const struct json *first, *second;

	world_say(&w, "workers.register", "{'name': 'w1', 'capacity': 2}");
	create(&w, "'lease_ms': 1000");
	first = claim(&w, "'worker': 'w1'");
	world_wait(&w, 1000);
	second = claim(&w, "'worker': 'w1'");
	CHECK_INT(world_int(second, "attempt"), 2);
	check_stale(&w, first);
	CHECK_ERROR(complete(&w, second), NULL);
	check_stale(&w, second);
	CHECK_INT(n_events(&w, "task.completed"), 1);
}

TEST(tasks_a_proof_with_another_attempt_or_token_is_none)
{
	WORLD_OPEN(w);
	const struct json *c;
	struct str token;

	create(&w, "");
	c = claim(&w, "'start': false");
	token = world_text(c, "token");
	CHECK_STR(state_of(&w, "t-1"), "claimed");
	CHECK_ERROR(world_say(&w, "tasks.complete", "{'id': 't-1', 'attempt': 2, 'token': '%.*s'}",
			      STR_ARG(token)),
		    "stale_attempt");
	CHECK_ERROR(world_say(&w, "tasks.complete", "{'id': 't-1', 'attempt': 1, 'token': '%.*s'}",
			      (int)token.n - 1, token.p),
		    "stale_attempt");
	CHECK_ERROR(world_say(&w, "tasks.start", "{%s}", proof(&w, c)), NULL);
	CHECK_ERROR(world_say(&w, "tasks.start", "{%s}", proof(&w, c)), NULL); /* once more */
	CHECK_INT(n_events(&w, "task.in_progress"), 1);
	CHECK_STR(world_text(complete(&w, c), "state"), "completed");
}

/* ---- retries ---- */

static int64_t wait_of(struct world *w, const struct json *r)
{
	struct str at = world_text(r, "retry_at");
	int64_t ms = 0;

	CHECK(clock_parse(at, &ms));
	return ms - clock_wall_ms(&w->clock);
}

TEST(ik_q9_ag_7_attempts_come_as_the_policy_says_and_then_the_task_is_dead_with_its_errors)
{
	static const int64_t gaps[] = { 100, 200, 400, 400 };
	WORLD_OPEN(w);
	const struct json *r;

	create(&w,
	       "'retry': {'kind': 'exponential', 'initial_ms': 100, 'factor': 2, 'max_ms': 400, "
	       "'max_attempts': 5}");
	for (size_t i = 0; i < 4; i++) {
		int64_t gap;

		r = fail(&w, claim(&w, ""), "boom");
		CHECK_STR(world_text(r, "state"), "pending");
		gap = wait_of(&w, r);
		CHECK(gap >= gaps[i] * 9 / 10 && gap <= gaps[i] * 11 / 10);
		world_wait(&w, gap - 1);
		CHECK(!claim(&w, ""));
		world_wait(&w, 1);
	}
	r = fail(&w, claim(&w, ""), "boom");
	CHECK_STR(world_text(r, "state"), "failed");
	CHECK_STR(world_text(r, "reason"), "exhausted");
	r = world_say(&w, "tasks.get", "{'id': 't-1'}");
	CHECK_INT(world_count(r, "errors"), 5);
	CHECK_INT(world_int(r, "errors.4.attempt"), 5);
	CHECK_STR(world_text(r, "errors.4.code"), "boom");
}

TEST(ag_7_fixed_and_linear_waits_and_jitter_within_its_bounds)
{
	WORLD_OPEN(w);
	bool differs = false;

	create(&w, "'retry': {'kind': 'fixed', 'initial_ms': 70, 'jitter': 0, 'max_attempts': 9}");
	for (int i = 0; i < 3; i++) {
		CHECK_INT(wait_of(&w, fail(&w, claim(&w, ""), "x")), 70);
		world_wait(&w, 70);
	}
	complete(&w, claim(&w, ""));
	create(&w, "'retry': {'kind': 'linear', 'initial_ms': 50, 'jitter': 0, 'max_ms': 120}");
	for (int i = 1; i <= 3; i++) {
		CHECK_INT(wait_of(&w, fail(&w, claim(&w, ""), "x")), MIN(50 * i, 120));
		world_wait(&w, 150);
	}
	complete(&w, claim(&w, ""));
	create(&w,
	       "'retry': {'kind': 'fixed', 'initial_ms': 1000, 'jitter': 50, 'max_attempts': 99}");
	for (int i = 0; i < 30; i++) {
		int64_t ms = wait_of(&w, fail(&w, claim(&w, ""), "x"));

		CHECK(ms >= 500 && ms <= 1500);
		differs |= ms != 1000;
		world_wait(&w, ms);
	}
	CHECK(differs);
}

TEST(ik_q10_a_code_that_is_not_retryable_ends_it_at_once)
{
	WORLD_OPEN(w);
	const struct json *r;

	create(&w, "'retry': {'non_retryable': ['bad_input']}");
	r = fail(&w, claim(&w, ""), "bad_input");
	CHECK_STR(world_text(r, "state"), "failed");
	CHECK_STR(world_text(r, "reason"), "non_retryable");
	create(&w, "");
	r = world_say(&w, "tasks.fail", "{%s, 'message': 'x', 'retryable': false}",
		      proof(&w, claim(&w, "")));
	CHECK_STR(world_text(r, "reason"), "non_retryable");
	CHECK_INT(world_count(world_say(&w, "tasks.list", "{'state': 'failed'}"), "items"), 2);
}

TEST(ik_q11_a_dead_letter_is_requeued_once_with_its_history_and_expires)
{
	WORLD_OPEN(w);
	const struct json *r;

	create(&w, "'retry': {'max_attempts': 1}");
	fail(&w, claim(&w, ""), "x");
	CHECK_STR(world_text(world_say(&w, "tasks.list", "{'state': 'failed', 'queue': 'default'}"),
			     "items.0.short_id"),
		  "t-1");
	r = world_say(&w, "tasks.requeue", "{'id': 't-1', 'priority': 7}");
	CHECK_STR(world_text(r, "state"), "ready");
	CHECK_INT(world_int(r, "priority"), 7);
	CHECK_ERROR(world_say(&w, "tasks.requeue", "{'id': 't-1'}"), "illegal_transition");
	r = world_say(&w, "tasks.get", "{'id': 't-1'}");
	CHECK_INT(world_int(r, "requeues"), 1);
	CHECK_INT(world_int(r, "tries"), 0);
	CHECK_INT(world_count(r, "errors"), 1);
	fail(&w, claim(&w, ""), "y");
	r = world_say(&w, "tasks.get", "{'id': 't-1'}");
	CHECK_INT(world_count(r, "errors"), 2);
	world_say(&w, "queues.update", "{'name': 'default', 'keep_ms': 86400000}");
	world_say(&w, "tasks.requeue", "{'id': 't-1'}");
	fail(&w, claim(&w, ""), "z");
	world_wait(&w, 86400000);
	CHECK_ERROR(world_say(&w, "tasks.get", "{'id': 't-1'}"), "not_found");
}

TEST(ik_q11_purge_says_how_many_went)
{
	WORLD_OPEN(w);
	const struct json *r;

	for (int i = 0; i < 5; i++) {
		create(&w, "");
		world_say(&w, "tasks.cancel", "{'id': 't-%d'}", i + 1);
		clock_advance(&w.clock, 1000);
	}
	r = world_say(&w, "tasks.purge",
		      "{'queue': 'default', 'state': 'cancelled', 'limit': 2, "
		      "'confirm': true}");
	CHECK_INT(world_int(r, "purged"), 2);
	CHECK_INT(world_int(r, "more"), 1);
	r = world_say(&w, "tasks.purge",
		      "{'queue': 'default', 'state': 'cancelled', 'before': "
		      "'2020-01-01T00:00:00Z', 'confirm': true}");
	CHECK_INT(world_int(r, "purged"), 0);
	r = world_say(&w, "tasks.purge",
		      "{'queue': 'default', 'state': 'cancelled', 'confirm': true}");
	CHECK_INT(world_int(r, "purged"), 3);
	CHECK_INT(world_int(r, "more"), 0);
	CHECK_INT(world_count(world_say(&w, "tasks.list", "{}"), "items"), 0);
}

TEST(ik_q12_a_task_that_is_lost_three_times_without_progress_is_sealed)
{
	WORLD_OPEN(w);

	create(&w, "'lease_ms': 100, 'retry': {'max_attempts': 50}");
	for (int i = 0; i < 3; i++) {
		CHECK(claim(&w, ""));
		world_wait(&w, 100);
	}
	CHECK_STR(state_of(&w, "t-1"), "failed");
	CHECK_STR(reason_of(&w, "t-1"), "no_progress");
	create(&w, "'lease_ms': 100, 'retry': {'max_attempts': 50}");
	for (int i = 0; i < 10; i++) {
		const struct json *c = claim(&w, "");

		world_say(&w, "tasks.heartbeat", "{%s, 'progress': %d}", proof(&w, c), i);
		world_wait(&w, 100);
		CHECK_STR(state_of(&w, "t-2"), "ready");
	}
}

TEST(ik_q13_a_lost_attempt_counts)
{
	WORLD_OPEN(w);

	create(&w, "'lease_ms': 100, 'retry': {'max_attempts': 2}");
	for (int i = 0; i < 2; i++) {
		CHECK(claim(&w, ""));
		world_wait(&w, 100);
	}
	CHECK_STR(state_of(&w, "t-1"), "failed");
	CHECK_STR(reason_of(&w, "t-1"), "exhausted");
}

/* ---- limits ---- */

TEST(ik_q14_each_time_limit_names_itself_in_state_reason_and_event)
{
	WORLD_OPEN(w);
	const struct json *r;

	create(&w, "'schedule_to_start_ms': 500");
	world_wait(&w, 499);
	CHECK_STR(state_of(&w, "t-1"), "ready");
	world_wait(&w, 1);
	CHECK_STR(state_of(&w, "t-1"), "failed");
	CHECK_STR(reason_of(&w, "t-1"), "schedule_to_start");

	create(&w, "'start_to_close_ms': 500, 'retry': {'max_attempts': 2, 'initial_ms': 0}");
	CHECK(claim(&w, ""));
	world_wait(&w, 500);
	r = world_say(&w, "tasks.get", "{'id': 't-2'}");
	CHECK_STR(world_text(r, "errors.0.ended"), "start_to_close");
	world_wait(&w, 1);
	CHECK(claim(&w, ""));
	world_wait(&w, 500);
	CHECK_STR(reason_of(&w, "t-2"), "start_to_close");

	create(&w, "'heartbeat_timeout_ms': 300, 'retry': {'max_attempts': 1}");
	r = claim(&w, "");
	world_wait(&w, 200);
	world_say(&w, "tasks.heartbeat", "{%s}", proof(&w, r));
	world_wait(&w, 299);
	CHECK_STR(state_of(&w, "t-3"), "in_progress");
	world_wait(&w, 1);
	CHECK_STR(reason_of(&w, "t-3"), "heartbeat");

	create(&w, "'schedule_to_close_ms': 1000, 'retry': {'initial_ms': 5000}");
	fail(&w, claim(&w, ""), "x");
	world_wait(&w, 6000); /* it can fail again only when its retry is due */
	CHECK_STR(reason_of(&w, "t-4"), "schedule_to_close");
	r = world_say(&w, "events.list", "{'kinds': ['task.failed']}");
	CHECK_INT(world_count(r, "items"), 4);
	CHECK_STR(world_text(r, "items.0.payload.reason"), "schedule_to_close");
}

/* ---- cancel ---- */

TEST(ik_q15_who_holds_a_cancelled_task_is_told_and_may_finish_it)
{
	WORLD_OPEN(w);
	const struct json *c, *r;

	create(&w, "");
	c = claim(&w, "");
	r = world_say(&w, "tasks.heartbeat", "{%s}", proof(&w, c));
	CHECK_STR(world_text(r, "cancel_at"), NULL);
	r = world_say(&w, "tasks.cancel", "{'id': 't-1', 'grace_ms': 1000}");
	CHECK_STR(world_text(r, "state"), "in_progress");
	r = world_say(&w, "tasks.heartbeat", "{%s}", proof(&w, c));
	CHECK(world_text(r, "cancel_at").p);
	world_say(&w, "tasks.cancel", "{'id': 't-1'}"); /* no-op */
	CHECK_INT(n_events(&w, "task.cancel_requested"), 1);
	CHECK_STR(world_text(complete(&w, c), "state"), "completed");
}

TEST(ik_q15_a_cancelled_task_is_over_when_its_holder_says_so_or_its_grace_is)
{
	WORLD_OPEN(w);
	const struct json *c, *r;

	create(&w, "");
	c = claim(&w, "");
	CHECK_ERROR(world_say(&w, "tasks.release", "{%s, 'kind': 'cancelled'}", proof(&w, c)),
		    "conflict");
	world_say(&w, "tasks.cancel", "{'id': 't-1', 'reason': 'enough'}");
	r = world_say(&w, "tasks.release", "{%s, 'kind': 'cancelled'}", proof(&w, c));
	CHECK_STR(world_text(r, "state"), "cancelled");
	r = world_say(&w, "tasks.cancel", "{'id': 't-1'}");
	CHECK_STR(world_text(r, "state"), "cancelled");
	create(&w, "");
	c = claim(&w, "");
	world_say(&w, "tasks.cancel", "{'id': 't-2', 'grace_ms': 1000}");
	world_wait(&w, 1000);
	CHECK_STR(state_of(&w, "t-2"), "cancelled");
	CHECK_ERROR(complete(&w, c), "stale_attempt");
	create(&w, "");
	claim(&w, "");
	r = world_say(&w, "tasks.cancel", "{'id': 't-3', 'force': true}");
	CHECK_STR(world_text(r, "state"), "cancelled");
	create(&w, "");
	c = claim(&w, "");
	world_say(&w, "tasks.cancel", "{'id': 't-4'}");
	CHECK_STR(world_text(fail(&w, c, "x"), "state"), "cancelled");
	create(&w, "");
	c = claim(&w, "");
	world_say(&w, "tasks.cancel", "{'id': 't-5'}");
	CHECK_STR(world_text(world_say(&w, "tasks.release", "{%s}", proof(&w, c)), "state"),
		  "cancelled");
}

/* ---- keys ---- */

TEST(ik_q16_one_key_is_one_task)
{
	WORLD_OPEN(w);
	const struct json *first, *again, *r;

	first = create(&w, "'key': 'k', 'payload': {'a': 1, 'b': [2]}");
	again = create(&w, "'key': 'k', 'payload': {'b': [2],  'a': 1}");
	CHECK_STR_EQ(world_text(again, "id"), world_text(first, "id"));
	r = world_say(&w, "tasks.create", "{'key': 'k', 'payload': {'a': 2}}");
	CHECK_ERROR(r, "conflict");
	CHECK_STR(world_text(r, "task"), "t-1");
	CHECK_ERROR(world_say(&w, "tasks.create", "{'key': 'k'}"), "conflict");
	create(&w, "'key': 'k', 'queue': 'other'");
	CHECK_INT(n_events(&w, "task.created"), 2);
	complete(&w, claim(&w, ""));
	world_wait(&w, 86400000);
	again = create(&w, "'key': 'k', 'payload': {'a': 1, 'b': [2]}");
	CHECK_STR_EQ(world_text(again, "id"), world_text(first, "id"));
	world_wait(&w, 1);
	CHECK_STR(world_text(create(&w, "'key': 'k'"), "short_id"), "t-3");
}

TEST(ik_q20_two_with_one_key_never_run_at_a_time)
{
	WORLD_OPEN(w);
	const struct json *a, *b;

	create(&w, "'concurrency_key': 'k', 'priority': 1");
	create(&w, "'concurrency_key': 'k'");
	create(&w, "'concurrency_key': 'k', 'capabilities': ['x']");
	create(&w, "'concurrency_key': 'l'");
	a = claim(&w, "'capabilities': ['x']");
	CHECK_STR(world_text(a, "short_id"), "t-1");
	b = claim(&w, "'capabilities': ['x']");
	CHECK_STR(world_text(b, "short_id"), "t-4");
	CHECK(!claim(&w, "'capabilities': ['x']"));
	complete(&w, a);
	a = claim(&w, "'capabilities': ['x']");
	CHECK_STR(world_text(a, "short_id"), "t-2");
	fail(&w, a, "x");
	CHECK_STR(claimed_id(&w, "'capabilities': ['x']"), "t-3");
}

TEST(ag_9_a_keys_limit_is_that_of_its_newest_task)
{
	WORLD_OPEN(w);

	for (int i = 0; i < 5; i++)
		create(&w, "'concurrency_key': 'k', 'concurrency_limit': 3");
	CHECK_INT(world_count(world_say(&w, "tasks.claim", "{'max': 10}"), "items"), 3);
	CHECK(!claim(&w, ""));
}

TEST(ag_9_a_queues_limit_holds_and_a_paused_one_hands_out_nothing)
{
	WORLD_OPEN(w);
	const struct json *c;

	world_say(&w, "queues.update", "{'name': 'default', 'max_running': 2}");
	for (int i = 0; i < 4; i++)
		create(&w, "");
	c = claim(&w, "");
	CHECK_INT(world_count(world_say(&w, "tasks.claim", "{'max': 10}"), "items"), 1);
	CHECK(!claim(&w, ""));
	complete(&w, c);
	world_say(&w, "queues.pause", "{'name': 'default'}");
	CHECK(!claim(&w, ""));
	world_say(&w, "queues.resume", "{'name': 'default'}");
	CHECK(claim(&w, ""));
	world_say(&w, "queues.update", "{'name': 'default', 'max_running': 0}");
	CHECK(claim(&w, ""));
}

TEST(ik_q19_a_full_queue_refuses_more_and_others_do_not_mind)
{
	WORLD_OPEN(w);
	const struct json *r;

	world_say(&w, "queues.update", "{'name': 'default', 'max_pending': 3}");
	for (int i = 0; i < 3; i++)
		create(&w, i ? "" : "'delay_ms': 60000");
	r = world_say(&w, "tasks.create", "{}");
	CHECK_ERROR(r, "overloaded");
	CHECK_INT(world_int(r, "max_pending"), 3);
	create(&w, "'queue': 'other'");
	claim(&w, "");
	create(&w, "");
}

/* ---- dependencies ---- */

TEST(ag_9_a_task_comes_after_those_it_depends_on)
{
	WORLD_OPEN(w);
	const struct json *r;

	create(&w, "");
	create(&w, "'depends_on': ['t-1', 't-1']");
	create(&w, "'depends_on': ['t-1', 't-2'], 'priority': 9");
	CHECK_STR(state_of(&w, "t-2"), "pending");
	complete(&w, claim(&w, ""));
	CHECK_STR(state_of(&w, "t-2"), "ready");
	CHECK_STR(state_of(&w, "t-3"), "pending");
	r = world_say(&w, "tasks.get", "{'id': 't-3'}");
	CHECK_INT(world_count(r, "depends_on"), 2);
	CHECK_INT(world_int(r, "open_dependencies"), 1);
	complete(&w, claim(&w, ""));
	CHECK_STR(claimed_id(&w, ""), "t-3");
	CHECK_STR(world_text(create(&w, "'depends_on': ['t-2']"), "state"), "ready");
	CHECK_ERROR(world_say(&w, "tasks.create", "{'depends_on': ['t-99']}"), "not_found");
}

TEST(ag_9_a_graph_of_five_hundred_is_done_in_its_order)
{
	WORLD_OPEN(w);
	bool is_done[501] = { false };
	unsigned seed = 7;

	for (int i = 1; i <= 500; i++) {
		char on[200] = "";
		size_t n = 0;

		for (int k = 0; k < 3 && i > 3; k++) {
			seed = seed * 1103515245 + 12345;
			n += (size_t)snprintf(on + n, sizeof(on) - n, "%s't-%u'", k ? ", " : "",
					      seed / 65536 % (unsigned)(i - 1) + 1);
		}
		create(&w,
		       str_fmt(&w.arena, "'depends_on': [%s], 'priority': %u", on, seed % 10).p);
	}
	for (int done = 0; done < 500; done++) {
		const struct json *c = claim(&w, ""), *t;
		int64_t n = 0;

		if (!CHECK(c))
			return;
		t = world_say(&w, "tasks.get", "{'id': '%.*s'}",
			      STR_ARG(world_text(c, "short_id")));
		for (size_t i = 0; i < world_count(t, "depends_on"); i++) {
			struct str id = world_at(t, "depends_on")->items[i].s;

			CHECK(str_to_i64(str_slice(id, 2, id.n), &n) && is_done[n]);
		}
		CHECK(str_to_i64(str_slice(world_text(c, "short_id"), 2, 10), &n));
		is_done[n] = true;
		complete(&w, c);
	}
}

TEST(ik_q21_who_waits_for_a_task_that_fails_waits_goes_on_or_is_cancelled_and_is_told)
{
	WORLD_OPEN(w);

	create(&w, "'retry': {'max_attempts': 1}");
	create(&w, "'depends_on': ['t-1']");
	create(&w, "'depends_on': ['t-1'], 'on_failed': 'run'");
	create(&w, "'depends_on': ['t-1'], 'on_failed': 'cancel'");
	create(&w, "'depends_on': ['t-4'], 'on_failed': 'cancel'");
	fail(&w, claim(&w, ""), "x");
	world_wait(&w, 0);
	CHECK_STR(state_of(&w, "t-2"), "pending");
	CHECK_STR(state_of(&w, "t-3"), "ready");
	CHECK_STR(state_of(&w, "t-4"), "cancelled");
	CHECK_STR(reason_of(&w, "t-4"), "dependency");
	CHECK_STR(state_of(&w, "t-5"), "cancelled");
	CHECK_INT(n_events(&w, "task.dependency_failed"), 3);
	CHECK_ERROR(world_say(&w, "tasks.create", "{'depends_on': ['t-1'], 'on_failed': 'cancel'}"),
		    "conflict");
	world_say(&w, "tasks.requeue", "{'id': 't-1', 'priority': 9}");
	complete(&w, claim(&w, ""));
	CHECK_STR(state_of(&w, "t-2"), "ready");
}

TEST(ik_q21_a_parent_waits_for_its_children_without_holding_anything)
{
	WORLD_OPEN(w);
	const struct json *parent, *r;

	create(&w, "");
	parent = claim(&w, "");
	create(&w, "");
	create(&w, "");
	r = world_say(&w, "tasks.release", "{%s, 'wait_for': ['t-2', 't-3', 't-3']}",
		      proof(&w, parent));
	CHECK_STR(world_text(r, "state"), "pending");
	CHECK_STR(world_text(r, "reason"), "waiting");
	complete(&w, claim(&w, ""));
	CHECK_STR(state_of(&w, "t-1"), "pending");
	complete(&w, claim(&w, ""));
	CHECK_STR(state_of(&w, "t-1"), "ready");
	r = claim(&w, "");
	CHECK_INT(world_int(r, "attempt"), 2);
	CHECK_INT(world_int(r, "tries"), 0);
	create(&w, "'depends_on': ['t-1']");
	CHECK_ERROR(world_say(&w, "tasks.release", "{%s, 'wait_for': ['t-4']}", proof(&w, r)),
		    "cycle");
	CHECK_ERROR(world_say(&w, "tasks.release", "{%s, 'wait_for': ['t-9']}", proof(&w, r)),
		    "not_found");
	/* one that is over already */
	r = world_say(&w, "tasks.release", "{%s, 'wait_for': ['t-2']}", proof(&w, r));
	CHECK_STR(world_text(r, "state"), "ready");
}

TEST(tasks_what_others_wait_for_stays)
{
	WORLD_OPEN(w);

	create(&w, "'retry': {'max_attempts': 1}");
	create(&w, "'depends_on': ['t-1']");
	fail(&w, claim(&w, ""), "x");
	world_wait(&w, (int64_t)8 * 86400000);
	CHECK_STR(state_of(&w, "t-1"), "failed");
	CHECK_INT(world_int(world_say(&w, "tasks.purge",
				      "{'queue': 'default', 'state': 'failed', "
				      "'confirm': true}"),
			    "purged"),
		  0);
	world_say(&w, "tasks.cancel", "{'id': 't-2'}");
	world_say(&w, "tasks.purge", "{'queue': 'default', 'state': 'cancelled', 'confirm': true}");
	CHECK_INT(world_int(world_say(&w, "tasks.purge",
				      "{'queue': 'default', 'state': 'failed', "
				      "'confirm': true}"),
			    "purged"),
		  1);
}

/* ---- complete and what follows ---- */

TEST(ik_q17_the_next_task_and_the_event_come_with_the_end_or_nothing_does)
{
	WORLD_OPEN(w);
	const struct json *c, *r;

	create(&w, "'lease_ms': 7000, 'retry': {'max_attempts': 1}");
	c = claim(&w, "");
	create(&w, "'key': 'taken', 'payload': 1");
	r = world_say(&w, "tasks.complete",
		      "{%s, 'next_task': {'key': 'taken', 'payload': 2}, "
		      "'event': {'kind': 'a.b'}}",
		      proof(&w, c));
	CHECK_ERROR(r, "conflict");
	CHECK_STR(state_of(&w, "t-1"), "in_progress");
	CHECK_INT(n_events(&w, "a.b"), 0);
	r = world_say(&w, "tasks.complete",
		      "{%s, 'result': {'n': 1}, 'next_task': {'subject': 'after', 'priority': 3}, "
		      "'event': {'kind': 'a.b', 'payload': {'x': 1}}}",
		      proof(&w, c));
	CHECK_STR(world_text(r, "state"), "completed");
	CHECK_INT(n_events(&w, "a.b"), 1);
	r = world_say(&w, "tasks.get", "{'id': '%.*s'}", STR_ARG(world_text(r, "next_id")));
	CHECK_STR(world_text(r, "subject"), "after");
	CHECK_INT(world_int(r, "lease_ms"), 7000);
	CHECK_INT(world_int(r, "retry.max_attempts"), 1);
	CHECK_INT(world_int(world_say(&w, "tasks.get", "{'id': 't-1'}"), "result.n"), 1);
}

/* ---- people ---- */

TEST(tasks_approvals_let_in_or_reject)
{
	WORLD_OPEN(w);
	const struct json *r;

	create(&w, "'approval': true, 'delay_ms': 1000");
	CHECK_STR(state_of(&w, "t-1"), "pending");
	world_wait(&w, 1000);
	CHECK_STR(state_of(&w, "t-1"), "awaiting_approval");
	CHECK(!claim(&w, ""));
	world_say(&w, "tasks.approve", "{'id': 't-1', 'decision': 'approve', 'note': 'go'}");
	r = claim(&w, "");
	CHECK_STR(world_text(r, "note"), "go");
	/* approved is approved, also when it is tried again */
	r = fail(&w, r, "x");
	world_wait(&w, 10000);
	CHECK_STR(state_of(&w, "t-1"), "ready");
	create(&w, "'approval': true");
	r = world_say(&w, "tasks.approve", "{'id': 't-2', 'decision': 'reject', 'note': 'no'}");
	CHECK_STR(world_text(r, "state"), "failed");
	CHECK_STR(world_text(r, "reason"), "rejected");
	CHECK_STR(world_text(world_say(&w, "tasks.get", "{'id': 't-2'}"), "note"), "no");
}

TEST(ik_q23_a_question_parks_the_task_and_its_answer_goes_to_who_takes_it)
{
	WORLD_OPEN(w);
	const struct json *r;
	struct str q;

	create(&w, "'retry': {'max_attempts': 1}");
	r = world_say(&w, "tasks.release", "{%s, 'kind': 'input', 'question': 'Which?'}",
		      proof(&w, claim(&w, "")));
	CHECK_STR(world_text(r, "state"), "awaiting_input");
	q = world_text(r, "question_id");
	CHECK(!claim(&w, ""));
	r = world_say(&w, "tasks.answer", "{'id': 't-1', 'question_id': 'x', 'answer': 1}");
	CHECK_ERROR(r, "conflict");
	CHECK_STR_EQ(world_text(r, "question_id"), q);
	r = world_say(&w, "tasks.answer",
		      "{'id': 't-1', 'question_id': '%.*s', 'answer': {'a': 1}}", STR_ARG(q));
	CHECK_STR(world_text(r, "state"), "ready");
	r = claim(&w, "");
	CHECK_STR(world_text(r, "question"), "Which?");
	CHECK_INT(world_int(r, "answer.a"), 1);
	CHECK_INT(world_int(r, "tries"), 0);
	r = world_say(&w, "tasks.release", "{%s, 'kind': 'approval', 'question': 'May I?'}",
		      proof(&w, r));
	q = world_text(r, "question_id");
	CHECK_ERROR(world_say(&w, "tasks.approve",
			      "{'id': 't-1', 'decision': 'approve', 'question_id': 'x'}"),
		    "conflict");
	world_say(&w, "tasks.approve",
		  "{'id': 't-1', 'decision': 'approve', 'question_id': '%.*s'}", STR_ARG(q));
	CHECK_STR(world_text(complete(&w, claim(&w, "")), "state"), "completed");
}

TEST(tasks_a_result_is_reviewed_reworked_and_in_the_end_given_up)
{
	WORLD_OPEN(w);
	const struct json *r;

	create(&w, "'review': true");
	r = world_say(&w, "tasks.complete", "{%s, 'result': 'first'}", proof(&w, claim(&w, "")));
	CHECK_STR(world_text(r, "state"), "output_pending_review");
	world_say(&w, "tasks.review", "{'id': 't-1', 'decision': 'rework', 'note': 'shorter'}");
	r = claim(&w, "");
	CHECK_STR(world_text(r, "note"), "shorter");
	CHECK_STR(world_text(r, "result"), "first");
	complete(&w, r);
	r = world_say(&w, "tasks.review", "{'id': 't-1', 'decision': 'accept'}");
	CHECK_STR(world_text(r, "state"), "completed");
	CHECK(world_text(r, "finished_at").p);
	create(&w, "'review': true");
	complete(&w, claim(&w, ""));
	r = world_say(&w, "tasks.review", "{'id': 't-2', 'decision': 'reject'}");
	CHECK_STR(world_text(r, "reason"), "rejected");
	create(&w, "'review': true");
	for (int i = 0; i < 11; i++) {
		complete(&w, claim(&w, ""));
		r = world_say(&w, "tasks.review", "{'id': 't-3', 'decision': 'rework'}");
	}
	CHECK_STR(world_text(r, "reason"), "max_rework");
}

TEST(tasks_released_ones_come_again_now_or_later)
{
	WORLD_OPEN(w);
	const struct json *r;

	create(&w, "");
	r = world_say(&w, "tasks.release", "{%s}", proof(&w, claim(&w, "")));
	CHECK_STR(world_text(r, "state"), "ready");
	r = world_say(&w, "tasks.release", "{%s, 'delay_ms': 500}", proof(&w, claim(&w, "")));
	CHECK_STR(world_text(r, "state"), "pending");
	world_wait(&w, 500);
	r = claim(&w, "");
	CHECK_INT(world_int(r, "attempt"), 3);
	CHECK_INT(world_int(r, "tries"), 0);
	CHECK_ERROR(world_say(&w, "tasks.release", "{%s, 'question': 'x'}", proof(&w, r)),
		    "conflict");
}

TEST(tasks_reassigned_ones_are_taken_from_their_holder_and_wait_for_the_one)
{
	WORLD_OPEN(w);
	const struct json *held;

	world_say(&w, "workers.register", "{'name': 'w1'}");
	create(&w, "'concurrency_key': 'k', 'tags': ['x']");
	held = claim(&w, "");
	world_say(&w, "tasks.reassign", "{'id': 't-1', 'assignee': 'w1'}");
	CHECK_ERROR(complete(&w, held), "stale_attempt");
	CHECK(!claim(&w, ""));
	CHECK_STR(world_text(world_say(&w, "tasks.get", "{'id': 't-1'}"), "assignee"), "w1");
	CHECK_STR(claimed_id(&w, "'worker': 'w1', 'tags': ['x']"), "t-1");
	world_say(&w, "tasks.reassign", "{'id': 't-1'}");
	CHECK_STR(claimed_id(&w, ""), "t-1");
	create(&w, "'delay_ms': 1000, 'assignee': 'w1'");
	world_say(&w, "tasks.reassign", "{'id': 't-2'}");
	world_wait(&w, 1000);
	CHECK_STR(claimed_id(&w, ""), "t-2");
}
