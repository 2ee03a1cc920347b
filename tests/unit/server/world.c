/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "server/access.h"
#include "server/request.h"
#include "tests/unit/test.h"

#define WALL_MS 1767225600000

static int peer_send(struct channel *c, struct str message)
{
	struct peer *p = container_of(c, struct peer, channel);

	if (p->is_slow)
		return CHANNEL_SLOW;
	buf_put_str(&p->out, message);
	buf_put_char(&p->out, '\n');
	return 0;
}

static int peer_answer(struct channel *c, struct str message, int status)
{
	struct peer *p = container_of(c, struct peer, channel);

	p->n_answers++;
	buf_put_str(&p->out, message);
	buf_put_char(&p->out, '\n');
	return 0;
}

static void peer_cut(struct channel *c)
{
}

static const struct channel_ops peer_ops = { .send = peer_send,
					     .answer = peer_answer,
					     .close = peer_cut };

bool world_open(struct world *w, const char *flag, bool is_clock_fake)
{
	char *args[] = { "--data-dir", (char *)test_dir(), "--http", "off", "--ballast-mb",
			 "0",          (char *)flag };
	char *environment[] = { NULL };
	struct store_problem problem = { 0 };
	struct options_error error = { "" };
	int e;

	*w = (struct world){ 0 };
	log_init(2, LOG_ERROR, LOG_TEXT);
	e = options_read(&w->server.options, flag ? 7 : 6, args, environment, &error);
	if (!CHECK_CSTR(error.text, "") || !CHECK_INT(e, 0))
		return false;
	if (is_clock_fake)
		w->server.clock = (struct clock){ .is_fake = true,
						  .fake_wall_ms = WALL_MS,
						  .fake_boot_us = 1000000 };
	e = server_init(&w->server, &problem);
	w->is_open = true;
	return CHECK_CSTR(problem.text, "") && CHECK_OK(e);
}

void world_close(struct world *w)
{
	if (!w->is_open)
		return;
	server_begin_drain(&w->server);
	CHECK_INT(w->server.n_channels, 0);
	for (int i = 0; i < 1000 && !server_is_drained(&w->server); i++)
		CHECK_OK(loop_turn(w->server.loop, 10));
	CHECK(server_is_drained(&w->server));
	server_deinit(&w->server);
	w->is_open = false;
}

bool peer_open(struct peer *p, struct world *w, const struct principal *who)
{
	struct principal owner;

	*p = (struct peer){ 0 };
	buf_init(&p->out, 0);
	if (!who && CHECK(access_peer(w->server.access, geteuid(), &owner)))
		who = &owner;
	return CHECK_INT(channel_init(&p->channel, &w->server, CHANNEL_LINES, &peer_ops, who), 0);
}

void peer_close(struct peer *p)
{
	struct server *s = p->channel.server;

	channel_gone(&p->channel);
	channel_deinit(&p->channel);
	buf_deinit(&p->out);
	for (int i = 0; i < 3; i++)
		CHECK_OK(loop_turn(s->loop, 0));
}

void peer_say(struct peer *p, const char *line)
{
	rpc_receive(&p->channel, str_from(line));
}

size_t peer_n(const struct peer *p)
{
	struct str text = buf_str(&p->out);
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

struct str peer_message(const struct peer *p, size_t i)
{
	struct str rest = buf_str(&p->out);

	if (i >= peer_n(p))
		return STR_NONE;
	while (i--)
		(void)str_cut(&rest, '\n'); /* those before it */
	return str_cut(&rest, '\n');
}

bool peer_wait(struct peer *p, size_t n_messages)
{
	struct clock real = { 0 };
	int64_t until = clock_boot_ms(&real) + test_patience_ms();

	while (peer_n(p) < n_messages && clock_boot_ms(&real) < until)
		if (!CHECK_OK(loop_turn(p->channel.server->loop, 50)))
			return false;
	return CHECK(peer_n(p) >= n_messages);
}

struct str peer_ask(struct peer *p, const char *line)
{
	size_t n = peer_n(p);

	peer_say(p, line);
	return peer_wait(p, n + 1) ? peer_message(p, n) : STR_NONE;
}

void peer_forget(struct peer *p)
{
	buf_clear(&p->out);
}
