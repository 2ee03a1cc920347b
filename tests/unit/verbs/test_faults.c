/* SPDX-License-Identifier: Apache-2.0 */
/* F-13 and F-08 for verbs: each statement, each row and each piece of memory that a call asks for
 * fails once. The call then says so, what it did is undone, and the same call works when nothing
 * fails. */
#include <stdio.h>

#include "base/err.h"
#include "base/failpoint.h"
#include "store/mail.h"
#include "store/schedules.h"
#include "tests/unit/verbs/faults.h"
#include "verbs/schedules_due.h"
#include "verbs/tasks_due.h"

#define CALLS "[{'verb': 'quests.create', 'params': {'subject': 'x'}}]"

static const struct step company[] = {
	{ "agents.spawn",
	  "{'name': 'ann', 'instructions': 'work', 'model': 'fast', 'grants':"
	  " {'egress': ['a.org'], 'tools_allow': ['quests.*'], 'may_spawn': true}}" },
	{ "agents.spawn", "{'name': 'bob', 'parent': 'ann'}" },
	{ "agents.update", "{'id': 'bob', 'name': 'bobby', 'instructions': 'rest'}" },
	{ "agents.get", "{'id': 'ann'}" },
	{ "agents.list", "{'limit': 1}" },
	{ "ideas.store", "{'name': 'house', 'content': 'a house of [[wood]] and stone, ![[stone]]',"
			 " 'tags': ['build', 'home'], 'kind': 'note'}" },
	{ "ideas.store", "{'name': 'wood', 'content': 'wood grows on trees, 東京 and all'}" },
	{ "ideas.store", "{'name': 'stone', 'content': 'a house of wood and stone'}" },
	{ "ideas.link", "{'from': '$6', 'to': '$7', 'type': 'needs'}" },
	{ "ideas.get", "{'id': '$6'}" },
	{ "ideas.list", "{'tag': 'build'}" },
	{ "ideas.search", "{'query': 'house wood', 'explain': true}" },
	{ "ideas.search", "{'query': '東京'}" },
	{ "ideas.walk", "{'id': '$6', 'depth': 3}" },
	{ "ideas.update", "{'id': '$6', 'name': 'home', 'content': 'a [[home]] of [[wood]]',"
			  " 'tags': ['new']}" },
	{ "ideas.unlink", "{'from': '$6', 'to': '$7', 'type': 'needs'}" },
	{ "quests.create", "{'subject': 'build', 'labels': ['site', 'big'], 'assignee': 'ann',"
			   " 'idea_ids': ['$7'], 'description': 'all of it'}" },
	{ "quests.create",
	  "{'subject': 'dig', 'parent': 'q-1', 'required': true, 'priority': 'high'}" },
	{ "quests.create", "{'subject': 'pour', 'parent': 'q-1', 'depends_on': ['q-2']}" },
	{ "quests.create", "{'subject': 'roof', 'depends_on': ['q-3', 'q-2']}" },
	{ "quests.update", "{'id': 'q-4', 'subject': 'the roof', 'labels': ['site'],"
			   " 'depends_on': ['q-3']}" },
	{ "quests.update", "{'id': 'q-2', 'depends_on': ['q-4']}" }, /* a cycle */
	{ "quests.assign", "{'id': 'q-2', 'assignee': 'bobby'}" },
	{ "quests.list", "{'ready': true}" },
	{ "quests.list", "{'label': 'site', 'limit': 1}" },
	{ "quests.list", "{'status': 'pending', 'assignee': 'ann'}" },
	{ "quests.why_pending", "{'id': 'q-4'}" },
	{ "quests.claim", "{'id': 'q-2', 'agent': 'bobby'}" },
	{ "quests.close", "{'id': 'q-2', 'kind': 'done', 'summary': 'dug', 'override': true}" },
	{ "quests.claim", "{}" },
	{ "quests.get", "{'id': 'q-3'}" },
	{ "quests.close",
	  "{'id': 'q-3', 'kind': 'failed', 'summary': 'it rained', 'reason': 'rain',"
	  " 'override': true}" },
	{ "quests.get", "{'id': 'q-4'}" },
	{ "quests.list", "{'subject': 'b', 'limit': 1}" },
	{ "quests.list", "{'ready': true, 'assignee': 'ann', 'parent': 'q-1'}" },
	{ "quests.list", "{'assignee': 'ann'}" },
	{ "quests.update", "{'id': 'q-4', 'depends_on': [], 'clear': ['labels', 'assignee']}" },
	{ "quests.update",
	  "{'id': 'q-4', 'depends_on': ['q-3'], 'parent': 'q-2', 'required': false}" },
	{ "quests.update", "{'id': 'q-4', 'status': 'pending'}" },
	{ "quests.update", "{'id': 'q-3', 'status': 'pending', 'parent': 'q-4'}" },
	{ "quests.why_pending", "{'id': 'q-1'}" },
	{ "quests.claim", "{'label': 'big', 'agent': 'ann'}" },
	{ "quests.close", "{'id': 'q-1', 'kind': 'done', 'summary': 'no', 'override': true}" },
	{ "agents.delete", "{'id': 'ann', 'erase': true, 'confirm': true}" },
	{ "quests.close",
	  "{'id': 'q-1', 'kind': 'handoff', 'summary': 'later', 'override': true}" },
	{ "quests.claim", "{'label': 'big', 'agent': 'bobby'}" },
	{ "events.fire", "{'kind': 'rain.fell', 'payload': {'mm': 7}}" },
	{ "events.list", "{'kinds': ['quest.*'], 'limit': 5}" },
	{ "events.poll", "{}" },
	{ "quests.wait", "{'id': 'q-1'}" },
	{ "ideas.delete", "{'id': '$8', 'confirm': true}" },
	{ "agents.delete", "{'id': 'bobby', 'confirm': true}" },
	{ "agents.spawn", "{'name': 'zed'}" },
	{ "agents.delete", "{'id': 'zed', 'erase': true, 'confirm': true}" },
	{ "quests.create", "{'subject': 'read', 'idea_id': '$6', 'idea_ids': ['$7']}" },
	{ "quests.create", "{'subject': 'write', 'depends_on': ['q-5']}" },
	{ "quests.get", "{'id': 'q-6'}" },
	{ "verbs.search", "{'query': 'quest'}" },
	{ "users.create", "{'name': 'eve', 'addresses': ['mailto:eve'], 'about': 'x'}" },
	{ "users.create", "{'name': 'dan'}" },
	{ "users.update", "{'id': 'eve', 'name': 'eva', 'clear': ['about']}" },
	{ "roles.create", "{'title': 'top', 'type': 'director', 'occupant': 'eva'}" },
	{ "roles.create",
	  "{'title': 'mid', 'type': 'operational', 'parents': ['r-1'], 'description': 'x'}" },
	{ "roles.create", "{'title': 'low', 'type': 'operational', 'parents': ['r-1', 'r-2']}" },
	{ "roles.update", "{'id': 'r-1', 'parents': ['r-3']}" },
	{ "roles.update", "{'id': 'r-3', 'parents': ['r-2'], 'title': 'lower'}" },
	{ "roles.assign", "{'id': 'r-2', 'occupant': 'dan'}" },
	{ "roles.assign", "{'id': 'r-3', 'occupant': 'eva'}" },
	{ "roles.get", "{'id': 'r-1'}" },
	{ "roles.list", "{'limit': 2}" },
	{ "roles.list", "{'occupant': 'eva'}" },
	{ "roles.tree", "{}" },
	{ "users.get", "{'id': 'eva'}" },
	{ "users.list", "{'limit': 1}" },
	{ "roles.unassign", "{'id': 'r-3'}" },
	{ "keys.create", "{'name': 'k', 'owner_kind': 'user', 'owner': 'eva', 'access': "
			 "['operator'], 'scopes': ['quests.*']}" },
	{ "keys.create",
	  "{'name': 'k', 'owner_kind': 'worker', 'owner': 'w', 'access': ['viewer']}" },
	{ "keys.list", "{'limit': 1}" },
	{ "keys.rotate", "{'id': '$76'}" },
	{ "keys.revoke", "{'id': '$77'}" },
	{ "principals.me", "{}" },
	{ "system.why_denied", "{'verb': 'quests.close', 'target': 'q-6', 'key': '$76'}" },
	{ "audit.list", "{}" },
	{ "audit.list", "{'reads': true}" },
	{ "users.delete", "{'id': 'eva'}" },
	{ "roles.delete", "{'id': 'r-3'}" },
	{ "quests.create", "{'subject': 'rest'}" },
	{ "quests.claim", "{'id': 'q-7', 'lease_ms': 60000}" },
	{ "quests.heartbeat",
	  "{'id': 'q-7', 'attempt': 1, 'token': '#88', 'progress': {'done': 1}}" },
	{ "quests.release", "{'id': 'q-7', 'attempt': 1, 'token': '#88'}" },
};

