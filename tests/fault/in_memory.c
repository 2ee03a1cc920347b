/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fault/in_memory.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "server/access.h"
#include "server/request.h"
#include "tests/fault/ledger.h"

#define WAIT_MS 10000

static int answer_kept(struct channel *c, struct str message, int status)
{
	struct in_memory *m = container_of(c, struct in_memory, channel);

	m->n_answers++;
	m->n = MIN(message.n, sizeof(m->answer));
	memcpy(m->answer, message.p, m->n);
	return 0;
}

static int send_dropped(struct channel *c, struct str message)
{
	return 0;
}

static void close_nothing(struct channel *c)
{
}

static const struct channel_ops ops = {
	.send = send_dropped,
	.answer = answer_kept,
	.close = close_nothing,
};

static bool complain(int e, const char *what)
{
	struct err_report report;

	err_take(e, &report);
	printf("%s: %s (%s)\n", what, report.text, report.chain);
	return false;
}

bool in_memory_open(struct in_memory *m)
{
	char *args[] = { "--data-dir", m->folder, "--http", "off", "--ballast-mb", "0" };
	char *environment[] = { NULL };
	struct store_problem problem = { 0 };
	struct options_error error = { "" };
	struct principal who;
	int e;

	memset(m, 0, offsetof(struct in_memory, answer));
	ledger_make_folder(m->folder);
	log_init(2, LOG_ERROR, LOG_TEXT);
	e = options_read(&m->server.options, ARRAY_LEN(args), args, environment, &error);
	if (e)
		return complain(e, error.text);
	e = server_init(&m->server, &problem);
	if (e)
		return complain(e, problem.text);
	if (!access_peer(m->server.access, geteuid(), &who))
		return complain(0, "no principal");
	e = channel_init(&m->channel, &m->server, CHANNEL_LINES, &ops, &who);
	return e ? complain(e, "channel") : true;
}

void in_memory_close(struct in_memory *m)
{
	server_begin_drain(&m->server);
	channel_gone(&m->channel);
	while (!server_is_drained(&m->server))
		if (loop_turn(m->server.loop, 100))
			break;
	channel_deinit(&m->channel);
	server_deinit(&m->server);
	ledger_empty_folder(m->folder, true);
}

struct str in_memory_ask(struct in_memory *m, struct str line)
{
	struct clock clock = { 0 };
	int64_t until = clock_boot_ms(&clock) + WAIT_MS;
	size_t before = m->n_answers;

	rpc_receive(&m->channel, line);
	while (m->n_answers == before || !list_is_empty(&m->channel.requests)) {
		if (clock_boot_ms(&clock) > until)
			return STR_NONE;
		if (loop_turn(m->server.loop, 100))
			err_forget();
	}
	return m->n_answers == before + 1 ? (struct str){ m->answer, m->n } : STR_NONE;
}
