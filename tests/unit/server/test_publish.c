/* SPDX-License-Identifier: Apache-2.0 */
#include "server/publish.h"

#include <stdio.h>

#include "tests/unit/test.h"
#include "verbs/authority.h"
#include "world.h"

#define CALL(id, method, params) \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":" params "}"
#define FIRE(id, kind) CALL(id, "events.fire", "{\"kind\":\"" kind "\"}")

/* Fires n events and waits until all are there. */
static void fire(struct peer *p, int n)
{
	size_t before = peer_n(p);

	for (int i = 0; i < n; i++)
		peer_say(p, FIRE("0", "x.y"));
	CHECK(peer_wait(p, before + (size_t)n));
}

static void pass(struct world *w, int64_t ms)
{
	for (; ms > 0; ms -= 1000) {
		clock_advance(&w->server.clock, MIN(ms, 1000));
		CHECK_OK(loop_turn(w->server.loop, 0));
		CHECK_OK(loop_turn(w->server.loop, 0));
	}
}

TEST(publish_a_stream_begins_with_where_it_stands_and_gets_what_matches)
{
	struct world w;
	struct peer p, other;

	if (!world_open(&w, NULL, false) || !peer_open(&p, &w, NULL) ||
	    !peer_open(&other, &w, NULL))
		return;
	peer_say(&p, CALL("\"s\"", "events.follow", "{\"kinds\":[\"a.*\"]}"));
	CHECK_HAS(peer_message(&p, 0), "\"method\":\"events.event\"");
	CHECK_HAS(peer_message(&p, 0), "\"subscription\":\"s\",\"type\":\"connected\",\"head\":");
	peer_say(&other, FIRE("1", "b.b"));
	peer_say(&other, FIRE("1", "a.b"));
	CHECK(peer_wait(&p, 2) && peer_wait(&other, 2));
	CHECK_HAS(peer_message(&p, 1), "\"subscription\":\"s\",\"type\":\"event\",\"event\":{");
	CHECK_HAS(peer_message(&p, 1), "\"seq\":2,\"kind\":\"a.b\"");
	CHECK(peer_wait(&other, 2)); /* its answers may come behind the event */
	CHECK_HAS(peer_ask(&other, CALL("2", "streams.list", "{}")),
		  "\"transport\":\"lines\",\"kinds\":[\"a.*\"]");
	peer_say(&p, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
		     "cancelled\",\"params\":{\"requestId\":\"s\"}}");
	CHECK_HAS(peer_message(&p, 2), "\"type\":\"disconnecting\",\"reason\":\"cancelled\"");
	CHECK_HAS(peer_message(&p, 3),
		  "\"id\":\"s\",\"result\":{\"reason\":\"cancelled\",\"cursor\":");
	peer_close(&p);
	peer_close(&other);
	world_close(&w);
}

TEST(publish_a_stream_with_since_misses_nothing_and_repeats_nothing)
{
	struct world w;
	struct peer p, other;
	char line[160], want[32];

	if (!world_open(&w, NULL, false) || !peer_open(&p, &w, NULL) ||
	    !peer_open(&other, &w, NULL))
		return;
	fire(&other, 300);
	snprintf(line, sizeof(line), CALL("1", "events.follow", "{\"since\":\"%.*s.100\"}"),
		 STR_ARG(store_generation(w.server.store)));
	peer_say(&p, line);
	for (int i = 0; i < 5; i++)
		peer_say(&other, FIRE("0", "x.y"));
	CHECK(peer_wait(&p, 206));
	for (int seq = 101; seq <= 305; seq++) {
		snprintf(want, sizeof(want), "\"seq\":%d,", seq);
		CHECK_HAS(peer_message(&p, (size_t)(seq - 100)), want);
	}
	CHECK(peer_wait(&other, 305));
	CHECK_INT(peer_n(&p), 206);
	peer_close(&p);
	peer_close(&other);
	world_close(&w);
}

TEST(publish_a_stream_cycles_after_5_minutes_more_or_less)
{
	struct world w;
	struct peer p;

	if (!world_open(&w, NULL, true) || !peer_open(&p, &w, NULL))
		return;
	peer_say(&p, CALL("1", "events.follow", "{}"));
	pass(&w, 239000);
	CHECK(!str_contains(buf_str(&p.out), STR("disconnecting")));
	CHECK_HAS(buf_str(&p.out), "\"type\":\"keep_alive\"");
	pass(&w, 123000);
	CHECK_HAS(buf_str(&p.out), "\"type\":\"disconnecting\",\"reason\":\"cycle\"");
	CHECK_HAS(buf_str(&p.out), "\"result\":{\"reason\":\"cycle\"");
	peer_close(&p);
	world_close(&w);
}

TEST(tm_rpc_08_one_that_does_not_read_is_cut_and_told_where_to_go_on)
{
	struct world w;
	struct peer p, other;

	if (!world_open(&w, NULL, false) || !peer_open(&p, &w, NULL) ||
	    !peer_open(&other, &w, NULL))
		return;
	peer_say(&p, CALL("1", "events.follow", "{}"));
	fire(&other, 1);
	CHECK(peer_wait(&p, 2));
	p.is_slow = true;
	peer_say(&other, FIRE("0", "x.y"));
	CHECK(peer_wait(&p, 3));
	CHECK_HAS(peer_message(&p, 2), "\"result\":{\"reason\":\"lagged\",\"cursor\":");
	CHECK_HAS(peer_message(&p, 2), ".1\"}}");
	CHECK_INT(publish_n_streams(w.server.publish), 0);
	peer_close(&p);
	peer_close(&other);
	world_close(&w);
}

TEST(tm_rpc_08_a_guest_has_16_streams)
{
	struct principal guest = { .id = STR("key:1"),
				   .roles = 1u << ACCESS_ROLE_VIEWER,
				   .verbs = authority_verbs_of(1u << ACCESS_ROLE_VIEWER) };
	struct world w;
	struct peer p;

	if (!world_open(&w, NULL, false) || !peer_open(&p, &w, &guest))
		return;
	for (int i = 0; i < 16; i++)
		peer_say(&p, CALL("1", "events.follow", "{}"));
	CHECK_INT(peer_n(&p), 16);
	CHECK_HAS(peer_ask(&p, CALL("2", "events.follow", "{}")), "too_many_requests");
	peer_close(&p);
	CHECK_INT(publish_n_streams(w.server.publish), 0);
	world_close(&w);
}

TEST(publish_a_stream_is_unsupported_inside_a_batch_of_lines)
{
	struct world w;
	struct peer p;

	if (!world_open(&w, NULL, false) || !peer_open(&p, &w, NULL))
		return;
	CHECK_HAS(peer_ask(&p, "[" CALL("1", "events.follow", "{}") "]"),
		  "\"code\":\"unsupported\"");
	CHECK_HAS(peer_ask(&p, CALL("1", "events.follow", "{\"since\":\"x\"}")), "cursor_invalid");
	peer_close(&p);
	world_close(&w);
}
