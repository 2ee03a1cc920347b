/* SPDX-License-Identifier: Apache-2.0 */
/* Offering and taking pipes. */
#include "transport/pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

/* All that one message can hold (SCM_MAX_FD): none is left to the kernel to close. */
#define FDS_MAX 253

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

void pipe_pair_close(struct pipe_pair *p)
{
	fd_close(&p->in);
	fd_close(&p->out);
}

static int send_ends(int socket, const int ends[2])
{
	char newline = '\n';
	struct iovec text = { &newline, 1 };
	union control control = { 0 };
	struct msghdr m = { .msg_iov = &text,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = CMSG_SPACE(2 * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(2 * sizeof(int));
	memcpy(CMSG_DATA(c), ends, 2 * sizeof(int));
	return sendmsg(socket, &m, MSG_NOSIGNAL) == 1 ? 0 : err_sys("cannot send pipes");
}

int pipes_offer(int socket, struct pipe_pair *out)
{
	int there[2] = { -1, -1 }, here[2] = { -1, -1 }; /* read end, write end */
	int e = 0;

	*out = (struct pipe_pair){ -1, -1 };
	if (pipe2(there, O_CLOEXEC | O_NONBLOCK) || pipe2(here, O_CLOEXEC | O_NONBLOCK))
		e = err_sys("cannot make a pipe");
	else
		e = send_ends(socket, (int[]){ there[0], here[1] });
	fd_close(&there[0]);
	fd_close(&here[1]);
	if (e) {
		fd_close(&there[1]);
		fd_close(&here[0]);
		return err_trace(e);
	}
	*out = (struct pipe_pair){ .in = here[0], .out = there[1] };
	return 0;
}

/* -1: it is no pipe, or not this end of one. */
static int open_anew(int fd, int mode)
{
	char path[32];
	struct stat st;

	if (fstat(fd, &st) || !S_ISFIFO(st.st_mode) ||
	    (fcntl(fd, F_GETFL) & O_ACCMODE) != (unsigned)mode)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, mode | O_NONBLOCK | O_CLOEXEC);
}

/* Both ends of one: nobody else would be needed to keep such a connection for ever. */
static bool is_one_pipe(const int ends[2])
{
	struct stat a, b;

	return !fstat(ends[0], &a) && !fstat(ends[1], &b) && a.st_ino == b.st_ino &&
	       a.st_dev == b.st_dev;
}

/* What came is closed on the loop, and may be anything: of a socket the sender said how long its
 * last close waits. */
static void drop(int *fd)
{
	const struct linger none = { 0 };

	(void)setsockopt(*fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)); /* most are no sockets */
	fd_close(fd);
}

/* Closes all that came. */
static void take_ends(struct msghdr *m, struct pipe_pair *out)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		int ends[FDS_MAX];
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || n > FDS_MAX)
			continue;
		memcpy(ends, CMSG_DATA(c), n * sizeof(int));
		if (n == 2 && out->in < 0 && !is_one_pipe(ends))
			*out = (struct pipe_pair){ open_anew(ends[0], O_RDONLY),
						   open_anew(ends[1], O_WRONLY) };
		for (size_t i = 0; i < n; i++)
			drop(&ends[i]);
	}
	if (out->in < 0 || out->out < 0)
		pipe_pair_close(out);
}

ssize_t pipes_read_first(int socket, void *p, size_t n, struct pipe_pair *out)
{
	struct iovec text = { p, n };
	union control control;
	struct msghdr m = { .msg_iov = &text,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	ssize_t got = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);

	*out = (struct pipe_pair){ -1, -1 };
	if (got > 0) {
		int saved = errno;

		take_ends(&m, out);
		errno = saved;
	}
	return got;
}
