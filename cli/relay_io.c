/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of the relay: reading, whole lines, writing. */
#include "cli/relay_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

#define READ_MAX (64 * 1024)

void relay_lines_init(struct relay_lines *l)
{
	*l = (struct relay_lines){ 0 };
	buf_init(&l->buf, 0);
}

void relay_lines_deinit(struct relay_lines *l)
{
	buf_deinit(&l->buf);
}

int relay_lines_read(struct relay_lines *l, int fd)
{
	char *at = buf_reserve(&l->buf, READ_MAX);

	if (!at)
		return err_nomem();
	ssize_t n = read(fd, at, READ_MAX);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? RELAY_IO_AGAIN : RELAY_IO_END;
	l->buf.tail += (size_t)n;
	return n == 0 ? RELAY_IO_END : 0;
}

bool relay_lines_next(struct relay_lines *l, struct str *line)
{
	struct str all = buf_str(&l->buf);
	const char *end = memchr(all.p + l->scanned, '\n', all.n - l->scanned);

	if (!end) {
		l->scanned = all.n;
		return false;
	}
	size_t from = l->whole;

	l->whole = l->scanned = (size_t)(end - all.p) + 1;
	*line = str_slice(all, from, l->whole);
	return true;
}

void relay_lines_drop_last(struct relay_lines *l, struct str line)
{
	size_t at = l->whole - line.n;
	char *p = l->buf.p + l->buf.head + at;

	memmove(p, p + line.n, buf_len(&l->buf) - l->whole);
	l->buf.tail -= line.n;
	l->whole = l->scanned = at;
}

void relay_lines_drop_rest(struct relay_lines *l)
{
	buf_truncate(&l->buf, l->whole);
	l->scanned = l->whole;
}

void relay_lines_insert(struct relay_lines *l, struct str lines)
{
	if (!buf_reserve(&l->buf, lines.n))
		return;
	char *at = l->buf.p + l->buf.head + l->whole;

	memmove(at + lines.n, at, buf_len(&l->buf) - l->whole);
	memcpy(at, lines.p, lines.n);
	l->buf.tail += lines.n;
	l->whole += lines.n;
	l->scanned += lines.n;
}

void relay_lines_eat(struct relay_lines *l, size_t n)
{
	buf_eat(&l->buf, n);
	l->whole -= n;
	l->scanned -= n;
	if (buf_len(&l->buf) == 0)
		buf_clear(&l->buf);
}

int relay_out_init(struct relay_out *o)
{
	char path[32];
	struct stat st;

	*o = (struct relay_out){ .fd = -1 };
	if (fstat(STDOUT_FILENO, &st))
		return err_sys("there is no stdout");
	o->is_socket = S_ISSOCK(st.st_mode);
	/* A pipe or terminal is opened anew: O_NONBLOCK on the one we were given would hold for
	 * everybody who has it. */
	if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", STDOUT_FILENO);
		o->fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	}
	if (o->fd < 0)
		o->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (o->fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return err_sys("cannot take over stdout");
	return 0;
}

ssize_t relay_out_write(const struct relay_out *o, const void *p, size_t n)
{
	return o->is_socket ? send(o->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL) : write(o->fd, p, n);
}
