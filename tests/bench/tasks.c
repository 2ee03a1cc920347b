/* SPDX-License-Identifier: Apache-2.0 */
/* Clients of the queue, over the Unix socket, in one thread.
 *
 *	bench-tasks SOCKET work CONNS SECONDS   claim and complete, each connection in turn
 *	bench-tasks SOCKET chain CONNS SECONDS  the completion and the next claim in one call
 *	bench-tasks SOCKET create CONNS SECONDS
 *	bench-tasks SOCKET wake TRIALS 0        one waits, another creates: how late it is woken
 *	bench-tasks SOCKET wait CONNS SECONDS   connections that wait, and nothing happens; `all
 *wait` is printed when it begins bench-tasks SOCKET receive CONNS SECONDS   each at a mailbox of
 *its own (m0, m1, …)
 *
 * Prints `rounds_per_s p50_us p99_us n`; of work the times are those of the claim. */
#include <errno.h>
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

enum { REPLY_MAX = 16384, SAMPLES_MAX = 1 << 22, WARM_US = 300000 };

struct client {
	int fd;
	char p[REPLY_MAX];
	size_t n;
	int64_t begun;
	bool has_claim; /* the call under way is the completion, of a chain also the next claim */
};

struct bench {
	const char *path;
	struct client *clients;
	int n_clients, epoll;
	bool is_work, is_chain;
	int64_t warm_until, until, n_rounds;
	uint32_t *samples;
	size_t n_samples;
};

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void die(const char *what)
{
	fprintf(stderr, "bench-tasks: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int dial(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		die(path);
	return fd;
}

static void say(struct client *c, const char *text)
{
	size_t n = strlen(text);

	if (write(c->fd, text, n) != (ssize_t)n)
		die("write");
}

/* What was claimed is in the last list of the reply. */
static const char *claimed(const char *reply)
{
	static const char list[] = "\"items\":[";
	const char *last = reply;

	for (const char *p = reply; (p = strstr(p, list)); p += sizeof(list) - 1)
		last = p;
	return last;
}

/* The value of a text member of the claimed task. */
static void member(const char *reply, const char *name, char out[64])
{
	char key[32];
	const char *at;

	snprintf(key, sizeof(key), "\"%s\":\"", name);
	at = strstr(claimed(reply), key);
	if (!at) {
		fprintf(stderr, "bench-tasks: no %s in %.300s\n", name, reply);
		exit(1);
	}
	at += strlen(key);
	snprintf(out, 64, "%.*s", (int)strcspn(at, "\""), at);
}

#define CALL(method, params) \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":{" params "}}\n"

static void ask(struct bench *b, struct client *c)
{
	c->begun = now_us();
	say(c, b->is_work ? CALL("tasks.claim", "\"wait_ms\":30000")
			  : CALL("tasks.create", "\"subject\":\"a task\",\"payload\":{\"n\":1}"));
}

static void keep_sample(struct bench *b, const struct client *c)
{
	int64_t now = now_us();

	if (c->begun >= b->warm_until && b->n_samples < SAMPLES_MAX)
		b->samples[b->n_samples++] = (uint32_t)(now - c->begun);
}

/* Not the first of a task whose client ended with an earlier run. */
static int attempt(const char *reply)
{
	static const char key[] = "\"attempt\":";
	const char *at = strstr(claimed(reply), key);

	return at ? atoi(at + sizeof(key) - 1) : 0;
}

#define PROOF "\"id\":\"%s\",\"attempt\":%d,\"token\":\"%s\",\"result\":{\"n\":1}"

static void complete(struct client *c, bool is_chain)
{
	static const char alone[] = CALL("tasks.complete", PROOF);
	static const char chain[] = CALL("system.batch",
					 "\"atomic\":true,\"calls\":["
					 "{\"method\":\"tasks.complete\",\"params\":{" PROOF "}},"
					 "{\"method\":\"tasks.claim\",\"params\":{}}]");
	char id[64], token[64], line[512];

	member(c->p, "short_id", id);
	member(c->p, "token", token);
	snprintf(line, sizeof(line), is_chain ? chain : alone, id, attempt(c->p), token);
	say(c, line);
}

static void on_reply(struct bench *b, struct client *c)
{
	if (!strstr(c->p, "\"result\"")) {
		fprintf(stderr, "bench-tasks: %.300s\n", c->p);
		exit(1);
	}
	if (!c->has_claim || b->is_chain)
		keep_sample(b, c);
	if (c->has_claim || !b->is_work)
		b->n_rounds += now_us() >= b->warm_until;
	c->begun = now_us();
	c->has_claim = b->is_work && (b->is_chain || !c->has_claim);
	if (c->has_claim)
		complete(c, b->is_chain);
	else
		ask(b, c);
}

static bool read_reply(struct client *c)
{
	ssize_t n = read(c->fd, c->p + c->n, sizeof(c->p) - c->n - 1);

	if (n <= 0)
		die("read");
	c->n += (size_t)n;
	c->p[c->n] = '\0';
	if (c->p[c->n - 1] != '\n')
		return false;
	c->n = 0;
	return true;
}

static void open_clients(struct bench *b)
{
	b->clients = calloc((size_t)b->n_clients, sizeof(*b->clients));
	b->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!b->clients || b->epoll < 0)
		die("clients");
	for (int i = 0; i < b->n_clients; i++) {
		struct epoll_event ev = { .events = EPOLLIN, .data.ptr = &b->clients[i] };

		b->clients[i].fd = dial(b->path);
		if (epoll_ctl(b->epoll, EPOLL_CTL_ADD, b->clients[i].fd, &ev))
			die("epoll_ctl");
	}
}

