/* SPDX-License-Identifier: Apache-2.0 */
/* The Unix socket's connections: framing faults, back-pressure, half-closed peers. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "server/conn_line.h"
#include "sock.h"
#include "tests/unit/test.h"

#define PING "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system.ping\"}\n"

TEST(a_line_is_answered_with_a_line)
{
	struct world w;
	struct sock s;

	if (sock_world(&w, false) && sock_open_lines(&s, &w)) {
		sock_send(&s, STR(PING));
		CHECK(sock_wait(&s, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"pong\":true}}\n"));
		CHECK_INT(conn_lines_n(w.server.lines), 1);
		sock_close(&s);
		CHECK_INT(conn_lines_n(w.server.lines), 0);
	}
	world_close(&w);
}

TEST(tm_rpc_03_a_line_over_the_limit_is_refused_once_and_the_next_is_served)
{
	static char piece[65536];
	struct world w;
	struct sock s;

	memset(piece, 'a', sizeof(piece));
	if (sock_world(&w, false) && sock_open_lines(&s, &w)) {
		for (int i = 0; i < 80; i++)
			sock_send(&s, (struct str){ piece, sizeof(piece) });
		sock_send(&s, STR("\n" PING));
		CHECK(sock_wait(&s, "\"pong\":true"));
		CHECK_HAS(sock_text(&s), "\"code\":-32600");
		CHECK_HAS(sock_text(&s), "longer than 4194304 bytes");
		CHECK_HAS(sock_text(&s), "\"limit\":4194304");
		CHECK_HAS(sock_text(&s), "\"hint\":\"send it in parts; system.info");
		sock_close(&s);
	}
	world_close(&w);
}

/* More than a principal may have in flight: it is slowed, not refused. */
TEST(f_21_thousands_of_pipelined_writes_all_succeed)
{
	enum { N = 3000 };
	struct world w;
	struct sock s;
	size_t n = 0;

	if (sock_world(&w, false) && sock_open_lines(&s, &w)) {
		for (int i = 0; i < N; i++) {
			char line[160];

			snprintf(line, sizeof(line),
				 "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"events.fire\","
				 "\"params\":{\"kind\":\"a.b\"}}\n",
				 i);
			sock_send(&s, str_from(line));
		}
		sock_send(
		    &s, STR("{\"jsonrpc\":\"2.0\",\"id\":\"last\",\"method\":\"system.ping\"}\n"));
		CHECK(sock_wait(&s, "\"id\":\"last\""));
		for (struct str rest = sock_text(&s); rest.p;) {
			struct str line = str_cut(&rest, '\n');

			n += str_contains(line, STR("\"kind\":\"a.b\""));
		}
		CHECK_INT(n, N);
		CHECK(!str_contains(sock_text(&s), STR("\"error\"")));
		sock_close(&s);
	}
	world_close(&w);
}

/* 1 MiB, and what the kernel holds, not what its answers might take. */
TEST(tm_rpc_08_frames_for_one_that_does_not_read_are_bounded)
{
	enum { N = 60, SIZE = 60000, BOUND = 2 * 1024 * 1024 };
	static char line[SIZE + 200];
	struct world w;
	struct sock follower, speaker;

	if (sock_world(&w, false) && sock_open_lines(&follower, &w) &&
	    sock_open_lines(&speaker, &w)) {
		sock_send(&follower,
			  STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"events.follow\"}\n"));
		CHECK(sock_wait(&follower, "\"connected\""));
		for (int i = 0; i < N; i++) {
			int n = snprintf(line, sizeof(line),
					 "{\"jsonrpc\":\"2.0\",\"id\":\"n%d\",\"method\":"
					 "\"events.fire\",\"params\":{\"kind\":\"a.b\","
					 "\"payload\":{\"x\":\"",
					 i);

			memset(line + n, 'x', SIZE);
			snprintf(line + n + SIZE, sizeof(line) - (size_t)n - SIZE, "\"}}}\n");
			sock_send(&speaker, str_from(line));
			snprintf(line, sizeof(line), "\"id\":\"n%d\"", i);
			CHECK(sock_wait(&speaker, line));
		}
		CHECK(sock_wait(&follower, "\"result\":{\"reason\":\"lagged\""));
		CHECK(sock_text(&follower).n < BOUND);
		sock_close(&follower);
		sock_close(&speaker);
	}
	world_close(&w);
}

TEST(a_half_closed_peer_gets_its_answers_then_the_end)
{
	struct world w;
	struct sock s;

	if (sock_world(&w, false) && sock_open_lines(&s, &w)) {
		sock_send(&s, STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"quests.create\","
				  "\"params\":{\"subject\":\"x\"}}\n" PING));
		shutdown(s.fd, SHUT_WR);
		CHECK(sock_wait_end(&s));
		CHECK_HAS(sock_text(&s), "\"short_id\":\"q-1\"");
		CHECK_HAS(sock_text(&s), "\"pong\":true");
		sock_close(&s);
	}
	world_close(&w);
}

TEST(leaving_with_calls_in_flight_leaves_nothing)
{
	struct world w;
	struct sock s;

	if (sock_world(&w, false)) {
		for (int i = 0; i < 50 && sock_open_lines(&s, &w); i++) {
			sock_send(
			    &s, STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"events.follow\"}\n"
				    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"events.poll\","
				    "\"params\":{\"wait_ms\":30000}}\n"
				    "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"quests.create\","
				    "\"params\":{\"subject\":\"x\"}}\n"));
			CHECK_OK(loop_turn(w.server.loop, 0));
			CHECK_OK(loop_turn(w.server.loop, 0));
			sock_close(&s);
		}
		for (int i = 0; i < 2000 && w.server.n_requests; i++)
			CHECK_OK(loop_turn(w.server.loop, 5));
		CHECK_INT(w.server.n_requests, 0);
		CHECK_INT(w.server.n_channels, 0);
	}
	world_close(&w);
}

TEST(f_27_a_removed_socket_is_noticed)
{
	struct world w;

	if (sock_world(&w, false)) {
		CHECK(!conn_lines_is_lost(w.server.lines));
		remove(w.server.options.paths.socket);
		CHECK(conn_lines_is_lost(w.server.lines));
	}
	world_close(&w);
}
