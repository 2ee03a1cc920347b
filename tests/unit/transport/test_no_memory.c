/* SPDX-License-Identifier: Apache-2.0 */
/* Any one allocation of ours may fail: somebody is turned away, nothing is lost or left behind, and
 * the next client is served. */
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "tests/unit/alloc.h"
#include "tests/unit/test.h"
#include "tests/unit/transport/world.h"
#include "transport/line.h"
#include "transport/unix.h"

#define POST STR("POST /a?b=c HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")

/* False when the n-th allocation was never reached. */
static bool serve_with_failure(unsigned n, bool streams)
{
	struct world w;
	struct peer p;
	bool was_reached;

	world_init(&w);
	w.is_poor = true;
	w.mode = streams ? WORLD_STREAM : WORLD_REPLY;
	world_start(&w);
	peer_open(&p, &w);
	alloc_fail_at(n);
	peer_send(&p, POST);
	world_turns(&w, 6);
	if (streams && w.n_held && w.held[0] && http_stream_put(w.held[0], STR("data")) < 0)
		err_forget();
	world_turns(&w, 6);
	was_reached = alloc_n() >= n;
	alloc_fail_at(0);
	peer_close(&p);
	world_turns(&w, 4);
	w.mode = WORLD_REPLY;
	peer_open(&p, &w);
	peer_send(&p, POST);
	CHECK(peer_wait_for(&p, "\r\n\r\nabc"));
	peer_close(&p);
	world_turns(&w, 4);
	CHECK_INT(http_server_n_exchanges(w.server), 0);
	world_deinit(&w);
	return was_reached;
}

TEST(http_survives_any_failed_allocation)
{
	unsigned n = 1;

	while (n < 200 && serve_with_failure(n, false))
		n++;
	CHECK(n > 3 && n < 200);
}

TEST(http_streams_survive_any_failed_allocation)
{
	unsigned n = 1;

	while (n < 200 && serve_with_failure(n, true))
		n++;
	CHECK(n > 3 && n < 200);
}

TEST(an_http_server_that_cannot_start_leaves_nothing)
{
	const struct http_ops ops = { 0 };
	struct http_server *s = NULL;
	struct world w;
	int e = -1;

	world_init(&w);
	for (unsigned n = 1; n < 100 && e; n++) {
		alloc_fail_at(n);
		e = http_server_new(w.loop, &w.options, &ops, NULL, &s);
		alloc_fail_at(0);
		err_forget();
	}
	CHECK_INT(e, 0);
	http_server_free(s);
	world_deinit(&w);
}

static void on_line(struct line_conn *c, struct str line)
{
	buf_put_str(line_conn_out(c), line);
	line_conn_flush_later(c);
}

static void on_too_long(struct line_conn *c)
{
}

static void on_close(struct line_conn *c, enum line_close why)
{
}

static const struct line_ops ops = { on_line, on_too_long, NULL, on_close };

TEST(a_line_connection_without_memory_closes)
{
	struct clock clock = { .is_fake = true };
	struct loop *l = NULL;

	CHECK_OK(loop_new(&clock, &l));
	for (unsigned n = 1; n < 5; n++) {
		struct line_conn c;
		int fds[2];

		CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
		CHECK_OK(line_conn_init(&c, l, fds[0], &ops));
		alloc_fail_at(n);
		CHECK_INT(send(fds[1], "abc\n", 4, MSG_NOSIGNAL), 4);
		CHECK_OK(loop_turn(l, 0));
		CHECK_OK(loop_turn(l, 0));
		alloc_fail_at(0);
		CHECK(c.is_closed == (n <= 2)); /* the in buffer, the out buffer, then no more */
		line_conn_deinit(&c);
		close(fds[1]);
	}
	loop_free(l);
}
