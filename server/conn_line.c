/* SPDX-License-Identifier: Apache-2.0 */
/* A peer is a connection and a channel in one. Its lines go to rpc.c; what the channel says goes
 * into the connection's out buffer, which leaves at the end of the loop's turn.
 *
 * When the calls of a principal fill three quarters of what it may have in flight, its connections
 * are not read until half of that is left: one that pipelines waits instead of being refused. */
#include "server/conn_line.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "server/access.h"
#include "server/channel.h"
#include "server/quota.h"
#include "server/server.h"
#include "transport/line.h"
#include "transport/unix.h"

#define LOOK_AGAIN_MS 50
/* That wait for one who does not read (TM-RPC-08): less than a megabyte with the rest of his. */
#define FRAMES_MAX ((size_t)896 * 1024)

struct line_peer {
	struct list link;      /* conn_lines.peers */
	struct list held_link; /* conn_lines.held */
	struct conn_lines *owner;
	struct line_conn conn;
	struct channel channel;
	struct loop_task done;
	size_t n_framed; /* bytes of frames since nothing waited */
	bool is_eof;
};

struct conn_lines {
	struct server *server;
	struct unix_listener *listener;
	struct list peers, held;
	struct loop_timer look; /* at the held: what fills the account may be others' calls */
	size_t n;
	bool is_quiesced;
};

/* ---- the channel's side ---- */

static struct line_peer *of_channel(struct channel *c)
{
	return container_of(c, struct line_peer, channel);
}

static int say(struct line_peer *p, struct str message)
{
	struct buf *out = line_conn_out(&p->conn);

	if (p->channel.is_gone)
		return CHANNEL_GONE;
	buf_put_str(out, message);
	buf_put_char(out, '\n');
	line_conn_flush_later(&p->conn);
	return out->failed ? CHANNEL_SLOW : 0;
}

/* Frames leave half of the buffer to answers. An answer that waits is no reason to cut a stream. */
static int peer_send(struct channel *c, struct str message)
{
	struct line_peer *p = of_channel(c);
	size_t waiting = buf_len(&p->conn.out);

	if (!waiting)
		p->n_framed = 0;
	if (MIN(waiting, p->n_framed) + message.n > FRAMES_MAX ||
	    waiting + message.n > p->conn.out_max / 2)
		return CHANNEL_SLOW;
	p->n_framed += message.n + 1;
	return say(p, message);
}

static int peer_answer(struct channel *c, struct str message, int status)
{
	return message.p ? say(of_channel(c), message) : 0;
}

static size_t peer_waiting(const struct channel *c)
{
	return buf_len(&container_of(c, const struct line_peer, channel)->conn.out);
}

static void peer_close(struct channel *c)
{
	line_conn_close(&of_channel(c)->conn);
}

/* ---- back-pressure ---- */

static int64_t share(const struct channel *c, int64_t quarters)
{
	return c->user->account.max[CHARGE_CALLS] * quarters / 4;
}

static bool is_full(const struct channel *c)
{
	return c->user->account.used[CHARGE_CALLS] >= share(c, 3);
}

static void release_held(struct conn_lines *l)
{
	list_for_each (it, tmp, &l->held) {
		struct line_peer *p = list_entry(it, struct line_peer, held_link);

		if (l->is_quiesced ||
		    p->channel.user->account.used[CHARGE_CALLS] > share(&p->channel, 2))
			continue;
		list_unlink(it);
		line_conn_pause(&p->conn, false);
	}
}

static void on_look(struct loop_timer *t)
{
	struct conn_lines *l = container_of(t, struct conn_lines, look);

	release_held(l);
	if (!list_is_empty(&l->held) &&
	    loop_arm(l->server->loop, t, loop_now_ms(l->server->loop) + LOOK_AGAIN_MS, on_look))
		err_forget(); /* the end of a call looks too */
}

static void hold(struct line_peer *p)
{
	struct conn_lines *l = p->owner;

	line_conn_pause(&p->conn, true);
	list_push_back(&l->held, &p->held_link);
	if (!l->look.slot && loop_arm(l->server->loop, &l->look,
				      loop_now_ms(l->server->loop) + LOOK_AGAIN_MS, on_look))
		err_forget(); /* likewise */
}

static void close_if_over(struct line_peer *p)
{
	if (p->is_eof && list_is_empty(&p->channel.requests))
		line_conn_close(&p->conn);
}

static void peer_eased(struct channel *c)
{
	struct line_peer *p = of_channel(c);

	if (!list_is_empty(&p->owner->held))
		release_held(p->owner);
	close_if_over(p);
}

static const struct channel_ops peer_channel_ops = {
	.send = peer_send,
	.answer = peer_answer,
	.waiting = peer_waiting,
	.eased = peer_eased,
	.close = peer_close,
};

/* ---- the connection's side ---- */

static struct line_peer *of_conn(struct line_conn *c)
{
	return container_of(c, struct line_peer, conn);
}

