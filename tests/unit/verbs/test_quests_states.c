/* SPDX-License-Identifier: Apache-2.0 */
/* A quest's states: claiming, closing, opening again, and waiting for it. */
#include <stdio.h>

#include "tests/unit/verbs/world.h"

/* A quest with this subject; its short id follows the order of creation. */
static void create(struct world *w, const char *subject)
{
	CHECK_ERROR(world_say(w, "quests.create", "{'subject': '%s'}", subject), NULL);
}

static struct str status_of(struct world *w, const char *id)
{
	return world_text(world_say(w, "quests.get", "{'id': '%s'}", id), "status");
}

static const struct json *finish(struct world *w, const char *id, const char *kind)
{
	return world_say(w, "quests.close",
			 "{'id': '%s', 'kind': '%s', 'summary': 'so', 'override': true}", id, kind);
}

static void claim_and_finish(struct world *w, const char *id, const char *kind)
{
	CHECK_ERROR(world_say(w, "quests.claim", "{'id': '%s'}", id), NULL);
	CHECK_ERROR(finish(w, id, kind), NULL);
}

/* ---- states ---- */

#define N_STATES 6

static const char *const states[N_STATES] = { "pending", "in_progress", "done",
					      "failed",  "blocked",     "cancelled" };

/* allowed[from][to], as PRODUCT.md has it */
static const bool allowed[N_STATES][N_STATES] = {
	{ 0, 1, 0, 0, 1, 1 }, { 1, 0, 1, 1, 1, 1 }, { 0, 0, 0, 0, 0, 0 },
	{ 1, 0, 0, 0, 0, 0 }, { 1, 0, 0, 1, 0, 1 }, { 0, 0, 0, 0, 0, 0 },
};

static void bring_to(struct world *w, const char *id, int state)
{
	if (state == 1 || state == 2 || state == 3)
		world_say(w, "quests.claim", "{'id': '%s'}", id);
	if (state >= 2)
		finish(w, id, states[state]);
	CHECK_STR(status_of(w, id), states[state]);
}

TEST(quests_change_their_state_as_the_table_says_and_no_other_way)
{
	WORLD_OPEN(w);
	char id[16];

	for (int from = 0, n = 1; from < N_STATES; from++)
		for (int to = 0; to < N_STATES; to++, n++) {
			const struct json *r;

			create(&w, "x");
			snprintf(id, sizeof(id), "q-%d", n);
			bring_to(&w, id, from);
			r = to == 1 ? world_say(&w, "quests.claim", "{'id': '%s'}", id)
				    : finish(&w, id, to == 0 ? "handoff" : states[to]);
			CHECK_ERROR(r, allowed[from][to] ? NULL : "illegal_transition");
			CHECK_STR(status_of(&w, id), states[allowed[from][to] ? to : from]);
			if (allowed[from][to])
				continue;
			CHECK_STR(world_text(r, "from"), states[from]);
			CHECK_STR(world_text(r, "to"), states[to]);
			for (size_t i = 0; i < world_count(r, "allowed"); i++)
				CHECK(allowed[from][quest_status_find(
							world_at(r, "allowed")->items[i].s) -
						    1]);
		}
}

TEST(quests_the_store_refuses_what_the_table_does_not_allow)
{
	WORLD_OPEN(w);
	char id[16];

	for (int from = 0, n = 1; from < N_STATES; from++)
		for (int to = 0; to < N_STATES; to++, n++) {
			struct str reason;

			create(&w, "x");
			snprintf(id, sizeof(id), "q-%d", n);
			bring_to(&w, id, from);
			reason = world_refusal(&w,
					       str_fmt(&w.arena,
						       "update quests set status = %d where n = %d",
						       to + 1, n)
						   .p);
			CHECK_INT(reason.p != NULL, from != to && !allowed[from][to]);
		}
	CHECK(world_refusal(
		  &w, "insert into quests (id, subject, status, priority, created_by, created_at,"
		      " updated_at) values ('i', 's', 3, 1, 'x', 0, 0)")
		  .p);
}