/* "#3" is the token of what the third step claimed. */
static const struct step work[] = {
	{ "queues.update", "{'name': 'default', 'max_running': 9, 'ageing_ms': 1000}" },
	{ "workers.register", "{'name': 'ann', 'capabilities': ['b', 'a'], 'tags': ['x'],"
			      " 'queues': ['default'], 'capacity': 3}" },
	{ "tasks.create", "{'subject': 'dig', 'payload': {'deep': 2}, 'priority': 5, 'key': 'k',"
			  " 'retry': {'max_attempts': 2}, 'capabilities': ['a'], 'tags': ['x']}" },
	{ "tasks.create", "{'key': 'k', 'payload': {'deep': 2}}" },
	{ "tasks.create", "{'subject': 'pour', 'depends_on': ['$3'], 'on_failed': 'run'}" },
	{ "tasks.create", "{'concurrency_key': 'c', 'assignee': 'ann', 'delay_ms': 1}" },
	{ "tasks.create", "{'concurrency_key': 'c'}" },
	{ "tasks.create", "{'concurrency_key': 'c', 'review': true}" },
	{ "tasks.create", "{'approval': true}" },
	{ "tasks.get", "{'id': 't-2'}" },
	{ "tasks.list", "{'queue': 'default', 'state': 'pending', 'tag': 'x'}" },
	{ "tasks.why_pending", "{'id': 't-2'}" },
	{ "tasks.why_pending", "{'id': 't-4'}" },
	{ "tasks.claim", "{'worker': 'ann', 'wait_ms': 1000}" },
	{ "tasks.heartbeat", "{'id': 't-1', 'attempt': 1, 'token': '#14', 'progress': 1}" },
	{ "workers.heartbeat", "{'id': 'ann'}" },
	{ "workers.register", "{'name': 'ann', 'capabilities': ['a'], 'capacity': 3}" },
	{ "tasks.claim", "{'worker': 'ann'}" },
	{ "tasks.fail", "{'id': 't-1', 'attempt': 1, 'token': '#18', 'message': 'rain',"
			" 'retryable': false}" },
	{ "tasks.requeue", "{'id': 't-1'}" },
	{ "tasks.claim", "{'max': 2}" }, /* what needs nothing: t-2, t-4 */
	{ "tasks.complete", "{'id': 't-2', 'attempt': 1, 'token': '#21', 'result': [1],"
			    " 'next_task': {'subject': 'then'}, 'event': {'kind': 'a.b'}}" },
	{ "tasks.why_pending", "{'id': 't-5'}" },
	{ "tasks.cancel", "{'id': 't-4', 'reason': 'enough'}" },
	{ "tasks.cancel", "{'id': 't-4', 'force': true}" },
	{ "tasks.claim", "{'start': false}" }, /* t-5 */
	{ "tasks.start", "{'id': 't-5', 'attempt': 1, 'token': '#26'}" },
	{ "tasks.complete", "{'id': 't-5', 'attempt': 1, 'token': '#26'}" },
	{ "tasks.review", "{'id': 't-5', 'decision': 'rework', 'note': 'again'}" },
	{ "tasks.approve", "{'id': 't-6', 'decision': 'approve'}" },
	{ "tasks.claim", "{}" }, /* t-6 or t-7 */
	{ "tasks.claim", "{}" },
	{ "tasks.reassign", "{'id': 't-6', 'assignee': 'ann'}" },
	{ "tasks.reassign", "{'id': 't-5', 'assignee': 'ann'}" },
	{ "tasks.claim", "{'worker': 'ann'}" },
	{ "tasks.get", "{'id': 't-1'}" },
	{ "tasks.list", "{'worker': 'ann'}" },
	{ "queues.pause", "{'name': 'default'}" },
	{ "queues.resume", "{'name': 'default'}" },
	{ "queues.list", "{}" },
	{ "workers.list", "{'status': 'busy'}" },
	{ "workers.get", "{'id': 'ann'}" },
	{ "workers.drain", "{'id': 'ann', 'deadline_ms': 1000}" },
	{ "workers.resume", "{'id': 'ann'}" },
	{ "tasks.create", "{'queue': 'other'}" },
	{ "tasks.claim", "{'queue': 'other'}" },
	{ "tasks.release", "{'id': '$45', 'attempt': 1, 'token': '#46', 'kind': 'input',"
			   " 'question': 'Which?'}" },
	{ "tasks.answer", "{'id': '$45', 'question_id': 'no', 'answer': 1}" },
	{ "tasks.create", "{'queue': 'third'}" },
	{ "tasks.claim", "{'queue': 'third'}" },
	{ "tasks.release", "{'id': '$49', 'attempt': 1, 'token': '#50', 'wait_for': ['$45']}" },
	{ "tasks.cancel", "{'id': '$45'}" },
	{ "tasks.purge", "{'queue': 'default', 'state': 'cancelled', 'confirm': true}" },
	{ "agents.spawn", "{'name': 'eve'}" },
	{ "keys.create",
	  "{'name': 'k', 'owner_kind': 'agent', 'owner': 'eve', 'access': ['operator']}" },
	{ "system.why_denied", "{'verb': 'tasks.complete', 'target': '$3', 'key': '$55'}" },
	{ "system.why_denied", "{'verb': 'tasks.review', 'target': 't-5', 'key': '$55'}" },
	{ "system.why_denied", "{'verb': 'workers.drain', 'target': 'ann', 'key': '$55'}" },
	{ "workers.remove", "{'id': 'ann'}" },
};

