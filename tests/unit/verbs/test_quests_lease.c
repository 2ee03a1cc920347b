/* SPDX-License-Identifier: Apache-2.0 */
/* The lease of a claimed quest: kept by heartbeats, given back, lapsed. */
#include "store/queues.h"
#include "tests/unit/verbs/world.h"

#define HOUR_MS ((int64_t)3600 * 1000)

static const char beat[] = "{'id': 'q-1', 'attempt': %d, 'token': '%.*s'}";

static struct str claim(struct world *w, const char *params)
{
	return world_text(world_say(w, "quests.claim", "%s", params), "token");
}

static struct str status(struct world *w)
{
	return world_text(world_say(w, "quests.get", "{'id': 'q-1'}"), "status");
}

static int64_t said(struct world *w, const char *kind)
{
	return (int64_t)world_count(world_say(w, "events.list", "{'kinds': ['%s']}", kind),
				    "items");
}

TEST(ik_q5_a_quest_is_kept_by_heartbeats_and_given_back_without)
{
	WORLD_OPEN(w);
	struct str token;

	world_say(&w, "quests.create", "{'subject': 'x'}");
	token = claim(&w, "{'lease_ms': 10000}");
	for (int i = 0; i < 5; i++) {
		world_wait(&w, 9000);
		CHECK_ERROR(world_say(&w, "quests.heartbeat", beat, 1, STR_ARG(token)), NULL);
	}
	world_wait(&w, 9999);
	CHECK_STR(status(&w), "in_progress");
	world_wait(&w, 2);
	CHECK_STR(status(&w), "pending");
	CHECK_INT(said(&w, "quest.lapsed"), 1);
	CHECK_INT(said(&w, "task.*"), 0);
}

TEST(ik_q8_who_lost_a_quest_cannot_change_it_any_more)
{
	WORLD_OPEN(w);
	struct str first, second;
	const char *const verbs[] = { "quests.heartbeat", "quests.release" };

	world_say(&w, "quests.create", "{'subject': 'x'}");
	first = claim(&w, "{'lease_ms': 1000}");
	world_wait(&w, 1001);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		CHECK_ERROR(world_say(&w, verbs[i], beat, 1, STR_ARG(first)), "stale_attempt");
	second = claim(&w, "{}");
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		CHECK_ERROR(world_say(&w, verbs[i], beat, 1, STR_ARG(first)), "stale_attempt");
		CHECK_ERROR(world_say(&w, verbs[i], beat, 2, STR_ARG(first)), "stale_attempt");
	}
	CHECK_ERROR(world_say(&w, "quests.close",
			      "{'id': 'q-1', 'kind': 'done', 'summary': 's', 'attempt': 1, "
			      "'token': '%.*s'}",
			      STR_ARG(first)),
		    "stale_attempt");
	CHECK_ERROR(world_say(&w, "quests.heartbeat", beat, 2, STR_ARG(second)), NULL);
	CHECK_STR(status(&w), "in_progress");
}

TEST(quests_claimed_without_a_lease_are_kept_for_a_day)
{
	WORLD_OPEN(w);

	world_say(&w, "quests.create", "{'subject': 'x'}");
	claim(&w, "{}");
	world_wait(&w, 24 * HOUR_MS - 1);
	CHECK_STR(status(&w), "in_progress");
	world_wait(&w, 2);
	CHECK_STR(status(&w), "pending");
}

TEST(ik_q12_a_quest_whose_lease_lapses_three_times_without_progress_is_blocked)
{
	WORLD_OPEN(w);
	const struct json *r;

	world_say(&w, "quests.create", "{'subject': 'x'}");
	for (int i = 0; i < 3; i++) {
		CHECK_STR(status(&w), "pending");
		claim(&w, "{'lease_ms': 1000}");
		world_wait(&w, 1001);
	}
	CHECK_STR(status(&w), "blocked");
	r = world_say(&w, "quests.why_pending", "{'id': 'q-1'}");
	CHECK_HAS(world_text(r, "reasons.0.text"), "no progress was told");
	CHECK_ERROR(world_say(&w, "quests.update", "{'id': 'q-1', 'status': 'pending'}"), NULL);
	claim(&w, "{'lease_ms': 1000}");
	world_wait(&w, 1001);
	CHECK_STR(status(&w), "pending");
}

