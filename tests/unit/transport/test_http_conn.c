/* SPDX-License-Identifier: Apache-2.0 */
/* Who may be connected, and who has gone. */
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "tests/unit/test.h"
#include "tests/unit/transport/world.h"

#define GET STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n")

TEST(keep_alive_serves_many_requests_and_holds_nothing_between)
{
	struct world w;
	struct peer p;

	world_init(&w);
	world_start(&w);
	peer_open(&p, &w);
	for (int i = 0; i < 50; i++) {
		buf_deinit(&p.in);
		peer_send(&p, STR("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"));
		CHECK(peer_wait_for(&p, "abc"));
		CHECK_INT(http_server_n_exchanges(w.server), 0);
	}
	CHECK_INT(w.n_requests, 50);
	CHECK_INT(w.n_cut, 0);
	peer_close(&p);
	world_deinit(&w);
}

TEST(pipelined_requests_are_answered_in_order)
{
	struct world w;
	struct peer p;

	world_init(&w);
	world_start(&w);
	peer_open(&p, &w);
	peer_send(&p, STR("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
			  "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
			  "POST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nxyz"));
	CHECK(peer_wait_for(&p, "xyz"));
	CHECK_INT(peer_n_answers(&p), 3);
	CHECK_HAS(peer_text(&p), "abcHTTP/1.1 200");
	peer_close(&p);
	world_deinit(&w);
}

TEST(an_answer_at_the_head_closes_only_when_a_body_was_to_come)
{
	struct world w;
	struct peer p;

	world_init(&w);
	w.mode = WORLD_REPLY_AT_HEAD;
	world_start(&w);
	peer_open(&p, &w);
	peer_send(&p, GET);
	CHECK(peer_wait_for(&p, "at the head"));
	CHECK(!p.is_at_end);
	buf_deinit(&p.in);
	peer_send(&p, STR("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\nsome"));
	CHECK(peer_wait_for_end(&p));
	CHECK_INT(peer_n_answers(&p), 1);
	CHECK(!p.was_reset);
	CHECK_INT(w.n_requests, 0);
	peer_close(&p);
	world_deinit(&w);
}

TEST(a_body_over_the_cap_gets_413_before_it_is_read)
{
	struct world w;
	struct peer p;

	world_init(&w);
	w.body_max = 10;
	world_start(&w);
	peer_open(&p, &w);
	peer_send(&p, STR("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n"));
	CHECK(peer_wait_for_end(&p));
	CHECK_INT(peer_status(&p), 413);
	CHECK(peer_wait_for(&p, "the body is longer than 10 bytes"));
	CHECK_INT(w.n_requests, 0);
	CHECK_INT(w.n_ends, 1);
	peer_close(&p);
	world_deinit(&w);
}

TEST(expect_continue_is_answered_for_a_body_that_is_wanted)
{
	struct world w;
	struct peer p;

	world_init(&w);
	world_start(&w);
	peer_open(&p, &w);
	peer_send(
	    &p,
	    STR("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"));
	CHECK(peer_wait_for(&p, "100 Continue"));
	peer_send(&p, STR("abc"));
	CHECK(peer_wait_for(&p, "\r\n\r\nabc"));
	peer_close(&p);
	world_deinit(&w);
}

TEST(f_16_a_client_that_leaves_while_suspended_is_noticed_at_once)
{
	struct world w;
	struct peer p;

	world_init(&w);
	w.mode = WORLD_HOLD;
	world_start(&w);
	peer_open(&p, &w);
	peer_send(&p, GET);
	world_turns(&w, 4);
	CHECK_INT(w.n_held, 1);
	CHECK_INT(w.n_ends, 0);
	peer_close(&p);
	world_turns(&w, 4); /* no time passes */
	CHECK_INT(w.n_ends, 1);
	CHECK_INT(w.n_cut, 1);
	world_deinit(&w);
}