static const struct step post[] = {
	{ "agents.spawn", "{'name': 'kim'}" },
	{ "roles.create", "{'title': 'x', 'type': 'advisor'}" },
	{ "mailboxes.create", "{'name': 'box', 'owner': 'kim', 'about': 'x', 'max_mail': 2}" },
	{ "mailboxes.create", "{'name': 'second', 'owner': 'role:r-1'}" },
	{ "mailboxes.create", "{'name': 'BOX'}" },
	{ "mailboxes.list", "{'owner': 'kim'}" },
	{ "mailboxes.list", "{'limit': 1}" },
	{ "mailboxes.send", "{'id': 'box', 'payload': {'a': 1}}" },
	{ "mailboxes.send", "{'id': '$3', 'payload': 2}" },
	{ "mailboxes.send", "{'id': 'box', 'payload': 3}" },
	{ "mailboxes.receive", "{'id': 'box'}" },
	{ "mailboxes.receive", "{'id': 'box', 'max': 2, 'visibility_ms': 50}" },
	{ "mailboxes.receive", "{'id': 'box', 'wait_ms': 10}" },
	{ "mailboxes.ack", "{'id': 'box', 'receipts': ['1-2', '#11']}" },
	{ "mailboxes.ack", "{'id': 'box', 'receipts': ['#11']}" },
	{ "mailboxes.ack", "{'id': 'box', 'receipts': ['#11']}" },
	{ "mailboxes.delete", "{'id': 'box', 'confirm': true}" },
};

