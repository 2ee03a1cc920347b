/* SPDX-License-Identifier: Apache-2.0 */
/* flood HOST PORT TOKEN CONNS: so many HTTP callers, each writing one event after the other, who
 * come again after `retry_after_ms` when they are refused. Says `ready` when all are connected;
 * then for each line `N SECONDS` of its input the first N of them call for so long, and it prints
 * `served_per_s refused odd served_p50_us refused_p50_us refused_p99_us`. What is odd (no result,
 * and no refusal that says when to come again) goes to stderr. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	REPLY_MAX = 4096,
	REQUEST_MAX = 1024,
	SAMPLES_MAX = 1 << 20,
	ODD_TOLD = 3,
	ARRIVE_US = 100, /* one after the other, or they wait for this program */
	DRAIN_US = 20000000,
};

struct samples {
	uint32_t *us;
	size_t n;
};

struct caller {
	int fd;
	int64_t begun_us;
	size_t n;
	char reply[REPLY_MAX];
};

struct flood {
	struct caller *callers;
	int64_t *again_us; /* by caller, apart from them for the sake of the cache; 0: a call is
			      under way */
	long n_connected, n_callers, n_open, n_odd;
	struct samples served, refused;
	char request[REQUEST_MAX];
	size_t n_request;
	int64_t until_us;
	int epoll;
};

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void take(struct samples *s, int64_t us)
{
	if (s->n < SAMPLES_MAX)
		s->us[s->n++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static void call(struct flood *f, struct caller *c)
{
	c->n = 0;
	f->again_us[c - f->callers] = 0;
	f->n_open++;
	c->begun_us = now_us();
	if (write(c->fd, f->request, f->n_request) != (ssize_t)f->n_request)
		die("write");
}

static int connect_one(const char *host, const char *port, long i)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	struct sockaddr_in from = { .sin_family = AF_INET };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* several addresses of our own: one has not ports enough that are not just closing */
	from.sin_addr.s_addr = htonl(0x7f000101 + (uint32_t)(i % 8));
	if (fd < 0 || inet_pton(AF_INET, host, &to.sin_addr) != 1 ||
	    bind(fd, (struct sockaddr *)&from, sizeof(from)) ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)))
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* Is the whole reply there? Its head has a Content-Length. */
static int is_whole(const struct caller *c)
{
	const char *end = memmem(c->reply, c->n, "\r\n\r\n", 4);
	const char *length = end ? memmem(c->reply, (size_t)(end - c->reply), "ontent-Length: ", 15)
				 : NULL;

	return length && c->n >= (size_t)(end + 4 - c->reply) + strtoul(length + 15, NULL, 10);
}

static void take_reply(struct flood *f, struct caller *c)
{
	const char *again = memmem(c->reply, c->n, "\"retry_after_ms\":", 17);
	int64_t now = now_us(), took = now - c->begun_us;

	f->n_open--;
	if (now >= f->until_us)
		return;
	if (memmem(c->reply, c->n, "\"result\":", 9)) {
		take(&f->served, took);
		f->again_us[c - f->callers] = now;
	} else if (again && (memmem(c->reply, c->n, "\"overloaded\"", 12) ||
			     memmem(c->reply, c->n, "\"too_many_requests\"", 19))) {
		take(&f->refused, took);
		f->again_us[c - f->callers] = now + 1000 * strtol(again + 17, NULL, 10);
	} else if (f->n_odd++ < ODD_TOLD) {
		fprintf(stderr, "flood: %.*s\n", (int)c->n, c->reply);
		f->again_us[c - f->callers] = now;
	}
	if (f->again_us[c - f->callers] == now)
		call(f, c);
}

static void on_readable(struct flood *f, struct caller *c)
{
	ssize_t n = read(c->fd, c->reply + c->n, sizeof(c->reply) - c->n);

	if (n <= 0)
		die("read");
	c->n += (size_t)n;
	if (is_whole(c))
		take_reply(f, c);
}

