/* SPDX-License-Identifier: Apache-2.0 */
/* Closing politely: after our last word the socket is read, for at most a second, until the client
 * closes too. A close with unread bytes would reset the connection, and many clients then report
 * the reset instead of the answer. At most 64 at a time; the oldest gives way. */
#include "transport/http_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"

#define LINGER_MS 1000
#define READS_MAX 16

struct http_lingerer {
	struct list link;
	struct http_server *server;
	struct loop_fd watch;
	int64_t until_ms;
};

/* True when the client has closed too, or is gone. */
static bool http_read_away(int fd)
{
	char scratch[4096];

	for (int i = 0; i < READS_MAX; i++) {
		ssize_t n = recv(fd, scratch, sizeof(scratch), MSG_DONTWAIT);

		if (n == 0)
			return true;
		if (n < 0)
			return errno != EAGAIN && errno != EINTR;
	}
	return false;
}

static void http_linger_end(struct http_lingerer *g)
{
	int fd = g->watch.fd;

	list_unlink(&g->link);
	g->server->n_lingering--;
	loop_remove_fd(&g->watch);
	close(fd);
	free(g);
}

static void http_linger_on_ready(struct loop_fd *f, uint32_t events)
{
	struct http_lingerer *g = container_of(f, struct http_lingerer, watch);

	if (events & (EPOLLHUP | EPOLLERR) || http_read_away(f->fd))
		http_linger_end(g);
}

static void http_linger_on_time(struct loop_timer *t)
{
	struct http_server *s = container_of(t, struct http_server, linger_end);

	list_for_each (it, tmp, &s->lingering) {
		struct http_lingerer *g = list_entry(it, struct http_lingerer, link);

		if (g->until_ms > loop_now_ms(s->loop)) {
			if (loop_arm(s->loop, t, g->until_ms, http_linger_on_time))
				err_forget(); /* the next one arms it */
			return;
		}
		http_linger_end(g);
	}
}

void http_linger(struct http_server *s, int fd)
{
	struct http_lingerer *g;

	if (http_read_away(fd)) {
		close(fd);
		return;
	}
	if (s->n_lingering == HTTP_LINGER_MAX)
		http_linger_end(list_entry(s->lingering.next, struct http_lingerer, link));
	g = calloc(1, sizeof(*g));
	if (!g || loop_add_fd(s->loop, &g->watch, fd, EPOLLIN, http_linger_on_ready)) {
		err_forget(); /* then without ceremony */
		free(g);
		close(fd);
		return;
	}
	g->server = s;
	g->until_ms = loop_now_ms(s->loop) + LINGER_MS;
	list_push_back(&s->lingering, &g->link);
	s->n_lingering++;
	if (!s->linger_end.slot &&
	    loop_arm(s->loop, &s->linger_end, g->until_ms, http_linger_on_time))
		err_forget(); /* the next one arms it */
}

void http_linger_refuse(struct http_server *s, int fd)
{
	s->stats.n_refused++;
	(void)!send(fd, buf_str(&s->busy).p, buf_len(&s->busy),
		    MSG_NOSIGNAL | MSG_DONTWAIT); /* it fits */
	(void)shutdown(fd, SHUT_WR);              /* fails when the client has gone: fine */
	http_linger(s, fd);
}

void http_linger_end_all(struct http_server *s)
{
	list_for_each (it, tmp, &s->lingering)
		http_linger_end(list_entry(it, struct http_lingerer, link));
	loop_disarm(&s->linger_end);
}
