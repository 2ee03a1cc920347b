/* SPDX-License-Identifier: Apache-2.0 */
/* TM-HTTP-03: deadlines are absolute; a byte now and then does not move them. The clock is fake. */
#include <sys/socket.h>

#include "tests/unit/test.h"
#include "tests/unit/transport/world.h"

#define HEAD_POST "POST /rpc HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"

static bool is_open(struct peer *p)
{
	world_turns(p->world, 3);
	peer_read(p);
	return !p->is_at_end;
}

static int64_t n_timeouts(struct world *w)
{
	struct http_stats s;

	http_server_stats(w->server, &s);
	return s.n_timeouts;
}

TEST(tm_http_03_a_dribbled_head_is_cut_after_5_s)
{
	static const char head[] =
	    "GET /quite/a/long/path/that/takes/its/time HTTP/1.1\r\nHost: a\r\n";
	struct world w;
	struct peer p;

	world_init(&w);
	world_start(&w);
	peer_open(&p, &w);
	CHECK(is_open(&p));
	for (int i = 0; i < 9; i++) {
		peer_send(&p, (struct str){ head + i, 1 });
		CHECK(is_open(&p));
		world_advance(&w, 500);
	}
	CHECK(is_open(&p));
	world_advance(&w, 499);
	CHECK(is_open(&p));
	world_advance(&w, 1);
	CHECK(!is_open(&p));
	CHECK_INT(n_timeouts(&w), 1);
	CHECK_INT(w.n_heads, 0);
	peer_close(&p);
	world_deinit(&w);
}

TEST(tm_http_03_a_kept_connection_may_rest_65_s)
{
	struct world w;
	struct peer p;

	world_init(&w);
	world_start(&w);
	peer_open(&p, &w);
	peer_send(&p, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
	CHECK(peer_wait_for(&p, "hello"));
	world_advance(&w, 64999);
	CHECK(is_open(&p));
	peer_send(&p, STR("GET / HT"));
	CHECK(is_open(&p));
	world_advance(&w, 1);
	CHECK(!is_open(&p));
	peer_close(&p);
	world_deinit(&w);
}

TEST(tm_http_03_a_slow_body_is_cut_after_10_s)
{
	struct world w;
	struct peer p;
	int s = 0;

	world_init(&w);
	world_start(&w);
	peer_open(&p, &w);
	peer_send(&p, STR(HEAD_POST));
	while (s < 20 && is_open(&p)) {
		peer_send(&p, STR("a"));
		CHECK(is_open(&p));
		world_advance(&w, 1000);
		s++;
	}
	CHECK(s >= 10 && s <= 11);
	CHECK_INT(w.n_requests, 0);
	CHECK_INT(w.n_cut, 1);
	peer_close(&p);
	world_deinit(&w);
}

/* 2 KB/s: slow, and allowed. */
TEST(a_steady_body_may_take_longer)
{
	char piece[2000];
	struct world w;
	struct peer p;

	memset(piece, 'a', sizeof(piece));
	world_init(&w);
	world_start(&w);
	peer_open(&p, &w);
	peer_send(&p, STR(HEAD_POST));
	for (int i = 0; i < 50; i++) {
		peer_send(&p, (struct str){ piece, sizeof(piece) });
		if (!CHECK(is_open(&p)))
			break;
		if (i < 49)
			world_advance(&w, 1000);
	}
	CHECK(peer_wait_for(&p, "aaaa"));
	CHECK_INT(w.n_requests, 1);
	peer_close(&p);
	world_deinit(&w);
}

TEST(a_body_that_began_fast_and_stopped_is_cut)
{
	static char half[50000];
	struct world w;
	struct peer p;
	int s = 0;

	memset(half, 'a', sizeof(half));
	world_init(&w);
	world_start(&w);
	peer_open(&p, &w);
	peer_send(&p, STR(HEAD_POST));
	peer_send(&p, (struct str){ half, sizeof(half) });
	while (s < 40 && is_open(&p)) {
		world_advance(&w, 1000);
		s++;
	}
	CHECK_INT(s, 10);
	peer_close(&p);
	world_deinit(&w);
}

TEST(tm_http_03_a_reader_that_stalls_is_cut_after_15_s)
{
	struct world w;
	struct peer p;

	world_init(&w);
	w.reply_bytes = 32u * 1024 * 1024; /* no socket buffer holds it */
	world_start(&w);
	peer_open(&p, &w);
	peer_send(&p, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
	world_turns(&w, 20);
	CHECK_INT(w.n_requests, 1);
	for (int s = 0; s < 14; s++)
		world_advance(&w, 1000);
	CHECK_INT(w.n_ends, 0);
	for (int s = 0; s < 17; s++) /* what the kernel took in counts as progress, once */
		world_advance(&w, 1000);
	CHECK_INT(w.n_ends, 1);
	CHECK_INT(w.n_cut, 1);
	CHECK_INT(n_timeouts(&w), 1);
	peer_close(&p);
	world_deinit(&w);
}

TEST(an_owner_may_think_as_long_as_it_likes)
{
	struct world w;
	struct peer p;

	world_init(&w);
	w.mode = WORLD_HOLD;
	world_start(&w);
	peer_open(&p, &w);
	peer_send(&p, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
	world_turns(&w, 3);
	world_advance(&w, 600000);
	CHECK(is_open(&p));
	CHECK_OK(http_reply(w.held[0], &(struct http_answer){ .status = 200,
							      .content_type = STR("a/b"),
							      .body = STR("late") }));
	CHECK(peer_wait_for(&p, "late"));
	peer_close(&p);
	world_deinit(&w);
}

/* Two or more waits: an expired one must not take the younger along. */
TEST(deadlines_are_each_connections_own)
{
	struct world w;
	struct peer p[3];

	world_init(&w);
	world_start(&w);
	for (int i = 0; i < 3; i++) {
		peer_open(&p[i], &w);
		CHECK(is_open(&p[i]));
		world_advance(&w, 1000);
	}
	world_advance(&w, 2000);
	CHECK(!is_open(&p[0]));
	CHECK(is_open(&p[1]) && is_open(&p[2]));
	world_advance(&w, 1000);
	CHECK(!is_open(&p[1]));
	CHECK(is_open(&p[2]));
	for (int i = 0; i < 3; i++)
		peer_close(&p[i]);
	world_deinit(&w);
}
