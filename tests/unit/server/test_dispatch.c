/* SPDX-License-Identifier: Apache-2.0 */
#include "server/request.h"

#include <stdio.h>
#include <string.h>

#include "server/channel.h"
#include "server/lanes.h"
#include "tests/unit/test.h"
#include "verbs/authority.h"
#include "world.h"

#define CALL(id, method, params) \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":" params "}"
#define FIRE(id, kind) CALL(id, "events.fire", "{\"kind\":\"" kind "\"}")

TEST(dispatch_answers_a_read_before_it_returns)
{
	struct world w;
	struct peer p;

	if (!world_open(&w, NULL, false) || !peer_open(&p, &w, NULL))
		return;
	peer_say(&p, CALL("1", "system.ping", "{}"));
	CHECK_STR(peer_message(&p, 0), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"pong\":true}}");
	peer_close(&p);
	world_close(&w);
}

TEST(tm_rpc_01_equal_ids_in_flight_are_each_answered)
{
	struct world w;
	struct peer peers[4];
	char want[64];

	if (!world_open(&w, NULL, false))
		return;
	for (int i = 0; i < 4; i++)
		if (!peer_open(&peers[i], &w, NULL))
			return;
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < 50; k++) {
			char line[160];

			snprintf(line, sizeof(line), FIRE("1", "nonce.p%dk%d"), i, k);
			peer_say(&peers[i], line);
		}
	for (int i = 0; i < 4; i++) {
		CHECK(peer_wait(&peers[i], 50));
		for (int k = 0; k < 50; k++) {
			snprintf(want, sizeof(want), "\"nonce.p%dk%d\"", i, k);
			CHECK_HAS(peer_message(&peers[i], (size_t)k), want);
		}
		peer_close(&peers[i]);
	}
	world_close(&w);
}

TEST(dispatch_a_read_waits_for_its_connections_earlier_writes)
{
	struct world w;
	struct peer p, other;

	if (!world_open(&w, NULL, false) || !peer_open(&p, &w, NULL) ||
	    !peer_open(&other, &w, NULL))
		return;
	peer_say(&p, FIRE("1", "a.b"));
	peer_say(&p, CALL("2", "events.list", "{}"));
	peer_say(&p, FIRE("3", "a.c"));
	peer_say(&p, CALL("4", "system.ping", "{}"));
	CHECK_INT(peer_n(&p), 0);
	peer_say(&other, CALL("1", "system.ping", "{}"));
	CHECK_INT(peer_n(&other), 1);
	CHECK(peer_wait(&p, 4));
	for (size_t i = 0; i < 4; i++)
		if (str_starts(peer_message(&p, i), STR("{\"jsonrpc\":\"2.0\",\"id\":2")))
			CHECK_HAS(peer_message(&p, i), "\"a.b\"");
	CHECK_STR(peer_message(&p, 3), "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{\"pong\":true}}");
	peer_close(&p);
	peer_close(&other);
	world_close(&w);
}

TEST(dispatch_everything_waits_for_an_earlier_batch)
{
	struct world w;
	struct peer p;

	if (!world_open(&w, NULL, false) || !peer_open(&p, &w, NULL))
		return;
	peer_say(&p, CALL("1", "system.batch",
			  "{\"calls\":[{\"method\":\"events.fire\",\"params\":{\"kind\":\"a.1\"}},"
			  "{\"method\":\"events.fire\",\"params\":{\"kind\":\"a.2\"}},{\"method\":"
			  "\"nope\"}]}"));
	CHECK_HAS(peer_message(&p, 0), "method_not_found");
	peer_say(&p, CALL("2", "system.batch",
			  "{\"calls\":[{\"method\":\"events.fire\",\"params\":{\"kind\":\"a.1\"}},"
			  "{\"method\":\"events.fire\",\"params\":{\"kind\":\"a.2\"}}]}"));
	peer_say(&p, FIRE("3", "a.3"));
	peer_say(&p, CALL("4", "events.list", "{}"));
	peer_say(&p, FIRE("5", "a.5"));
	CHECK(peer_wait(&p, 5));
	CHECK_HAS(peer_message(&p, 1), "\"id\":2,");
	CHECK_HAS(peer_message(&p, 2), "\"id\":3,");
	CHECK_HAS(peer_message(&p, 2), "\"seq\":3,");
	for (size_t i = 3; i < 5; i++)
		if (str_starts(peer_message(&p, i), STR("{\"jsonrpc\":\"2.0\",\"id\":4")))
			CHECK_HAS(peer_message(&p, i), "\"a.3\"");
	peer_close(&p);
	world_close(&w);
}

