/* SPDX-License-Identifier: Apache-2.0 */
/* Firings, made in the writer's batch as a subscription makes them, and what becomes of them. */
#include "store/firings.h"

#include <stdio.h>
#include <string.h>

#include "server/lanes.h"
#include "server/pool.h"
#include "server/quota.h"
#include "server/request.h"
#include "store/events.h"
#include "tests/unit/test.h"
#include "verbs.gen.h"
#include "world.h"

/* An event of kind test.fired, and the calls that answer it. */
struct shot {
	struct str payload;
	struct action calls[2];
	size_t n_calls;
	enum principal_kind kind;
	struct str by, key;
	int64_t depth;
	bool is_over, has_failed;
};

static int shoot(struct request *r, struct store_tx *tx)
{
	const struct shot *s = r->owner;
	const struct store_event_new new = { .kind = STR("test.fired"),
					     .source = STR("test"),
					     .subject = STR("moon"),
					     .payload = s->payload };
	const struct action_list calls = { (struct action *)s->calls, s->n_calls };
	struct store_firing f = { .calls = &calls,
				  .by_kind = s->kind,
				  .by = s->by,
				  .by_key = s->key,
				  .source = FIRING_SOURCE_SCHEDULE,
				  .source_id = STR("s-1"),
				  .subject = STR("a test"),
				  .depth = s->depth };
	int e = store_event_add(tx, &new, &f.event);

	return e ? e : store_firing_add(tx, &f, tx->now_ms);
}

static void on_shot(struct request *r)
{
	struct shot *s = r->owner;

	s->has_failed = r->call.failure.code != 0;
	s->is_over = true;
	request_free(r);
}

static const struct request_ops shot_ops = { .done = on_shot };

static bool fire(struct world *w, struct shot *s)
{
	const struct principal self = { .id = STR("system") };
	struct quota_user *user = quota_join(w->server.quota, &self);
	struct request *r = pool_take(&w->server, &shot_ops, s, &self, user);

	quota_unref(user);
	if (!CHECK(r))
		return false;
	r->verb = &verb_table[VERB_AUDIT_LIST];
	r->job = shoot;
	lanes_write(w->server.lanes, r);
	while (!s->is_over)
		if (!CHECK_OK(loop_turn(w->server.loop, 100)))
			return false;
	return CHECK(!s->has_failed);
}

static bool has(struct str text, const char *part)
{
	return memmem(text.p, text.n, part, strlen(part)) != NULL;
}

/* Asks until the task is in that state. */
static struct str until(struct peer *p, const char *task, const char *state)
{
	struct str answer = STR("");
	char line[160];

	snprintf(
	    line, sizeof(line),
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tasks.get\",\"params\":{\"id\":\"%s\"}}",
	    task);
	for (int i = 0; i < 1000; i++) {
		peer_forget(p);
		answer = peer_ask(p, line);
		if (has(answer, state) || !CHECK_OK(loop_turn(p->channel.server->loop, 5)))
			return answer;
	}
	CHECK(has(answer, state));
	return answer;
}

static const struct shot usual = { .payload = STR(
				       "{\"name\":\"x\\\"},{\",\"n\":7,\"tags\":[\"a\"]}"),
				   .kind = PRINCIPAL_KIND_OWNER,
				   .by = STR("uid:7"),
				   .depth = 1,
				   .n_calls = 1 };

TEST(firing_makes_its_calls_with_what_the_event_says_and_keeps_what_they_gave)
{
	struct shot s = usual;
	struct peer p;
	struct world w;

	s.calls[0] =
	    (struct action){ STR("quests.create"),
			     STR("{\"subject\":\"got {{event.payload.name}} of "
				 "{{event.subject}}\",\"labels\":\"{{event.payload.tags}}\"}") };
	s.calls[1] =
	    (struct action){ STR("events.fire"),
			     STR("{\"kind\":\"test.answered\",\"payload\":{\"n\":"
				 "\"{{event.payload.n}}\",\"q\":\"{{calls.0.short_id}}\"}}") };
	s.n_calls = 2;
	if (!world_open(&w, NULL, false))
		return;
	if (peer_open(&p, &w, NULL)) {
		CHECK(fire(&w, &s));
		CHECK(has(until(&p, "t-1", "\"completed\""), "\"result\":{\"calls\":[{\"verb\":"));
		CHECK(has(peer_ask(&p, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"events.list\","
				       "\"params\":{\"kinds\":[\"test.answered\"]}}"),
			  "\"source\":\"uid:7\",\"payload\":{\"n\":7,\"q\":\"q-1\"}"));
		CHECK(has(peer_ask(&p, "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"quests.get\","
				       "\"params\":{\"id\":\"q-1\"}}"),
			  "\"subject\":\"got x\\\"},{ of moon\""));
		CHECK(has(peer_ask(&p, "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"audit.list\","
				       "\"params\":{\"principal\":\"uid:7\"}}"),
			  "\"verb\":\"quests.create\""));
		peer_close(&p);
	}
	world_close(&w);
}