TEST(quests_update_opens_and_blocks)
{
	WORLD_OPEN(w);
	const struct json *r;

	create(&w, "x");
	r = world_say(&w, "quests.update",
		      "{'id': 'q-1', 'status': 'blocked', 'reason': 'no key'}");
	CHECK_STR(world_text(r, "status"), "blocked");
	CHECK_STR(world_text(r, "blocked_reason"), "no key");
	CHECK_ERROR(world_say(&w, "quests.update", "{'id': 'q-1', 'status': 'blocked'}"),
		    "illegal_transition");
	r = world_say(&w, "quests.update", "{'id': 'q-1', 'status': 'pending'}");
	CHECK_STR(world_text(r, "status"), "pending");
	CHECK_STR(world_text(r, "blocked_reason"), NULL);
	CHECK_ERROR(world_say(&w, "quests.update", "{'id': 'q-1', 'reason': 'x'}"), "conflict");
	world_say(&w, "quests.claim", "{}");
	CHECK_ERROR(world_say(&w, "quests.update", "{'id': 'q-1', 'status': 'pending'}"),
		    "conflict");
	finish(&w, "q-1", "failed");
	r = world_say(&w, "quests.update", "{'id': 'q-1', 'status': 'pending'}");
	CHECK_STR(world_text(r, "status"), "pending");
	CHECK_STR(world_text(r, "closed_at"), NULL);
	CHECK_STR(world_text(r, "outcome.kind"), "failed");
}

/* ---- claim and close ---- */

TEST(quests_claim_gives_attempt_and_token_to_one)
{
	WORLD_OPEN(w);
	const struct json *first, *second;

	create(&w, "x");
	first = world_say(&w, "quests.claim", "{'id': 'q-1'}");
	CHECK_INT(world_int(first, "attempt"), 1);
	CHECK(id_is_valid(world_text(first, "token")));
	CHECK_STR(world_text(first, "claimed_by"), "uid:1000");
	second = world_say(&w, "quests.claim", "{'id': 'q-1'}");
	CHECK_ERROR(second, "illegal_transition");
	CHECK_STR(world_text(second, "message"),
		  "q-1 is claimed by uid:1000 since 2026-11-21T10:00:00.000Z");
	CHECK_ERROR(world_say(&w, "quests.claim", "{}"), "not_found");
	world_say(&w, "quests.close",
		  "{'id': 'q-1', 'kind': 'handoff', 'summary': 's', 'token': '%.*s'}",
		  STR_ARG(world_text(first, "token")));
	second = world_say(&w, "quests.claim", "{}");
	CHECK_INT(world_int(second, "attempt"), 2);
	CHECK(!str_eq(world_text(first, "token"), world_text(second, "token")));
}

TEST(quests_close_takes_the_token_of_the_present_attempt)
{
	WORLD_OPEN(w);
	struct str old, token;

	create(&w, "x");
	old = world_text(world_say(&w, "quests.claim", "{}"), "token");
	finish(&w, "q-1", "handoff");
	token = world_text(world_say(&w, "quests.claim", "{}"), "token");
	CHECK_ERROR(world_say(&w, "quests.close", "{'id': 'q-1', 'kind': 'done', 'summary': 's'}"),
		    "stale_attempt");
	CHECK_ERROR(world_say(&w, "quests.close",
			      "{'id': 'q-1', 'kind': 'done', 'summary': 's', 'token': '%.*s'}",
			      STR_ARG(old)),
		    "stale_attempt");
	CHECK_ERROR(
	    world_say(
		&w, "quests.close",
		"{'id': 'q-1', 'kind': 'done', 'summary': 's', 'attempt': 1, 'token': '%.*s'}",
		STR_ARG(token)),
	    "stale_attempt");
	CHECK_ERROR(
	    world_say(
		&w, "quests.close",
		"{'id': 'q-1', 'kind': 'done', 'summary': 's', 'attempt': 2, 'token': '%.*s'}",
		STR_ARG(token)),
	    NULL);
	CHECK_ERROR(
	    world_say(
		&w, "quests.close",
		"{'id': 'q-1', 'kind': 'done', 'summary': 's', 'attempt': 2, 'token': '%.*s'}",
		STR_ARG(token)),
	    "stale_attempt");
}

