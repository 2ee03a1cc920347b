/* SPDX-License-Identifier: Apache-2.0 */
/* Lines over a socket pair: framing, limits, back-pressure. */
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "tests/unit/test.h"
#include "transport/line.h"

struct pair {
	struct clock clock;
	struct loop *loop;
	struct line_conn c;
	int peer;
	struct buf lines; /* each with '|' behind it */
	int n_lines, n_too_long, n_eof, n_close;
	enum line_close why;
	bool echoes, pauses_each;
};

static struct pair *of(struct line_conn *c)
{
	return container_of(c, struct pair, c);
}

static void on_line(struct line_conn *c, struct str line)
{
	struct pair *p = of(c);

	p->n_lines++;
	if (line.n < 4096) {
		buf_put_str(&p->lines, line);
		buf_put_char(&p->lines, '|');
	}
	if (p->echoes) {
		buf_put_str(line_conn_out(c), line);
		buf_put_char(line_conn_out(c), '\n');
		line_conn_flush_later(c);
	}
	if (p->pauses_each)
		line_conn_pause(c, true);
}

static void on_too_long(struct line_conn *c)
{
	of(c)->n_too_long++;
}

static void on_eof(struct line_conn *c)
{
	of(c)->n_eof++;
}

static void on_close(struct line_conn *c, enum line_close why)
{
	of(c)->n_close++;
	of(c)->why = why;
}

static const struct line_ops ops = { on_line, on_too_long, NULL, on_close };
static const struct line_ops ops_with_eof = { on_line, on_too_long, on_eof, on_close };

static void pair_init(struct pair *p, const struct line_ops *o)
{
	int fds[2];

	*p = (struct pair){ .clock = { .is_fake = true } };
	buf_init(&p->lines, 0);
	CHECK_OK(loop_new(&p->clock, &p->loop));
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	p->peer = fds[1];
	(void)fcntl(p->peer, F_SETFL, O_NONBLOCK);
	CHECK_OK(line_conn_init(&p->c, p->loop, fds[0], o));
}

static void pair_deinit(struct pair *p)
{
	line_conn_deinit(&p->c);
	if (p->peer >= 0)
		close(p->peer);
	buf_deinit(&p->lines);
	p->loop = loop_free(p->loop);
}

static void turns(struct pair *p, int n)
{
	while (n--)
		CHECK_OK(loop_turn(p->loop, 0));
}

/* Sends all, giving the loop turns when the socket is full. */
static void put(struct pair *p, struct str s)
{
	while (s.n && !p->n_close) {
		ssize_t n = send(p->peer, s.p, s.n, MSG_NOSIGNAL);

		if (n > 0)
			s = str_slice(s, (size_t)n, s.n);
		else
			turns(p, 1);
	}
}

TEST(lines_come_whole_without_their_ends)
{
	struct pair p;

	pair_init(&p, &ops);
	put(&p, STR("one\ntwo\r\n\n\r\nthr"));
	turns(&p, 1);
	CHECK_STR(buf_str(&p.lines), "one|two|");
	put(&p, STR("ee\n"));
	turns(&p, 1);
	CHECK_STR(buf_str(&p.lines), "one|two|three|");
	pair_deinit(&p);
}

TEST(framing_does_not_depend_on_how_bytes_arrive)
{
	struct str text = STR("a\n\nbb\r\nccc\n\r\n{\"x\":\"\\n\"}\n \nlast\r\r\nz\n");
	unsigned seed = 7;

	for (int round = 0; round < 400; round++) {
		struct pair p;
		size_t at = 0;

		pair_init(&p, &ops);
		while (at < text.n) {
			size_t n;

			seed = seed * 1103515245 + 12345;
			n = 1 + (seed >> 16) % (round % 8 + 1);
			n = MIN(n, text.n - at);
			put(&p, str_slice(text, at, at + n));
			at += n;
			if ((seed >> 24) & 1)
				turns(&p, 1);
		}
		turns(&p, 2);
		CHECK_STR(buf_str(&p.lines), "a|bb|ccc|{\"x\":\"\\n\"}| |last\r|z|");
		pair_deinit(&p);
	}
}

TEST(what_one_read_does_not_take_is_read_without_another_word)
{
	enum { N = 25000 };
	struct buf sent;
	struct pair p;

	buf_init(&sent, 0);
	for (int i = 0; i < N; i++)
		BUF_LIT(&sent, "x\n");
	pair_init(&p, &ops);
	CHECK_INT(send(p.peer, buf_str(&sent).p, buf_len(&sent), 0), 2 * N);
	turns(&p, 20);
	CHECK_INT(p.n_lines, N);
	buf_deinit(&sent);
	pair_deinit(&p);
}

