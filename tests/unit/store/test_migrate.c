/* SPDX-License-Identifier: Apache-2.0 */
/* F-24: a database of every older version comes up with its data, after an automatic backup. What a
 * version held is written down here once and kept for ever. */
#include <dirent.h>
#include <stdio.h>

#include "base/err.h"
#include "store/agents.h"
#include "store/db.h"
#include "store/users.h"
#include "tests/unit/store/world.h"

static const struct fixture {
	int version;
	const char *rows; /* what is in it */
	const char *look; /* 1 when it is still there in the newest version */
} fixtures[] = {
	{ 1,
	  "insert into meta values ('generation', 'old'), ('counter', '1'), ('instance', "
	  "'old-company');"
	  "insert into events (at_ms, kind, source, subject, payload) values (5, 'a.b', 'p', null, "
	  "'{}'),"
	  " (6, 'a.c', 'p', 's', '{\"n\":1}');"
	  "insert into replies (at_ms, principal, method, request_id, digest, result)"
	  " values (7, 'p', 'm', 'r', 'd', '{}');",
	  "select (select group_concat(kind || payload) from events) = 'a.b{},a.c{\"n\":1}'"
	  " and (select result from replies where principal = 'p' and request_id = 'r' and method "
	  "= 'm') = '{}'"
	  " and (select value from meta where key = 'instance') = 'old-company'" },
	{ 2,
	  "insert into meta values ('generation', 'old'), ('counter', '1'), ('instance', "
	  "'old-company');"
	  "insert into agents (id, name, status, max_concurrent, grants, created_by, created_at, "
	  "updated_at) values ('a1', 'ann', 1, 2, '{\"egress\":[\"x.org\"]}', 'p', 1, 2);"
	  "insert into quests (id, subject, status, priority, labels, dependents, created_by, "
	  "created_at, updated_at) values ('i1', 'first', 1, 3, 'web', 1, 'p', 3, 4);"
	  "insert into quests (id, subject, status, priority, assignee, parent, dependencies, "
	  "open_dependencies, created_by, created_at, updated_at) values ('i2', 'second', 1, 2, 1, "
	  "1, 1, 1, 'p', 5, 6);"
	  "update quests set open_children = 1 where n = 1;"
	  "insert into quest_dependencies values (2, 1);"
	  "insert into quest_labels values (1, 'web', 3, null);",
	  "select (select group_concat(n || id || subject || status || priority) from quests) = "
	  "'1i1first13,2i2second12'"
	  " and (select rank from quests where n = 1) = 3"
	  " and (select rank from quests where n = 2) is null"
	  " and (select name || grants from agents where id = 'a1') = "
	  "'ann{\"egress\":[\"x.org\"]}'"
	  " and (select dependency from quest_dependencies where quest = 2) = 1" },
	{ 3,
	  "insert into meta values ('generation', 'old'), ('counter', '1'), ('instance', "
	  "'old-company');"
	  "insert into ideas (id, name, owner, content, kind, tags, scope, injection_mode, "
	  "evergreen, version, fingerprint, created_by, created_ms, updated_ms) values "
	  "('d1', 'Voice', '', 'Calm.', 'note', 'a', 2, 2, 0, 1, zeroblob(128), 'p', 1, 2), "
	  "('d2', 'Voice', 'ann', 'Loud.', 'note', '', 1, 2, 0, 1, zeroblob(128), 'p', 1, 2);"
	  "insert into idea_words (rowid, name, content, tags) values (1, 'Voice', 'Calm.', 'a');"
	  "insert into idea_links values (2, 'mention', 'Voice', 1);",
	  "select (select group_concat(id || content) from ideas where name = 'Voice') = "
	  "'d1Calm.,d2Loud.'"
	  " and (select n_links from ideas where id = 'd1') = 1"
	  " and (select rowid from idea_words where idea_words match 'calm') = 1" },
	{ 4,
	  "insert into meta values ('generation', 'old'), ('counter', '1'), ('instance', "
	  "'old-company');"
	  "insert into ideas (id, name, owner, content, kind, tags, scope, injection_mode, "
	  "evergreen, version, fingerprint, created_by, created_ms, updated_ms) values "
	  "('d1', 'Voice', '', 'Calm.', 'note', 'a', 2, 2, 0, 1, zeroblob(128), 'p', 1, 2), "
	  "('d2', 'voice', '', 'Loud.', 'note', '', 2, 2, 0, 1, zeroblob(128), 'p', 1, 2), "
	  "('d3', 'Stra\u00dfe', '', '[[VOICE]] [[voice]]', 'note', '', 2, 2, 0, 1, zeroblob(128), "
	  "'p', 1, 2);"
	  "insert into idea_words (rowid, name, content, tags) values (1, 'Voice', 'Calm.', 'a'),"
	  " (2, 'voice', 'Loud.', ''), (3, 'Stra\u00dfe', '[[VOICE]] [[voice]]', '');"
	  "insert into idea_links values (3, 'mention', 'VOICE', null), (3, 'mention', 'voice', 2),"
	  " (3, 'embed', 'Calm', null), (3, 'needs', 'd1', 1);",
	  "select (select group_concat(name || name_key) from ideas) = "
	  "'Voicevoice,voicevoice,Stra\u00dfestrasse'"
	  " and (select group_concat(type || key || coalesce(written, '-') || coalesce(target, "
	  "'-'))"
	  " from (select * from idea_links order by type, key)) = "
	  "'embedcalmCalm-,mentionvoiceVOICE1,needsd1-1'"
	  " and (select n_links from ideas where id = 'd1') = 2"
	  " and (select n_links from ideas where id = 'd2') = 0"
	  " and (select rowid from idea_words where idea_words match 'strasse') = 3" },
	{ 5,
	  "insert into meta values ('generation', 'old'), ('counter', '1'), ('instance', "
	  "'old-company');"
	  "insert into users (id, name, addresses, created_by, created_at, updated_at) values "
	  "('u1', 'ann', 'mailto:a', 'p', 1, 2), ('u2', '\u00c4da', null, 'p', 1, 2), ('u3', "
	  "'a\u0308DA', null, 'p', 1, 2);"
	  "insert into agents (id, name, status, max_concurrent, created_by, created_at, "
	  "updated_at) values ('a1', 'Stra\u00dfe', 1, 1, 'p', 1, 2), ('a2', 'STRASSE', 1, 1, 'p', "
	  "1, 2), ('a3', '\u00c9va', 1, 1, 'p', 1, 2);"
	  "insert into roles (id, title, type, occupant_kind, occupant, occupied_at, created_by, "
	  "created_at, updated_at) values ('s1', 'Director', 1, 2, 'u1', 3, 'p', 1, 2), ('s2', "
	  "'Desk', 2, null, null, null, 'p', 1, 2);"
	  "insert into role_edges values (1, 2);"
	  "insert into role_closure values (1, 1, 1), (2, 2, 1), (1, 2, 1);"
	  "insert into keys (id, name, hash, owner_kind, owner, access, scopes, created_by, "
	  "created_at) values ('0000000a', 'k', 'h', 1, 'u1', 2, 'quests.*', 'p', 1);"
	  "insert into audit (seq, at_ms, principal, verb, target, outcome, hash) values (1, 5, "
	  "'p', 'users.create', 'u1', 1, 'x');"
	  "insert into audit_reads values (20000, 'p', 7);",
	  "select (select name || addresses from users where id = 'u1') = 'annmailto:a'"
	  " and (select group_concat(title || coalesce(occupant, '-')) from roles) = "
	  "'Directoru1,Desk-'"
	  " and (select group_concat(ancestor || descendant || paths) from role_closure) = "
	  "'111,121,221'"
	  " and (select hash || owner || scopes from keys where id = '0000000a') = "
	  "'hu1quests.*'"
	  " and (select principal || target || hash from audit where seq = 1) = 'pu1x'"
	  " and (select reads from audit_reads where day = 20000) = 7"
	  " and (select group_concat(id || name_key) from (select * from users order by n)) = "
	  "'u1ann,u2a\u0308da,u3a\u0308da'"
	  " and (select group_concat(id || name_key) from (select * from agents order by n)) = "
	  "'a1strasse,a2strasse,a3e\u0301va'" },
	{ 7,
	  "insert into meta values ('generation', 'old'), ('counter', '1'), ('instance', "
	  "'old-company');"
	  "insert into queues (name, plain, n_needs, created_at, updated_at) values ('q', 1, 1, 1, "
	  "1);"
	  "insert into task_needs (queue) values (1);"
	  "insert into workers (id, name, status, capacity, principal, heartbeat_ms, grace_ms, "
	  "heartbeat_at, registered_at, updated_at) values ('w1', 'ann', 1, 1, 'p', 9, 9, 9, 9, 9);"
	  "insert into tasks (n, id, queue, needs, state, priority, rank, lease_ms, on_failed, "
	  "begins_at, ready_at, created_by, created_at, updated_at) values (7, 't1', 1, 1, 2, 3, "
	  "7, 60000, 1, 5, 5, 'p', 5, 6);"
	  "insert into task_payloads (task, payload) values (7, '{\"a\":1}');",
	  "select (select id || payload || rank from tasks join task_payloads on task = n "
	  "where state = 2) = 't1{\"a\":1}7'"
	  " and (select ready from queues where name = 'q') = 1"
	  " and (select status from workers where name = 'ann') = 1" },
	{ 8,
	  "insert into meta values ('generation', 'old'), ('counter', '1'), ('instance', "
	  "'old-company');"
	  "insert into users (id, name, name_key, created_by, created_at, updated_at) values "
	  "('u1', 'Ann', 'ann', 'p', 1, 2);",
	  "select (select name || name_key from users where id = 'u1') = 'Annann'" },
	{ 9,
	  "insert into meta values ('generation', 'old'), ('counter', '1'), ('instance', "
	  "'old-company');"
	  "insert into mailboxes (id, name, name_key, owner, max_mail, visibility_ms, sent, "
	  "in_flight, created_by, created_at) values ('m1', 'Box', 'box', 'p', 9, 9, 3, 1, 'p', "
	  "1);"
	  "insert into mail (mailbox, seq, sender, payload, sent_at, deliveries, token, due_at) "
	  "values (1, 3, 'p', '[1]', 1, 2, 'x', 7);",
	  "select (select name || payload from mail l join mailboxes m on m.n = l.mailbox) = "
	  "'Box[1]'" },
	{ 8, /* quests in progress, and people's own queue with the name that is the runtime's now
	      */
	  "insert into meta values ('generation', 'old'), ('counter', '1'), ('instance', "
	  "'old-company');"
	  "insert into queues (name, plain, n_needs, created_at, updated_at) values ('quests', 1, "
	  "1, 1, 1);"
	  "insert into task_needs (queue) values (1);"
	  "insert into tasks (n, id, queue, needs, state, priority, rank, lease_ms, on_failed, "
	  "begins_at, ready_at, created_by, created_at, updated_at) values (7, 't1', 1, 1, 2, 3, "
	  "7, 60000, 1, 5, 5, 'p', 5, 6);"
	  "insert into quests (id, subject, status, priority, created_by, created_at, updated_at) "
	  "values ('01a1ffe8-b739-7000-8576-61d7f3bc496a', 'one', 1, 3, 'p', 1, 2), "
	  "('01a1ffe8-b739-7000-8576-61d7f3bc496b', 'two', 1, 2, 'p', 1, 2), "
	  "('01a1ffe8-b739-7000-8576-61d7f3bc496c', 'three', 1, 2, 'p', 1, 2);"
	  "update quests set status = 2, attempt = 3, token = 'proof', claimed_by = 'uid:7', "
	  "claimed_at = 9 where n < 3;",
	  "select (select group_concat(t.state || t.attempt || t.token || t.claimed_by || "
	  "t.subject || t.priority) from quests q join tasks t on t.n = q.task and t.quest = q.n "
	  "where q.attempt = t.attempt and q.token is null) = "
	  "'43proofuid:7one1,43proofuid:7two0'"
	  " and (select count(distinct id) from tasks where length(id) = 36) = 2"
	  " and (select count(*) from tasks where lease_until = due_at and lease_until > "
	  "86400000) = 2"
	  " and (select name from queues where n = 1) = 'quests-1'"
	  " and (select in_progress from queues where name = 'quests') = 2"
	  " and (select task from quests where n = 3) is null" },
	{ 10,
	  "insert into meta values ('generation', 'old'), ('counter', '1'), ('instance', "
	  "'old-company');"
	  "insert into queues (name, plain, n_needs, created_at, updated_at) values ('quests', 1, "
	  "1, 1, 1);"
	  "insert into task_needs (queue) values (1);"
	  "insert into quests (id, subject, status, priority, created_by, created_at, updated_at) "
	  "values ('i1', 'one', 1, 3, 'p', 1, 2);"
	  "insert into tasks (n, id, queue, needs, state, priority, rank, lease_ms, on_failed, "
	  "begins_at, ready_at, created_by, created_at, updated_at, quest) values (7, 't1', 1, 1, "
	  "2, 3, 7, 60000, 1, 5, 5, 'p', 5, 6, 1);"
	  "update tasks set state = 4, attempt = 1, token = 'proof', lease_until = 5;"
	  "update quests set status = 2, attempt = 1, task = 7, lapses = 2, was_free = 1;",
	  "select (select q.lapses || t.token from quests q join tasks t on t.n = q.task and "
	  "t.quest = q.n where was_free) = '2proof'" },
	{ 11,
	  "insert into meta values ('generation', 'old'), ('counter', '1'), ('instance', "
	  "'old-company');"
	  "insert into events (seq, at_ms, kind, source, payload, firing) values "
	  "(1, 5, 'a.b', 's', '{}', null), (2, 5, 'c.d', 's', '{}', 7);"
	  "insert into queues (name, plain, n_needs, created_at, updated_at) values "
	  "('reactions', 1, 1, 1, 1);"
	  "insert into task_needs (queue) values (1);"
	  "insert into tasks (n, id, queue, needs, state, priority, rank, lease_ms, on_failed, "
	  "begins_at, ready_at, created_by, created_at, updated_at) values (7, 't1', 1, 1, 2, 3, "
	  "7, 60000, 1, 5, 5, 'p', 5, 6);"
	  "insert into firings (task, source, source_id, event, root, depth, by_kind, by) values "
	  "(7, 1, 's1', 1, 1, 1, 1, 'uid:7');",
	  "select (select source_id || event || by from firings where task = 7) = 's11uid:7'"
	  " and (select seq from events where firing = 7) = 2" },
	{ 12,
	  "insert into meta values ('generation', 'old'), ('counter', '1'), ('instance', "
	  "'old-company');"
	  "insert into subscriptions (n, id, name, state, kind, rule, count, window_ms, "
	  "cooldown_ms, "
	  "max_per_minute, key, path, value, since, by_kind, by, created_at, updated_at) values "
	  "(3, 's1', 'x', 1, 'a.*', '{\"calls\":[]}', 1, 0, 0, 60, 'a.', '-', '', 0, 1, 'uid:7', "
	  "1, "
	  "1);"
	  "insert into subscription_counts (subscription, fired) values (3, 9);"
	  "insert into subscription_hits (subscription, seq, at_ms) values (3, 1, 5);"
	  "insert into events_to_match (seq, depth, after) values (1, 2, 3);",
	  "select (select name || key || fired from subscriptions join subscription_counts on "
	  "subscription = n where n = 3) = 'xa.9'"
	  " and (select at_ms from subscription_hits) = 5"
	  " and (select depth || after from events_to_match) = '23'" },
	{ 13,
	  "insert into meta values ('generation', 'old'), ('counter', '1'), ('instance', "
	  "'old-company');"
	  "insert into data_keys (sealed, created_at) values ('k', 1);"
	  "insert into credentials (id, scope, owner, provider, name, kind, source, version, "
	  "data_key, sealed, redacted, created_by, created_at, updated_at) values ('c1', 3, '', "
	  "'', 'TOKEN', 2, 1, 1, 1, 'x', 1, 'p', 1, 2);",
	  "select (select name || c.sealed || k.sealed from credentials c join data_keys k on k.n "
	  "= data_key) = 'TOKENxk'" },
	{ 14,
	  "insert into meta values ('generation', 'old'), ('counter', '1'), ('instance', "
	  "'old-company');"
	  "insert into sessions (id, kind, key, title, last, created_by, created_at, updated_at) "
	  "values ('s1', 1, 'agent:a user:u', 'Talk', 2, 'p', 1, 2);"
	  "insert into sessions (id, kind, parent, forked, depth, last, created_by, created_at, "
	  "updated_at) values ('s2', 2, 1, 1, 1, 1, 'p', 1, 2);"
	  "insert into session_participants (session, who, read, asked, asked_at, joined_at) "
	  "values (1, 'user:u', 1, 2, 5, 1), (1, 'agent:a', 2, null, null, 1);"
	  "insert into session_messages (session, seq, kind, sender, text, at_ms) values "
	  "(1, 1, 1, 'agent:a', 'Hello', 3), (1, 2, 2, 'agent:a', 'Ready?', 4);"
	  "insert into message_words (rowid, text, place) values (1, 'Hello', 's1'), (2, 'Ready?', "
	  "'s1');"
	  "insert into session_mentions values ('user:u', 1, 2);"
	  "insert into session_turns values (1, 'a', 't1');",
	  "select (select participants || title from sessions where id = 's1') = '2Talk'"
	  " and (select group_concat(text) from session_messages where session = 1) = "
	  "'Hello,Ready?'"
	  " and (select rowid from message_words where message_words match 'text : (ready) AND "
	  "place : (s1)') = 2"
	  " and (select asked from session_participants where who = 'user:u') = 2"
	  " and (select parent from sessions where id = 's2') = 1"
	  " and (select seq from session_mentions where who = 'user:u') = 2"
	  " and (select task from session_turns where session = 1) = 't1'" },
	{ 15,
	  "insert into meta values ('generation', 'old'), ('counter', '1'), ('instance', "
	  "'old-company');"
	  "insert into schedules (id, name, cron, zone, calls, overlap, catch_up, jitter_s, "
	  "anchor_at, enabled, by_kind, by, due_at, next_at, span_from, last_due_at, created_by, "
	  "created_at, updated_at) values ('s1', 'nightly', '@daily', 'UTC', "
	  "'{\"calls\":[{\"verb\":\"system.ping\"}]}', 1, 1, 0, 1, 1, 1, 'uid:7', 9000, 9001, 5, "
	  "8, "
	  "'uid:7', 1, 2);"
	  "insert into schedule_spans values (1, 2, 3);",
	  "select (select name || cron || next_at || last_due_at || json_extract(calls, "
	  "'$.calls[0].verb') from schedules) = 'nightly@daily90018system.ping'"
	  " and (select from_at || through_at from schedule_spans) = '23'" },
	{ 16,
	  "insert into meta values ('generation', 'old'), ('counter', '1'), ('instance', "
	  "'old-company');"
	  "insert into hooks (id, name, kind, secret, old_secret, old_until, window_s, created_by, "
	  "created_at, updated_at) values ('h1', 'repo', 1, 'x', 'y', 9, 300, 'p', 1, 2);"
	  "insert into hook_deliveries (at_ms, hook, key, event) values (5, 1, 'd', 7);",
	  "select (select name || secret || old_secret || kind from hooks) = 'repoxy1'"
	  " and (select event from hook_deliveries where hook = 1 and key = 'd') = 7" },
	{ 17,
	  "insert into meta values ('generation', 'old'), ('counter', '1'), ('instance', "
	  "'old-company');"
	  "insert into channels (id, name, kind, secret, who, created_by, created_at, updated_at) "
	  "values ('k1', 'c', 1, 's', 'agent:a', 'p', 1, 2);"
	  "insert into channel_chats (channel, chat) values (1, 'x');",
	  "select (select name || chat from channels k join channel_chats h on h.channel = k.n) = "
	  "'cx'" },
	{ 18,
	  "insert into meta values ('generation', 'old'), ('counter', '1'), ('instance', "
	  "'old-company');"
	  "insert into queues (name, n_needs, created_at, updated_at) values ('quests', 1, 1, 1);"
	  "insert into task_needs (queue) values (1);"
	  "update queues set plain = 1;"
	  "insert into tasks (id, queue, needs, state, subject, priority, rank, lease_ms, "
	  "on_failed, attempt, ready_at, begins_at, created_by, claimed_by, created_at, "
	  "updated_at, quest) values ('t1', 1, 1, 2, 'x', 0, 0, 1000, 1, 0, 1, 1, 'p', "
	  "'agent:a', 1, 1, 1);",
	  "select count(*) from tasks where quest = 1 and claimed_by = 'agent:a'" },
	{ 18, /* quests that need nothing yet */
	  "insert into meta values ('generation', 'old'), ('counter', '1'), ('instance', "
	  "'old-company');"
	  "insert into quests (id, subject, status, priority, labels, created_by, created_at, "
	  "updated_at) values ('i1', 'x', 1, 3, 'web', 'p', 3, 4), ('i2', 'y', 1, 4, null, 'p', 3, "
	  "4);"
	  "insert into quest_labels values (1, 'web', 3, null);",
	  "select (select group_concat(id || rank) from quests where capabilities is null) = "
	  "'i13,i24'"
	  " and (select rank from quest_labels where capabilities is null) = 3" },
	{ 19,
	  "insert into meta values ('generation', 'old'), ('counter', '1'), ('instance', "
	  "'old-company');"
	  "insert into quests (id, subject, status, priority, labels, capabilities, created_by, "
	  "created_at, updated_at) values ('i1', 'x', 1, 3, 'web', 'cuda\ngpu', 'p', 3, 4);"
	  "insert into quest_labels values (1, 'web', 3, null, 'cuda\ngpu');"
	  "update quests set priority = 4;",
	  "select l.capabilities = 'cuda\ngpu' and l.rank = 4 from quests q join quest_labels l on "
	  "l.quest = q.n and l.capabilities = q.capabilities" },
};

