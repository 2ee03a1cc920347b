/* SPDX-License-Identifier: Apache-2.0 */
/* Line framing. The same bytes, split as the input's first bytes say, give the lines that a plain
 * split of the whole gives, whatever the limit; and the buffer stays within limit and one read. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "transport/line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT_MAX 300

struct subject {
	struct line_conn conn;
	struct buf seen; /* lines with '\n' behind, "\1\n" for one that was too long */
	bool is_closed;
};

static void on_line(struct line_conn *c, struct str line)
{
	struct subject *s = container_of(c, struct subject, conn);

	assert(line.n && line.n <= c->line_max);
	buf_put_str(&s->seen, line);
	buf_put_char(&s->seen, '\n');
}

static void on_too_long(struct line_conn *c)
{
	BUF_LIT(&container_of(c, struct subject, conn)->seen, "\1\n");
}

static void on_close(struct line_conn *c, enum line_close why)
{
	container_of(c, struct subject, conn)->is_closed = true;
}

static const struct line_ops ops = { on_line, on_too_long, NULL, on_close };

/* What a reader of the whole would see. */
static void expect(struct str all, size_t limit, struct buf *out)
{
	for (size_t at = 0; at < all.n;) {
		size_t end = str_find(all, '\n', at);
		struct str line = str_slice(all, at, end);

		if (end == all.n && line.n <= limit)
			return; /* unfinished: nobody has seen it */
		at = end + 1;
		if (line.n > limit) {
			BUF_LIT(out, "\1\n");
			continue;
		}
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		buf_put_str(out, line);
		if (line.n)
			buf_put_char(out, '\n');
	}
}

static void feed(struct loop *l, struct subject *s, int fd, struct str text, uint32_t seed)
{
	while (text.n) {
		size_t n = seed & 1 ? text.n : 1 + (seed >> 8) % 97;
		ssize_t sent = send(fd, text.p, MIN(n, text.n), MSG_NOSIGNAL);

		if (sent > 0)
			text = str_slice(text, (size_t)sent, text.n);
		if (sent < 0 || seed & 2) {
			int e = loop_turn(l, 0);

			assert(!e);
		}
		assert(s->conn.in.cap <= 4 * 65536 + 2 * LIMIT_MAX);
		seed = seed * 1103515245u + 12345u;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct clock clock = { .is_fake = true };
	struct subject s = { 0 };
	struct buf want = { 0 };
	struct loop *l = NULL;
	struct str text;
	int fds[2];
	int e;

	if (size < 5)
		return 0;
	text = (struct str){ (const char *)data + 5, size - 5 };
	e = loop_new(&clock, &l);
	assert(!e);
	e = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds);
	assert(!e);
	e = line_conn_init(&s.conn, l, fds[0], &ops);
	assert(!e);
	s.conn.line_max = 1 + data[4] % LIMIT_MAX;
	feed(l, &s, fds[1], text,
	     (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16);
	close(fds[1]);
	for (int i = 0; i < 1000 && !s.is_closed; i++) {
		e = loop_turn(l, 0);
		assert(!e);
	}
	assert(s.is_closed);
	expect(text, s.conn.line_max, &want);
	assert(str_eq(buf_str(&want), buf_str(&s.seen)));
	line_conn_deinit(&s.conn);
	buf_deinit(&s.seen);
	buf_deinit(&want);
	loop_free(l);
	return 0;
}
