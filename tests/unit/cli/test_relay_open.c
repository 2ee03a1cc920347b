/* SPDX-License-Identifier: Apache-2.0 */
/* Open calls and the repeated handshake. */
#include <stdio.h>

#include "base/arena.h"
#include "base/json.h"
#include "cli/relay_open.h"
#include "cli/relay_replay.h"
#include "tests/unit/test.h"

static const struct relay_refusal gone = {
	-31986, { "interrupted", 11 }, { "gone", 4 }, { "again", 5 }, true
};

TEST(relay_open_answers_each_open_id_once)
{
	struct relay_open o;
	struct buf b;

	relay_open_init(&o);
	buf_init(&b, 0);
	relay_open_add(&o, STR("1"), 0, RELAY_CALL_MCP);
	relay_open_add(&o, STR("\"a\""), 0, RELAY_CALL_MCP);
	CHECK(relay_open_remove(&o, STR("1")));
	CHECK(!relay_open_remove(&o, STR("1")));
	relay_open_answer_all(&o, &gone, &b);
	CHECK_STR(buf_str(&b),
		  "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"error\":{\"code\":-31986,\"message\":"
		  "\"gone\",\"data\":{\"code\":\"interrupted\",\"hint\":\"again\","
		  "\"retryable\":true}}}\n");
	CHECK_INT(o.ids.n, 0);
	CHECK_INT(o.n_bytes, 0);
	buf_deinit(&b);
	relay_open_deinit(&o);
}

static size_t count_lines(struct str s)
{
	size_t n = 0;

	while (s.n > 0) {
		str_cut(&s, '\n');
		n++;
	}
	return n;
}

TEST(tm_rpc_01_an_id_that_is_open_twice_is_answered_twice)
{
	struct relay_open o;
	struct buf b;

	relay_open_init(&o);
	buf_init(&b, 0);
	relay_open_add(&o, STR("1"), 0, RELAY_CALL_MCP);
	relay_open_add(&o, STR("1"), 0, RELAY_CALL_MCP);
	relay_open_answer_all(&o, &gone, &b);
	CHECK_INT(count_lines(buf_str(&b)), 2);
	buf_deinit(&b);
	relay_open_deinit(&o);
}

TEST(relay_open_answers_a_batch_in_one_line)
{
	struct relay_open o;
	struct arena a;
	struct json v;
	struct buf b;

	relay_open_init(&o);
	buf_init(&b, 0);
	arena_init(&a, 0);
	for (int i = 0; i < 3; i++)
		relay_open_add(&o, (struct str){ &"123"[i], 1 }, 7, RELAY_CALL_MCP);
	relay_open_answer_all(&o, &gone, &b);
	CHECK_INT(count_lines(buf_str(&b)), 1);
	if (CHECK_OK(json_parse(&a, buf_str(&b), &v, NULL))) {
		CHECK_INT(v.type, JSON_ARRAY);
		CHECK_INT(v.n, 3);
	}
	arena_deinit(&a);
	buf_deinit(&b);
	relay_open_deinit(&o);
}

TEST(relay_open_owes_what_is_no_stream)
{
	struct relay_open o;

	relay_open_init(&o);
	relay_open_add(&o, STR("1"), 0, RELAY_CALL_STREAM);
	CHECK(!relay_open_is_owed(&o));
	relay_open_add(&o, STR("2"), 0, RELAY_CALL_MCP);
	CHECK(relay_open_is_owed(&o));
	CHECK(relay_open_remove(&o, STR("1")));
	CHECK(relay_open_is_owed(&o));
	CHECK(relay_open_remove(&o, STR("2")));
	CHECK(!relay_open_is_owed(&o));
	relay_open_deinit(&o);
}

TEST(relay_open_remembers_no_more_than_its_bounds)
{
	struct relay_open o;
	char id[16];

	relay_open_init(&o);
	for (int i = 0; i < RELAY_OPEN_MAX + 10; i++) {
		int n = snprintf(id, sizeof(id), "%d", i);

		relay_open_add(&o, (struct str){ id, (size_t)n }, 0, RELAY_CALL_MCP);
	}
	CHECK_INT(o.ids.n, RELAY_OPEN_MAX);
	relay_open_deinit(&o);
}

/* ---- the handshake ---- */

struct world {
	struct relay_replay replay;
	struct relay_open open;
	struct arena arena;
	struct buf out;
};

static void world_init(struct world *w)
{
	arena_init(&w->arena, 0);
	relay_replay_init(&w->replay, &w->arena);
	relay_open_init(&w->open);
	buf_init(&w->out, 0);
}

static void world_deinit(struct world *w)
{
	relay_replay_deinit(&w->replay);
	relay_open_deinit(&w->open);
	buf_deinit(&w->out);
	arena_deinit(&w->arena);
}

static struct relay_message message_of(struct world *w, const char *line)
{
	struct relay_message m = { 0 };
	struct relay_scan s;

	relay_scan_begin(&s, str_from(line), &w->arena);
	CHECK(relay_scan_next(&s, &m));
	return m;
}

static void note(struct world *w, const char *line)
{
	struct relay_message m = message_of(w, line);

	relay_replay_note(&w->replay, &m);
}

#define INITIALIZE "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{}}"