static const struct step talk[] = {
	{ "users.create", "{'name': 'ann'}" },
	{ "agents.spawn", "{'name': 'robot'}" },
	{ "roles.create", "{'title': 'desk', 'type': 'operational'}" },
	{ "message_to", "{'to': 'ann', 'text': 'Is it ready, 東京?', 'question': true}" },
	{ "inbox.list", "{'whose': 'ann'}" },
	{ "inbox.answer", "{'id': 's-1', 'text': 'Ask @owner.', 'from': 'ann'}" },
	{ "inbox.list", "{}" },
	{ "message_to", "{'to': 'robot', 'text': 'Tidy up.', 'attachments': [{'kind': 'task', "
			"'ref': 't-9'}]}" },
	{ "message_to", "{'to': 'robot', 'text': 'Tidy up.', 'attachments': [{'kind': 'session', "
			"'ref': 's-1'}]}" },
	{ "message_to", "{'to': '$1', 'text': 'By its id.'}" },
	{ "message_to", "{'to': 'r-1', 'text': 'Anybody?', 'question': true}" },
	{ "roles.assign", "{'id': 'r-1', 'occupant': 'robot'}" },
	{ "message_to", "{'to': 's-3', 'text': 'I am.', 'from': 'r-1'}" },
	{ "ideas.store", "{'name': 'Voice', 'content': 'Calm.'}" },
	{ "message_to", "{'to': 'Voice', 'text': 'Too calm?'}" },
	{ "message_to", "{'to': '$14', 'text': 'By its id.'}" },
	{ "quests.create", "{'subject': 'Paint'}" },
	{ "message_to", "{'to': '$17', 'text': 'White.'}" },
	{ "quests.close", "{'id': 'q-1', 'kind': 'blocked', 'summary': 'No paint.'}" },
	{ "tasks.create", "{'approval': true}" },
	{ "inbox.list", "{}" },
	{ "inbox.list", "{'limit': 1}" },
	{ "inbox.answer", "{'id': 'q-1', 'text': 'At the corner.'}" },
	{ "inbox.answer", "{'id': '$20', 'decision': 'approve'}" },
	{ "tasks.create", "{'queue': 'asks'}" },
	{ "tasks.claim", "{'queue': 'asks'}" },
	{ "tasks.release", "{'id': '$25', 'attempt': 1, 'token': '#26', 'kind': 'input',"
			   " 'question': 'Which?'}" },
	{ "inbox.list", "{'kind': 'input'}" },
	{ "inbox.answer", "{'id': '$25', 'text': 'blue'}" },
	{ "tasks.create", "{'queue': 'looks', 'review': true}" },
	{ "tasks.claim", "{'queue': 'looks'}" },
	{ "tasks.complete", "{'id': '$30', 'attempt': 1, 'token': '#31', 'result': 1}" },
	{ "inbox.list", "{'kind': 'review'}" },
	{ "inbox.answer", "{'id': '$30', 'decision': 'rework'}" },
	{ "tasks.claim", "{'queue': 'looks'}" },
	{ "tasks.complete", "{'id': '$30', 'attempt': 2, 'token': '#35', 'message': {'to': 'ann', "
			    "'text': 'Again.'}}" },
	{ "sessions.create", "{'title': 'Release', 'participants': ['ann', 'robot']}" },
	{ "add_participant", "{'session': 's-6', 'who': 'r-1'}" },
	{ "mention", "{'session': 's-6', 'who': 'robot', 'text': 'see'}" },
	{ "message_to", "{'to': 's-6', 'text': 'Agreed?', 'awaiting': ['ann', 'r-1'], "
			"'mentions': ['external:eve']}" },
	{ "sessions.create", "{'about': 'Voice'}" },
	{ "sessions.get", "{'id': 's-6'}" },
	{ "sessions.list", "{'limit': 2}" },
	{ "sessions.list", "{'participant': 'ann', 'unread': true}" },
	{ "sessions.messages", "{'id': 's-6', 'from': 'owner', 'limit': 1}" },
	{ "sessions.messages", "{'id': 's-6', 'since': 1, 'text': 'agreed'}" },
	{ "sessions.search", "{'query': 'agreed calm'}" },
	{ "sessions.search", "{'query': '東京', 'session': 's-1'}" },
	{ "sessions.fork", "{'id': 's-6', 'at': 2}" },
	{ "sessions.fork", "{'id': 's-7', 'participants': ['ann']}" },
	{ "sessions.messages", "{'id': 's-8'}" },
	{ "sessions.search", "{'query': 'robot', 'session': 's-8'}" },
	{ "inbox.dismiss", "{'id': 's-6', 'whose': 'ann'}" },
	{ "message_to", "{'to': 'owner', 'from': 'robot', 'text': 'May I?', 'question': true}" },
	{ "inbox.dismiss", "{'id': 's-2'}" },
	{ "events.list", "{'subject': 's-1'}" },
	{ "sessions.close", "{'id': 's-6', 'summary': 'Monday.'}" },
	{ "sessions.close", "{'id': 's-1'}" },
	{ "message_to", "{'to': 'ann', 'text': 'Once more.'}" },
	{ "message_to", "{'to': 's-6', 'text': 'Too late.'}" },
	{ "users.delete", "{'id': 'ann', 'confirm': true}" },
	{ "agents.delete", "{'id': 'robot', 'confirm': true}" },
	{ "sessions.messages", "{'id': 's-3'}" },
};

