/* SPDX-License-Identifier: Apache-2.0 */
/* workers.*: their six states, what they hold when they go, and why tasks wait for them. */
#include <stdio.h>

#include "store/db.h"
#include "tests/unit/verbs/world.h"
#include "verbs/tasks_due.h"

static struct str status_of(struct world *w, const char *id)
{
	return world_text(world_say(w, "workers.get", "{'id': '%s'}", id), "status");
}

static struct str state_of(struct world *w, const char *id)
{
	return world_text(world_say(w, "tasks.get", "{'id': '%s'}", id), "state");
}

static const struct json *claim_as(struct world *w, const char *worker)
{
	return world_at(world_say(w, "tasks.claim", "{'worker': '%s'}", worker), "items.0");
}

/* What the server does when a connection is gone. */
static void lose(struct world *w, uint64_t connection)
{
	struct store_tx tx;
	struct call c = { .principal = &w->principal,
			  .arena = &w->arena,
			  .tx = &tx,
			  .store = w->store,
			  .server = &w->server,
			  .now_ms = clock_wall_ms(&w->clock) };

	CHECK_OK(store_begin(w->store));
	CHECK_OK(store_call_begin(w->store, &w->arena, c.now_ms, &tx));
	CHECK_OK(workers_gone(&c, connection));
	CHECK_OK(store_call_keep(w->store));
	CHECK_OK(store_commit(w->store));
}

TEST(ik_q24_the_list_shows_load_capacity_version_and_last_beat)
{
	WORLD_OPEN(w);
	const struct json *r;

	world_say(&w, "workers.register",
		  "{'name': 'w1', 'kind': 'script', 'version': '1.2', 'capacity': 3, "
		  "'capabilities': ['b', 'a', 'a'], 'tags': ['t'], 'queues': ['q']}");
	world_say(&w, "tasks.create", "{}");
	claim_as(&w, "w1");
	r = world_say(&w, "workers.list", "{}");
	CHECK_STR(world_text(r, "items.0.name"), "w1");
	CHECK_STR(world_text(r, "items.0.status"), "busy");
	CHECK_INT(world_int(r, "items.0.capacity"), 3);
	CHECK_INT(world_int(r, "items.0.running"), 1);
	CHECK_STR(world_text(r, "items.0.version"), "1.2");
	CHECK_INT(world_count(r, "items.0.capabilities"), 2);
	CHECK_STR(world_text(r, "items.0.heartbeat_at"), "2026-11-21T10:00:00.000Z");
	CHECK_INT(world_count(world_say(&w, "workers.list", "{'status': 'offline'}"), "items"), 0);
	r = world_say(&w, "tasks.list", "{'worker': 'w1'}");
	CHECK_INT(world_count(r, "items"), 1);
}

TEST(ik_q24_ag_17_missed_beats_degrade_then_disconnect_then_end_a_worker)
{
	WORLD_OPEN(w);

	world_say(&w, "workers.register", "{'name': 'w1', 'heartbeat_ms': 1000, 'grace_ms': 5000}");
	world_say(&w, "tasks.create", "{'lease_ms': 60000}");
	claim_as(&w, "w1");
	world_wait(&w, 1499);
	CHECK_STR(status_of(&w, "w1"), "busy");
	world_wait(&w, 1);
	CHECK_STR(status_of(&w, "w1"), "degraded");
	world_say(&w, "workers.heartbeat", "{'id': 'w1'}");
	CHECK_STR(status_of(&w, "w1"), "busy");
	world_wait(&w, 1500);
	world_wait(&w, 500);
	CHECK_STR(status_of(&w, "w1"), "disconnected");
	CHECK_STR(state_of(&w, "t-1"), "in_progress");
	world_wait(&w, 5000);
	CHECK_STR(status_of(&w, "w1"), "offline");
	CHECK_STR(state_of(&w, "t-1"), "ready");
	CHECK_ERROR(world_say(&w, "workers.heartbeat", "{'id': 'w1'}"), "conflict");
	CHECK_ERROR(world_say(&w, "tasks.claim", "{'worker': 'w1'}"), "conflict");
	CHECK_ERROR(world_say(&w, "workers.drain", "{'id': 'w1'}"), "conflict");
	CHECK_ERROR(world_say(&w, "workers.resume", "{'id': 'w1'}"), "conflict");
	world_say(&w, "workers.register", "{'name': 'W1'}");
	CHECK_STR(status_of(&w, "w1"), "online");
}