static bool make_old(struct world *w, const struct fixture *f)
{
	struct db *db = NULL;
	bool is_made = CHECK_OK(db_open(w->o.database, DB_WRITER | DB_CREATE, &db));

	for (size_t i = 0;
	     is_made && i < sql_n_migrations && sql_migrations[i].version <= f->version; i++)
		is_made = CHECK_OK(db_exec(db, sql_migrations[i].text));
	is_made = is_made && CHECK_OK(db_exec(db, f->rows)) &&
		  CHECK_OK(db_exec(db, "pragma application_id = 1903391844")) &&
		  CHECK_OK(
		      db_exec(db, str_fmt(&w->arena, "pragma user_version = %d", f->version).p)) &&
		  CHECK_OK(db_fold_log(db));
	db_close(db);
	return is_made;
}

static int n_backups(struct world *w)
{
	DIR *d = opendir(w->o.backups);
	struct dirent *entry;
	int n = 0;

	while (d && (entry = readdir(d)))
		n += str_starts(str_from(entry->d_name), STR("auto-"));
	if (d)
		closedir(d);
	return n;
}

TEST(f_24_every_older_version_comes_up_with_its_data_after_a_backup)
{
	char name[16];

	for (size_t i = 0; i < ARRAY_LEN(fixtures); i++) {
		WORLD(w);
		struct store_tx tx;
		int64_t is_there = 0, version = 0;

		snprintf(name, sizeof(name), "%zu.db", i);
		w.o.database = test_path(name);
		w.o.keep_backups = ARRAY_LEN(fixtures);
		clock_advance(&w.clock, (int64_t)i); /* its backup has a name of its own */
		if (!make_old(&w, &fixtures[i]) || !CHECK_INT(world_open(&w), 0))
			return;
		CHECK_OK(world_read_begin(&w, &tx));
		CHECK_OK(db_exec_i64(tx.db, fixtures[i].look, &is_there));
		CHECK_INT(is_there, 1);
		CHECK_OK(db_exec_i64(tx.db, "pragma user_version", &version));
		CHECK_INT(version, sql_migrations[sql_n_migrations - 1].version);
		world_read_end(&w);
		if (fixtures[i].version < version)
			CHECK_INT(n_backups(&w), (int)i + 1);
	}
}

