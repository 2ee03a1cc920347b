/* SPDX-License-Identifier: Apache-2.0 */
/* Talk: who may read what, for whom somebody speaks, which agents get a turn, what waits for whom.
 */
#include "tests/unit/verbs/world.h"
#include "verbs/authority.h"

/* The calls from now on are this person's or agent's, or (NONE) the owner's. */
static void as(struct world *w, enum principal_kind kind, struct str id)
{
	access_roles roles = 1u << ACCESS_ROLE_OPERATOR;
	bool is_owner = !id.p;

	w->principal = (struct principal){ .id = is_owner ? STR("uid:1000") : id,
					   .kind = is_owner ? PRINCIPAL_KIND_OWNER : kind,
					   .roles = is_owner ? UINT32_MAX : roles,
					   .is_owner = is_owner,
					   .verbs = authority_verbs_of(is_owner ? UINT32_MAX
										: roles) };
}

static void as_owner(struct world *w)
{
	as(w, 0, STR_NONE);
}

static struct str new_person(struct world *w, const char *name)
{
	const struct json *r = world_say(w, "users.create", "{'name': '%s'}", name);

	return str_fmt(&w->arena, "user:%.*s", STR_ARG(world_text(r, "id")));
}

static struct str new_agent(struct world *w, const char *name)
{
	const struct json *r = world_say(w, "agents.spawn", "{'name': '%s'}", name);

	return str_fmt(&w->arena, "agent:%.*s", STR_ARG(world_text(r, "id")));
}

static int64_t n_turns(struct world *w)
{
	return (int64_t)world_count(world_say(w, "tasks.list",
					      "{'queue': 'agent.turns', 'state': 'ready'}"),
				    "items");
}

TEST(a_session_of_others_is_one_that_never_was)
{
	static const char *const calls[] = { "sessions.get", "sessions.messages", "sessions.close",
					     "sessions.fork" };
	WORLD_OPEN(w);
	struct str ann = new_person(&w, "ann"), bob = new_person(&w, "bob");

	as(&w, PRINCIPAL_KIND_USER, ann);
	world_say(&w, "message_to", "{'to': 'owner', 'text': 'a word in secret'}");
	CHECK_INT(world_count(world_say(&w, "sessions.search", "{'query': 'secret'}"), "items"), 1);
	as(&w, PRINCIPAL_KIND_USER, bob);
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		const struct json *theirs = world_say(&w, calls[i], "{'id': 's-1'}");
		const struct json *none = world_say(&w, calls[i], "{'id': 's-9'}");

		CHECK_ERROR(theirs, "not_found");
		CHECK_STR(world_text(theirs, "message"), "no session 's-1'");
		CHECK_STR(world_text(none, "message"), "no session 's-9'");
	}
	CHECK_ERROR(world_say(&w, "message_to", "{'to': 's-1', 'text': 'x'}"), "not_found");
	CHECK_ERROR(world_say(&w, "mention", "{'session': 's-1', 'who': 'bob'}"), "not_found");
	CHECK_ERROR(world_say(&w, "add_participant", "{'session': 's-1', 'who': 'bob'}"),
		    "not_found");
	CHECK_ERROR(world_say(&w, "inbox.dismiss", "{'id': 's-1'}"), "not_found");
	CHECK_ERROR(world_say(&w, "inbox.answer", "{'id': 's-1', 'text': 'x'}"), "not_found");
	CHECK_ERROR(world_say(&w, "inbox.list", "{'whose': 'ann'}"), "denied");
	CHECK_INT(world_count(world_say(&w, "sessions.search", "{'query': 'secret'}"), "items"), 0);
	CHECK_INT(world_count(world_say(&w, "sessions.list", "{}"), "items"), 0);
	CHECK_INT(world_count(world_say(&w, "sessions.list", "{'participant': 'ann'}"), "items"),
		  0);
	as_owner(&w);
	CHECK_INT(world_count(world_say(&w, "sessions.list", "{}"), "items"), 1);
}