TEST(relay_replay_says_the_handshake_again_under_its_own_ids)
{
	struct world w;

	world_init(&w);
	note(&w, INITIALIZE);
	note(&w, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
	note(&w, "{\"method\":\"logging/setLevel\",\"params\":{\"level\":\"info\"},\"id\":1}");
	note(&w, "{\"method\":\"logging/setLevel\",\"params\":{\"level\":\"debug\"},\"id\":2}");
	note(&w, "{\"method\":\"tools/list\",\"id\":3}");
	relay_replay_put(&w.replay, &w.open, &w.out);
	CHECK_INT(count_lines(buf_str(&w.out)), 3);
	CHECK_HAS(buf_str(&w.out), "\"id\":\"replay-");
	CHECK_HAS(buf_str(&w.out), "notifications/initialized");
	CHECK_HAS(buf_str(&w.out), "\"level\":\"debug\"");
	CHECK(!str_contains(buf_str(&w.out), STR("\"level\":\"info\"")));
	CHECK(!str_contains(buf_str(&w.out), STR("tools/list")));
	CHECK_INT(w.replay.n_awaited, 2);
	world_deinit(&w);
}

TEST(relay_replay_keeps_its_answers_from_the_client)
{
	struct relay_message m;
	struct world w;
	char line[96];

	world_init(&w);
	note(&w, INITIALIZE);
	relay_replay_put(&w.replay, &w.open, &w.out);
	snprintf(line, sizeof(line), "{\"id\":%s1\",\"result\":{}}", w.replay.prefix);
	m = message_of(&w, line);
	CHECK(relay_replay_swallows(&w.replay, &m));
	CHECK(!relay_replay_swallows(&w.replay, &m));
	m = message_of(&w, "{\"id\":0,\"result\":{}}");
	CHECK(!relay_replay_swallows(&w.replay, &m));
	world_deinit(&w);
}

TEST(relay_replay_repeats_an_unanswered_initialize_as_it_came)
{
	struct world w;

	world_init(&w);
	note(&w, INITIALIZE);
	relay_open_add(&w.open, STR("0"), 0, RELAY_CALL_MCP);
	relay_open_add(&w.open, STR("5"), 0, RELAY_CALL_MCP);
	relay_replay_hold(&w.replay, &w.open);
	CHECK_INT(w.open.ids.n, 1);
	relay_replay_release(&w.replay, &w.open);
	CHECK(relay_open_has(&w.open, STR("0")));
	relay_replay_put(&w.replay, &w.open, &w.out);
	CHECK_STR(buf_str(&w.out), INITIALIZE "\n");
	world_deinit(&w);
}

TEST(relay_replay_forgets_what_was_unsubscribed)
{
	struct world w;

	world_init(&w);
	note(&w, "{\"id\":1,\"method\":\"resources/subscribe\",\"params\":{\"uri\":\"q://1\"}}");
	note(&w, "{\"id\":2,\"method\":\"resources/subscribe\",\"params\":{\"uri\":\"q://2\"}}");
	note(&w, "{\"id\":3,\"method\":\"resources/subscribe\",\"params\":{\"uri\":\"q://2\"}}");
	note(&w, "{\"id\":4,\"method\":\"resources/unsubscribe\",\"params\":{\"uri\":\"q://1\"}}");
	relay_replay_put(&w.replay, &w.open, &w.out);
	CHECK_INT(count_lines(buf_str(&w.out)), 1);
	CHECK_HAS(buf_str(&w.out), "q://2");
	world_deinit(&w);
}

TEST(relay_replay_repeats_a_listen_under_its_id_until_it_ends)
{
	struct relay_message m;
	struct world w;

	world_init(&w);
	note(&w, "{\"id\":\"l\",\"method\":\"subscriptions/listen\",\"params\":{}}");
	relay_replay_put(&w.replay, &w.open, &w.out);
	CHECK_STR(buf_str(&w.out),
		  "{\"id\":\"l\",\"method\":\"subscriptions/listen\",\"params\":{}}\n");
	m = message_of(&w,
		       "{\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{}}");
	CHECK(relay_replay_swallows(&w.replay, &m));
	CHECK(!relay_replay_swallows(&w.replay, &m));
	note(&w, "{\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"l\"}}");
	buf_clear(&w.out);
	relay_replay_put(&w.replay, &w.open, &w.out);
	CHECK_STR(buf_str(&w.out), "");
	world_deinit(&w);
}

TEST(relay_replay_keeps_no_more_than_its_bounds)
{
	struct world w;
	char line[128];

	world_init(&w);
	for (int i = 0; i < RELAY_KEPT_MAX + 5; i++) {
		snprintf(line, sizeof(line),
			 "{\"id\":%d,\"method\":\"resources/subscribe\",\"params\":{\"uri\":\"q://"
			 "%d\"}}",
			 i, i);
		note(&w, line);
	}
	CHECK_INT(w.replay.n_kept, RELAY_KEPT_MAX);
	world_deinit(&w);
}

TEST(relay_replay_knows_the_answer_to_its_probe)
{
	struct relay_message m;
	struct world w;
	char line[96];

	world_init(&w);
	note(&w, INITIALIZE);
	relay_replay_put(&w.replay, &w.open, &w.out);
	relay_replay_put_probe(&w.replay, &w.out);
	CHECK_INT(w.replay.n_awaited, 2);
	CHECK_HAS(buf_str(&w.out), "\"method\":\"system.ping\"}\n");
	for (int i = 0; i < 2; i++) {
		snprintf(line, sizeof(line), "{\"id\":%s%d\",\"result\":{}}", w.replay.prefix, i);
		m = message_of(&w, line);
		CHECK(relay_replay_is_probe(&w.replay, &m) == (i == 0));
		CHECK(relay_replay_swallows(&w.replay, &m));
	}
	world_deinit(&w);
}
