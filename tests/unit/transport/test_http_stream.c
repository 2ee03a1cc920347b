/* SPDX-License-Identifier: Apache-2.0 */
/* TM-RPC-08, F-22: many streams, and one that is not read. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "tests/unit/test.h"
#include "tests/unit/transport/world.h"

#define GET STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n")

static void open_stream(struct peer *p, struct world *w)
{
	peer_open(p, w);
	peer_send(p, GET);
	CHECK(peer_wait_for(p, "text/event-stream"));
}

TEST(a_streams_head_leaves_before_its_first_bytes)
{
	struct world w;
	struct peer p;

	world_init(&w);
	w.mode = WORLD_STREAM;
	world_start(&w);
	open_stream(&p, &w);
	CHECK_INT(http_stream_put(w.held[0], STR("one")), 0);
	CHECK(peer_wait_for(&p, "one"));
	CHECK_INT(http_stream_put(w.held[0], STR("two")), 0);
	CHECK_INT(http_stream_put(w.held[0], STR("three")), 0);
	CHECK(peer_wait_for(&p, "twothree"));
	CHECK_INT(http_stream_waiting(w.held[0]), 0);
	CHECK_INT(w.n_ends, 0);
	http_stream_end(w.held[0]);
	CHECK(peer_wait_for(&p, "\r\n0\r\n\r\n"));
	CHECK_INT(w.n_ends, 1);
	CHECK_INT(w.n_cut, 0);
	peer_close(&p);
	world_deinit(&w);
}

TEST(a_stream_ends_behind_what_was_put)
{
	struct world w;
	struct peer p;
	static char much[200000];

	memset(much, 'm', sizeof(much));
	world_init(&w);
	w.mode = WORLD_STREAM;
	world_start(&w);
	open_stream(&p, &w);
	CHECK_INT(http_stream_put(w.held[0], (struct str){ much, sizeof(much) }), 0);
	CHECK_INT(http_stream_put(w.held[0], STR("last words")), 0);
	http_stream_end(w.held[0]);
	CHECK_INT(http_stream_put(w.held[0], STR("too late")), HTTP_GONE);
	CHECK(peer_wait_for(&p, "last words"));
	CHECK(peer_wait_for(&p, "\r\n0\r\n\r\n"));
	peer_close(&p);
	world_deinit(&w);
}

TEST(f_16_a_stream_whose_reader_leaves_ends_at_once)
{
	struct world w;
	struct peer p;

	world_init(&w);
	w.mode = WORLD_STREAM;
	world_start(&w);
	open_stream(&p, &w);
	peer_close(&p);
	world_turns(&w, 4);
	CHECK_INT(w.n_ends, 1);
	CHECK_INT(w.n_cut, 1);
	world_deinit(&w);
}

TEST(a_stream_can_be_aborted)
{
	struct world w;
	struct peer p;

	world_init(&w);
	w.mode = WORLD_STREAM;
	world_start(&w);
	open_stream(&p, &w);
	http_stream_abort(w.held[0]);
	CHECK(peer_wait_for_end(&p));
	CHECK_INT(w.n_ends, 1);
	peer_close(&p);
	world_deinit(&w);
}

TEST(f_22_a_reader_that_does_not_read_is_told_slow_and_cut)
{
	struct world w;
	struct peer p;
	static char piece[65536];
	int r = 0, n = 0;

	memset(piece, 'p', sizeof(piece));
	world_init(&w);
	w.mode = WORLD_STREAM;
	world_start(&w);
	open_stream(&p, &w);
	while (n < 2000 &&
	       (r = http_stream_put(w.held[0], (struct str){ piece, sizeof(piece) })) == 0) {
		world_turns(&w, 2);
		n++;
	}
	CHECK_INT(r, HTTP_SLOW);
	CHECK(n < 300); /* the kernel took a few MiB, we hold one */
	CHECK(http_stream_waiting(w.held[0]) <= 1024 * 1024);
	for (int s = 0; s < 40 && !w.n_ends; s++)
		world_advance(&w, 1000);
	CHECK_INT(w.n_ends, 1);
	peer_close(&p);
	world_deinit(&w);
}

TEST(tm_rpc_08_2000_streams_hear_what_one_stalled_one_does_not)
{
	enum { N = 2000 };
	struct peer *p = calloc(N, sizeof(*p));
	static char piece[60000];
	struct rlimit rl;
	struct world w;
	struct http_stats stats;
	int n_heard = 0;

	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	if (rl.rlim_cur < 2 * N + 100)
		TEST_SKIP("RLIMIT_NOFILE below 4,100");
	memset(piece, 'p', sizeof(piece));
	world_init(&w);
	w.mode = WORLD_STREAM;
	world_start(&w);
	for (int i = 0; i < N; i++)
		open_stream(&p[i], &w);
	/* the first reads nothing; enough to fill what the kernel holds for it */
	for (int k = 0; k < 60; k++) {
		(void)!http_stream_put(w.held[0], (struct str){ piece, sizeof(piece) });
		world_turns(&w, 1);
	}
	for (int i = 1; i < N; i++)
		CHECK_INT(http_stream_put(w.held[i], STR("data: event\n\n")), 0);
	world_turns(&w, 3);
	for (int i = 1; i < N; i++) {
		peer_read(&p[i]);
		n_heard += str_contains(peer_text(&p[i]), STR("data: event\n\n"));
	}
	CHECK_INT(n_heard, N - 1);
	http_server_stats(w.server, &stats);
	CHECK_INT(stats.n_streams, N);
	w.server = http_server_free(w.server); /* with all of them open */
	CHECK_INT(w.n_ends, N);
	for (int i = 0; i < N; i++)
		peer_close(&p[i]);
	free(p);
	world_deinit(&w);
}