TEST(ik_q12_progress_that_was_told_lets_a_quest_go_on)
{
	WORLD_OPEN(w);

	world_say(&w, "quests.create", "{'subject': 'x'}");
	for (int i = 1; i <= 6; i++) {
		struct str token = claim(&w, "{'lease_ms': 1000}");

		CHECK_ERROR(world_say(&w, "quests.heartbeat",
				      "{'id': 'q-1', 'attempt': %d, 'token': '%.*s', "
				      "'progress': {'done': %d}}",
				      i, STR_ARG(token), i),
			    NULL);
		world_wait(&w, 1001);
		CHECK_STR(status(&w), "pending");
	}
}

TEST(quests_that_an_agent_took_from_nobody_are_nobodys_again)
{
	WORLD_OPEN(w);
	struct str token;

	world_say(&w, "agents.spawn", "{'name': 'ann'}");
	world_say(&w, "quests.create", "{'subject': 'x'}");
	claim(&w, "{'agent': 'ann', 'lease_ms': 1000}");
	world_wait(&w, 1001);
	CHECK(!world_text(world_say(&w, "quests.get", "{'id': 'q-1'}"), "assignee").p);
	CHECK_INT(world_int(world_say(&w, "agents.get", "{'id': 'ann'}"), "in_progress"), 0);
	world_say(&w, "quests.assign", "{'id': 'q-1', 'assignee': 'ann'}");
	token = claim(&w, "{'agent': 'ann'}");
	CHECK_STR(world_text(world_say(&w, "quests.release", beat, 2, STR_ARG(token)), "assignee"),
		  "ann");
}

TEST(quests_update_a_lease_and_show_its_end)
{
	WORLD_OPEN(w);
	struct str token;

	world_say(&w, "quests.create", "{'subject': 'x'}");
	CHECK(!world_text(world_say(&w, "quests.get", "{'id': 'q-1'}"), "lease_until").p);
	token = claim(&w, "{'lease_ms': 1000}");
	CHECK(world_text(world_say(&w, "quests.get", "{'id': 'q-1'}"), "lease_until").p);
	CHECK_ERROR(world_say(&w, "quests.heartbeat",
			      "{'id': 'q-1', 'attempt': 1, 'token': '%.*s', 'lease_ms': 50000}",
			      STR_ARG(token)),
		    NULL);
	world_wait(&w, 49999);
	CHECK_STR(status(&w), "in_progress");
	CHECK_ERROR(world_say(&w, "quests.release", beat, 1, STR_ARG(token)), NULL);
	CHECK(!world_text(world_say(&w, "quests.get", "{'id': 'q-1'}"), "lease_until").p);
	CHECK_INT(said(&w, "quest.released"), 1);
}

TEST(ag_18_why_pending_of_a_quest_names_pause_and_cap)
{
	WORLD_OPEN(w);
	const struct json *r;

	world_say(&w, "quests.create", "{'subject': 'one'}");
	world_say(&w, "quests.create", "{'subject': 'two'}");
	claim(&w, "{'id': 'q-2'}");
	world_say(&w, "queues.update", "{'name': 'quests', 'max_running': 1}");
	r = world_say(&w, "quests.why_pending", "{'id': 'q-1'}");
	CHECK_STR(world_text(r, "reasons.1.kind"), "queue_full");
	CHECK(!world_int(r, "ready"));
	CHECK_ERROR(world_say(&w, "quests.claim", "{}"), "conflict");
	world_say(&w, "queues.update", "{'name': 'quests', 'max_running': 2}");
	world_say(&w, "queues.pause", "{'name': 'quests'}");
	r = world_say(&w, "quests.why_pending", "{'id': 'q-1'}");
	CHECK_STR(world_text(r, "reasons.1.kind"), "queue_paused");
	CHECK_HAS(world_text(r, "next"), "queues.resume");
	CHECK_ERROR(world_say(&w, "quests.claim", "{'id': 'q-1'}"), "conflict");
	world_say(&w, "queues.resume", "{'name': 'quests'}");
	CHECK_ERROR(world_say(&w, "quests.claim", "{}"), NULL);
}