static const struct step chats[] = {
	{ "agents.spawn", "{'name': 'kim'}" },
	{ "channels.upsert",
	  "{'name': 'c', 'kind': 'webhook', 'who': 'kim', 'allowed': ['a', 'b']}" },
	{ "channels.upsert", "{'name': 'd', 'kind': 'slack', 'who': 'kim'}" },
	{ "channels.upsert", "{'name': 'c', 'who': 'agent:kim', 'secret': '0123456789abcdef'}" },
	{ "channels.upsert", "{'name': 'c', 'kind': 'email'}" },
	{ "channels.enable", "{'id': 'c'}" },
	{ "channels.enable", "{'id': 'd'}" },
	{ "channels.test", "{'id': '$2'}" },
	{ "channels.test", "{'id': 'c', 'chat': 'z'}" },
	{ "channels.get", "{'id': 'c'}" },
	{ "channels.list", "{'limit': 1}" },
	{ "channels.delete", "{'id': 'd', 'confirm': true}" },
};

TEST(f_13_every_verb_says_what_fails_and_works_the_next_time)
{
	WORLD_OPEN(w);

	if (!FAIL_POINTS_BUILT)
		TEST_SKIP("this build has no fail points");
	faults_each(&w, company, ARRAY_LEN(company));
}

TEST(f_13_every_verb_of_the_queue_says_what_fails_and_works_the_next_time)
{
	WORLD_OPEN(w);

	if (!FAIL_POINTS_BUILT)
		TEST_SKIP("this build has no fail points");
	faults_each(&w, work, ARRAY_LEN(work));
}