TEST(who_is_over_a_seat_or_an_agent_reads_what_it_says_and_leaves_it_to_the_two)
{
	WORLD_OPEN(w);
	struct str ann = new_person(&w, "ann"), bob = new_person(&w, "bob"), robot;

	robot = new_agent(&w, "robot");
	world_say(&w, "roles.create", "{'title': 'Top', 'type': 'director', 'occupant': 'ann'}");
	world_say(
	    &w, "roles.create",
	    "{'title': 'Desk', 'type': 'operational', 'parents': ['r-1'], 'occupant': 'robot'}");
	as(&w, PRINCIPAL_KIND_USER, bob);
	world_say(&w, "message_to", "{'to': 'r-2', 'text': 'to the seat'}");
	world_say(&w, "message_to", "{'to': 'robot', 'text': 'to the agent'}");
	as(&w, PRINCIPAL_KIND_USER, ann);
	CHECK_INT(world_int(world_say(&w, "sessions.messages", "{'id': 's-1'}"), "last"), 1);
	CHECK_INT(world_int(world_say(&w, "sessions.messages", "{'id': 's-2'}"), "last"), 1);
	CHECK_ERROR(world_say(&w, "message_to", "{'to': 's-2', 'text': 'x'}"), "conflict");
	CHECK_ERROR(world_say(&w, "sessions.close", "{'id': 's-2'}"), "denied");
	CHECK_ERROR(world_say(&w, "message_to", "{'to': 's-2', 'text': 'x', 'from': 'robot'}"),
		    "denied");
	CHECK_INT(world_count(world_say(&w, "inbox.list", "{'whose': 'r-2'}"), "items"), 0);
	CHECK_INT(world_count(world_say(&w, "inbox.list", "{'whose': 'robot'}"), "items"), 0);
	CHECK_INT(world_count(world_say(&w, "sessions.list", "{}"), "items"), 0);
	CHECK_INT(world_count(world_say(&w, "sessions.list", "{'participant': 'robot'}"), "items"),
		  1);
	as(&w, PRINCIPAL_KIND_AGENT, robot);
	CHECK_INT(world_count(world_say(&w, "sessions.list", "{}"), "items"), 2);
	CHECK_STR(world_text(world_say(&w, "message_to", "{'to': 's-1', 'text': 'here'}"),
			     "session"),
		  "s-1");
	CHECK_STR(world_text(world_say(&w, "sessions.messages", "{'id': 's-1'}"), "items.1.role"),
		  "r-2");
	CHECK_INT(world_int(world_say(&w, "sessions.get", "{'id': 's-1'}"), "unread"), 0);
	as(&w, PRINCIPAL_KIND_USER, bob);
	CHECK_INT(world_int(world_say(&w, "sessions.list", "{'unread': true}"), "items.0.unread"),
		  1);
}

TEST(what_is_said_of_an_idea_is_read_by_who_reads_the_idea)
{
	WORLD_OPEN(w);
	struct str ann = new_person(&w, "ann");

	world_say(&w, "ideas.store", "{'name': 'Open', 'content': 'x'}");
	world_say(&w, "message_to", "{'to': 'Open', 'text': 'for all'}");
	world_say(&w, "agents.spawn", "{'name': 'somebody'}");
	world_say(&w, "ideas.store",
		  "{'name': 'Mine', 'content': 'x', 'scope': 'domain', 'owner': 'somebody'}");
	CHECK_STR(world_text(world_say(&w, "message_to", "{'to': 'Mine', 'text': 'for me'}"),
			     "session"),
		  "s-2");
	world_say(&w, "quests.create", "{'subject': 'Paint'}");
	world_say(&w, "message_to", "{'to': 'q-1', 'text': 'for all'}");
	as(&w, PRINCIPAL_KIND_USER, ann);
	CHECK_INT(world_int(world_say(&w, "sessions.messages", "{'id': 's-1'}"), "last"), 1);
	CHECK_ERROR(world_say(&w, "sessions.messages", "{'id': 's-2'}"), "not_found");
	CHECK_INT(world_int(world_say(&w, "sessions.messages", "{'id': 's-3'}"), "last"), 1);
	CHECK_INT(world_int(world_say(&w, "message_to", "{'to': 's-1', 'text': 'me too'}"), "seq"),
		  2);
	as_owner(&w);
	world_say(&w, "ideas.delete", "{'id': 'Open', 'confirm': true}");
	as(&w, PRINCIPAL_KIND_USER, new_person(&w, "bob"));
	CHECK_ERROR(world_say(&w, "sessions.messages", "{'id': 's-1'}"), "not_found");
}

