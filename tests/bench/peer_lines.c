/* SPDX-License-Identifier: Apache-2.0 */
/* The limit for lines: answers each newline with so many bytes and does nothing else.
 *
 *	bench-peer-lines REPLY_BYTES unix:PATH | pipe */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char reply[1 << 20];
static size_t n_reply;

/* 0 when the peer has gone. */
static int serve(int in, int out)
{
	static char input[1 << 16], output[1 << 22];
	ssize_t n = read(in, input, sizeof(input));
	size_t n_out = 0, at = 0;

	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	for (const char *p = input;
	     (p = memchr(p, '\n', (size_t)(input + n - p))) && n_out + n_reply <= sizeof(output);
	     p++) {
		memcpy(output + n_out, reply, n_reply);
		n_out += n_reply;
	}
	while (at < n_out) {
		ssize_t w = write(out, output + at, n_out - at);

		if (w < 0 && errno != EINTR && errno != EAGAIN)
			return 0;
		at += w > 0 ? (size_t)w : 0;
	}
	return 1;
}

static int serve_unix(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd }, events[64];

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	unlink(path);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 64) ||
	    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e))
		return 1;
	for (;;) {
		int n = epoll_wait(ep, events, 64, -1);

		for (int i = 0; i < n; i++) {
			int which = events[i].data.fd;

			if (which == fd) {
				e.data.fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
				epoll_ctl(ep, EPOLL_CTL_ADD, e.data.fd, &e);
			} else if (!serve(which, which)) {
				close(which);
			}
		}
	}
}

int main(int argc, char **argv)
{
	n_reply = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	if (argc < 3 || n_reply < 16 || n_reply > sizeof(reply))
		return 2;
	memset(reply, 'x', n_reply);
	memcpy(reply, "\"result\"", 8);
	reply[n_reply - 1] = '\n';
	if (strcmp(argv[2], "pipe") != 0)
		return serve_unix(argv[2] + 5);
	while (serve(0, 1))
		;
	return 0;
}