TEST(f_13_every_verb_of_mailboxes_says_what_fails_and_works_the_next_time)
{
	WORLD_OPEN(w);

	if (!FAIL_POINTS_BUILT)
		TEST_SKIP("this build has no fail points");
	faults_each(&w, post, ARRAY_LEN(post));
	CHECK_INT(world_count(world_say(&w, "mailboxes.list", "{}"), "items"), 1);
}

TEST(f_13_every_verb_of_talk_says_what_fails_and_works_the_next_time)
{
	WORLD_OPEN(w);

	if (!FAIL_POINTS_BUILT)
		TEST_SKIP("this build has no fail points");
	faults_each(&w, talk, ARRAY_LEN(talk));
}

TEST(f_13_every_verb_of_channels_says_what_fails_and_works_the_next_time)
{
	WORLD_OPEN(w);

	if (!FAIL_POINTS_BUILT)
		TEST_SKIP("this build has no fail points");
	faults_each(&w, chats, ARRAY_LEN(chats));
	CHECK_INT(world_int(world_say(&w, "channels.get", "{'id': 'c'}"), "messages"), 1);
}

/* A round of timers with the n-th hit of a point failing, undone. What it returned. */
static int attempt_round(struct world *w, const char *point, int n)
{
	struct principal system = { .id = STR("system"), .roles = UINT32_MAX };
	struct arena arena;
	struct store_tx tx;
	struct call c = { .principal = &system,
			  .arena = &arena,
			  .tx = &tx,
			  .store = w->store,
			  .server = &w->server,
			  .now_ms = clock_wall_ms(&w->clock) };
	bool has_more;
	int64_t next;
	char fp[64];
	int e;

	arena_init(&arena, 0);
	CHECK_OK(store_begin(w->store));
	CHECK_OK(store_call_begin(w->store, &arena, c.now_ms, &tx));
	snprintf(fp, sizeof(fp), "%s:%d*return", point, n);
	fail_points_set(fp);
	e = tasks_tick(&c, 200, &has_more);
	if (!e)
		e = store_mail_tick(&tx, 200, &has_more);
	if (!e)
		e = store_mail_next_time(&tx, &next);
	if (!e)
		e = schedules_tick(&c, 200, &has_more);
	if (!e)
		e = store_schedule_next(&tx, &next);
	if (fail_points_have_acted() && e == 0)
		e = arena.is_out ? -ERR_NOMEM : FAULT_SWALLOWED;
	else if (!fail_points_have_acted())
		e = 0;
	fail_points_set(NULL);
	err_forget();
	CHECK_OK(store_call_undo(w->store));
	store_rollback(w->store);
	arena_deinit(&arena);
	return e;
}

