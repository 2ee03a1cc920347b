/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/transport/world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "tests/unit/test.h"

static void keep(char *to, size_t cap, struct str s)
{
	snprintf(to, cap, "%.*s", STR_ARG(s));
}

static void judge(struct world *w, struct http_exchange *x, int e)
{
	if (!w->is_poor)
		CHECK_OK(e);
	if (e >= 0)
		return;
	err_forget();
	http_stream_abort(x);
}

static void reply(struct world *w, struct http_exchange *x, struct str body)
{
	struct http_answer a = { .status = 200, .content_type = STR("text/plain"), .body = body };

	judge(w, x, http_reply(x, &a));
}

static void world_on_head(void *data, struct http_exchange *x, const struct http_request *r,
			  size_t *body_max)
{
	struct world *w = data;

	w->n_heads++;
	keep(w->last_path, sizeof(w->last_path), r->path);
	keep(w->last_query, sizeof(w->last_query), r->query);
	if (w->body_max)
		*body_max = w->body_max;
	if (w->marks_authenticated)
		http_mark_authenticated(x);
	if (w->mode == WORLD_REPLY_AT_HEAD)
		reply(w, x, STR("at the head\n"));
}

static void world_on_request(void *data, struct http_exchange *x, const struct http_request *r)
{
	struct world *w = data;

	w->n_requests++;
	keep(w->last_body, sizeof(w->last_body), r->body);
	if (w->mode == WORLD_REPLY && w->reply_bytes) {
		char *big = calloc(1, w->reply_bytes);

		reply(w, x, (struct str){ big, w->reply_bytes });
		free(big);
		return;
	}
	if (w->mode == WORLD_REPLY) {
		reply(w, x, r->body.n ? r->body : STR("hello\n"));
		return;
	}
	http_set_user(x, (void *)(w->n_held + 1));
	w->held[w->n_held++] = x;
	if (w->mode == WORLD_STREAM) {
		struct http_answer head = { .status = 200,
					    .content_type = STR("text/event-stream") };

		judge(w, x, http_stream_begin(x, &head));
	}
}

static void world_on_end(void *data, struct http_exchange *x, bool was_cut)
{
	struct world *w = data;
	size_t slot = (size_t)http_user(x);

	w->n_ends++;
	w->n_cut += was_cut;
	if (slot)
		w->held[slot - 1] = NULL;
}

static const struct http_ops world_ops = { .on_head = world_on_head,
					   .on_request = world_on_request,
					   .on_end = world_on_end };

void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->clock =
	    (struct clock){ .is_fake = true, .fake_wall_ms = 1000000, .fake_boot_us = 1000000 };
	w->marks_authenticated = true;
	http_options_init(&w->options);
	CHECK_OK(loop_new(&w->clock, &w->loop));
}

void world_start(struct world *w)
{
	CHECK_OK(http_server_new(w->loop, &w->options, &world_ops, w, &w->server));
}

void world_deinit(struct world *w)
{
	w->server = http_server_free(w->server);
	CHECK_INT(w->n_ends, w->n_heads);
	w->loop = loop_free(w->loop);
}

void world_turns(struct world *w, int n)
{
	while (n--)
		CHECK_OK(loop_turn(w->loop, 0));
}

void world_advance(struct world *w, int64_t ms)
{
	clock_advance(&w->clock, ms);
	world_turns(w, 3);
}

void peer_open(struct peer *p, struct world *w)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_port = htons(http_server_port(w->server)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	*p = (struct peer){ .world = w };
	buf_init(&p->in, 0);
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(!connect(p->fd, (struct sockaddr *)&sa, sizeof(sa)));
	(void)fcntl(p->fd, F_SETFL, O_NONBLOCK);
}

void peer_close(struct peer *p)
{
	close(p->fd);
	buf_deinit(&p->in);
}

void peer_send(struct peer *p, struct str s)
{
	for (int i = 0; s.n && i < TURNS_MAX; i++) {
		ssize_t n = send(p->fd, s.p, s.n, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			return; /* the server has closed: the test sees that */
		s = str_slice(s, n > 0 ? (size_t)n : 0, s.n);
		if (n <= 0)
			world_turns(p->world, 1);
	}
}

void peer_read(struct peer *p)
{
	for (;;) {
		char *to = buf_reserve(&p->in, 65536);
		ssize_t n = recv(p->fd, to, 65536, 0);

		if (n <= 0) {
			p->is_at_end = p->is_at_end || n == 0 || errno != EAGAIN;
			p->was_reset = p->was_reset || (n < 0 && errno != EAGAIN);
			return;
		}
		p->in.tail += (size_t)n;
	}
}

struct str peer_text(const struct peer *p)
{
	return buf_str(&p->in);
}

bool peer_wait_for(struct peer *p, const char *text)
{
	for (int i = 0; i < TURNS_MAX; i++) {
		peer_read(p);
		if (str_contains(peer_text(p), str_from(text)))
			return true;
		if (p->is_at_end)
			return false;
		world_turns(p->world, 1);
	}
	return false;
}

bool peer_wait_for_end(struct peer *p)
{
	for (int i = 0; i < TURNS_MAX && !p->is_at_end; i++) {
		world_turns(p->world, 1);
		peer_read(p);
	}
	return p->is_at_end;
}

int peer_n_answers(const struct peer *p)
{
	struct str s = peer_text(p);
	int n = 0;

	for (size_t i = 0; i + 9 <= s.n; i++)
		n += !memcmp(s.p + i, "HTTP/1.1 ", 9) || !memcmp(s.p + i, "HTTP/1.0 ", 9);
	return n;
}

int peer_status(const struct peer *p)
{
	int64_t n = 0;

	return str_to_i64(str_slice(peer_text(p), 9, 12), &n) ? (int)n : 0;
}