static void call_those_due(struct flood *f)
{
	int64_t now = now_us();

	for (long i = 0; i < f->n_callers; i++)
		if (f->again_us[i] && f->again_us[i] <= now)
			call(f, &f->callers[i]);
}

static void read_replies(struct flood *f)
{
	struct epoll_event events[256];
	int n = epoll_wait(f->epoll, events, 256, 2);

	for (int i = 0; i < n; i++)
		on_readable(f, events[i].data.ptr);
}

/* Until the time is over, and then until nobody waits for an answer any more. */
static void run(struct flood *f)
{
	int64_t looked_us = 0;

	for (long i = 0; i < f->n_callers; i++)
		f->again_us[i] = now_us() + i * ARRIVE_US;
	while (now_us() < f->until_us) {
		read_replies(f);
		if (now_us() - looked_us > 2000) {
			looked_us = now_us();
			call_those_due(f);
		}
	}
	while (f->n_open > 0 && now_us() < f->until_us + DRAIN_US)
		read_replies(f);
	if (f->n_open > 0) {
		fprintf(stderr, "flood: %ld calls are never answered\n", f->n_open);
		exit(1);
	}
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static uint32_t at(struct samples *s, size_t percent)
{
	qsort(s->us, s->n, sizeof(*s->us), compare);
	return s->n ? s->us[(s->n - 1) * percent / 100] : 0;
}

static size_t put_request(char out[REQUEST_MAX], char **argv, const char *body)
{
	return (size_t)snprintf(out, REQUEST_MAX,
				"POST /rpc HTTP/1.1\r\nHost: %s:%s\r\nAuthorization: Bearer %s\r\n"
				"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
				argv[1], argv[2], argv[3], strlen(body), body);
}

/* One after the other, each with a first call: who is not known yet gets few connections. */
static void connect_all(struct flood *f, char **argv)
{
	char ping[REQUEST_MAX], reply[REPLY_MAX];
	size_t n = put_request(ping, argv,
			       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system.ping\"}");

	for (long i = 0; i < f->n_connected; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = &f->callers[i] };
		int fd = f->callers[i].fd = connect_one(argv[1], argv[2], i);

		if (write(fd, ping, n) != (ssize_t)n || read(fd, reply, sizeof(reply)) <= 0)
			die("ping");
		if (epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &e) != 0)
			die("epoll");
	}
}

static void set_up(struct flood *f, char **argv)
{
	f->n_connected = atol(argv[4]);
	f->callers = calloc((size_t)f->n_connected, sizeof(*f->callers));
	f->again_us = calloc((size_t)f->n_connected, sizeof(*f->again_us));
	f->served.us = calloc(SAMPLES_MAX, sizeof(uint32_t));
	f->refused.us = calloc(SAMPLES_MAX, sizeof(uint32_t));
	f->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!f->callers || !f->again_us || !f->served.us || !f->refused.us || f->epoll < 0)
		die("memory");
	f->n_request =
	    put_request(f->request, argv,
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"events.fire\",\"params\":"
			"{\"kind\":\"flood.came\"}}");
	connect_all(f, argv);
}

int main(int argc, char **argv)
{
	struct flood f = { 0 };
	double seconds;

	if (argc != 5) {
		fprintf(stderr, "flood HOST PORT TOKEN CONNS\n");
		return 2;
	}
	set_up(&f, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("ready\n");
	while (scanf("%ld %lf", &f.n_callers, &seconds) == 2 && f.n_callers <= f.n_connected) {
		f.served.n = f.refused.n = 0;
		f.until_us = now_us() + (int64_t)(seconds * 1e6);
		run(&f);
		printf("%.0f %zu %ld %u %u %u\n", (double)f.served.n / seconds, f.refused.n,
		       f.n_odd, at(&f.served, 50), at(&f.refused, 50), at(&f.refused, 99));
	}
	return 0;
}