TEST(f_16_a_client_that_left_before_it_was_suspended_is_noticed_too)
{
	struct world w;
	struct peer p;

	world_init(&w);
	w.mode = WORLD_HOLD;
	world_start(&w);
	peer_open(&p, &w);
	peer_send(&p, GET);
	peer_close(&p);
	world_turns(&w, 6);
	CHECK_INT(w.n_ends, w.n_heads);
	world_deinit(&w);
}

TEST(a_client_that_only_shuts_its_side_is_answered_when_the_answer_is_there)
{
	struct world w;
	struct peer p;

	world_init(&w);
	world_start(&w);
	peer_open(&p, &w);
	peer_send(&p, GET);
	shutdown(p.fd, SHUT_WR);
	CHECK(peer_wait_for_end(&p));
	CHECK_INT(peer_status(&p), 200);
	peer_close(&p);
	world_deinit(&w);
}

TEST(f_16_a_thousand_leavers_leak_nothing)
{
	struct world w;
	struct http_stats s;

	world_init(&w);
	w.mode = WORLD_HOLD;
	world_start(&w);
	for (int i = 0; i < 1000; i++) {
		struct peer p;

		peer_open(&p, &w);
		peer_send(&p, GET);
		world_turns(&w, 3);
		peer_close(&p);
		world_turns(&w, 3);
	}
	http_server_stats(w.server, &s);
	CHECK_INT(w.n_ends, 1000);
	CHECK_INT(s.n_conns, 0);
	CHECK_INT(s.n_exchanges, 0);
	world_deinit(&w);
}

TEST(tm_http_03_silent_connections_over_the_limit_hear_503)
{
	struct world w;
	static struct peer p[80];
	int n_refused = 0;

	world_init(&w);
	world_start(&w);
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		peer_open(&p[i], &w);
	world_turns(&w, 10);
	for (size_t i = 0; i < ARRAY_LEN(p); i++) {
		peer_read(&p[i]);
		if (!p[i].in.tail)
			continue;
		n_refused++;
		CHECK_INT(peer_status(&p[i]), 503);
		CHECK_HAS(peer_text(&p[i]), "Retry-After: 1\r\n");
		CHECK(p[i].is_at_end && !p[i].was_reset);
	}
	CHECK_INT(n_refused, 16);
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		peer_close(&p[i]);
	world_deinit(&w);
}

/* Not authenticated and at work: it can neither make room nor be told to come again. */
static void occupy(struct world *w, struct peer *p)
{
	w->mode = WORLD_HOLD;
	w->marks_authenticated = false;
	peer_open(p, w);
	peer_send(p, GET);
	for (int i = 0; i < 10 && !w->n_held; i++)
		world_turns(w, 1);
	CHECK_INT(w->n_held, 1);
}

TEST(tm_http_03_a_newcomer_is_served_beside_100_silent_connections)
{
	static struct peer silent[100];
	struct world w;
	struct peer first, last;

	world_init(&w);
	world_start(&w);
	peer_open(&first, &w);
	peer_send(&first, GET); /* accepted, not yet read, when the others come */
	for (size_t i = 0; i < ARRAY_LEN(silent); i++)
		peer_open(&silent[i], &w);
	CHECK(peer_wait_for(&first, "hello"));
	peer_open(&last, &w);
	peer_send(&last, GET);
	CHECK(peer_wait_for(&last, "hello")); /* no time has passed */
	peer_close(&first);
	peer_close(&last);
	for (size_t i = 0; i < ARRAY_LEN(silent); i++)
		peer_close(&silent[i]);
	world_deinit(&w);
}