TEST(f_05_one_request_id_has_one_effect_and_one_answer)
{
	struct world w;
	struct peer p;

	if (!world_open(&w, NULL, false) || !peer_open(&p, &w, NULL))
		return;
	for (int i = 0; i < 50; i++)
		peer_say(&p, CALL("1", "events.fire", "{\"kind\":\"a.b\",\"request_id\":\"r\"}"));
	CHECK(peer_wait(&p, 50));
	for (size_t i = 1; i < 50; i++)
		CHECK_STR_EQ(peer_message(&p, i), peer_message(&p, 0));
	CHECK_HAS(peer_ask(&p, CALL("2", "events.fire", "{\"kind\":\"a.c\",\"request_id\":\"r\"}")),
		  "idempotency_conflict");
	/* the same with the members in another order, and another principal's r, which is its own
	 */
	CHECK_HAS(peer_ask(&p, CALL("3", "events.fire", "{\"request_id\":\"r\",\"kind\":\"a.b\"}")),
		  "\"seq\":1,");
	CHECK(!str_contains(peer_ask(&p, CALL("4", "events.list", "{}")), STR("\"seq\":2,")));
	peer_close(&p);
	world_close(&w);
}

TEST(dispatch_a_batch_that_is_not_atomic_may_be_repeated_whole)
{
	static const char batch[] =
	    CALL("1", "system.batch",
		 "{\"request_id\":\"b\",\"calls\":[{\"method\":\"events.fire\",\"params\":{"
		 "\"kind\":\"a.1\"}},"
		 "{\"method\":\"events.fire\",\"params\":{\"kind\":\"a.2\"}}]}");
	struct world w;
	struct peer p;
	struct str first;

	if (!world_open(&w, NULL, false) || !peer_open(&p, &w, NULL))
		return;
	first = peer_ask(&p, batch);
	CHECK_HAS(first, "\"failed\":0");
	peer_ask(&p, batch);
	CHECK_STR_EQ(peer_message(&p, 1), peer_message(&p, 0));
	CHECK(!str_contains(peer_ask(&p, CALL("4", "events.list", "{}")), STR("\"seq\":3,")));
	peer_close(&p);
	world_close(&w);
}

TEST(tm_rpc_04_a_batch_of_more_than_100_is_refused_as_one)
{
	static char line[101 * 50 + 3];
	struct world w;
	struct peer p;
	size_t n = 0;

	if (!world_open(&w, NULL, false) || !peer_open(&p, &w, NULL))
		return;
	line[n++] = '[';
	for (int i = 0; i < 101; i++)
		n += (size_t)sprintf(line + n, "%s{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\"}",
				     i ? "," : "");
	line[n++] = ']';
	line[n] = '\0';
	peer_say(&p, line);
	CHECK_INT(peer_n(&p), 1);
	CHECK_HAS(peer_message(&p, 0), "-32600");
	peer_close(&p);
	world_close(&w);
}

