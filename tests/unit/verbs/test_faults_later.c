/* SPDX-License-Identifier: Apache-2.0 */
/* F-13 and F-08 for the verbs of what happens by itself, and of secrets: as test_faults.c. */
#include "base/failpoint.h"
#include "tests/unit/verbs/faults.h"

#define CALLS "[{'verb': 'quests.create', 'params': {'subject': '{{event.subject}}'}}]"

static const struct step reactions[] = {
	{ "events.subscribe",
	  "{'name': 'one', 'kind': 'a.b', 'where': [{'path': 'x', 'op': 'eq', 'value': 5}], "
	  "'count': 2, 'window_s': 60, 'cooldown_s': 10, 'max_per_minute': 5, 'calls': " CALLS
	  "}" },
	{ "events.subscribe", "{'name': 'two', 'kind': 'a.*', 'calls': " CALLS "}" },
	{ "events.subscribe",
	  "{'name': 'three', 'kind': '*', 'subject': 's-*', 'calls': " CALLS "}" },
	{ "events.subscribe", "{'name': 'four', 'kind': 'a.b', 'where': [{'path': 'x.y', 'op': "
			      "'gt', 'value': 1}], 'calls': " CALLS "}" },
	{ "events.subscribe",
	  "{'name': 'two', 'replace': true, 'kind': 'a.?', 'source': 'uid:*', 'calls': " CALLS
	  "}" },
	{ "events.subscribe", "{'name': 'TWO', 'kind': 'a.b', 'calls': " CALLS "}" },
	{ "events.subscriptions", "{}" },
	{ "events.subscriptions", "{'limit': 1}" },
	{ "events.subscriptions", "{'id': 'one', 'state': 'active'}" },
	{ "events.fire", "{'kind': 'a.b', 'subject': 's-1', 'payload': {'x': 5}}" },
	{ "events.fire", "{'kind': 'a.b', 'subject': 's-1', 'payload': {'x': {'y': 2.5}}}" },
	{ "events.fire", "{'kind': 'a.c', 'subject': 't', 'payload': {'x': 'text'}}" },
	{ "events.fire", "{'kind': 'z', 'subject': 't'}" },
	{ "events.trace", "{'id': '$10'}" },
	{ "events.unsubscribe", "{'id': 'one'}" },
	{ "events.unsubscribe", "{'id': '$2'}" },
};

static const struct step times[] = {
	{ "schedules.create", "{'name': 'nightly', 'cron': '0 1 * * *', 'zone': 'Europe/Berlin', "
			      "'jitter_s': 5, 'catch_up': 2, 'calls': " CALLS "}" },
	{ "schedules.create", "{'name': 'often', 'cron': 'every 10m', 'overlap': 'skip', "
			      "'enabled': false, 'calls': " CALLS "}" },
	{ "schedules.create", "{'name': 'NIGHTLY', 'cron': '@daily', 'calls': " CALLS "}" },
	{ "schedules.get", "{'id': 'nightly'}" },
	{ "schedules.list", "{'limit': 1}" },
	{ "schedules.preview", "{'id': 'often'}" },
	{ "schedules.update",
	  "{'id': 'often', 'enabled': true, 'cron': '@hourly', 'name': 'hour'}" },
	{ "schedules.update", "{'id': 'hour', 'calls': " CALLS "}" },
	{ "schedules.run", "{'id': 'nightly'}" },
	{ "schedules.run", "{'id': 'hour'}" },
	{ "schedules.get", "{'id': '$1'}" },
	{ "events.trace", "{'id': '$9'}" },
	{ "schedules.delete", "{'id': 'nightly', 'confirm': true}" },
	{ "hooks.create", "{'name': 'repo', 'kind': 'github'}" },
	{ "hooks.create", "{'name': 'other', 'kind': 'hmac', 'secret': 'a secret of theirs', "
			  "'signature_header': 'X-Sig', 'window_s': 60}" },
	{ "hooks.create", "{'name': 'REPO', 'kind': 'github'}" },
	{ "hooks.list", "{'limit': 1}" },
	{ "hooks.rotate", "{'id': 'repo', 'overlap_s': 60}" },
	{ "hooks.delete", "{'id': 'repo', 'confirm': true}" },
	{ "hooks.delete", "{'id': '$15', 'confirm': true}" },
};

static const struct step secrets[] = {
	{ "agents.spawn", "{'name': 'ann'}" },
	{ "roles.create", "{'title': 'desk', 'type': 'operational'}" },
	{ "credentials.ingest", "{'name': 'A_KEY', 'value': 'the value of A', 'provider': 'p'}" },
	{ "credentials.ingest", "{'name': 'A_KEY', 'value': 'another value'}" },
	{ "credentials.ingest", "{'name': 'A_KEY', 'value': 'the value of ann', 'agent': 'ann'}" },
	{ "credentials.ingest", "{'name': 'A_KEY', 'value': 'the value of r-1', 'role': 'r-1'}" },
	{ "credentials.list", "{}" },
	{ "credentials.list", "{'limit': 1}" },
	{ "credentials.list", "{'owner': '$1'}" },
	{ "credentials.delete", "{'id': '$5', 'confirm': true}" },
	{ "credentials.delete", "{'id': 'A_KEY', 'confirm': true}" },
	{ "agents.delete", "{'id': 'ann', 'confirm': true}" },
};

TEST(f_13_every_verb_of_reactions_says_what_fails_and_works_the_next_time)
{
	WORLD_OPEN(w);

	if (!FAIL_POINTS_BUILT)
		TEST_SKIP("this build has no fail points");
	faults_each(&w, reactions, ARRAY_LEN(reactions));
}

TEST(f_13_every_verb_of_times_says_what_fails_and_works_the_next_time)
{
	WORLD_OPEN(w);

	if (!FAIL_POINTS_BUILT)
		TEST_SKIP("this build has no fail points");
	faults_each(&w, times, ARRAY_LEN(times));
}

TEST(f_13_every_verb_of_secrets_says_what_fails_and_works_the_next_time)
{
	WORLD_OPEN(w);

	if (!FAIL_POINTS_BUILT)
		TEST_SKIP("this build has no fail points");
	faults_each(&w, secrets, ARRAY_LEN(secrets));
}