TEST(tm_http_03_a_newcomer_is_served_beside_100_that_began_to_speak)
{
	static struct peer slow[100];
	struct world w;
	struct peer valid;

	world_init(&w);
	world_start(&w);
	for (size_t i = 0; i < ARRAY_LEN(slow); i++) {
		peer_open(&slow[i], &w);
		peer_send(&slow[i], STR("G"));
		world_turns(&w, 3);
	}
	peer_open(&valid, &w);
	peer_send(&valid, GET);
	CHECK(peer_wait_for(&valid, "hello")); /* no time has passed */
	peer_close(&valid);
	for (size_t i = 0; i < ARRAY_LEN(slow); i++)
		peer_close(&slow[i]);
	world_deinit(&w);
}

TEST(the_silent_make_room_before_those_that_began_to_speak)
{
	struct world w;
	struct peer p[4];

	world_init(&w);
	w.options.n_peer_max = 3;
	world_start(&w);
	for (size_t i = 0; i < 3; i++)
		peer_open(&p[i], &w);
	peer_send(&p[0], STR("GET / HTTP/1.1\r\n"));
	world_turns(&w, 4);
	peer_open(&p[3], &w);
	CHECK(peer_wait_for_end(&p[1]));
	CHECK_INT(peer_status(&p[1]), 503);
	peer_send(&p[0], STR("Host: a\r\n\r\n"));
	CHECK(peer_wait_for(&p[0], "hello"));
	peer_send(&p[2], GET);
	CHECK(peer_wait_for(&p[2], "hello"));
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		peer_close(&p[i]);
	world_deinit(&w);
}

/* Which would reset the connection were it closed at once. */
TEST(the_refused_read_their_503_even_when_their_request_comes_later)
{
	struct world w;
	struct peer p[2];

	world_init(&w);
	w.options.n_peer_max = 1;
	world_start(&w);
	occupy(&w, &p[0]);
	peer_open(&p[1], &w);
	world_turns(&w, 5);
	peer_send(&p[1], GET);
	world_turns(&w, 5);
	peer_send(&p[1], GET);
	CHECK(peer_wait_for_end(&p[1]));
	CHECK_INT(peer_status(&p[1]), 503);
	CHECK(!p[1].was_reset);
	peer_close(&p[0]);
	peer_close(&p[1]);
	world_deinit(&w);
}

TEST(authenticated_connections_do_not_count)
{
	struct world w;
	static struct peer p[100];

	world_init(&w);
	world_start(&w);
	for (size_t i = 0; i < ARRAY_LEN(p); i++) {
		peer_open(&p[i], &w);
		peer_send(&p[i], GET);
		CHECK(peer_wait_for(&p[i], "hello"));
	}
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		peer_close(&p[i]);
	world_deinit(&w);
}