TEST(tm_rpc_02_bombs_are_refused_with_their_code)
{
	static char deep[400];
	static const struct {
		const char *line, *code;
	} bombs[] = {
		{ deep, "-32600" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"system.ping\"}", "-32600" },
		{ "{\"a\":1e999999}", "-32700" },
		{ "{\"a\":\"\\ud800\"}", "-32700" },
		{ "{\"a\":\"\xff\"}", "-32700" },
		{ "{\"a\":NaN}", "-32700" },
		{ "\xef\xbb\xbf{}", "-32700" },
		{ "{\"a\":99999999999999999999}", "-32700" },
		{ CALL("1", "quests.get", "{\"id\":\"a\\u0000\"}"), "-32602" },
	};
	struct world w;
	struct peer p;

	if (!world_open(&w, NULL, false) || !peer_open(&p, &w, NULL))
		return;
	memset(deep, '[', 150);
	memset(deep + 150, ']', 150);
	for (size_t i = 0; i < ARRAY_LEN(bombs); i++)
		CHECK_HAS(peer_ask(&p, bombs[i].line), bombs[i].code);
	CHECK_HAS(peer_ask(&p, CALL("1", "system.ping", "{}")), "pong");
	peer_close(&p);
	world_close(&w);
}

/* A client that waits for its id would wait until its own time is over. */
TEST(rpc_a_number_out_of_range_is_refused_under_its_calls_id)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{ "{\"jsonrpc\":\"2.0\",\"params\":{\"limit\":99999999999999999999},\"id\":\"big\","
		  "\"method\":\"quests.list\"}",
		  "\"id\":\"big\",\"error\":{\"code\":-32700,\"message\":\"integer does not fit 64 "
		  "bits at byte 35\"" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/"
		  "call\",\"params\":{\"x\":[1e400,-"
		  "1e400]}}",
		  "\"id\":7,\"error\":{\"code\":-32700,\"message\":\"number does not fit a double "
		  "at "
		  "byte 61\"" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1e400,\"method\":\"system.ping\"}", "\"id\":null," },
		{ "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"x\",\"params\":{\"x\":1e400,}}",
		  "\"id\":null,\"error\":{\"code\":-32700,\"message\":\"expected a key" },
		{ "[{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"x\",\"params\":{\"x\":1e400}}]",
		  "\"id\":null," },
	};
	struct world w;
	struct peer p;

	if (!world_open(&w, NULL, false) || !peer_open(&p, &w, NULL))
		return;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_HAS(peer_ask(&p, cases[i].line), cases[i].says);
	CHECK_HAS(peer_ask(&p, cases[0].line), "\"at\":35");
	CHECK_HAS(peer_ask(&p, cases[0].line), "\"hint\":\"a number is");
	peer_close(&p);
	world_close(&w);
}

/* The hint is of what was wrong: how much may be sent, and how else. */
TEST(rpc_a_message_over_a_limit_is_told_the_limit)
{
	static char deep[400], calls[101 * 2 + 3];
	static const struct {
		const char *line, *says[3];
	} cases[] = {
		{ deep, { "deeper than 64 levels", "\"limit\":64", "\"hint\":\"nest it less" } },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"system.ping\"}",
		  { "duplicate key 'id' at byte", "\"at\":", "\"hint\":\"an object names each" } },
		{ calls,
		  { "has 101 calls", "\"limit\":100",
		    "\"hint\":\"send several batches; system.info" } },
	};
	struct world w;
	struct peer p;

	if (!world_open(&w, NULL, false) || !peer_open(&p, &w, NULL))
		return;
	memset(deep, '[', 150);
	memset(deep + 150, ']', 150);
	calls[0] = '[';
	for (size_t i = 0; i < 101; i++)
		memcpy(calls + 1 + 2 * i, i < 100 ? "1," : "1]", 2);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t j = 0; j < ARRAY_LEN(cases[i].says); j++)
			CHECK_HAS(peer_ask(&p, cases[i].line), cases[i].says[j]);
	peer_close(&p);
	world_close(&w);
}