TEST(nobody_brings_an_agent_or_seat_that_he_has_no_authority_over)
{
	WORLD_OPEN(w);
	struct str ann = new_person(&w, "ann"), bob = new_person(&w, "bob");

	new_agent(&w, "robot");
	world_say(&w, "roles.create", "{'title': 'Top', 'type': 'director', 'occupant': 'bob'}");
	as(&w, PRINCIPAL_KIND_USER, ann);
	world_say(&w, "sessions.create", "{'title': 'Ours', 'participants': ['bob', 'owner']}");
	CHECK_ERROR(world_say(&w, "add_participant", "{'session': 's-1', 'who': 'robot'}"),
		    "denied");
	CHECK_ERROR(world_say(&w, "mention", "{'session': 's-1', 'who': 'r-1'}"), "denied");
	CHECK_ERROR(world_say(&w, "add_participant", "{'session': 's-1', 'who': 'external:x'}"),
		    "denied");
	CHECK_ERROR(world_say(&w, "message_to", "{'to': 's-1', 'text': 'x', 'from': 'user:bob'}"),
		    "denied");
	CHECK_INT(world_count(world_say(&w, "sessions.get", "{'id': 's-1'}"), "participants"), 3);
	as(&w, PRINCIPAL_KIND_USER, bob);
	world_say(&w, "add_participant", "{'session': 's-1', 'who': 'r-1'}");
	CHECK_INT(world_count(world_say(&w, "sessions.get", "{'id': 's-1'}"), "participants"), 4);
}

TEST(a_turn_is_made_for_whom_a_message_is_and_for_nobody_else)
{
	WORLD_OPEN(w);
	struct str robot = new_agent(&w, "robot"), other = new_agent(&w, "other");

	world_say(&w, "sessions.create", "{'participants': ['robot', 'other']}");
	world_say(&w, "message_to", "{'to': 's-1', 'text': 'to all, and so to none'}");
	CHECK_INT(n_turns(&w), 0);
	world_say(&w, "message_to", "{'to': 's-1', 'text': 'and @ROBOT? mail@other.org'}");
	CHECK_INT(n_turns(&w), 1);
	world_say(&w, "message_to", "{'to': 's-1', 'text': 'quick', 'awaiting': ['robot']}");
	CHECK_INT(n_turns(&w), 1);
	as(&w, PRINCIPAL_KIND_AGENT, other);
	CHECK_INT(world_count(world_say(&w, "tasks.claim", "{'queue': 'agent.turns'}"), "items"),
		  0);
	as(&w, PRINCIPAL_KIND_AGENT, robot);
	CHECK_INT(world_count(world_say(&w, "tasks.claim", "{'queue': 'agent.turns'}"), "items"),
		  1);
	CHECK_STR(world_text(world_say(&w, "message_to", "{'to': 's-1', 'text': '@other yes'}"),
			     "kind"),
		  "answer");
	as_owner(&w);
	CHECK_INT(n_turns(&w), 1);
	CHECK_INT(world_count(world_say(&w, "tasks.list", "{'queue': 'agent.turns'}"), "items"), 2);
	world_say(&w, "message_to", "{'to': 's-1', 'text': 'thanks', 'reply_to': 4}");
	CHECK_INT(n_turns(&w), 2);
	world_say(&w, "sessions.close", "{'id': 's-1'}");
	CHECK_INT(n_turns(&w), 0);
}

TEST(what_waited_for_an_empty_seat_is_the_new_occupants_turn)
{
	WORLD_OPEN(w);

	new_agent(&w, "robot");
	new_agent(&w, "second");
	world_say(&w, "roles.create", "{'title': 'Desk', 'type': 'operational'}");
	world_say(&w, "message_to", "{'to': 'r-1', 'text': 'Anybody?', 'question': true}");
	CHECK_INT(n_turns(&w), 0);
	world_say(&w, "roles.assign", "{'id': 'r-1', 'occupant': 'robot'}");
	CHECK_INT(n_turns(&w), 1);
	world_say(&w, "roles.assign", "{'id': 'r-1', 'occupant': 'second'}");
	CHECK_INT(n_turns(&w), 1);
	world_say(&w, "agents.delete", "{'id': 'second', 'confirm': true}");
	CHECK_INT(n_turns(&w), 0);
	CHECK_STR(world_text(world_say(&w, "sessions.messages", "{'id': 's-1'}"), "items.3.text"),
		  "second left, nobody is Desk now");
}