TEST(a_line_of_exactly_the_limit_passes_and_one_more_byte_does_not)
{
	struct pair p;

	pair_init(&p, &ops);
	p.c.line_max = 5;
	put(&p, STR("12345\n123456\n1234\n"));
	turns(&p, 2);
	CHECK_STR(buf_str(&p.lines), "12345|1234|");
	CHECK_INT(p.n_too_long, 1);
	pair_deinit(&p);
}

/* A sanitizer keeps freed memory for a while. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool is_sanitized = true;
#else
static const bool is_sanitized = false;
#endif

static size_t resident(void)
{
	size_t pages = 0, skip;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%zu %zu", &skip, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

TEST(tm_rpc_03_a_line_of_a_gib_costs_little_and_the_next_is_served)
{
	static char piece[65536];
	struct pair p;
	size_t before, most = 0;

	memset(piece, 'a', sizeof(piece));
	pair_init(&p, &ops);
	before = resident();
	for (int i = 0; i < 16384; i++) {
		put(&p, (struct str){ piece, sizeof(piece) });
		if (i % 64 == 0)
			most = MAX(most, resident());
	}
	put(&p, STR("\nnext\n"));
	turns(&p, 4);
	CHECK_INT(p.n_too_long, 1);
	CHECK_STR(buf_str(&p.lines), "next|");
	if (!CHECK(most < before + is_sanitized * 256u * 1024 * 1024 + 6u * 1024 * 1024))
		printf("  %zu KiB more\n", (most - before) / 1024);
	pair_deinit(&p);
}

TEST(idle_connections_hold_no_big_buffers)
{
	static char line[300000];
	struct pair p;

	memset(line, 'a', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	pair_init(&p, &ops);
	p.echoes = true;
	put(&p, (struct str){ line, sizeof(line) });
	for (int i = 0; i < 200; i++) {
		char away[65536];

		turns(&p, 1);
		(void)!recv(p.peer, away, sizeof(away), 0);
	}
	CHECK_INT(p.n_lines, 1);
	CHECK_INT(buf_len(&p.c.out), 0);
	CHECK(p.c.in.cap <= 4096);
	CHECK(p.c.out.cap <= 4096);
	pair_deinit(&p);
}

TEST(answers_of_a_turn_leave_with_one_write)
{
	struct pair p;
	char got[64];

	pair_init(&p, &ops);
	p.echoes = true;
	put(&p, STR("a\nb\nc\n"));
	turns(&p, 1); /* the same turn reads, answers and writes */
	CHECK_INT(recv(p.peer, got, sizeof(got), 0), 6);
	CHECK(!memcmp(got, "a\nb\nc\n", 6));
	pair_deinit(&p);
}

TEST(a_paused_connection_with_lines_waiting_costs_no_turns)
{
	struct pair p;

	pair_init(&p, &ops);
	p.pauses_each = p.echoes = true;
	put(&p, STR("a\nb\n"));
	turns(&p, 3);
	CHECK_STR(buf_str(&p.lines), "a|");
	CHECK(list_is_empty(&p.c.turn_end.link));
	line_conn_pause(&p.c, false);
	turns(&p, 3);
	CHECK_STR(buf_str(&p.lines), "a|b|");
	CHECK(list_is_empty(&p.c.turn_end.link));
	pair_deinit(&p);
}

TEST(a_paused_connection_hands_out_nothing_and_loses_nothing)
{
	struct pair p;

	pair_init(&p, &ops);
	p.pauses_each = true;
	put(&p, STR("a\nb\n"));
	turns(&p, 3);
	CHECK_STR(buf_str(&p.lines), "a|");
	put(&p, STR("c\n"));
	turns(&p, 3);
	CHECK_STR(buf_str(&p.lines), "a|");
	for (int i = 0; i < 4; i++) {
		line_conn_pause(&p.c, false);
		turns(&p, 3);
	}
	CHECK_STR(buf_str(&p.lines), "a|b|c|");
	pair_deinit(&p);
}

TEST(f_22_a_peer_that_does_not_read_is_cut)
{
	static char piece[65536];
	struct pair p;

	memset(piece, 'a', sizeof(piece));
	pair_init(&p, &ops);
	for (int i = 0; i < 400 && !p.n_close; i++) {
		buf_put(line_conn_out(&p.c), piece, sizeof(piece));
		line_conn_flush_later(&p.c);
		turns(&p, 1);
	}
	CHECK_INT(p.n_close, 1);
	CHECK_INT(p.why, LINE_SLOW);
	pair_deinit(&p);
}

