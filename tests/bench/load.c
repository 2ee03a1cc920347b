/* SPDX-License-Identifier: Apache-2.0 */
/* A closed-loop client: keeps `depth` calls in flight on each of `conns` connections for some
 * seconds and prints one line, `calls_per_s p50_us p99_us n errors`. One thread, so that it can
 * share a core with what it measures.
 *
 *	bench-load TARGET REQUEST_FILE [conns [depth [seconds [warm_seconds]]]]
 *
 * TARGET: unix:PATH, http:HOST:PORT:PATH, or pipe:COMMAND (one connection). The request is one
 * message; each %ID% in it becomes the call's number, %ONE% one of the lines, all of one length, of
 * the file that $BENCH_LINES names. On HTTP the file begins with header lines, then an empty line,
 * then the body. A reply without "result" in it counts as an error.
 *
 * What the client costs is part of both figures and hides what the server costs: so the message is
 * laid out once (numbers have ten digits), a call patches it in place, and one connection is read
 * without asking epoll first. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	DEPTH_MAX = 256,
	REPLY_MAX = 4 << 20,
	MESSAGE_MAX = 1 << 16,
	DIGITS = 10,
	IDS_MAX = 4,
	GRACE_S = 30, /* a server that does not answer ends the run */
};

#define FIRST_ID 1000000000
#define MORE_IDS 8000000000

struct conn {
	int in, out;
	char *p; /* what was read and is not a whole reply yet */
	size_t n, cap;
	int64_t begun[DEPTH_MAX]; /* a ring: replies are taken to come in order */
	unsigned first, n_open;
};

struct load {
	const char *target;
	char *request, *head;
	char *lines; /* what %ONE% is drawn from */
	size_t line_len, n_lines;
	char message[MESSAGE_MAX]; /* as it is sent, with the places to patch */
	size_t n_message, ids[IDS_MAX], n_ids, one;
	uint64_t seed;
	bool is_http;
	int n_conns, depth;
	int64_t id, warm_until, until, n_errors;
	uint32_t *samples;
	size_t n_samples, cap_samples;
	struct conn *conns;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "bench-load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "re");
	char *p = calloc(1, 1 << 20);

	if (!f || !p || fread(p, 1, (1 << 20) - 1, f) == 0)
		die(path);
	fclose(f);
	return p;
}

/* The lines that %ONE% is drawn from, when there are any. */
static void read_lines(struct load *l)
{
	const char *path = getenv("BENCH_LINES");
	FILE *f = path ? fopen(path, "re") : NULL;
	size_t n;

	if (!path)
		return;
	if (!f || fseek(f, 0, SEEK_END))
		die(path);
	n = (size_t)ftell(f);
	rewind(f);
	l->lines = calloc(1, n + 1);
	if (!l->lines || fread(l->lines, 1, n, f) != n || !strchr(l->lines, '\n'))
		die(path);
	fclose(f);
	l->line_len = strcspn(l->lines, "\n");
	l->n_lines = n / (l->line_len + 1);
}

static int open_unix(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)))
		die(path);
	return fd;
}