TEST(tm_http_03_600_dribblers_do_not_keep_a_valid_client_out)
{
	static struct peer dribblers[600];
	struct world w;
	int n_open = 0;

	world_init(&w);
	world_start(&w);
	for (size_t i = 0; i < ARRAY_LEN(dribblers); i++) {
		peer_open(&dribblers[i], &w);
		if (i % 50 == 49)
			world_turns(&w, 3);
	}
	for (int t = 0; t < 22; t++) {
		for (size_t i = 0; i < ARRAY_LEN(dribblers); i++)
			peer_send(&dribblers[i], STR("G"));
		world_advance(&w, 250);
		if (t % 2) {
			struct peer valid;

			peer_open(&valid, &w);
			peer_send(&valid, GET);
			CHECK(peer_wait_for(&valid, "hello"));
			peer_close(&valid);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(dribblers); i++) {
		peer_read(&dribblers[i]);
		n_open += !dribblers[i].is_at_end;
		peer_close(&dribblers[i]);
	}
	CHECK_INT(n_open, 0); /* 5.5 s are over */
	CHECK_INT(w.n_requests, 11);
	world_deinit(&w);
}

TEST(at_the_limit_of_connections_new_ones_hear_503)
{
	struct world w;
	struct peer p[6];

	world_init(&w);
	w.options.n_conns_max = 4;
	world_start(&w);
	for (int i = 0; i < 4; i++) {
		peer_open(&p[i], &w);
		peer_send(&p[i], GET);
		CHECK(peer_wait_for(&p[i], "hello"));
	}
	for (int i = 4; i < 6; i++) {
		peer_open(&p[i], &w);
		CHECK(peer_wait_for_end(&p[i]));
		CHECK_INT(peer_status(&p[i]), 503);
	}
	peer_close(&p[0]);
	world_turns(&w, 4);
	peer_close(&p[4]);
	peer_open(&p[4], &w);
	peer_send(&p[4], GET);
	CHECK(peer_wait_for(&p[4], "hello"));
	for (int i = 1; i < 6; i++)
		peer_close(&p[i]);
	world_deinit(&w);
}

TEST(tm_dos_01_f_18_out_of_descriptors_new_clients_are_told_and_it_recovers)
{
	struct rlimit before, low;
	struct world w;
	static struct peer p[16];
	int n_told = 0, n_served = 0;

	TEST_SKIP_UNDER_VALGRIND;
	world_init(&w);
	world_start(&w);
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		peer_open(&p[i], &w); /* the clients' own descriptors come first */
	getrlimit(RLIMIT_NOFILE, &before);
	low = before;
	low.rlim_cur = (rlim_t)p[ARRAY_LEN(p) - 1].fd + 1 + 4;
	setrlimit(RLIMIT_NOFILE, &low);
	world_turns(&w, 10);
	setrlimit(RLIMIT_NOFILE, &before);
	for (size_t i = 0; i < ARRAY_LEN(p); i++) {
		peer_read(&p[i]);
		n_told += peer_status(&p[i]) == 503;
	}
	CHECK_INT(n_told, 12);
	for (size_t i = 0; i < ARRAY_LEN(p); i++) {
		if (!p[i].is_at_end) {
			peer_send(&p[i], GET);
			n_served += peer_wait_for(&p[i], "hello");
		}
		peer_close(&p[i]);
	}
	CHECK_INT(n_served, 4);
	world_deinit(&w);
}

TEST(quiesced_it_finishes_what_is_open_and_takes_no_more)
{
	struct world w;
	struct peer p;

	world_init(&w);
	w.mode = WORLD_HOLD;
	world_start(&w);
	peer_open(&p, &w);
	peer_send(&p, GET);
	world_turns(&w, 4);
	http_server_quiesce(w.server);
	CHECK_OK(http_reply(w.held[0], &(struct http_answer){ .status = 200,
							      .content_type = STR("a/b"),
							      .body = STR("last") }));
	CHECK(peer_wait_for_end(&p));
	CHECK_HAS(peer_text(&p), "Connection: close");
	CHECK_HAS(peer_text(&p), "last");
	peer_close(&p);
	world_deinit(&w);
}

TEST(stopping_ends_held_exchanges_once)
{
	struct world w;
	struct peer p[3];

	world_init(&w);
	w.mode = WORLD_HOLD;
	world_start(&w);
	for (int i = 0; i < 3; i++) {
		peer_open(&p[i], &w);
		peer_send(&p[i], GET);
		world_turns(&w, 3);
	}
	w.server = http_server_free(w.server);
	CHECK_INT(w.n_ends, 3);
	CHECK_INT(w.n_cut, 3);
	for (int i = 0; i < 3; i++)
		peer_close(&p[i]);
	world_deinit(&w);
}

TEST(addresses_that_are_none_and_ports_in_use_are_told_apart)
{
	struct world w;
	struct http_server *other = NULL;
	struct http_options o;
	const struct http_ops ops = { 0 };

	world_init(&w);
	world_start(&w);
	o = w.options;
	o.port = http_server_port(w.server);
	CHECK_INT(http_server_new(w.loop, &o, &ops, NULL, &other), HTTP_IN_USE);
	o.address = "localhost";
	CHECK_INT(http_server_new(w.loop, &o, &ops, NULL, &other), HTTP_BAD_ADDRESS);
	o.address = "192.0.2.1";
	CHECK_INT(http_server_new(w.loop, &o, &ops, NULL, &other), HTTP_BAD_ADDRESS);
	world_deinit(&w);
}

/* Does the kernel refuse what it sends? The first send finds out, the second is told. */
static bool is_reset(struct peer *p)
{
	(void)!send(p->fd, "x", 1, MSG_NOSIGNAL);
	world_turns(p->world, 2);
	return send(p->fd, "x", 1, MSG_NOSIGNAL) < 0;
}

TEST(the_refused_that_stay_are_closed_after_a_second_and_are_few)
{
	static struct peer p[100];
	struct world w;
	int n_before = 0, n_after = 0;

	world_init(&w);
	w.options.n_peer_max = 1;
	world_start(&w);
	occupy(&w, &p[0]);
	for (size_t i = 1; i < ARRAY_LEN(p); i++)
		peer_open(&p[i], &w);
	for (size_t i = 1; i < ARRAY_LEN(p); i++) {
		CHECK(peer_wait_for_end(&p[i]));
		CHECK_INT(peer_status(&p[i]), 503);
	}
	for (size_t i = 1; i < ARRAY_LEN(p); i++)
		n_before += is_reset(&p[i]);
	CHECK_INT(n_before, 99 - 64);
	world_advance(&w, 1000);
	for (size_t i = 1; i < ARRAY_LEN(p); i++)
		n_after += is_reset(&p[i]);
	CHECK_INT(n_after, 99);
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		peer_close(&p[i]);
	world_deinit(&w);
}

TEST(f_18_without_even_a_spare_descriptor_it_rests_and_goes_on)
{
	struct rlimit before, low;
	struct world w;
	struct peer p;

	TEST_SKIP_UNDER_VALGRIND;
	world_init(&w);
	world_start(&w);
	peer_open(&p, &w);
	getrlimit(RLIMIT_NOFILE, &before);
	low = before;
	low.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &low);
	world_turns(&w, 3);
	setrlimit(RLIMIT_NOFILE, &before);
	peer_send(&p, GET);
	world_turns(&w, 3);
	CHECK_INT(w.n_heads, 0); /* it rests */
	world_advance(&w, 100);
	CHECK(peer_wait_for(&p, "hello"));
	peer_close(&p);
	world_deinit(&w);
}