TEST(what_the_peer_does_not_take_at_once_comes_later_in_order)
{
	struct pair p;
	struct buf got;
	size_t want;

	buf_init(&got, 0);
	pair_init(&p, &ops);
	for (int i = 0; i < 100000; i++)
		buf_fmt(line_conn_out(&p.c), "%d\n", i);
	want = buf_len(&p.c.out);
	line_conn_flush_later(&p.c);
	turns(&p, 1);
	CHECK(p.c.stalled_since_ms != 0);
	for (int i = 0; i < 10000 && buf_len(&got) < want; i++) {
		char *to = buf_reserve(&got, 10000);
		ssize_t n = recv(p.peer, to, 10000, 0);

		got.tail += n > 0 ? (size_t)n : 0;
		turns(&p, 1);
	}
	CHECK_INT(buf_len(&got), want);
	CHECK(str_ends(buf_str(&got), STR("99998\n99999\n")));
	CHECK_INT(p.c.stalled_since_ms, 0);
	buf_deinit(&got);
	pair_deinit(&p);
}

TEST(the_end_of_a_peer_is_told_once)
{
	struct pair p;

	pair_init(&p, &ops_with_eof);
	put(&p, STR("a\nhalf"));
	close(p.peer);
	p.peer = -1;
	turns(&p, 4);
	CHECK_STR(buf_str(&p.lines), "a|");
	CHECK_INT(p.n_close, 1);
	CHECK_INT(p.why, LINE_EOF);
	CHECK_INT(p.n_eof, 0);
	pair_deinit(&p);
}

TEST(a_peer_that_only_shut_its_side_still_hears_the_answers)
{
	struct pair p;
	char got[64];

	pair_init(&p, &ops_with_eof);
	put(&p, STR("a\n"));
	shutdown(p.peer, SHUT_WR);
	turns(&p, 4);
	CHECK_INT(p.n_eof, 1);
	CHECK_INT(p.n_close, 0);
	BUF_LIT(line_conn_out(&p.c), "answer\n");
	line_conn_close(&p.c);
	turns(&p, 2);
	CHECK_INT(recv(p.peer, got, sizeof(got), 0), 7);
	CHECK_INT(p.n_close, 1);
	CHECK_INT(p.why, LINE_CLOSED_BY_US);
	pair_deinit(&p);
}

TEST(a_half_closed_peer_that_then_goes_is_noticed)
{
	struct pair p;

	pair_init(&p, &ops_with_eof);
	put(&p, STR("a\n"));
	shutdown(p.peer, SHUT_WR);
	turns(&p, 3);
	close(p.peer);
	p.peer = -1;
	turns(&p, 3);
	CHECK_INT(p.n_eof, 1);
	CHECK_INT(p.n_close, 1);
	pair_deinit(&p);
}

TEST(closing_sends_what_is_there_and_takes_no_more_lines)
{
	struct pair p;
	char got[64];

	pair_init(&p, &ops);
	BUF_LIT(line_conn_out(&p.c), "bye\n");
	put(&p, STR("late\n"));
	line_conn_close(&p.c);
	turns(&p, 2);
	CHECK_INT(p.n_lines, 0);
	CHECK_INT(p.n_close, 1);
	CHECK_INT(recv(p.peer, got, sizeof(got), 0), 4);
	pair_deinit(&p);
}