static void peer_free(struct line_peer *p)
{
	loop_cancel_task(&p->done);
	list_unlink(&p->link);
	list_unlink(&p->held_link);
	p->owner->n--;
	channel_deinit(&p->channel);
	line_conn_deinit(&p->conn);
	free(p);
}

static void on_done(struct loop_task *t)
{
	peer_free(container_of(t, struct line_peer, done));
}

static void on_line(struct line_conn *c, struct str line)
{
	struct line_peer *p = of_conn(c);

	rpc_receive(&p->channel, line);
	if (TAKE(p->channel.has_secret, false))
		explicit_bzero((void *)line.p, line.n); /* of the connection's own buffer */
	if (is_full(&p->channel) && list_is_empty(&p->held_link))
		hold(p);
}

static void on_too_long(struct line_conn *c)
{
	rpc_too_long(&of_conn(c)->channel, c->line_max);
}

/* It may still listen: `printf … | socat - UNIX-CONNECT:…`. */
static void on_eof(struct line_conn *c)
{
	struct line_peer *p = of_conn(c);

	p->is_eof = true;
	close_if_over(p);
}

static void on_close(struct line_conn *c, enum line_close why)
{
	struct line_peer *p = of_conn(c);

	channel_gone(&p->channel);
	loop_defer(p->owner->server->loop, &p->done, on_done);
}

static const struct line_ops peer_line_ops = { on_line, on_too_long, on_eof, on_close };

/* ---- coming and going ---- */

static int peer_new(struct conn_lines *l, int fd, const struct principal *principal)
{
	struct line_peer *p = calloc(1, sizeof(*p));
	int e;

	if (!p)
		return err_nomem();
	p->owner = l;
	e = channel_init(&p->channel, l->server, CHANNEL_LINES, &peer_channel_ops, principal);
	if (e) {
		free(p);
		return e;
	}
	e = line_conn_init(&p->conn, l->server->loop, fd, &peer_line_ops);
	if (e) {
		channel_deinit(&p->channel);
		free(p);
		return err_trace(e);
	}
	list_init(&p->held_link);
	list_push_back(&l->peers, &p->link);
	l->n++;
	return 0;
}

/* Said on the way out, where no call can carry an answer. */
static const char too_many[] =
    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-31988,"
    "\"message\":\"too many connections\",\"data\":{\"code\":"
    "\"too_many_requests\",\"retryable\":true,\"retry_after_ms\":1000}}}\n";
static const char no_descriptors[] =
    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-31989,"
    "\"message\":\"no descriptor is left\",\"data\":{\"code\":"
    "\"overloaded\",\"retryable\":true,\"retry_after_ms\":1000}}}\n";

static void on_accept(void *data, int fd, const struct unix_peer *peer)
{
	struct conn_lines *l = data;
	struct principal principal;
	int e;

	if (!access_peer(l->server->access, peer->uid, &principal)) {
		close(fd);
		return;
	}
	e = peer_new(l, fd, &principal);
	if (!e)
		return;
	if (e < 0)
		err_forget(); /* out of memory or descriptors: the peer goes, and may come again */
	(void)!send(fd, too_many, sizeof(too_many) - 1,
		    MSG_NOSIGNAL | MSG_DONTWAIT); /* a word on the way out */
	close(fd);
}

int conn_lines_new(struct server *s, struct conn_lines **out)
{
	struct conn_lines *l = calloc(1, sizeof(*l));
	int e;

	if (!l)
		return err_nomem();
	l->server = s;
	list_init(&l->peers);
	list_init(&l->held);
	e = unix_listen(s->loop, s->options.paths.socket, on_accept, l, &l->listener);
	if (e) {
		free(l);
		return e < 0 ? err_trace(e) : e;
	}
	unix_listener_refuse_with(l->listener, str_from(no_descriptors));
	*out = l;
	return 0;
}

void conn_lines_quiesce(struct conn_lines *l)
{
	l->is_quiesced = true;
	unix_listener_pause(l->listener, true);
	list_for_each (it, tmp, &l->peers)
		line_conn_pause(&list_entry(it, struct line_peer, link)->conn, true);
}

bool conn_lines_is_lost(const struct conn_lines *l)
{
	return unix_listener_is_lost(l->listener);
}

size_t conn_lines_n(const struct conn_lines *l)
{
	return l->n;
}

struct conn_lines *conn_lines_free(struct conn_lines *l)
{
	if (!l)
		return NULL;
	l->is_quiesced = true;
	list_for_each (it, tmp, &l->peers) {
		struct line_peer *p = list_entry(it, struct line_peer, link);

		if (!p->channel.is_gone)
			channel_gone(&p->channel);
		line_conn_flush_now(&p->conn);
		peer_free(p);
	}
	loop_disarm(&l->look);
	l->listener = unix_listener_free(l->listener);
	free(l);
	return NULL;
}
