/* SPDX-License-Identifier: Apache-2.0 */
/* tasks.*: retries, dead letters, limits, cancel, under a clock that the test moves. Names begin
 * with the row of the promise. */
#include <stdio.h>

#include "store/tasks.h"
#include "tests/unit/verbs/task_words.h"

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

	task_create(
	    &w, "'retry': {'kind': 'exponential', 'initial_ms': 100, 'factor': 2, 'max_ms': 400, "
		"'max_attempts': 5}");
	for (size_t i = 0; i < 4; i++) {
		int64_t gap;

		r = task_fail(&w, task_claim(&w, ""), "boom");
		CHECK_STR(world_text(r, "state"), "pending");
		gap = wait_of(&w, r);
		CHECK(gap >= gaps[i] * 9 / 10 && gap <= gaps[i] * 11 / 10);
		world_wait(&w, gap - 1);
		CHECK(!task_claim(&w, ""));
		world_wait(&w, 1);
	}
	r = task_fail(&w, task_claim(&w, ""), "boom");
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

	task_create(&w,
		    "'retry': {'kind': 'fixed', 'initial_ms': 70, 'jitter': 0, 'max_attempts': 9}");
	for (int i = 0; i < 3; i++) {
		CHECK_INT(wait_of(&w, task_fail(&w, task_claim(&w, ""), "x")), 70);
		world_wait(&w, 70);
	}
	task_complete(&w, task_claim(&w, ""));
	task_create(&w,
		    "'retry': {'kind': 'linear', 'initial_ms': 50, 'jitter': 0, 'max_ms': 120}");
	for (int i = 1; i <= 3; i++) {
		CHECK_INT(wait_of(&w, task_fail(&w, task_claim(&w, ""), "x")), MIN(50 * i, 120));
		world_wait(&w, 150);
	}
	task_complete(&w, task_claim(&w, ""));
	task_create(
	    &w, "'retry': {'kind': 'fixed', 'initial_ms': 1000, 'jitter': 50, 'max_attempts': 99}");
	for (int i = 0; i < 30; i++) {
		int64_t ms = wait_of(&w, task_fail(&w, task_claim(&w, ""), "x"));

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

	task_create(&w, "'retry': {'non_retryable': ['bad_input']}");
	r = task_fail(&w, task_claim(&w, ""), "bad_input");
	CHECK_STR(world_text(r, "state"), "failed");
	CHECK_STR(world_text(r, "reason"), "non_retryable");
	task_create(&w, "");
	r = world_say(&w, "tasks.fail", "{%s, 'message': 'x', 'retryable': false}",
		      task_proof(&w, task_claim(&w, "")));
	CHECK_STR(world_text(r, "reason"), "non_retryable");
	CHECK_INT(world_count(world_say(&w, "tasks.list", "{'state': 'failed'}"), "items"), 2);
}

TEST(ik_q11_a_dead_letter_is_requeued_once_with_its_history_and_expires)
{
	WORLD_OPEN(w);
	const struct json *r;

	task_create(&w, "'retry': {'max_attempts': 1}");
	task_fail(&w, task_claim(&w, ""), "x");
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
	task_fail(&w, task_claim(&w, ""), "y");
	r = world_say(&w, "tasks.get", "{'id': 't-1'}");
	CHECK_INT(world_count(r, "errors"), 2);
	world_say(&w, "queues.update", "{'name': 'default', 'keep_ms': 86400000}");
	world_say(&w, "tasks.requeue", "{'id': 't-1'}");
	task_fail(&w, task_claim(&w, ""), "z");
	world_wait(&w, 86400000);
	CHECK_ERROR(world_say(&w, "tasks.get", "{'id': 't-1'}"), "not_found");
}