TEST(a_peer_that_does_not_read_its_answers_is_not_read_from)
{
	static char line[65536];
	struct pair p;
	int n = 0;

	memset(line, 'a', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	pair_init(&p, &ops);
	p.echoes = true;
	for (int i = 0; i < 3000; i++) {
		ssize_t k = send(p.peer, line, sizeof(line), MSG_NOSIGNAL);

		turns(&p, 2);
		n = k > 0 ? 0 : n + 1;
		if (n > 5)
			break;
	}
	CHECK(n > 5); /* its sends block */
	CHECK_INT(p.n_close, 0);
	CHECK(buf_len(&p.c.out) <= LINE_OUT_MAX_DEFAULT / 4 + 2 * sizeof(line));
	for (int i = 0; i < 2000; i++) { /* it reads, and everything goes on */
		(void)!recv(p.peer, line, sizeof(line), 0);
		turns(&p, 1);
	}
	CHECK_INT(buf_len(&p.c.out), 0);
	pair_deinit(&p);
}

TEST(a_long_line_in_pieces_over_the_limit_is_told_once)
{
	struct pair p;

	pair_init(&p, &ops);
	p.c.line_max = 5;
	put(&p, STR("1234567"));
	turns(&p, 1);
	put(&p, STR("more than five\nok\n"));
	turns(&p, 1);
	CHECK_INT(p.n_too_long, 1);
	CHECK_STR(buf_str(&p.lines), "ok|");
	pair_deinit(&p);
}

TEST(a_peer_that_left_without_reading_is_an_end_not_a_fault)
{
	struct pair p;

	pair_init(&p, &ops);
	BUF_LIT(line_conn_out(&p.c), "unread\n");
	line_conn_flush_later(&p.c);
	turns(&p, 1);
	close(p.peer);
	p.peer = -1;
	turns(&p, 2);
	CHECK_INT(p.n_close, 1);
	CHECK_INT(p.why, LINE_EOF);
	pair_deinit(&p);
}

TEST(answering_a_peer_that_left_is_an_end_not_a_fault)
{
	struct pair p;

	pair_init(&p, &ops);
	p.echoes = true;
	put(&p, STR("a\n"));
	close(p.peer);
	p.peer = -1;
	turns(&p, 1);
	CHECK_INT(p.n_lines, 1);
	CHECK_INT(p.n_close, 1);
	CHECK_INT(p.why, LINE_EOF);
	/* nothing that is asked of it now does anything */
	line_conn_pause(&p.c, true);
	line_conn_flush_later(&p.c);
	line_conn_close(&p.c);
	turns(&p, 2);
	CHECK_INT(p.n_close, 1);
	pair_deinit(&p);
}

TEST(a_stalled_peer_that_leaves_is_noticed)
{
	static char piece[1000000];
	struct pair p;

	pair_init(&p, &ops);
	buf_put(line_conn_out(&p.c), piece, sizeof(piece));
	line_conn_flush_later(&p.c);
	turns(&p, 2);
	CHECK(p.c.stalled_since_ms != 0);
	close(p.peer);
	p.peer = -1;
	turns(&p, 2);
	CHECK_INT(p.n_close, 1);
	CHECK_INT(p.why, LINE_EOF);
	pair_deinit(&p);
}

TEST(a_socket_that_is_full_at_once_is_waited_for)
{
	static char piece[65536];
	struct pair p;
	char got[65536];
	bool has_come = false;

	pair_init(&p, &ops);
	while (send(p.c.fd, piece, sizeof(piece), MSG_NOSIGNAL) > 0)
		;
	BUF_LIT(line_conn_out(&p.c), "behind\n");
	line_conn_flush_later(&p.c);
	turns(&p, 1);
	CHECK_INT(buf_len(&p.c.out), 7);
	CHECK(p.c.stalled_since_ms != 0);
	line_conn_flush_later(&p.c); /* no second try before there is room */
	turns(&p, 1);
	for (int i = 0; i < 100 && !has_come; i++) {
		ssize_t n = recv(p.peer, got, sizeof(got), 0);

		has_come = n > 0 && str_ends((struct str){ got, (size_t)n }, STR("behind\n"));
		turns(&p, 1);
	}
	CHECK(has_come);
	CHECK_INT(p.c.stalled_since_ms, 0);
	pair_deinit(&p);
}

TEST(without_on_eof_the_end_of_input_is_the_end)
{
	struct pair p;

	pair_init(&p, &ops);
	shutdown(p.peer, SHUT_WR);
	turns(&p, 1);
	CHECK_INT(p.n_close, 1);
	CHECK_INT(p.why, LINE_EOF);
	pair_deinit(&p);
}

TEST(what_is_no_socket_is_a_fault_of_ours)
{
	struct pair p = { .clock = { .is_fake = true } };
	int fds[2];
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	CHECK_OK(loop_new(&p.clock, &p.loop));
	CHECK_FAULT(line_conn_init(&p.c, p.loop, -1, &ops), ERR_SYS);
	CHECK_FAULT(line_conn_init(&p.c, p.loop, file, &ops), ERR_SYS);
	close(file);
	CHECK(!pipe2(fds, O_CLOEXEC));
	CHECK_OK(line_conn_init(&p.c, p.loop, fds[0], &ops));
	p.echoes = true;
	buf_init(&p.lines, 0);
	CHECK_INT(write(fds[1], "a\n", 2), 2);
	turns(&p, 1); /* a pipe can be read, but not answered */
	CHECK_INT(p.n_close, 1);
	CHECK_INT(p.why, LINE_ERROR);
	p.peer = fds[1];
	pair_deinit(&p);
}