TEST(dispatch_refuses_who_has_no_role)
{
	struct principal nobody = { .id = STR("key:1") };
	struct principal viewer = { .id = STR("key:2"),
				    .roles = 1u << ACCESS_ROLE_VIEWER,
				    .verbs = authority_verbs_of(1u << ACCESS_ROLE_VIEWER) };
	struct world w;
	struct peer p, v;

	if (!world_open(&w, NULL, false) || !peer_open(&p, &w, &nobody) ||
	    !peer_open(&v, &w, &viewer))
		return;
	CHECK_HAS(peer_ask(&p, CALL("1", "system.ping", "{}")), "\"code\":\"denied\"");
	CHECK_HAS(peer_ask(&v, CALL("1", "system.ping", "{}")), "pong");
	CHECK_HAS(peer_ask(&v, CALL("1", "system.config", "{}")), "\"needs\":[\"org_admin\"]");
	CHECK_HAS(peer_ask(&v, CALL("1", "system.batch",
				    "{\"calls\":[{\"method\":\"system.config\"}]}")),
		  "\"code\":\"denied\"");
	peer_close(&p);
	peer_close(&v);
	world_close(&w);
}

TEST(f_21_a_guests_65th_waiting_call_is_refused_at_once)
{
	struct principal guest = { .id = STR("key:1"),
				   .roles = 1u << ACCESS_ROLE_OPERATOR,
				   .verbs = authority_verbs_of(1u << ACCESS_ROLE_OPERATOR) };
	struct world w;
	struct peer p;

	if (!world_open(&w, NULL, false) || !peer_open(&p, &w, &guest))
		return;
	for (int i = 0; i < 64; i++)
		peer_say(&p, FIRE("1", "a.b"));
	CHECK_INT(peer_n(&p), 0);
	peer_say(&p, FIRE("2", "a.b"));
	CHECK_HAS(peer_message(&p, 0), "\"code\":\"too_many_requests\"");
	CHECK_HAS(peer_message(&p, 0), "\"retry_after_ms\":100");
	CHECK(peer_wait(&p, 65));
	CHECK_HAS(peer_ask(&p, FIRE("3", "a.b")), "\"seq\":65,");
	peer_close(&p);
	world_close(&w);
}

TEST(dispatch_a_destructive_verb_wants_a_yes)
{
	struct world w;
	struct peer p;

	if (!world_open(&w, NULL, false) || !peer_open(&p, &w, NULL))
		return;
	CHECK_HAS(peer_ask(&p, CALL("1", "agents.delete", "{\"id\":\"x\"}")),
		  "confirmation_required");
	CHECK_HAS(peer_ask(&p, CALL("1", "agents.delete", "{\"id\":\"x\",\"confirm\":true}")),
		  "not_found");
	peer_close(&p);
	world_close(&w);
}

TEST(dispatch_a_waiting_call_is_woken_by_its_event)
{
	struct world w;
	struct peer p, other;

	if (!world_open(&w, NULL, false) || !peer_open(&p, &w, NULL) ||
	    !peer_open(&other, &w, NULL))
		return;
	peer_say(&p, CALL("1", "events.poll", "{\"timeout_s\":40}"));
	CHECK_INT(peer_n(&p), 0);
	peer_say(&other, FIRE("1", "a.b"));
	CHECK(peer_wait(&p, 1));
	CHECK_HAS(peer_message(&p, 0), "\"a.b\"");
	peer_close(&p);
	peer_close(&other);
	world_close(&w);
}

TEST(dispatch_a_waiting_call_ends_with_its_time)
{
	struct world w;
	struct peer p;

	if (!world_open(&w, NULL, true) || !peer_open(&p, &w, NULL))
		return;
	peer_say(&p, CALL("1", "events.poll", "{\"timeout_s\":40}"));
	clock_advance(&w.server.clock, 39000);
	CHECK_OK(loop_turn(w.server.loop, 0));
	CHECK_INT(peer_n(&p), 0);
	clock_advance(&w.server.clock, 1001);
	CHECK_OK(loop_turn(w.server.loop, 0));
	CHECK_HAS(peer_message(&p, 0), "\"items\":[]");
	peer_close(&p);
	world_close(&w);
}