TEST(f_24_ideas_whose_names_became_one_stay_and_are_told_of)
{
	WORLD(w);
	struct str_list warnings;

	if (!make_old(&w, &fixtures[3]) || !CHECK_INT(world_open(&w), 0))
		return;
	warnings = store_warnings(w.store);
	if (CHECK_INT(warnings.n, 1))
		CHECK_HAS(warnings.v[0], "ideas 'Voice' and 'voice' differ only in case");
}

TEST(f_24_people_and_agents_whose_names_became_one_stay_and_are_told_of)
{
	WORLD(w);
	struct store_user u;
	struct store_agent a;
	struct store_tx tx;
	struct str_list warnings;

	if (!make_old(&w, &fixtures[4]) || !CHECK_INT(world_open(&w), 0))
		return;
	warnings = store_warnings(w.store);
	if (CHECK_INT(warnings.n, 2)) {
		CHECK_HAS(warnings.v[0], "users '");
		CHECK_HAS(warnings.v[0], "(users.update)");
		CHECK_HAS(warnings.v[1], "agents 'STRASSE' and 'Stra\u00dfe' differ only in case");
	}
	CHECK_OK(world_read_begin(&w, &tx));
	/* each by its own name, in any case of ASCII; no third way of writing it means either */
	CHECK_INT(store_user_find(&tx, STR("\u00c4DA"), &u), 0);
	CHECK_STR(u.user.id, "u2");
	CHECK_INT(store_user_find(&tx, STR("\u00e4da"), &u), STORE_NONE);
	CHECK_INT(store_agent_find(&tx, STR("strasse"), &a), 0);
	CHECK_STR(a.agent.id, "a2");
	CHECK_INT(store_agent_find(&tx, STR("E\u0301VA"), &a), 0);
	CHECK_STR(a.agent.id, "a3");
	world_read_end(&w);
}

TEST(f_24_a_migrations_backup_restores_the_older_version)
{
	WORLD(w);
	struct str newest = STR_NONE;
	struct dirent *entry;
	DIR *d;

	if (sql_n_migrations < 2)
		TEST_SKIP("there is one migration only");
	if (!make_old(&w, &fixtures[0]) || !CHECK_INT(world_open(&w), 0))
		return;
	world_close(&w);
	d = opendir(w.o.backups);
	if (!CHECK(d != NULL))
		return;
	while ((entry = readdir(d)))
		if (str_starts(str_from(entry->d_name), STR("auto-")))
			newest = str_fmt(&w.arena, "%s/%s", w.o.backups, entry->d_name);
	closedir(d);
	CHECK_INT(store_restore(&w.o, newest.p, &w.problem), 0);
	clock_advance(&w.clock, 1);
	if (CHECK_INT(world_open(&w), 0))
		CHECK_INT(world_head(&w), 2);
}

TEST(sql_migrations_are_numbered_without_a_gap)
{
	for (size_t i = 0; i < sql_n_migrations; i++)
		CHECK_INT(sql_migrations[i].version, (int)i + 1);
}