/* What a hint tells to do is done, and works. */
TEST(quests_hints_of_a_refused_change_are_true_for_its_state)
{
	static const char closing[] =
	    "{'id': 'q-1', 'kind': '%s', 'summary': 's', 'attempt': 1, 'token': '%.*s'}";
	WORLD_OPEN(w);
	const struct json *said;
	struct str token;

	create(&w, "x");
	token = world_text(world_say(&w, "quests.claim", "{}"), "token");
	said = world_say(&w, "quests.claim", "{'id': 'q-1'}");
	CHECK_ERROR(said, "illegal_transition");
	CHECK_HAS(said->raw, "q-1 is claimed by ");
	CHECK_HAS(said->raw, " since 20");
	CHECK_HAS(said->raw, "\"claimed_at\":\"20");
	CHECK_HAS(said->raw, "quests.wait with id: q-1");
	CHECK_HAS(said->raw, "kind: handoff and override: true");
	CHECK_ERROR(world_say(&w, "quests.close", closing, "failed", STR_ARG(token)), NULL);
	said = world_say(&w, "quests.close", closing, "done", STR_ARG(token));
	CHECK_ERROR(said, "stale_attempt");
	CHECK_HAS(said->raw, "q-1 is failed: the attempt has ended");
	CHECK_HAS(said->raw, "quests.update with id: q-1 and status: pending");
	CHECK_HAS(world_say(&w, "quests.claim", "{'id': 'q-1'}")->raw,
		  "quests.update with id: q-1 and status: pending");
	world_say(&w, "quests.update", "{'id': 'q-1', 'status': 'pending'}");
	said = world_say(&w, "quests.close", closing, "done", STR_ARG(token));
	CHECK_HAS(said->raw, "stop working on it; quests.claim with id: q-1");
	world_say(&w, "quests.claim", "{}");
	finish(&w, "q-1", "done");
	said = world_say(&w, "quests.close", closing, "done", STR_ARG(token));
	CHECK_ERROR(said, "stale_attempt");
	CHECK_HAS(said->raw, "q-1 is done: the attempt has ended");
	CHECK_HAS(said->raw, "stop working on it; quests.claim takes the next one");
	said = world_say(&w, "quests.claim", "{'id': 'q-1'}");
	CHECK_ERROR(said, "illegal_transition");
	CHECK_HAS(said->raw, "quests.claim takes the next one");
}

TEST(quests_only_the_owner_overrides)
{
	WORLD_OPEN(w);

	create(&w, "x");
	world_say(&w, "quests.claim", "{}");
	w.principal.is_owner = false;
	CHECK_ERROR(finish(&w, "q-1", "done"), "denied");
	w.principal.is_owner = true;
	CHECK_ERROR(finish(&w, "q-1", "done"), NULL);
}

TEST(quests_outcomes_are_kept_whole)
{
	WORLD_OPEN(w);
	const struct json *r;

	create(&w, "x");
	world_say(&w, "quests.claim", "{}");
	r = world_say(
	    &w, "quests.close",
	    "{'id': 'q-1', 'kind': 'failed', 'summary': 'no', 'reason': 'r', 'next_action': 'n',"
	    " 'artifacts': ['a', 'b'], 'verification': 'v', 'override': true}");
	CHECK_STR(world_text(r, "outcome.kind"), "failed");
	CHECK_STR(world_text(r, "outcome.reason"), "r");
	CHECK_STR(world_text(r, "outcome.next_action"), "n");
	CHECK_STR(world_text(r, "outcome.artifacts.1"), "b");
	CHECK_STR(world_text(r, "outcome.verification"), "v");
	CHECK(world_text(r, "closed_at").p);
}

TEST(quests_blocked_by_close_says_why)
{
	WORLD_OPEN(w);
	const struct json *r;

	create(&w, "x");
	world_say(&w, "quests.claim", "{}");
	r = finish(&w, "q-1", "blocked");
	CHECK_STR(world_text(r, "blocked_reason"), "so");
	r = world_say(&w, "quests.why_pending", "{'id': 'q-1'}");
	CHECK_STR(world_text(r, "reasons.0.kind"), "blocked");
	CHECK_HAS(world_text(r, "reasons.0.text"), "so");
}

TEST(quests_are_claimed_by_priority_then_age)
{
	static const char *const priorities[] = { "low", "critical", "normal", "critical", "high" };
	static const char *const order[] = { "q-2", "q-4", "q-5", "q-3", "q-1" };
	WORLD_OPEN(w);

	for (size_t i = 0; i < ARRAY_LEN(priorities); i++)
		world_say(&w, "quests.create", "{'subject': 'x', 'priority': '%s'}", priorities[i]);
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		CHECK_STR(world_text(world_say(&w, "quests.claim", "{}"), "short_id"), order[i]);
}

TEST(quests_an_agent_claims_its_own_and_nobodys)
{
	WORLD_OPEN(w);
	const struct json *r;

	world_say(&w, "agents.spawn", "{'name': 'ann', 'max_concurrent': 5}");
	world_say(&w, "agents.spawn", "{'name': 'bob', 'max_concurrent': 5}");
	world_say(&w, "quests.create",
		  "{'subject': 'x', 'assignee': 'bob', 'priority': 'critical'}");
	world_say(&w, "quests.create", "{'subject': 'x'}");
	world_say(&w, "quests.create", "{'subject': 'x', 'assignee': 'ann', 'priority': 'high'}");
	CHECK_STR(world_text(world_say(&w, "quests.claim", "{'agent': 'ann'}"), "short_id"), "q-3");
	CHECK_STR(world_text(world_say(&w, "quests.claim", "{'agent': 'ann'}"), "assignee"), "ann");
	r = world_say(&w, "quests.claim", "{'agent': 'ann'}");
	CHECK_ERROR(r, "not_found");
	CHECK_STR(world_text(r, "message"), "no quest is ready for 'ann'");
	CHECK_HAS(world_text(r, "hint"), "quests.why_pending");
	CHECK_ERROR(world_say(&w, "quests.claim", "{'id': 'q-1', 'agent': 'ann'}"), "conflict");
	CHECK_ERROR(world_say(&w, "quests.claim", "{'id': 'q-1'}"), "conflict");
	CHECK_STR(world_text(world_say(&w, "quests.claim", "{'agent': 'bob'}"), "short_id"), "q-1");
}