TEST(quests_attempts_are_tasks_that_only_verbs_of_quests_change)
{
	static const char *const verbs[][3] = {
		{ "tasks.cancel", "{'id': 't-1'}", "illegal_transition" },
		{ "tasks.reassign", "{'id': 't-1'}", "illegal_transition" },
		{ "tasks.requeue", "{'id': 't-1'}", "illegal_transition" },
		{ "tasks.create", "{'queue': 'quests'}", "conflict" },
		{ "tasks.claim", "{'queue': 'quests'}", "conflict" },
	};
	static const char *const with_proof[] = { "tasks.heartbeat", "tasks.complete",
						  "tasks.release", "tasks.start" };
	WORLD_OPEN(w);
	const struct json *task;
	struct str token;

	world_say(&w, "quests.create", "{'subject': 'x', 'priority': 'high'}");
	token = claim(&w, "{}");
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		CHECK_ERROR(world_say(&w, verbs[i][0], "%s", verbs[i][1]), verbs[i][2]);
	for (size_t i = 0; i < ARRAY_LEN(with_proof); i++)
		CHECK_ERROR(world_say(&w, with_proof[i],
				      "{'id': 't-1', 'attempt': 1, 'token': '%.*s'}",
				      STR_ARG(token)),
			    "stale_attempt");
	task = world_say(&w, "tasks.get", "{'id': 't-1'}");
	CHECK_STR(world_text(task, "state"), "in_progress");
	CHECK_STR(world_text(task, "queue"), "quests");
	CHECK_INT(world_int(task, "priority"), 1);
}

/* What the attempt's task becomes with each end of it. */
TEST(quests_end_their_attempts_with_them)
{
	static const char *const ends[][2] = {
		{ "done", "completed" },    { "failed", "failed" },
		{ "blocked", "cancelled" }, { "cancelled", "cancelled" },
		{ "handoff", "cancelled" },
	};
	WORLD_OPEN(w);

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct str task, id, token;

		id = world_text(world_say(&w, "quests.create", "{'subject': 'x'}"), "short_id");
		token = world_text(world_say(&w, "quests.claim", "{'id': '%.*s'}", STR_ARG(id)),
				   "token");
		CHECK_ERROR(world_say(&w, "quests.close",
				      "{'id': '%.*s', 'kind': '%s', 'summary': 's', 'attempt': 1, "
				      "'token': '%.*s'}",
				      STR_ARG(id), ends[i][0], STR_ARG(token)),
			    NULL);
		task = str_fmt(&w.arena, "t-%zu", i + 1);
		CHECK_STR(world_text(world_say(&w, "tasks.get", "{'id': '%.*s'}", STR_ARG(task)),
				     "state"),
			  ends[i][1]);
	}
}

/* A lease's end is looked at when the server is there again. */
TEST(quests_in_progress_keep_no_idle_server_up)
{
	WORLD_OPEN(w);
	struct store_tx tx;
	bool has_work = true;

	world_say(&w, "quests.create", "{'subject': 'x'}");
	claim(&w, "{}");
	if (!CHECK_OK(store_begin(w.store)) ||
	    !CHECK_OK(store_call_begin(w.store, &w.arena, 0, &tx)))
		return;
	CHECK_OK(store_queue_has_work(&tx, &has_work));
	CHECK(!has_work);
	store_rollback(w.store);
	world_say(&w, "tasks.create", "{}");
	CHECK_OK(store_begin(w.store));
	CHECK_OK(store_call_begin(w.store, &w.arena, 0, &tx));
	CHECK_OK(store_queue_has_work(&tx, &has_work));
	CHECK(has_work);
	store_rollback(w.store);
}
