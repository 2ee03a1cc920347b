/* SPDX-License-Identifier: Apache-2.0 */
/* A line connection whose peer moves to two pipes. */
#include "transport/pipes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/failpoint.h"
#include "base/fd.h"
#include "tests/unit/test.h"
#include "transport/line.h"

#define LONG_BYTES ((size_t)1024 * 1024)

struct side {
	struct clock clock;
	struct loop *loop;
	struct line_conn c;
	int peer;
	struct pipe_pair ends;
	int n_lines, n_eof, n_close;
	enum line_close why;
};

static struct side *of(struct line_conn *c)
{
	return container_of(c, struct side, c);
}

static void say(struct line_conn *c, struct str line)
{
	buf_put_str(line_conn_out(c), line);
	buf_put_char(line_conn_out(c), '\n');
	line_conn_flush_later(c);
}

static void on_line(struct line_conn *c, struct str line)
{
	of(c)->n_lines++;
	say(c, line);
}

static void on_too_long(struct line_conn *c)
{
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

static const struct line_ops ops = { on_line, on_too_long, on_eof, on_close };

static void begin(struct side *s)
{
	int fds[2];

	*s = (struct side){ .clock = { .is_fake = true }, .ends = { -1, -1 } };
	CHECK_OK(loop_new(&s->clock, &s->loop));
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	s->peer = fds[1];
	CHECK_OK(line_conn_init(&s->c, s->loop, fds[0], &ops));
}

static void end(struct side *s)
{
	line_conn_deinit(&s->c);
	pipe_pair_close(&s->ends);
	fd_close(&s->peer);
	s->loop = loop_free(s->loop);
}

static void turns(struct side *s, int n)
{
	while (n--)
		CHECK_OK(loop_turn(s->loop, 0));
}

static void begin_with_pipes(struct side *s)
{
	begin(s);
	CHECK_OK(pipes_offer(s->peer, &s->ends));
	turns(s, 2);
	CHECK(s->c.has_pipes);
}

static void put(int fd, const char *text)
{
	CHECK_INT(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static const char *got(int fd)
{
	static char text[256];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return n < 0 ? strerror(errno) : text;
}

TEST(pipes_carry_the_lines_both_ways)
{
	struct side s;
	char byte;

	begin_with_pipes(&s);
	CHECK_INT(s.n_lines, 0);
	put(s.ends.out, "one\ntwo\nthr");
	turns(&s, 2);
	CHECK_STR(str_from(got(s.ends.in)), "one\ntwo\n");
	put(s.ends.out, "ee\n");
	turns(&s, 2);
	CHECK_STR(str_from(got(s.ends.in)), "three\n");
	CHECK_INT(recv(s.peer, &byte, 1, MSG_DONTWAIT), 0); /* the socket is closed */
	end(&s);
}

TEST(pipes_whose_writer_has_gone_take_answers_still)
{
	struct side s;

	begin_with_pipes(&s);
	put(s.ends.out, "last\n");
	fd_close(&s.ends.out);
	turns(&s, 4);
	CHECK_INT(s.n_lines, 1);
	CHECK_INT(s.n_eof, 1);
	CHECK_INT(s.n_close, 0);
	say(&s.c, STR("more"));
	turns(&s, 2);
	CHECK_STR(str_from(got(s.ends.in)), "last\nmore\n");
	fd_close(&s.ends.in);
	turns(&s, 2);
	CHECK_INT(s.n_close, 1);
	CHECK_INT(s.why, LINE_EOF);
	end(&s);
}

TEST(pipes_that_nobody_reads_any_more_are_the_end)
{
	struct side s;

	begin_with_pipes(&s);
	fd_close(&s.ends.in);
	turns(&s, 2);
	CHECK_INT(s.n_close, 1);
	end(&s);
}

TEST(pipes_are_flushed_at_the_end_of_the_program)
{
	struct side s;

	begin_with_pipes(&s);
	say(&s.c, STR("goodbye"));
	line_conn_flush_now(&s.c);
	CHECK_STR(str_from(got(s.ends.in)), "goodbye\n");
	fd_close(&s.ends.in);
	turns(&s, 2);
	CHECK_INT(s.n_close, 1);
	line_conn_flush_now(&s.c); /* there is nobody: nothing happens */
	end(&s);
}

TEST(pipes_that_cannot_be_watched_are_the_end)
{
	struct side s;

	if (!FAIL_POINTS_BUILT)
		TEST_SKIP("this build has no fail points");
	begin(&s);
	fail_points_set("line_move:1*return");
	CHECK_OK(pipes_offer(s.peer, &s.ends));
	turns(&s, 2);
	fail_points_set(NULL);
	CHECK_INT(s.n_close, 1);
	CHECK_INT(s.why, LINE_ERROR);
	end(&s);
}

TEST(pipes_that_are_full_wait_for_their_reader)
{
	static char text[LONG_BYTES];
	struct side s;
	size_t n = 0;

	begin_with_pipes(&s);
	memset(text, 'x', sizeof(text));
	say(&s.c, (struct str){ text, sizeof(text) });
	for (int i = 0; i < 100000 && n <= sizeof(text); i++) {
		turns(&s, 1);
		ssize_t more = read(s.ends.in, text, sizeof(text));

		n += more > 0 ? (size_t)more : 0;
	}
	CHECK_INT((int64_t)n, (int64_t)sizeof(text) + 1);
	CHECK_INT(s.c.stalled_since_ms, 0);
	end(&s);
}

static void send_fds(int socket, const int *fds, size_t n)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(32 * sizeof(int))];
	} control = { 0 };
	struct iovec text = { "a\n", 2 };
	struct msghdr m = { .msg_iov = &text, .msg_iovlen = 1, .msg_control = &control };

	m.msg_controllen = CMSG_SPACE(n * sizeof(int));
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	CHECK_INT(sendmsg(socket, &m, 0), 2);
}