TEST(ik_q11_purge_says_how_many_went)
{
	WORLD_OPEN(w);
	const struct json *r;

	for (int i = 0; i < 5; i++) {
		task_create(&w, "");
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

	task_create(&w, "'lease_ms': 100, 'retry': {'max_attempts': 50}");
	for (int i = 0; i < 3; i++) {
		CHECK(task_claim(&w, ""));
		world_wait(&w, 100);
	}
	CHECK_STR(task_state(&w, "t-1"), "failed");
	CHECK_STR(task_reason(&w, "t-1"), "no_progress");
	task_create(&w, "'lease_ms': 100, 'retry': {'max_attempts': 50}");
	for (int i = 0; i < 10; i++) {
		const struct json *c = task_claim(&w, "");

		world_say(&w, "tasks.heartbeat", "{%s, 'progress': %d}", task_proof(&w, c), i);
		world_wait(&w, 100);
		CHECK_STR(task_state(&w, "t-2"), "ready");
	}
}

TEST(ik_q13_a_lost_attempt_counts)
{
	WORLD_OPEN(w);

	task_create(&w, "'lease_ms': 100, 'retry': {'max_attempts': 2}");
	for (int i = 0; i < 2; i++) {
		CHECK(task_claim(&w, ""));
		world_wait(&w, 100);
	}
	CHECK_STR(task_state(&w, "t-1"), "failed");
	CHECK_STR(task_reason(&w, "t-1"), "exhausted");
}

/* ---- limits ---- */

TEST(ik_q14_each_time_limit_names_itself_in_state_reason_and_event)
{
	WORLD_OPEN(w);
	const struct json *r;

	task_create(&w, "'schedule_to_start_ms': 500");
	world_wait(&w, 499);
	CHECK_STR(task_state(&w, "t-1"), "ready");
	world_wait(&w, 1);
	CHECK_STR(task_state(&w, "t-1"), "failed");
	CHECK_STR(task_reason(&w, "t-1"), "schedule_to_start");

	task_create(&w, "'start_to_close_ms': 500, 'retry': {'max_attempts': 2, 'initial_ms': 0}");
	CHECK(task_claim(&w, ""));
	world_wait(&w, 500);
	r = world_say(&w, "tasks.get", "{'id': 't-2'}");
	CHECK_STR(world_text(r, "errors.0.ended"), "start_to_close");
	world_wait(&w, 1);
	CHECK(task_claim(&w, ""));
	world_wait(&w, 500);
	CHECK_STR(task_reason(&w, "t-2"), "start_to_close");

	task_create(&w, "'heartbeat_timeout_ms': 300, 'retry': {'max_attempts': 1}");
	r = task_claim(&w, "");
	world_wait(&w, 200);
	world_say(&w, "tasks.heartbeat", "{%s}", task_proof(&w, r));
	world_wait(&w, 299);
	CHECK_STR(task_state(&w, "t-3"), "in_progress");
	world_wait(&w, 1);
	CHECK_STR(task_reason(&w, "t-3"), "heartbeat");

	task_create(&w, "'schedule_to_close_ms': 1000, 'retry': {'initial_ms': 5000}");
	task_fail(&w, task_claim(&w, ""), "x");
	world_wait(&w, 6000); /* it can fail again only when its retry is due */
	CHECK_STR(task_reason(&w, "t-4"), "schedule_to_close");
	r = world_say(&w, "events.list", "{'kinds': ['task.failed']}");
	CHECK_INT(world_count(r, "items"), 4);
	CHECK_STR(world_text(r, "items.0.payload.reason"), "schedule_to_close");
}

/* ---- cancel ---- */

TEST(ik_q15_who_holds_a_cancelled_task_is_told_and_may_finish_it)
{
	WORLD_OPEN(w);
	const struct json *c, *r;

	task_create(&w, "");
	c = task_claim(&w, "");
	r = world_say(&w, "tasks.heartbeat", "{%s}", task_proof(&w, c));
	CHECK_STR(world_text(r, "cancel_at"), NULL);
	r = world_say(&w, "tasks.cancel", "{'id': 't-1', 'grace_ms': 1000}");
	CHECK_STR(world_text(r, "state"), "in_progress");
	r = world_say(&w, "tasks.heartbeat", "{%s}", task_proof(&w, c));
	CHECK(world_text(r, "cancel_at").p);
	world_say(&w, "tasks.cancel", "{'id': 't-1'}"); /* no-op */
	CHECK_INT(task_events(&w, "task.cancel_requested"), 1);
	CHECK_STR(world_text(task_complete(&w, c), "state"), "completed");
}

TEST(ik_q15_a_cancelled_task_is_over_when_its_holder_says_so_or_its_grace_is)
{
	WORLD_OPEN(w);
	const struct json *c, *r;

	task_create(&w, "");
	c = task_claim(&w, "");
	CHECK_ERROR(world_say(&w, "tasks.release", "{%s, 'kind': 'cancelled'}", task_proof(&w, c)),
		    "conflict");
	world_say(&w, "tasks.cancel", "{'id': 't-1', 'reason': 'enough'}");
	r = world_say(&w, "tasks.release", "{%s, 'kind': 'cancelled'}", task_proof(&w, c));
	CHECK_STR(world_text(r, "state"), "cancelled");
	r = world_say(&w, "tasks.cancel", "{'id': 't-1'}");
	CHECK_STR(world_text(r, "state"), "cancelled");
	task_create(&w, "");
	c = task_claim(&w, "");
	world_say(&w, "tasks.cancel", "{'id': 't-2', 'grace_ms': 1000}");
	world_wait(&w, 1000);
	CHECK_STR(task_state(&w, "t-2"), "cancelled");
	CHECK_ERROR(task_complete(&w, c), "stale_attempt");
	task_create(&w, "");
	task_claim(&w, "");
	r = world_say(&w, "tasks.cancel", "{'id': 't-3', 'force': true}");
	CHECK_STR(world_text(r, "state"), "cancelled");
	task_create(&w, "");
	c = task_claim(&w, "");
	world_say(&w, "tasks.cancel", "{'id': 't-4'}");
	CHECK_STR(world_text(task_fail(&w, c, "x"), "state"), "cancelled");
	task_create(&w, "");
	c = task_claim(&w, "");
	world_say(&w, "tasks.cancel", "{'id': 't-5'}");
	CHECK_STR(world_text(world_say(&w, "tasks.release", "{%s}", task_proof(&w, c)), "state"),
		  "cancelled");
}