TEST(f_13_a_round_of_timers_says_what_fails_and_works_the_next_time)
{
	WORLD_OPEN(w);

	if (!FAIL_POINTS_BUILT)
		TEST_SKIP("this build has no fail points");
	world_say(&w, "workers.register", "{'name': 'ann', 'heartbeat_ms': 100, 'grace_ms': 0}");
	world_say(&w, "tasks.create", "{'delay_ms': 1000}");
	world_say(&w, "tasks.create", "{'lease_ms': 500, 'priority': 2}");
	world_say(&w, "tasks.create", "{'schedule_to_start_ms': 500}");
	world_say(&w, "tasks.claim", "{'worker': 'ann'}");
	for (int i = 0; i < 2; i++) {
		world_say(&w, "mailboxes.create", "{'name': 'm%d', 'visibility_ms': 500}", i);
		world_say(&w, "mailboxes.send", "{'id': 'm%d', 'payload': 1}", i);
		world_say(&w, "mailboxes.receive", "{'id': 'm%d'}", i);
	}
	world_say(&w, "mailboxes.delete", "{'id': 'm1', 'confirm': true}");
	world_say(&w, "schedules.create",
		  "{'name': 'often', 'cron': 'every 1s', 'calls': " CALLS "}");
	world_say(&w, "schedules.create",
		  "{'name': 'alone', 'cron': 'every 1s', 'overlap': "
		  "'skip', 'calls': " CALLS "}");
	for (int i = 0; i < 3; i++) {
		clock_advance(&w.clock, 1000);
		for (size_t k = 0; k < FAULT_POINTS; k++) {
			int n = 1, e;

			while (CHECK(n < 2000) && (e = attempt_round(&w, fault_points[k], n)))
				if (!CHECK(e < 0))
					printf("  %s %d is swallowed\n", fault_points[k], n++);
				else
					n++;
		}
		world_wait(&w, 0);
	}
	CHECK_STR(world_text(world_say(&w, "workers.get", "{'id': 'ann'}"), "status"), "offline");
}