TEST(ag_17_a_lost_connection_disconnects_and_who_comes_back_keeps_its_task)
{
	WORLD_OPEN(w);
	const struct json *c;

	w.connection = 7;
	world_say(&w, "workers.register", "{'name': 'w1'}");
	world_say(&w, "tasks.create", "{}");
	c = claim_as(&w, "w1");
	lose(&w, 8);
	CHECK_STR(status_of(&w, "w1"), "busy");
	lose(&w, 7);
	CHECK_STR(status_of(&w, "w1"), "disconnected");
	w.connection = 9;
	world_say(&w, "workers.heartbeat", "{'id': 'w1'}");
	CHECK_STR(status_of(&w, "w1"), "busy");
	CHECK_ERROR(world_say(&w, "tasks.complete", "{'id': 't-1', 'attempt': 1, 'token': '%.*s'}",
			      STR_ARG(world_text(c, "token"))),
		    NULL);
	CHECK_STR(status_of(&w, "w1"), "online");
	CHECK_INT(world_int(world_say(&w, "workers.get", "{'id': 'w1'}"), "completed"), 1);
	lose(&w, 0); /* what was connected to an earlier process */
	lose(&w, 9);
	CHECK_STR(status_of(&w, "w1"), "online");
}

TEST(ag_5_a_worker_that_comes_back_gets_what_it_held_with_the_same_attempt)
{
	WORLD_OPEN(w);
	const struct json *before, *after;

	world_say(&w, "workers.register", "{'name': 'w1', 'capacity': 2}");
	world_say(&w, "tasks.create", "{}");
	world_say(&w, "tasks.create", "{'priority': 9}");
	before = claim_as(&w, "w1");
	world_say(&w, "workers.register", "{'name': 'w1', 'capacity': 2}");
	after = claim_as(&w, "w1");
	CHECK_STR_EQ(world_text(after, "id"), world_text(before, "id"));
	CHECK_INT(world_int(after, "attempt"), 1);
	CHECK_INT(world_int(after, "resumed"), 1);
	CHECK(!str_eq(world_text(after, "token"), world_text(before, "token")));
	CHECK_ERROR(world_say(&w, "tasks.complete", "{'id': 't-2', 'attempt': 1, 'token': '%.*s'}",
			      STR_ARG(world_text(before, "token"))),
		    "stale_attempt");
	CHECK_STR(world_text(claim_as(&w, "w1"), "short_id"), "t-1");
	CHECK_ERROR(world_say(&w, "tasks.claim", "{'worker': 'w1'}"), "conflict");
}

TEST(ag_6_the_tasks_of_a_worker_that_died_are_ready_again_with_nobody_connected)
{
	WORLD_OPEN(w);

	world_say(&w, "workers.register", "{'name': 'w1'}");
	world_say(&w, "tasks.create", "{'lease_ms': 1000, 'retry': {'max_attempts': 2}}");
	claim_as(&w, "w1");
	world_wait(&w, 1000);
	CHECK_STR(state_of(&w, "t-1"), "ready");
	CHECK_INT(world_int(claim_as(&w, "w1"), "attempt"), 2);
	world_wait(&w, 1000);
	CHECK_STR(state_of(&w, "t-1"), "failed");
	CHECK_STR(world_text(world_say(&w, "tasks.get", "{'id': 't-1'}"), "reason"), "exhausted");
}