TEST(a_question_is_waited_for_until_it_is_answered_or_set_aside)
{
	WORLD_OPEN(w);
	struct str ann = new_person(&w, "ann"), robot = new_agent(&w, "robot");

	as(&w, PRINCIPAL_KIND_AGENT, robot);
	world_say(&w, "message_to", "{'to': 'user:ann', 'text': 'One?', 'question': true}");
	world_say(&w, "message_to", "{'to': 'user:ann', 'text': 'Two?', 'question': true}");
	as(&w, PRINCIPAL_KIND_USER, ann);
	CHECK_INT(world_int(world_say(&w, "inbox.list", "{}"), "items.0.seq"), 2);
	CHECK_INT(world_int(world_say(&w, "inbox.dismiss", "{'id': 's-1', 'seq': 1}"), "unread"),
		  1);
	CHECK_INT(world_count(world_say(&w, "inbox.list", "{}"), "items"), 1);
	CHECK_INT(world_int(world_say(&w, "inbox.dismiss", "{'id': 's-1', 'keep_question': true}"),
			    "unread"),
		  0);
	CHECK_INT(world_count(world_say(&w, "inbox.list", "{}"), "items"), 1);
	CHECK_INT(world_int(world_say(&w, "inbox.dismiss", "{'id': 's-1'}"), "set_aside"), 2);
	CHECK_INT(world_count(world_say(&w, "inbox.list", "{}"), "items"), 0);
	CHECK_STR(world_text(world_say(&w, "sessions.messages", "{'id': 's-1'}"), "items.2.text"),
		  "ann set question 2 aside");
	as_owner(&w);
	CHECK_INT(n_turns(&w), 1); /* the agent's, who waits for it */
}

TEST(the_inbox_has_what_the_caller_may_decide)
{
	WORLD_OPEN(w);
	struct str ann = new_person(&w, "ann"), bob = new_person(&w, "bob");
	struct str robot = new_agent(&w, "robot");
	const struct json *r;

	world_say(&w, "roles.create", "{'title': 'Top', 'type': 'director', 'occupant': 'ann'}");
	world_say(&w, "roles.create",
		  "{'title': 'Low', 'type': 'operational', 'parents': ['r-1'], 'occupant': "
		  "'robot'}");
	as(&w, PRINCIPAL_KIND_AGENT, robot);
	for (int i = 0; i < 3; i++)
		world_say(&w, "tasks.create", "{'approval': true, 'subject': 'bill %d'}", i);
	CHECK_INT(world_count(world_say(&w, "inbox.list", "{}"), "items"), 0);
	as(&w, PRINCIPAL_KIND_USER, ann);
	r = world_say(&w, "inbox.list", "{'limit': 2}");
	CHECK_INT(world_count(r, "items"), 2);
	CHECK_STR(world_text(r, "items.0.name"), "robot");
	r = world_say(&w, "inbox.list", "{'limit': 2, 'cursor': '%.*s'}",
		      STR_ARG(world_text(r, "next_cursor")));
	CHECK_INT(world_count(r, "items"), 1);
	as(&w, PRINCIPAL_KIND_USER, bob);
	CHECK_INT(world_count(world_say(&w, "inbox.list", "{}"), "items"), 0);
	CHECK_ERROR(world_say(&w, "inbox.answer", "{'id': 't-1', 'decision': 'approve'}"),
		    "not_found");
	as(&w, PRINCIPAL_KIND_USER, ann);
	w.principal.roles = 1u << ACCESS_ROLE_VIEWER;
	w.principal.verbs = authority_verbs_of(w.principal.roles);
	CHECK_ERROR(world_say(&w, "inbox.answer", "{'id': 't-1', 'decision': 'approve'}"),
		    "denied");
	CHECK_INT(world_count(world_say(&w, "inbox.list", "{}"), "items"), 0);
}
