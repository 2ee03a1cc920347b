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

static int keep(struct in_memory *m, struct str message)
{
	m->n_answers++;
	m->n = MIN(message.n, sizeof(m->answer));
	memcpy(m->answer, message.p, m->n);
	return 0;
}

static int answer_kept(struct channel *c, struct str message, int status)
{
	return keep(container_of(c, struct in_memory, channel), message);
}

static int answer_to_owner(struct channel *c, struct str message, int status)
{
	return keep(container_of(c, struct in_memory, owner), message);
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

static const struct channel_ops owner_ops = {
	.send = send_dropped,
	.answer = answer_to_owner,
	.close = close_nothing,
};

static bool complain(int e, const char *what)
{
	struct err_report report;

	err_take(e, &report);
	printf("%s: %s (%s)\n", what, report.text, report.chain);
	return false;
}

bool in_memory_open(struct in_memory *m, const char *fresh)
{
	char *args[] = { "--data-dir", m->folder, "--http", "off", "--ballast-mb", "0" };
	char *environment[] = { NULL };
	struct store_problem problem = { 0 };
	struct options_error error = { "" };
	struct principal who;
	int e;

	memset(m, 0, offsetof(struct in_memory, answer));
	ledger_make_folder(m->folder);
	if (fresh && !ledger_copy_folder(fresh, m->folder))
		return complain(0, "no copy");
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
	if (!e)
		e = channel_init(&m->owner, &m->server, CHANNEL_LINES, &owner_ops, &who);
	return e ? complain(e, "channel") : true;
}

static void stop(struct in_memory *m)
{
	server_begin_drain(&m->server);
	channel_gone(&m->channel);
	channel_gone(&m->owner);
	while (!server_is_drained(&m->server))
		if (loop_turn(m->server.loop, 100))
			break;
	channel_deinit(&m->channel);
	channel_deinit(&m->owner);
	server_deinit(&m->server);
}

void in_memory_close(struct in_memory *m)
{
	stop(m);
	ledger_empty_folder(m->folder, true);
}

bool in_memory_make_fresh(struct in_memory *m, char out[256])
{
	if (!in_memory_open(m, NULL))
		return false;
	stop(m);
	snprintf(out, 256, "%s", m->folder);
	return true;
}

static struct str ask(struct in_memory *m, struct channel *c, struct str line)
{
	struct clock clock = { 0 };
	int64_t until = clock_boot_ms(&clock) + WAIT_MS;
	size_t before = m->n_answers;

	rpc_receive(c, line);
	while (m->n_answers == before || !list_is_empty(&c->requests)) {
		if (clock_boot_ms(&clock) > until)
			return STR_NONE;
		if (loop_turn(m->server.loop, 100))
			err_forget();
	}
	return m->n_answers == before + 1 ? (struct str){ m->answer, m->n } : STR_NONE;
}

struct str in_memory_ask(struct in_memory *m, struct str line)
{
	return ask(m, &m->channel, line);
}

struct str in_memory_ask_as_owner(struct in_memory *m, struct str line)
{
	return ask(m, &m->owner, line);
}