TEST(ik_q19_ag_19_a_draining_worker_finishes_and_takes_nothing_more)
{
	WORLD_OPEN(w);
	const struct json *c;

	world_say(&w, "workers.register", "{'name': 'w1', 'capacity': 5}");
	world_say(&w, "tasks.create", "{}");
	world_say(&w, "tasks.create", "{}");
	c = claim_as(&w, "w1");
	world_say(&w, "workers.drain", "{'id': 'w1', 'reason': 'upgrade'}");
	CHECK_STR(status_of(&w, "w1"), "draining");
	CHECK_ERROR(world_say(&w, "tasks.claim", "{'worker': 'w1'}"), "conflict");
	world_say(&w, "workers.heartbeat", "{'id': 'w1'}");
	CHECK_STR(status_of(&w, "w1"), "draining");
	CHECK_ERROR(world_say(&w, "tasks.complete", "{'id': 't-1', 'attempt': 1, 'token': '%.*s'}",
			      STR_ARG(world_text(c, "token"))),
		    NULL);
	CHECK_STR(status_of(&w, "w1"), "draining");
	world_say(&w, "workers.resume", "{'id': 'w1'}");
	CHECK_STR(status_of(&w, "w1"), "online");
	CHECK(claim_as(&w, "w1"));
}

TEST(ag_19_what_runs_at_a_drains_deadline_is_requeued_and_does_not_fail)
{
	WORLD_OPEN(w);
	const struct json *r;

	world_say(&w, "workers.register", "{'name': 'w1'}");
	world_say(&w, "tasks.create", "{'lease_ms': 60000, 'retry': {'max_attempts': 1}}");
	claim_as(&w, "w1");
	world_say(&w, "workers.drain", "{'id': 'w1', 'deadline_ms': 5000}");
	world_wait(&w, 4999);
	CHECK_STR(state_of(&w, "t-1"), "in_progress");
	world_wait(&w, 1);
	r = world_say(&w, "tasks.get", "{'id': 't-1'}");
	CHECK_STR(world_text(r, "state"), "ready");
	CHECK_STR(world_text(r, "reason"), "drained");
	CHECK_INT(world_int(r, "tries"), 0);
	CHECK_STR(status_of(&w, "w1"), "draining");
}

TEST(workers_beat_extends_leases_and_names_what_should_stop)
{
	WORLD_OPEN(w);
	const struct json *r;

	world_say(&w, "workers.register", "{'name': 'w1', 'capacity': 2}");
	world_say(&w, "tasks.create", "{'lease_ms': 1000}");
	world_say(&w, "tasks.create", "{'lease_ms': 1000}");
	claim_as(&w, "w1");
	claim_as(&w, "w1");
	for (int i = 0; i < 5; i++) {
		world_wait(&w, 900);
		world_say(&w, "workers.heartbeat", "{'id': 'w1'}");
	}
	CHECK_STR(state_of(&w, "t-1"), "in_progress");
	world_say(&w, "tasks.cancel", "{'id': 't-2'}");
	r = world_say(&w, "workers.heartbeat", "{'id': 'w1', 'extend': false}");
	CHECK_STR(world_at(r, "cancel")->items[0].s, "t-2");
	world_wait(&w, 1000);
	CHECK_STR(state_of(&w, "t-1"), "ready");
	CHECK_STR(state_of(&w, "t-2"), "cancelled");
}

TEST(workers_names_belong_to_who_registered_them)
{
	static const struct principal other = { .id = STR("uid:7"), .roles = UINT32_MAX };
	WORLD_OPEN(w);

	world_say(&w, "workers.register", "{'name': 'w1'}");
	w.principal = other;
	CHECK_ERROR(world_say(&w, "workers.register", "{'name': 'w1'}"), "name_taken");
}

TEST(queues_and_workers_are_bounded)
{
	WORLD_OPEN(w);

	for (int i = 0; i < 1000; i++)
		CHECK_ERROR(world_say(&w, "queues.update", "{'name': 'q%d'}", i), NULL);
	CHECK_ERROR(world_say(&w, "queues.update", "{'name': 'one more'}"), "conflict");
	CHECK_ERROR(world_say(&w, "tasks.create", "{'queue': 'one more'}"), "conflict");
	for (int i = 0; i < 10000; i++)
		world_say(&w, "workers.register", "{'name': 'w%d'}", i);
	CHECK_ERROR(world_say(&w, "workers.register", "{'name': 'one more'}"), "conflict");
}