TEST(firing_whose_second_call_fails_has_no_effect_and_says_why)
{
	struct shot s = usual;
	struct str answer;
	struct peer p;
	struct world w;

	s.calls[0] = (struct action){ STR("quests.create"), STR("{\"subject\":\"half\"}") };
	s.calls[1] = (struct action){ STR("quests.create"),
				      STR("{\"subject\":\"{{event.payload.nothing}}\"}") };
	s.n_calls = 2;
	if (!world_open(&w, NULL, false))
		return;
	if (peer_open(&p, &w, NULL)) {
		CHECK(fire(&w, &s));
		answer = until(&p, "t-1", "\"failed\"");
		CHECK(has(answer, "\"error_code\":\"missing_value\""));
		CHECK(has(answer, "'event.payload.nothing' leads to nothing"));
		CHECK(has(peer_ask(&p, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"quests.list\"}"),
			  "\"items\":[]"));
		CHECK(has(peer_ask(&p, "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"events.list\","
				       "\"params\":{\"kinds\":[\"firing.failed\"]}}"),
			  "\"code\":\"missing_value\""));
		peer_close(&p);
	}
	world_close(&w);
}

TEST(firing_of_one_who_is_gone_is_denied)
{
	struct shot s = usual;
	struct peer p;
	struct world w;

	s.kind = PRINCIPAL_KIND_USER;
	s.by = STR("user:nobody");
	s.key = STR("aaaaaaaa");
	s.calls[0] = (struct action){ STR("quests.create"), STR("{\"subject\":\"x\"}") };
	if (!world_open(&w, NULL, false))
		return;
	if (peer_open(&p, &w, NULL)) {
		CHECK(fire(&w, &s));
		CHECK(has(until(&p, "t-1", "\"failed\""), "\"error_code\":\"denied\""));
		CHECK(has(peer_ask(&p, "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"audit.list\","
				       "\"params\":{\"principal\":\"user:nobody\"}}"),
			  "\"outcome\":\"denied\""));
		peer_close(&p);
	}
	world_close(&w);
}

TEST(firings_wait_while_their_queue_is_paused)
{
	struct shot s = usual;
	struct peer p;
	struct world w;

	s.calls[0] = (struct action){ STR("quests.create"), STR("{\"subject\":\"x\"}") };
	if (!world_open(&w, NULL, false))
		return;
	if (peer_open(&p, &w, NULL)) {
		peer_ask(&p,
			 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"queues.update\",\"params\":"
			 "{\"name\":\"reactions\"}}");
		peer_ask(&p, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"queues.pause\",\"params\":"
			     "{\"name\":\"reactions\"}}");
		CHECK(fire(&w, &s));
		until(&p, "t-1", "\"ready\"");
		CHECK(has(peer_ask(&p, "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tasks.claim\","
				       "\"params\":{\"queue\":\"reactions\"}}"),
			  "\"code\":\"conflict\""));
		CHECK(has(peer_ask(&p, "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"tasks.create\","
				       "\"params\":{\"queue\":\"reactions\"}}"),
			  "\"code\":\"conflict\""));
		CHECK(
		    has(peer_ask(&p, "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tasks.reassign\","
				     "\"params\":{\"id\":\"t-1\"}}"),
			"\"code\":\"conflict\""));
		peer_ask(&p,
			 "{\"jsonrpc\":\"2.0\",\"id\":6,\"method\":\"queues.resume\",\"params\":"
			 "{\"name\":\"reactions\"}}");
		until(&p, "t-1", "\"completed\"");
		peer_close(&p);
	}
	world_close(&w);
}