TEST(dispatch_cancelled_stops_all_calls_with_that_id)
{
	struct world w;
	struct peer p;

	if (!world_open(&w, NULL, false) || !peer_open(&p, &w, NULL))
		return;
	peer_say(&p, CALL("7", "events.poll", "{\"timeout_s\":40}"));
	peer_say(&p, CALL("7", "events.poll", "{\"timeout_s\":40}"));
	peer_say(&p, CALL("8", "events.poll", "{\"timeout_s\":40}"));
	peer_say(&p, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
		     "cancelled\",\"params\":{\"requestId\":7}}");
	CHECK_INT(peer_n(&p), 2);
	CHECK_HAS(peer_message(&p, 0), "\"id\":7,\"error\":{\"code\":-31985");
	CHECK_HAS(peer_message(&p, 1), "\"id\":7,\"error\":{\"code\":-31985");
	peer_close(&p);
	world_close(&w);
}

TEST(f_16_a_peer_that_leaves_stops_its_waits_but_not_its_writes)
{
	struct world w;
	struct peer p, other;

	if (!world_open(&w, NULL, false) || !peer_open(&p, &w, NULL) ||
	    !peer_open(&other, &w, NULL))
		return;
	peer_say(&p, CALL("1", "events.poll", "{\"timeout_s\":40}"));
	peer_say(&p, FIRE("2", "a.b"));
	peer_say(&p, CALL("3", "system.ping", "{}"));
	peer_say(&p, CALL("4", "system.check", "{}"));
	peer_close(&p);
	for (int i = 0; i < 500 && w.server.n_requests; i++)
		CHECK_OK(loop_turn(w.server.loop, 20));
	CHECK_INT(w.server.n_requests, 0);
	CHECK_HAS(peer_ask(&other, CALL("1", "events.list", "{}")), "\"a.b\"");
	peer_close(&other);
	world_close(&w);
}

TEST(f_17_a_draining_server_refuses_new_calls_and_ends_waits)
{
	struct world w;
	struct peer p;

	if (!world_open(&w, NULL, false) || !peer_open(&p, &w, NULL))
		return;
	peer_say(&p, CALL("1", "events.poll", "{\"timeout_s\":40}"));
	peer_say(&p, CALL("2", "events.follow", "{}"));
	peer_say(&p, FIRE("3", "a.b"));
	server_begin_drain(&w.server);
	CHECK_HAS(peer_ask(&p, CALL("4", "system.ping", "{}")), "shutting_down");
	for (int i = 0; i < 500 && !server_is_drained(&w.server); i++)
		CHECK_OK(loop_turn(w.server.loop, 20));
	CHECK_HAS(buf_str(&p.out), "\"id\":3,\"result\"");
	CHECK_HAS(buf_str(&p.out), "\"id\":1,\"error\":{\"code\":-31983");
	CHECK_HAS(buf_str(&p.out), "\"id\":2,\"result\":{\"reason\":\"shutdown\"");
	peer_close(&p);
	world_close(&w);
}

TEST(dispatch_backup_goes_on_in_steps_while_others_write)
{
	struct world w;
	struct peer p;

	if (!world_open(&w, NULL, false) || !peer_open(&p, &w, NULL))
		return;
	peer_say(&p, CALL("1", "system.backup", "{\"request_id\":\"once\"}"));
	peer_say(&p, FIRE("2", "a.b"));
	CHECK(peer_wait(&p, 2));
	CHECK_HAS(buf_str(&p.out), "\"pages\":");
	peer_forget(&p);
	/* the same again is the same file, not another */
	CHECK_HAS(peer_ask(&p, CALL("1", "system.backup", "{\"request_id\":\"once\"}")),
		  "\"pages\":");
	peer_close(&p);
	world_close(&w);
}