TEST(tasks_of_one_queue_are_of_a_bounded_number_of_sorts)
{
	WORLD_OPEN(w);

	for (int i = 1; i < 1000; i++)
		world_say(&w, "tasks.create", "{'capabilities': ['c%d']}", i);
	CHECK_ERROR(world_say(&w, "tasks.create", "{'capabilities': ['one more']}"), "conflict");
	CHECK_ERROR(world_say(&w, "tasks.create", "{'capabilities': ['c7']}"), NULL);
	world_say(&w, "tasks.cancel", "{'id': 't-1'}");
	world_say(&w, "tasks.purge", "{'queue': 'default', 'state': 'cancelled', 'confirm': true}");
	CHECK_ERROR(world_say(&w, "tasks.create", "{'capabilities': ['one more']}"), NULL);
}

TEST(workers_that_are_removed_leave_what_they_held_to_others)
{
	WORLD_OPEN(w);
	const struct json *r;

	world_say(&w, "workers.register", "{'name': 'w1', 'capacity': 2}");
	world_say(&w, "tasks.create", "{}");
	world_say(&w, "tasks.create", "{'assignee': 'w1'}");
	claim_as(&w, "w1");
	r = world_say(&w, "workers.remove", "{'id': 'w1'}");
	CHECK_INT(world_int(r, "released"), 1);
	CHECK_STR(state_of(&w, "t-1"), "ready");
	r = world_say(&w, "tasks.why_pending", "{'id': 't-2'}");
	CHECK_STR(world_text(r, "reasons.0.kind"), "assignee");
	world_say(&w, "workers.register", "{'name': 'w1', 'capacity': 2}");
	CHECK_STR(world_text(claim_as(&w, "w1"), "short_id"), "t-1");
	CHECK(!claim_as(&w, "w1"));
}

/* ---- why ---- */

static struct str why(struct world *w, const char *id)
{
	return world_text(world_say(w, "tasks.why_pending", "{'id': '%s'}", id), "reasons.0.kind");
}

TEST(ag_18_why_pending_names_what_each_task_waits_for)
{
	WORLD_OPEN(w);
	const struct json *r;

	world_say(&w, "workers.register", "{'name': 'w1', 'capabilities': ['cpu'], 'capacity': 9}");
	world_say(&w, "tasks.create", "{'concurrency_key': 'k', 'priority': 5}");
	CHECK_STR(why(&w, "t-1"), "ready");
	claim_as(&w, "w1");
	CHECK_STR(why(&w, "t-1"), "running");
	world_say(&w, "tasks.create", "{'concurrency_key': 'k'}");
	r = world_say(&w, "tasks.why_pending", "{'id': 't-2'}");
	CHECK_STR(world_text(r, "reasons.0.kind"), "key_full");
	CHECK_STR(world_text(r, "reasons.0.task"), "t-1");
	world_say(&w, "tasks.create", "{'capabilities': ['cpu', 'gpu']}");
	r = world_say(&w, "tasks.why_pending", "{'id': 't-3'}");
	CHECK_STR(world_text(r, "reasons.0.kind"), "no_capability");
	CHECK_STR(world_at(r, "reasons.0.missing")->items[0].s, "gpu");
	world_say(&w, "workers.register", "{'name': 'w2', 'capabilities': ['gpu']}");
	r = world_say(&w, "tasks.why_pending", "{'id': 't-3'}"); /* each has some, none has all */
	CHECK_STR(world_text(r, "reasons.0.kind"), "no_capability");
	CHECK(!world_at(r, "reasons.0.missing"));
	CHECK_INT(world_int(r, "ready"), false);
	world_say(&w, "workers.remove", "{'id': 'w2'}");
	world_say(&w, "tasks.create", "{'depends_on': ['t-1', 't-2']}");
	r = world_say(&w, "tasks.why_pending", "{'id': 't-4'}");
	CHECK_INT(world_count(r, "reasons"), 2);
	CHECK_STR(world_text(r, "reasons.1.task"), "t-2");
	world_say(&w, "tasks.create", "{'delay_ms': 1000}");
	CHECK_STR(why(&w, "t-5"), "schedule");
	world_say(&w, "tasks.create", "{'approval': true}");
	CHECK_STR(why(&w, "t-6"), "approval");
	world_say(&w, "tasks.create", "{'assignee': 'w1'}");
	CHECK_STR(why(&w, "t-7"), "ready");
	world_say(&w, "workers.drain", "{'id': 'w1'}");
	CHECK_STR(why(&w, "t-7"), "assignee");
	world_say(&w, "queues.update", "{'name': 'default', 'max_running': 1}");
	CHECK_STR(why(&w, "t-7"), "queue_full");
	world_say(&w, "queues.pause", "{'name': 'default'}");
	CHECK_STR(why(&w, "t-7"), "queue_paused");
	world_say(&w, "tasks.cancel", "{'id': 't-2'}");
	CHECK_STR(why(&w, "t-2"), "finished");
	CHECK_STR(world_text(world_say(&w, "tasks.why_pending", "{'id': 't-4'}"),
			     "reasons.1.state"),
		  "cancelled");
}