TEST(quests_agents_claim_while_active_and_not_busy)
{
	WORLD_OPEN(w);

	world_say(&w, "agents.spawn", "{'name': 'ann'}");
	create(&w, "x");
	create(&w, "y");
	world_say(&w, "agents.update", "{'id': 'ann', 'status': 'paused'}");
	CHECK_ERROR(world_say(&w, "quests.claim", "{'agent': 'ann'}"), "conflict");
	world_say(&w, "agents.update", "{'id': 'ann', 'status': 'active'}");
	CHECK_ERROR(world_say(&w, "quests.claim", "{'agent': 'ann'}"), NULL);
	CHECK_ERROR(world_say(&w, "quests.claim", "{'agent': 'ann'}"), "conflict");
	CHECK_INT(world_int(world_say(&w, "agents.get", "{'id': 'ann'}"), "in_progress"), 1);
	finish(&w, "q-1", "done");
	CHECK_INT(world_int(world_say(&w, "agents.get", "{'id': 'ann'}"), "in_progress"), 0);
	CHECK_ERROR(world_say(&w, "quests.claim", "{'agent': 'nobody'}"), "not_found");
}

TEST(quests_with_a_label_are_found_behind_any_number_of_others)
{
	WORLD_OPEN(w);

	for (int i = 0; i < 50; i++)
		world_say(&w, "quests.create",
			  "{'subject': 'x', 'priority': 'critical', 'labels': ['a']}");
	world_say(&w, "quests.create", "{'subject': 'x', 'priority': 'low', 'labels': ['b']}");
	CHECK_STR(world_text(world_say(&w, "quests.claim", "{'label': 'b'}"), "short_id"), "q-51");
	CHECK_ERROR(world_say(&w, "quests.claim", "{'label': 'b'}"), "not_found");
	CHECK_ERROR(world_say(&w, "quests.claim", "{'id': 'q-1', 'label': 'a'}"), "conflict");
}

/* ---- wait ---- */

TEST(quests_wait_answers_at_once_when_it_is_over)
{
	WORLD_OPEN(w);
	const struct json *r;

	create(&w, "x");
	claim_and_finish(&w, "q-1", "done");
	r = world_say(&w, "quests.wait", "{'id': 'q-1'}");
	CHECK_INT(world_int(r, "reached"), true);
	CHECK_STR(world_text(r, "status"), "done");
}

TEST(quests_wait_waits_for_the_quest_as_long_as_it_was_told)
{
	WORLD_OPEN(w);
	const struct json *r, *q;

	create(&w, "x");
	q = world_say(&w, "quests.get", "{'id': 'q-1'}");
	r = world_say(&w, "quests.wait", "{'id': 'q-1', 'timeout_s': 7}");
	CHECK_STR_EQ(world_text(r, "waits_for"), world_text(q, "id"));
	CHECK_INT(w.wait.timeout_ms, 7000);
	w.is_time_over = true;
	r = world_say(&w, "quests.wait", "{'id': 'q-1', 'timeout_s': 7}");
	CHECK_STR(world_text(r, "status"), "pending");
	CHECK_INT(world_int(r, "reached"), false);
	CHECK(world_text(r, "next").p);
}

TEST(quests_wait_until_what_was_asked)
{
	/* per status: closed, settled, started, ready */
	static const bool reached[N_STATES][4] = {
		{ 0, 0, 0, 1 }, { 0, 0, 1, 1 }, { 1, 1, 1, 1 },
		{ 1, 1, 1, 1 }, { 0, 1, 0, 0 }, { 1, 1, 1, 1 },
	};
	static const char *const until[] = { "closed", "settled", "started", "ready" };
	WORLD_OPEN(w);
	char id[16];

	for (int state = 0; state < N_STATES; state++) {
		create(&w, "x");
		snprintf(id, sizeof(id), "q-%d", state + 1);
		bring_to(&w, id, state);
		for (int u = 0; u < 4; u++)
			CHECK_INT(world_int(world_say(&w, "quests.wait",
						      "{'id': '%s', 'until': '%s', 'timeout_s': 0}",
						      id, until[u]),
					    "reached"),
				  reached[state][u]);
	}
}
