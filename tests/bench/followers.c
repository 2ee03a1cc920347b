/* SPDX-License-Identifier: Apache-2.0 */
/* Readers of one stream of events: how late each gets an event, from before it is fired to its line
 *being read. One thread follows with all connections; prints `p50_us p99_us max_us n`.
 *
 *	bench-followers SOCKET [readers [events]] */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const char follow[] =
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"events.follow\",\"params\":"
    "{\"kinds\":[\"bench.*\"]}}\n";
static const char fire[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"events.fire\",\"params\":"
			   "{\"kind\":\"bench.spoke\"}}\n";

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void die(const char *what)
{
	fprintf(stderr, "bench-followers: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int say(const char *path, const char *line)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    write(fd, line, strlen(line)) != (ssize_t)strlen(line))
		die(path);
	return fd;
}

/* Lines of a connection, of which at least one has come: frames are small and come whole. */
static int read_lines(int fd, const char *mark)
{
	char text[65536];
	ssize_t n = read(fd, text, sizeof(text) - 1);
	int lines = 0;

	if (n <= 0)
		die("read");
	text[n] = 0;
	for (char *p = text; (p = strstr(p, mark)); p += strlen(mark))
		lines++;
	return lines;
}

static int open_all(const char *path, int n)
{
	struct epoll_event e = { .events = EPOLLIN };
	struct rlimit limit;
	int ep = epoll_create1(EPOLL_CLOEXEC);

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	for (int i = 0; i < n; i++) {
		e.data.fd = say(path, follow);
		if (read_lines(e.data.fd, "\"connected\"") != 1)
			die("no stream");
		epoll_ctl(ep, EPOLL_CTL_ADD, e.data.fd, &e);
	}
	return ep;
}

static int by_size(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[2]) : 1000, rounds = argc > 3 ? atoi(argv[3]) : 50;
	struct epoll_event events[256];
	int64_t *late, begun;
	size_t n_late = 0;
	int ep;

	if (argc < 2 || n < 1 || rounds < 1)
		die("SOCKET [readers [events]]");
	late = calloc((size_t)n * (size_t)rounds, sizeof(*late));
	if (!late)
		die("memory");
	ep = open_all(argv[1], n);
	for (int round = 0; round < rounds; round++) {
		begun = now_us();
		int speaker = say(argv[1], fire);
		for (int left = n; left > 0;) {
			int ready = epoll_wait(ep, events, 256, 10000);

			if (ready <= 0)
				die("an event did not come");
			for (int i = 0; i < ready && left > 0; i++) {
				if (read_lines(events[i].data.fd, "bench.spoke") != 1)
					die("not one event");
				late[n_late++] = now_us() - begun;
				left--;
			}
		}
		close(speaker);
	}
	qsort(late, n_late, sizeof(*late), by_size);
	printf("%lld %lld %lld %zu\n", (long long)late[n_late / 2],
	       (long long)late[n_late * 99 / 100], (long long)late[n_late - 1], n_late);
	return 0;
}
