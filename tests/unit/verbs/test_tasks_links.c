/* SPDX-License-Identifier: Apache-2.0 */
/* tasks.*: keys, dependencies, what follows, decisions, under a clock that the test moves. Names
 * begin with the row of the promise. */
#include <stdio.h>

#include "store/tasks.h"
#include "tests/unit/verbs/task_words.h"

/* ---- keys ---- */

TEST(ik_q16_one_key_is_one_task)
{
	WORLD_OPEN(w);
	const struct json *first, *again, *r;

	first = task_create(&w, "'key': 'k', 'payload': {'a': 1, 'b': [2]}");
	again = task_create(&w, "'key': 'k', 'payload': {'b': [2],  'a': 1}");
	CHECK_STR_EQ(world_text(again, "id"), world_text(first, "id"));
	r = world_say(&w, "tasks.create", "{'key': 'k', 'payload': {'a': 2}}");
	CHECK_ERROR(r, "conflict");
	CHECK_STR(world_text(r, "task"), "t-1");
	CHECK_ERROR(world_say(&w, "tasks.create", "{'key': 'k'}"), "conflict");
	task_create(&w, "'key': 'k', 'queue': 'other'");
	CHECK_INT(task_events(&w, "task.created"), 2);
	task_complete(&w, task_claim(&w, ""));
	world_wait(&w, 86400000);
	again = task_create(&w, "'key': 'k', 'payload': {'a': 1, 'b': [2]}");
	CHECK_STR_EQ(world_text(again, "id"), world_text(first, "id"));
	world_wait(&w, 1);
	CHECK_STR(world_text(task_create(&w, "'key': 'k'"), "short_id"), "t-3");
}

TEST(ik_q20_two_with_one_key_never_run_at_a_time)
{
	WORLD_OPEN(w);
	const struct json *a, *b;

	task_create(&w, "'concurrency_key': 'k', 'priority': 1");
	task_create(&w, "'concurrency_key': 'k'");
	task_create(&w, "'concurrency_key': 'k', 'capabilities': ['x']");
	task_create(&w, "'concurrency_key': 'l'");
	a = task_claim(&w, "'capabilities': ['x']");
	CHECK_STR(world_text(a, "short_id"), "t-1");
	b = task_claim(&w, "'capabilities': ['x']");
	CHECK_STR(world_text(b, "short_id"), "t-4");
	CHECK(!task_claim(&w, "'capabilities': ['x']"));
	task_complete(&w, a);
	a = task_claim(&w, "'capabilities': ['x']");
	CHECK_STR(world_text(a, "short_id"), "t-2");
	task_fail(&w, a, "x");
	CHECK_STR(task_claimed(&w, "'capabilities': ['x']"), "t-3");
}

TEST(ag_9_a_keys_limit_is_that_of_its_newest_task)
{
	WORLD_OPEN(w);

	for (int i = 0; i < 5; i++)
		task_create(&w, "'concurrency_key': 'k', 'concurrency_limit': 3");
	CHECK_INT(world_count(world_say(&w, "tasks.claim", "{'max': 10}"), "items"), 3);
	CHECK(!task_claim(&w, ""));
}

TEST(ag_9_a_queues_limit_holds_and_a_paused_one_hands_out_nothing)
{
	WORLD_OPEN(w);
	const struct json *c;

	world_say(&w, "queues.update", "{'name': 'default', 'max_running': 2}");
	for (int i = 0; i < 4; i++)
		task_create(&w, "");
	c = task_claim(&w, "");
	CHECK_INT(world_count(world_say(&w, "tasks.claim", "{'max': 10}"), "items"), 1);
	CHECK(!task_claim(&w, ""));
	task_complete(&w, c);
	world_say(&w, "queues.pause", "{'name': 'default'}");
	CHECK(!task_claim(&w, ""));
	world_say(&w, "queues.resume", "{'name': 'default'}");
	CHECK(task_claim(&w, ""));
	world_say(&w, "queues.update", "{'name': 'default', 'max_running': 0}");
	CHECK(task_claim(&w, ""));
}