TEST(unauthenticated_connections_of_all_peers_share_a_limit)
{
	struct world w;
	struct peer p[5];
	struct http_stats stats;

	world_init(&w);
	w.options.n_unauthenticated_max = 3;
	world_start(&w);
	for (size_t i = 0; i < 4; i++)
		peer_open(&p[i], &w);
	CHECK(peer_wait_for_end(&p[0])); /* the oldest silent one makes room */
	CHECK_INT(peer_status(&p[0]), 503);
	peer_open(&p[4], &w);
	peer_send(&p[4], GET);
	CHECK(peer_wait_for(&p[4], "hello"));
	CHECK(peer_wait_for_end(&p[1]));
	CHECK_INT(peer_status(&p[1]), 503);
	http_server_stats(w.server, &stats);
	CHECK_INT(stats.n_refused, 2);
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		peer_close(&p[i]);
	world_deinit(&w);
}

TEST(it_listens_on_ipv6_too)
{
	struct world w;
	struct http_server *s = NULL;
	struct http_options o;
	const struct http_ops ops = { 0 };
	int e;

	world_init(&w);
	http_options_init(&o);
	o.address = "::1";
	e = http_server_new(w.loop, &o, &ops, NULL, &s);
	if (e == HTTP_BAD_ADDRESS) {
		loop_free(w.loop);
		TEST_SKIP("no IPv6 loopback here");
	}
	CHECK_OK(e);
	CHECK(http_server_port(s) != 0);
	http_server_free(s);
	loop_free(w.loop);
}