static int open_tcp(const char *target)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	char host[64];
	int port, one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (sscanf(target, "http:%63[^:]:%d:", host, &port) != 2 ||
	    inet_pton(AF_INET, host, &a.sin_addr) != 1)
		die(target);
	a.sin_port = htons((uint16_t)port);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)))
		die(target);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void open_pipe(struct conn *c, const char *command)
{
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		die("pipe");
	if (fork() == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	c->in = from[0];
	c->out = to[1];
}

static void open_conn(struct load *l, struct conn *c)
{
	if (strncmp(l->target, "pipe:", 5) == 0)
		open_pipe(c, l->target + 5);
	else
		c->in = c->out = l->is_http ? open_tcp(l->target) : open_unix(l->target + 5);
	c->cap = 1 << 16;
	c->p = malloc(c->cap);
	if (!c->p)
		die("memory");
}

static void put(struct load *l, const char *p, size_t n)
{
	if (n > sizeof(l->message) - l->n_message)
		die("the request is too long");
	memcpy(l->message + l->n_message, p, n);
	l->n_message += n;
}

/* The request with its marks replaced by as many bytes as will stand there. */
static void put_body(struct load *l)
{
	const char *p = l->request;

	while (*p) {
		if (strncmp(p, "%ID%", 4) == 0 && l->n_ids < IDS_MAX) {
			l->ids[l->n_ids++] = l->n_message;
			put(l, "0123456789", DIGITS);
			p += 4;
		} else if (l->lines && strncmp(p, "%ONE%", 5) == 0) {
			l->one = l->n_message;
			put(l, l->lines, l->line_len);
			p += 5;
		} else {
			put(l, p++, 1);
		}
	}
}

static void lay_out(struct load *l)
{
	char length[64];
	size_t n;

	/* a run's numbers are no other run's: calls take longer than a microsecond */
	l->id = FIRST_ID + now_ns() / 1000 % MORE_IDS;
	put_body(l);
	if (!l->is_http) {
		put(l, "\n", 1);
		return;
	}
	n = l->n_message;
	l->n_message = l->n_ids = 0;
	put(l, l->head, strlen(l->head));
	put(l, length, (size_t)snprintf(length, sizeof(length), "Content-Length: %zu\r\n\r\n", n));
	put_body(l);
}

/* The next call's number and line. */
static void patch(struct load *l)
{
	char digits[DIGITS];
	int64_t id = ++l->id;

	for (int i = DIGITS; i-- > 0; id /= 10)
		digits[i] = (char)('0' + id % 10);
	for (size_t i = 0; i < l->n_ids; i++)
		memcpy(l->message + l->ids[i], digits, DIGITS);
	if (l->one) {
		l->seed = l->seed * 6364136223846793005ULL + 1442695040888963407ULL;
		memcpy(l->message + l->one,
		       l->lines + (l->seed >> 33) % l->n_lines * (l->line_len + 1), l->line_len);
	}
}

static void send_one(struct load *l, struct conn *c)
{
	size_t at = 0;

	patch(l);
	c->begun[(c->first + c->n_open++) % DEPTH_MAX] = now_ns();
	while (at < l->n_message) {
		ssize_t w = write(c->out, l->message + at, l->n_message - at);

		if (w < 0 && errno != EINTR)
			die("write");
		at += w > 0 ? (size_t)w : 0;
	}
}

/* Bytes of the first whole reply in the buffer, 0 when there is none yet. */
static size_t whole_reply(const struct load *l, const struct conn *c)
{
	const char *end, *length;

	if (!l->is_http) {
		end = memchr(c->p, '\n', c->n);
		return end ? (size_t)(end - c->p) + 1 : 0;
	}
	end = memmem(c->p, c->n, "\r\n\r\n", 4);
	if (!end)
		return 0;
	length = memmem(c->p, (size_t)(end - c->p), "ontent-Length: ", 15);
	if (!length)
		length = memmem(c->p, (size_t)(end - c->p), "ontent-length: ", 15);
	size_t n = (size_t)(end - c->p) + 4 + (length ? strtoul(length + 15, NULL, 10) : 0);
	return n <= c->n ? n : 0;
}

static void take_sample(struct load *l, int64_t ns)
{
	if (l->n_samples == l->cap_samples) {
		l->cap_samples = l->cap_samples ? l->cap_samples * 2 : 1 << 16;
		l->samples = realloc(l->samples, l->cap_samples * sizeof(*l->samples));
		if (!l->samples)
			die("memory");
	}
	l->samples[l->n_samples++] = ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

static void take_reply(struct load *l, struct conn *c, size_t n)
{
	int64_t now = now_ns(), begun = c->begun[c->first];

	if (!memmem(c->p, n, "\"result\"", 8) && ++l->n_errors <= 3)
		fprintf(stderr, "bench-load: %.*s\n", (int)(n < 300 ? n : 300), c->p);
	c->first = (c->first + 1) % DEPTH_MAX;
	c->n_open--;
	if (begun >= l->warm_until && now <= l->until)
		take_sample(l, now - begun);
	memmove(c->p, c->p + n, c->n - n);
	c->n -= n;
	if (now < l->until)
		send_one(l, c);
}

static void on_readable(struct load *l, struct conn *c)
{
	size_t n;
	ssize_t r;

	if (c->cap - c->n < 1 << 15) {
		c->cap *= 2;
		c->p = c->cap > REPLY_MAX * 2 ? NULL : realloc(c->p, c->cap);
		if (!c->p)
			die("a reply is too large");
	}
	r = read(c->in, c->p + c->n, c->cap - c->n);
	if (r == 0)
		errno = ECONNRESET;
	if (r <= 0)
		die("read");
	c->n += (size_t)r;
	while (c->n > 0 && c->n_open > 0 && (n = whole_reply(l, c)) > 0)
		take_reply(l, c, n);
}

static void run_many(struct load *l)
{
	struct epoll_event events[64];
	int ep = epoll_create1(EPOLL_CLOEXEC);
	unsigned n_open;

	for (int i = 0; i < l->n_conns; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = &l->conns[i] };

		epoll_ctl(ep, EPOLL_CTL_ADD, l->conns[i].in, &e);
	}
	do {
		int n = epoll_wait(ep, events, 64, 100);

		for (int i = 0; i < n; i++)
			on_readable(l, events[i].data.ptr);
		n_open = 0;
		for (int i = 0; i < l->n_conns; i++)
			n_open += l->conns[i].n_open;
	} while (n_open && now_ns() < l->until + 200000000);
	close(ep);
}

static void run(struct load *l)
{
	for (int i = 0; i < l->n_conns; i++) {
		open_conn(l, &l->conns[i]);
		for (int k = 0; k < l->depth; k++)
			send_one(l, &l->conns[i]);
	}
	if (l->n_conns > 1)
		run_many(l);
	else
		while (l->conns->n_open)
			on_readable(l, l->conns);
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void split_head(struct load *l)
{
	char *end = strstr(l->request, "\n\n"), *out;
	const char *path = strrchr(l->target, ':') + 1;

	if (!end)
		die("an HTTP request begins with header lines");
	*end = 0;
	out = malloc(strlen(l->request) * 2 + 512);
	if (!out)
		die("memory");
	l->head = out;
	out += sprintf(out, "POST %s HTTP/1.1\r\n", path);
	for (char *line = strtok(l->request, "\n"); line; line = strtok(NULL, "\n"))
		out += sprintf(out, "%s\r\n", line);
	l->request = end + 2;
}

int main(int argc, char **argv)
{
	static struct load l;
	double seconds = argc > 5 ? atof(argv[5]) : 1.5, warm = argc > 6 ? atof(argv[6]) : 0.3;
	int64_t now = now_ns();

	l.n_conns = argc > 3 ? atoi(argv[3]) : 1;
	l.depth = argc > 4 ? atoi(argv[4]) : 1;
	if (argc < 3 || l.depth > DEPTH_MAX || l.n_conns < 1 || l.depth < 1)
		die("TARGET REQUEST_FILE [conns [depth [seconds [warm_seconds]]]]");
	l.target = argv[1];
	l.request = read_file(argv[2]);
	read_lines(&l);
	l.is_http = strncmp(l.target, "http:", 5) == 0;
	if (l.is_http)
		split_head(&l);
	l.request[strcspn(l.request, "\n")] = 0;
	lay_out(&l);
	l.conns = calloc((size_t)l.n_conns, sizeof(*l.conns));
	if (!l.conns)
		die("memory");
	l.warm_until = now + (int64_t)(warm * 1e9);
	l.until = l.warm_until + (int64_t)(seconds * 1e9);
	alarm((unsigned)(seconds + warm) + GRACE_S);
	run(&l);
	qsort(l.samples, l.n_samples, sizeof(*l.samples), compare);
	if (l.n_samples == 0)
		die("nothing was measured");
	printf("%.0f %.1f %.1f %zu %lld\n", (double)l.n_samples / seconds,
	       l.samples[l.n_samples / 2] / 1e3, l.samples[l.n_samples * 99 / 100] / 1e3,
	       l.n_samples, (long long)l.n_errors);
	return 0;
}