TEST(ik_q19_a_full_queue_refuses_more_and_others_do_not_mind)
{
	WORLD_OPEN(w);
	const struct json *r;

	world_say(&w, "queues.update", "{'name': 'default', 'max_pending': 3}");
	for (int i = 0; i < 3; i++)
		task_create(&w, i ? "" : "'delay_ms': 60000");
	r = world_say(&w, "tasks.create", "{}");
	CHECK_ERROR(r, "overloaded");
	CHECK_INT(world_int(r, "max_pending"), 3);
	task_create(&w, "'queue': 'other'");
	task_claim(&w, "");
	task_create(&w, "");
}

/* ---- dependencies ---- */

TEST(ag_9_a_task_comes_after_those_it_depends_on)
{
	WORLD_OPEN(w);
	const struct json *r;

	task_create(&w, "");
	task_create(&w, "'depends_on': ['t-1', 't-1']");
	task_create(&w, "'depends_on': ['t-1', 't-2'], 'priority': 9");
	CHECK_STR(task_state(&w, "t-2"), "pending");
	task_complete(&w, task_claim(&w, ""));
	CHECK_STR(task_state(&w, "t-2"), "ready");
	CHECK_STR(task_state(&w, "t-3"), "pending");
	r = world_say(&w, "tasks.get", "{'id': 't-3'}");
	CHECK_INT(world_count(r, "depends_on"), 2);
	CHECK_INT(world_int(r, "open_dependencies"), 1);
	task_complete(&w, task_claim(&w, ""));
	CHECK_STR(task_claimed(&w, ""), "t-3");
	CHECK_STR(world_text(task_create(&w, "'depends_on': ['t-2']"), "state"), "ready");
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
		task_create(
		    &w, str_fmt(&w.arena, "'depends_on': [%s], 'priority': %u", on, seed % 10).p);
	}
	for (int done = 0; done < 500; done++) {
		const struct json *c = task_claim(&w, ""), *t;
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
		task_complete(&w, c);
	}
}

TEST(ik_q21_who_waits_for_a_task_that_fails_waits_goes_on_or_is_cancelled_and_is_told)
{
	WORLD_OPEN(w);

	task_create(&w, "'retry': {'max_attempts': 1}");
	task_create(&w, "'depends_on': ['t-1']");
	task_create(&w, "'depends_on': ['t-1'], 'on_failed': 'run'");
	task_create(&w, "'depends_on': ['t-1'], 'on_failed': 'cancel'");
	task_create(&w, "'depends_on': ['t-4'], 'on_failed': 'cancel'");
	task_fail(&w, task_claim(&w, ""), "x");
	world_wait(&w, 0);
	CHECK_STR(task_state(&w, "t-2"), "pending");
	CHECK_STR(task_state(&w, "t-3"), "ready");
	CHECK_STR(task_state(&w, "t-4"), "cancelled");
	CHECK_STR(task_reason(&w, "t-4"), "dependency");
	CHECK_STR(task_state(&w, "t-5"), "cancelled");
	CHECK_INT(task_events(&w, "task.dependency_failed"), 3);
	CHECK_ERROR(world_say(&w, "tasks.create", "{'depends_on': ['t-1'], 'on_failed': 'cancel'}"),
		    "conflict");
	world_say(&w, "tasks.requeue", "{'id': 't-1', 'priority': 9}");
	task_complete(&w, task_claim(&w, ""));
	CHECK_STR(task_state(&w, "t-2"), "ready");
}

