/* SPDX-License-Identifier: Apache-2.0 */
/* wire-memory DATA_DIR [FLAGS of questd serve]: the server without a socket. Lines of stdin are
 * given to one channel of lines in memory, one at a time, each only when all before it are
 * answered; every message to the peer is printed as a line. For the wire tests' fastest carrier. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "server/access.h"
#include "server/channel.h"
#include "server/request.h"
#include "server/server.h"

#define TURNS_MS 20000

struct memory {
	struct server server;
	struct channel channel;
	size_t n_sent;
};

static int send_out(struct channel *c, struct str message)
{
	struct memory *m = container_of(c, struct memory, channel);

	m->n_sent++;
	printf("%.*s\n", STR_ARG(message));
	fflush(stdout);
	return 0;
}

static int answer_out(struct channel *c, struct str message, int status)
{
	return send_out(c, message);
}

static void close_out(struct channel *c)
{
}

static const struct channel_ops memory_ops = {
	.send = send_out,
	.answer = answer_out,
	.close = close_out,
};

static int fail(int e, const char *what)
{
	struct err_report report;

	err_take(e, &report);
	fprintf(stderr, "wire-memory: %s: %s (%s)\n", what, report.text, report.chain);
	return 1;
}

/* Streams stay open: their frames are printed while other lines are answered. */
static bool is_quiet(const struct memory *m)
{
	list_for_each (it, tmp, &m->channel.requests)
		if (!container_of(it, struct request, link)->stream)
			return false;
	return true;
}

static int settle(struct memory *m)
{
	struct loop *l = m->server.loop;
	int64_t until = clock_boot_ms(&m->server.clock) + TURNS_MS;
	int e;

	while (!is_quiet(m)) {
		e = loop_turn(l, 100);
		if (e)
			return fail(e, "turn");
		if (clock_boot_ms(&m->server.clock) > until) {
			fprintf(stderr, "wire-memory: no answer in 20 s\n");
			return 1;
		}
	}
	/* what was put off until the end of the turn: frames of streams */
	for (int i = 0; i < 2; i++) {
		e = loop_turn(l, 0);
		if (e)
			return fail(e, "turn");
	}
	return 0;
}

static int feed(struct memory *m)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int e = 0;

	while (!e && (n = getline(&line, &cap, stdin)) > 0) {
		n -= line[n - 1] == '\n';
		if (!n)
			continue;
		rpc_receive(&m->channel, (struct str){ line, (size_t)n });
		e = settle(m);
	}
	free(line);
	return e;
}

static int open_server(struct memory *m, int argc, char **argv)
{
	char **args = calloc((size_t)argc + 4, sizeof(*args));
	struct store_problem problem = { 0 };
	struct options_error error;
	struct principal who;
	int n = 0, e;

	args[n++] = "--data-dir";
	args[n++] = argv[1];
	args[n++] = "--http";
	args[n++] = "off";
	for (int i = 2; i < argc; i++)
		args[n++] = argv[i];
	e = options_read(&m->server.options, n, args, environ, &error);
	free(args);
	if (e) {
		fprintf(stderr, "wire-memory: %s\n", error.text);
		return 2;
	}
	log_init(2, LOG_WARN, LOG_TEXT);
	e = fd_mkdir_all(argv[1], 0700);
	if (!e)
		e = server_init(&m->server, &problem);
	if (e > 0)
		fprintf(stderr, "wire-memory: %s\n", problem.text);
	if (e)
		return e < 0 ? fail(e, "start") : 1;
	if (!access_peer(m->server.access, geteuid(), &who))
		return 1;
	e = channel_init(&m->channel, &m->server, CHANNEL_LINES, &memory_ops, &who);
	return e ? fail(e, "channel") : 0;
}

int main(int argc, char **argv)
{
	struct memory *m = calloc(1, sizeof(*m));
	int e;

	if (argc < 2 || !m) {
		fprintf(stderr, "wire-memory DATA_DIR [FLAGS]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	e = open_server(m, argc, argv);
	if (e)
		return e;
	e = feed(m);
	server_begin_drain(&m->server);
	channel_gone(&m->channel);
	while (!server_is_drained(&m->server))
		if (loop_turn(m->server.loop, 100))
			return 1;
	channel_deinit(&m->channel);
	server_deinit(&m->server);
	free(m);
	return e;
}