TEST(ag_18_why_pending_of_what_waits_for_people_and_retries)
{
	WORLD_OPEN(w);
	const struct json *c;

	world_say(&w, "tasks.create", "{'review': true}");
	CHECK_STR(why(&w, "t-1"), "no_worker");
	c = world_at(world_say(&w, "tasks.claim", "{}"), "items.0");
	world_say(&w, "tasks.fail", "{'id': 't-1', 'attempt': 1, 'token': '%.*s', 'message': 'x'}",
		  STR_ARG(world_text(c, "token")));
	CHECK_STR(why(&w, "t-1"), "retry");
	world_wait(&w, 2000);
	c = world_at(world_say(&w, "tasks.claim", "{}"), "items.0");
	world_say(&w, "tasks.release",
		  "{'id': 't-1', 'attempt': 2, 'token': '%.*s', 'kind': 'input', 'question': '?'}",
		  STR_ARG(world_text(c, "token")));
	CHECK_STR(why(&w, "t-1"), "input");
	c = world_say(&w, "tasks.get", "{'id': 't-1'}");
	world_say(&w, "tasks.answer", "{'id': 't-1', 'question_id': '%.*s', 'answer': 1}",
		  STR_ARG(world_text(c, "question_id")));
	c = world_at(world_say(&w, "tasks.claim", "{}"), "items.0");
	world_say(&w, "tasks.complete", "{'id': 't-1', 'attempt': 3, 'token': '%.*s'}",
		  STR_ARG(world_text(c, "token")));
	CHECK_STR(why(&w, "t-1"), "review");
}

TEST(ag_17_workers_statuses_change_only_as_the_table_says)
{
	WORLD_OPEN(w);
	static const char *const insert =
	    "insert into workers (id, name, status, capacity, principal, heartbeat_ms, grace_ms, "
	    "heartbeat_at, registered_at, updated_at) values ('x', 'x', %d, 1, 'p', 1, 1, 1, 1, "
	    "1);";
	static const unsigned ways[7] = { 0, 0x7c, 0x7a, 0x66, 0x6e, 0x4e, 0x02 };

	for (int from = 2; from <= 6; from++) {
		char sql[512];

		snprintf(sql, sizeof(sql), insert, from);
		CHECK_HAS(world_refusal(&w, sql), "workers.status");
	}
	for (int from = 1; from <= 6; from++)
		for (int to = 1; to <= 6; to++) {
			char sql[640];
			int n = snprintf(sql, sizeof(sql), insert, 1);

			snprintf(sql + n, sizeof(sql) - (size_t)n,
				 "update workers set status = %d; update workers set status = %d;",
				 from, to);
			if (from == to || ways[from] >> to & 1)
				CHECK_STR(world_refusal(&w, sql), NULL);
			else
				CHECK_HAS(world_refusal(&w, sql), "workers.status");
		}
}