TEST(ik_q21_a_parent_waits_for_its_children_without_holding_anything)
{
	WORLD_OPEN(w);
	const struct json *parent, *r;

	task_create(&w, "");
	parent = task_claim(&w, "");
	task_create(&w, "");
	task_create(&w, "");
	r = world_say(&w, "tasks.release", "{%s, 'wait_for': ['t-2', 't-3', 't-3']}",
		      task_proof(&w, parent));
	CHECK_STR(world_text(r, "state"), "pending");
	CHECK_STR(world_text(r, "reason"), "waiting");
	task_complete(&w, task_claim(&w, ""));
	CHECK_STR(task_state(&w, "t-1"), "pending");
	task_complete(&w, task_claim(&w, ""));
	CHECK_STR(task_state(&w, "t-1"), "ready");
	r = task_claim(&w, "");
	CHECK_INT(world_int(r, "attempt"), 2);
	CHECK_INT(world_int(r, "tries"), 0);
	task_create(&w, "'depends_on': ['t-1']");
	CHECK_ERROR(world_say(&w, "tasks.release", "{%s, 'wait_for': ['t-4']}", task_proof(&w, r)),
		    "cycle");
	CHECK_ERROR(world_say(&w, "tasks.release", "{%s, 'wait_for': ['t-9']}", task_proof(&w, r)),
		    "not_found");
	/* one that is over already */
	r = world_say(&w, "tasks.release", "{%s, 'wait_for': ['t-2']}", task_proof(&w, r));
	CHECK_STR(world_text(r, "state"), "ready");
}

TEST(tasks_what_others_wait_for_stays)
{
	WORLD_OPEN(w);

	task_create(&w, "'retry': {'max_attempts': 1}");
	task_create(&w, "'depends_on': ['t-1']");
	task_fail(&w, task_claim(&w, ""), "x");
	world_wait(&w, (int64_t)8 * 86400000);
	CHECK_STR(task_state(&w, "t-1"), "failed");
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

	task_create(&w, "'lease_ms': 7000, 'retry': {'max_attempts': 1}");
	c = task_claim(&w, "");
	task_create(&w, "'key': 'taken', 'payload': 1");
	r = world_say(&w, "tasks.complete",
		      "{%s, 'next_task': {'key': 'taken', 'payload': 2}, "
		      "'event': {'kind': 'a.b'}}",
		      task_proof(&w, c));
	CHECK_ERROR(r, "conflict");
	CHECK_STR(task_state(&w, "t-1"), "in_progress");
	CHECK_INT(task_events(&w, "a.b"), 0);
	r = world_say(&w, "tasks.complete",
		      "{%s, 'result': {'n': 1}, 'next_task': {'subject': 'after', 'priority': 3}, "
		      "'event': {'kind': 'a.b', 'payload': {'x': 1}}}",
		      task_proof(&w, c));
	CHECK_STR(world_text(r, "state"), "completed");
	CHECK_INT(task_events(&w, "a.b"), 1);
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

	task_create(&w, "'approval': true, 'delay_ms': 1000");
	CHECK_STR(task_state(&w, "t-1"), "pending");
	world_wait(&w, 1000);
	CHECK_STR(task_state(&w, "t-1"), "awaiting_approval");
	CHECK(!task_claim(&w, ""));
	world_say(&w, "tasks.approve", "{'id': 't-1', 'decision': 'approve', 'note': 'go'}");
	r = task_claim(&w, "");
	CHECK_STR(world_text(r, "note"), "go");
	/* approved is approved, also when it is tried again */
	r = task_fail(&w, r, "x");
	world_wait(&w, 10000);
	CHECK_STR(task_state(&w, "t-1"), "ready");
	task_create(&w, "'approval': true");
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

	task_create(&w, "'retry': {'max_attempts': 1}");
	r = world_say(&w, "tasks.release", "{%s, 'kind': 'input', 'question': 'Which?'}",
		      task_proof(&w, task_claim(&w, "")));
	CHECK_STR(world_text(r, "state"), "awaiting_input");
	q = world_text(r, "question_id");
	CHECK(!task_claim(&w, ""));
	r = world_say(&w, "tasks.answer", "{'id': 't-1', 'question_id': 'x', 'answer': 1}");
	CHECK_ERROR(r, "conflict");
	CHECK_STR_EQ(world_text(r, "question_id"), q);
	r = world_say(&w, "tasks.answer",
		      "{'id': 't-1', 'question_id': '%.*s', 'answer': {'a': 1}}", STR_ARG(q));
	CHECK_STR(world_text(r, "state"), "ready");
	r = task_claim(&w, "");
	CHECK_STR(world_text(r, "question"), "Which?");
	CHECK_INT(world_int(r, "answer.a"), 1);
	CHECK_INT(world_int(r, "tries"), 0);
	r = world_say(&w, "tasks.release", "{%s, 'kind': 'approval', 'question': 'May I?'}",
		      task_proof(&w, r));
	q = world_text(r, "question_id");
	CHECK_ERROR(world_say(&w, "tasks.approve",
			      "{'id': 't-1', 'decision': 'approve', 'question_id': 'x'}"),
		    "conflict");
	world_say(&w, "tasks.approve",
		  "{'id': 't-1', 'decision': 'approve', 'question_id': '%.*s'}", STR_ARG(q));
	CHECK_STR(world_text(task_complete(&w, task_claim(&w, "")), "state"), "completed");
}