static void run(struct bench *b)
{
	struct epoll_event events[64];

	for (int i = 0; i < b->n_clients; i++)
		ask(b, &b->clients[i]);
	while (now_us() < b->until) {
		int n = epoll_wait(b->epoll, events, 64, 100);

		for (int i = 0; i < n; i++) {
			struct client *c = events[i].data.ptr;

			if (read_reply(c))
				on_reply(b, c);
		}
	}
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void report(struct bench *b, double seconds)
{
	size_t n = b->n_samples;

	qsort(b->samples, n, sizeof(*b->samples), by_size);
	printf("%.1f %u %u %zu\n", (double)b->n_rounds / seconds, n ? b->samples[n / 2] : 0,
	       n ? b->samples[n * 99 / 100] : 0, n);
}

static void wake(struct bench *b, int n_trials)
{
	struct client *waiter, *maker;

	b->n_clients = 2;
	open_clients(b);
	waiter = &b->clients[0];
	maker = &b->clients[1];
	for (int i = 0; i < n_trials; i++) {
		say(waiter, CALL("tasks.claim", "\"queue\":\"wake\",\"wait_ms\":30000"));
		usleep(3000); /* until it waits: what is measured begins afterwards */
		waiter->begun = now_us();
		say(maker, CALL("tasks.create", "\"queue\":\"wake\""));
		while (!read_reply(waiter))
			;
		keep_sample(b, waiter);
		b->n_rounds++;
		complete(waiter, false);
		while (!read_reply(waiter) || !read_reply(maker))
			;
	}
	report(b, 1);
}

static void say_wait(struct bench *b, struct client *c, bool is_mail)
{
	char text[128];

	if (is_mail)
		snprintf(text, sizeof(text),
			 CALL("mailboxes.receive", "\"id\":\"m%d\",\"wait_ms\":60000"),
			 (int)(c - b->clients));
	else
		snprintf(text, sizeof(text), "%s",
			 CALL("tasks.claim", "\"queue\":\"never\",\"wait_ms\":60000"));
	say(c, text);
}

/* Until all wait: who came in too large a crowd says it again. */
static void settle(struct bench *b, bool is_mail)
{
	struct epoll_event events[64];
	int n;

	while ((n = epoll_wait(b->epoll, events, 64, 500)) > 0)
		for (int i = 0; i < n; i++) {
			struct client *c = events[i].data.ptr;

			if (!read_reply(c))
				continue;
			if (!strstr(c->p, "overloaded")) {
				fprintf(stderr, "bench-tasks: %.300s\n", c->p);
				exit(1);
			}
			say_wait(b, c, is_mail);
		}
}

static void wait_quietly(struct bench *b, bool is_mail, int seconds)
{
	struct epoll_event event;

	open_clients(b);
	for (int i = 0; i < b->n_clients; i++)
		say_wait(b, &b->clients[i], is_mail);
	settle(b, is_mail);
	puts("all wait");
	fflush(stdout);
	sleep((unsigned)seconds); /* the measured thing is that nothing happens */
	if (epoll_wait(b->epoll, &event, 1, 0)) {
		fprintf(stderr, "bench-tasks: one was answered\n");
		exit(1);
	}
	report(b, seconds);
}

int main(int argc, char **argv)
{
	struct bench b = { 0 };
	double seconds;

	if (argc != 5)
		die("usage: bench-tasks SOCKET work|chain|create|wake|wait|receive N SECONDS");
	b.path = argv[1];
	b.is_chain = strcmp(argv[2], "chain") == 0;
	b.is_work = b.is_chain || strcmp(argv[2], "work") == 0;
	b.n_clients = atoi(argv[3]);
	seconds = atof(argv[4]);
	b.samples = calloc(SAMPLES_MAX, sizeof(*b.samples));
	if (!b.samples)
		die("samples");
	if (strcmp(argv[2], "wake") == 0) {
		wake(&b, b.n_clients);
		return 0;
	}
	if (strcmp(argv[2], "wait") == 0 || strcmp(argv[2], "receive") == 0) {
		wait_quietly(&b, strcmp(argv[2], "receive") == 0, (int)seconds);
		return 0;
	}
	open_clients(&b);
	b.warm_until = now_us() + WARM_US;
	b.until = b.warm_until + (int64_t)(seconds * 1e6);
	run(&b);
	report(&b, seconds);
	return 0;
}