/* The clock stands still: of some thirty steps one is told. */
TEST(mcp_P1_progress_is_told_only_so_often)
{
	struct world w;
	struct peer p;

	if (!world_open(&w, NULL, true) || !peer_open(&p, &w, NULL))
		return;
	peer_say(&p,
		 CALL("7", "tools/call",
		      "{\"name\":\"system_check\",\"arguments\":{},\"_meta\":{\"progressToken\":0,"
		      "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
		      "\"io.modelcontextprotocol/clientCapabilities\":{}}}"));
	CHECK(peer_wait(&p, 2));
	CHECK_HAS(peer_message(&p, 0), "\"method\":\"notifications/progress\"");
	CHECK_HAS(peer_message(&p, 0), "\"progressToken\":0,\"progress\":");
	CHECK_HAS(peer_message(&p, 1), "\"id\":7,\"result\"");
	peer_close(&p);
	world_close(&w);
}

TEST(tm_rpc_07_a_cursor_serves_its_own_query_only)
{
	struct principal other = { .id = STR("key:2"),
				   .roles = 1u << ACCESS_ROLE_VIEWER,
				   .verbs = authority_verbs_of(1u << ACCESS_ROLE_VIEWER) };
	struct world w;
	struct peer p, o;
	struct str page, cursor;
	char line[700], kept[512];

	if (!world_open(&w, NULL, false) || !peer_open(&p, &w, NULL) || !peer_open(&o, &w, &other))
		return;
	for (int i = 0; i < 3; i++)
		peer_ask(&p, FIRE("1", "a.b"));
	page = peer_ask(&p, CALL("1", "events.list", "{\"limit\":1,\"kinds\":[\"a.*\"]}"));
	for (cursor = page; cursor.n && !str_starts(cursor, STR("next_cursor\":\""));)
		cursor = str_slice(cursor, 1, cursor.n);
	cursor = str_slice(cursor, 14, cursor.n);
	cursor = str_cut(&cursor, '"');
	snprintf(kept, sizeof(kept), "%.*s", STR_ARG(cursor)); /* the next answer moves the page */
	cursor = str_from(kept);
	if (!CHECK(cursor.n > 40))
		return;
	snprintf(line, sizeof(line),
		 CALL("2", "events.list", "{\"limit\":2,\"kinds\":[\"a.*\"],\"cursor\":\"%.*s\"}"),
		 STR_ARG(cursor));
	CHECK_HAS(peer_ask(&p, line), "\"seq\":1,");
	CHECK_HAS(peer_ask(&o, line), "cursor_invalid");
	snprintf(line, sizeof(line),
		 CALL("2", "events.list", "{\"limit\":2,\"kinds\":[\"b.*\"],\"cursor\":\"%.*s\"}"),
		 STR_ARG(cursor));
	CHECK_HAS(peer_ask(&p, line), "cursor_invalid");
	snprintf(line, sizeof(line), CALL("2", "ideas.list", "{\"cursor\":\"%.*s\"}"),
		 STR_ARG(cursor));
	CHECK_HAS(peer_ask(&p, line), "cursor_invalid");
	peer_close(&p);
	peer_close(&o);
	world_close(&w);
}

TEST(dispatch_a_cancelled_write_neither_overtakes_nor_blocks)
{
	struct world w;
	struct peer p;

	if (!world_open(&w, NULL, false) || !peer_open(&p, &w, NULL))
		return;
	peer_say(&p, FIRE("1", "a.1"));
	peer_say(&p, FIRE("2", "a.2"));
	peer_say(&p, CALL("3", "events.list", "{}"));
	peer_say(&p, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
		     "\"params\":{\"requestId\":2}}");
	peer_say(&p, CALL("4", "events.list", "{}"));
	CHECK(peer_wait(&p, 4));
	CHECK_HAS(peer_message(&p, 0), "\"id\":2,\"error\":{\"code\":-31985");
	CHECK_HAS(peer_message(&p, 1), "\"id\":1,\"result\"");
	CHECK_HAS(peer_message(&p, 2), "\"kind\":\"a.1\"");
	CHECK_HAS(peer_message(&p, 3), "\"kind\":\"a.1\"");
	CHECK(!str_contains(buf_str(&p.out), STR("a.2")));
	peer_close(&p);
	world_close(&w);
}