static int n_open(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

TEST(tm_uds_01_descriptors_that_are_no_two_pipe_ends_are_closed)
{
	int a[2], b[2], null = open("/dev/null", O_RDWR | O_CLOEXEC), many[20];

	CHECK(!pipe2(a, O_CLOEXEC) && !pipe2(b, O_CLOEXEC));
	for (int i = 0; i < 20; i++)
		many[i] = a[i % 2];
	const struct {
		const int *fds;
		size_t n;
	} sent[] = {
		{ (int[]){ null, null }, 2 },       { (int[]){ a[1], b[0] }, 2 },
		{ (int[]){ a[0], null }, 2 },       { (int[]){ a[0] }, 1 },
		{ (int[]){ a[0], b[1], a[0] }, 3 }, { many, 20 },
		{ (int[]){ a[0], a[1] }, 2 },
	};
	for (size_t i = 0; i < ARRAY_LEN(sent); i++) {
		struct side s;

		begin(&s);
		int before = n_open();

		send_fds(s.peer, sent[i].fds, sent[i].n);
		turns(&s, 2);
		CHECK_INT(n_open(), before);
		CHECK(!s.c.has_pipes);
		CHECK_STR(str_from(got(s.peer)), "a\n");    /* it goes on as it was */
		send_fds(s.peer, (int[]){ a[0], b[1] }, 2); /* not with the first bytes */
		turns(&s, 2);
		CHECK_INT(n_open(), before);
		CHECK_STR(str_from(got(s.peer)), "a\n");
		end(&s);
	}
	for (int i = 0; i < 2; i++) {
		fd_close(&a[i]);
		fd_close(&b[i]);
	}
	fd_close(&null);
}

TEST(tm_uds_01_a_socket_that_lingers_does_not_hold_who_closes_it)
{
	int linger_fds[2], copy;
	struct linger l = { .l_onoff = 1, .l_linger = 15 };
	socklen_t n = sizeof(l);
	struct side s;

	begin(&s);
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, linger_fds));
	copy = dup(linger_fds[0]);
	CHECK(!setsockopt(copy, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	send_fds(s.peer, linger_fds, 2);
	turns(&s, 2);
	CHECK(!getsockopt(copy, SOL_SOCKET, SO_LINGER, &l, &n));
	CHECK_INT(l.l_onoff, 0);
	end(&s);
	for (int i = 0; i < 2; i++)
		fd_close(&linger_fds[i]);
	fd_close(&copy);
}

/* The peer holds the very descriptions it sent: whether they block is for it to say. */
TEST(tm_uds_01_a_peer_cannot_make_its_pipes_block)
{
	static char text[LONG_BYTES];
	struct side s;
	int there[2], here[2];

	begin(&s);
	CHECK(!pipe2(there, O_CLOEXEC) && !pipe2(here, O_CLOEXEC));
	send_fds(s.peer, (int[]){ there[0], here[1] }, 2);
	turns(&s, 3);
	CHECK(s.c.has_pipes);
	memset(text, 'x', sizeof(text));
	say(&s.c, (struct str){ text, sizeof(text) });
	turns(&s, 3);
	CHECK(s.c.stalled_since_ms > 0);
	end(&s);
	for (int i = 0; i < 2; i++) {
		fd_close(&there[i]);
		fd_close(&here[i]);
	}
}