TEST(tasks_a_result_is_reviewed_reworked_and_in_the_end_given_up)
{
	WORLD_OPEN(w);
	const struct json *r;

	task_create(&w, "'review': true");
	r = world_say(&w, "tasks.complete", "{%s, 'result': 'first'}",
		      task_proof(&w, task_claim(&w, "")));
	CHECK_STR(world_text(r, "state"), "output_pending_review");
	world_say(&w, "tasks.review", "{'id': 't-1', 'decision': 'rework', 'note': 'shorter'}");
	r = task_claim(&w, "");
	CHECK_STR(world_text(r, "note"), "shorter");
	CHECK_STR(world_text(r, "result"), "first");
	task_complete(&w, r);
	r = world_say(&w, "tasks.review", "{'id': 't-1', 'decision': 'accept'}");
	CHECK_STR(world_text(r, "state"), "completed");
	CHECK(world_text(r, "finished_at").p);
	task_create(&w, "'review': true");
	task_complete(&w, task_claim(&w, ""));
	r = world_say(&w, "tasks.review", "{'id': 't-2', 'decision': 'reject'}");
	CHECK_STR(world_text(r, "reason"), "rejected");
	task_create(&w, "'review': true");
	for (int i = 0; i < 11; i++) {
		task_complete(&w, task_claim(&w, ""));
		r = world_say(&w, "tasks.review", "{'id': 't-3', 'decision': 'rework'}");
	}
	CHECK_STR(world_text(r, "reason"), "max_rework");
}

TEST(tasks_released_ones_come_again_now_or_later)
{
	WORLD_OPEN(w);
	const struct json *r;

	task_create(&w, "");
	r = world_say(&w, "tasks.release", "{%s}", task_proof(&w, task_claim(&w, "")));
	CHECK_STR(world_text(r, "state"), "ready");
	r = world_say(&w, "tasks.release", "{%s, 'delay_ms': 500}",
		      task_proof(&w, task_claim(&w, "")));
	CHECK_STR(world_text(r, "state"), "pending");
	world_wait(&w, 500);
	r = task_claim(&w, "");
	CHECK_INT(world_int(r, "attempt"), 3);
	CHECK_INT(world_int(r, "tries"), 0);
	CHECK_ERROR(world_say(&w, "tasks.release", "{%s, 'question': 'x'}", task_proof(&w, r)),
		    "conflict");
}

TEST(tasks_reassigned_ones_are_taken_from_their_holder_and_wait_for_the_one)
{
	WORLD_OPEN(w);
	const struct json *held;

	world_say(&w, "workers.register", "{'name': 'w1'}");
	task_create(&w, "'concurrency_key': 'k', 'tags': ['x']");
	held = task_claim(&w, "");
	world_say(&w, "tasks.reassign", "{'id': 't-1', 'assignee': 'w1'}");
	CHECK_ERROR(task_complete(&w, held), "stale_attempt");
	CHECK(!task_claim(&w, ""));
	CHECK_STR(world_text(world_say(&w, "tasks.get", "{'id': 't-1'}"), "assignee"), "w1");
	CHECK_STR(task_claimed(&w, "'worker': 'w1', 'tags': ['x']"), "t-1");
	world_say(&w, "tasks.reassign", "{'id': 't-1'}");
	CHECK_STR(task_claimed(&w, ""), "t-1");
	task_create(&w, "'delay_ms': 1000, 'assignee': 'w1'");
	world_say(&w, "tasks.reassign", "{'id': 't-2'}");
	world_wait(&w, 1000);
	CHECK_STR(task_claimed(&w, ""), "t-2");
}
