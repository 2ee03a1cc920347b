/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: who may be connected, and who has gone.
 *
 * Until its first authenticated request a connection counts against two limits, all and per
 * address. Over a limit one that owes a head makes room, however young it is: the oldest that has
 * sent nothing at all, else the oldest of which nothing lies unread. So neither silent connections
 * nor dribbling ones keep out a client that speaks, and one whose request has come in stays. Only
 * when all are at work is the new one refused. Who goes hears 503 with Retry-After.
 *
 * MHD takes a suspended connection's socket out of its epoll set and would never notice the
 * client's leaving; we watch every socket for EPOLLRDHUP ourselves, edge-triggered, from accept on.
 * It also overlooks an end that comes in one segment with the last request. */
#include "transport/http_internal.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/err.h"

#define LOOKS_MAX 64 /* connections asked after for each new one: two system calls each */

static struct http_peer *http_peer_get(struct http_server *s, const struct sockaddr *sa)
{
	const void *addr = sa->sa_family == AF_INET
			       ? (const void *)&((const struct sockaddr_in *)sa)->sin_addr
			       : (const void *)&((const struct sockaddr_in6 *)sa)->sin6_addr;
	char text[INET6_ADDRSTRLEN];
	struct map_node *node;
	struct http_peer *p;

	if (!inet_ntop(sa->sa_family, addr, text, sizeof(text)))
		return NULL;
	node = map_find(&s->peers, str_from(text));
	if (node)
		return container_of(node, struct http_peer, node);
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	memcpy(p->text, text, sizeof(text));
	list_init(&p->waiting);
	if (map_add(&s->peers, &p->node, str_from(p->text))) {
		err_forget(); /* refused like one too many */
		free(p);
		return NULL;
	}
	return p;
}

static void http_peer_put(struct http_server *s, struct http_peer *p)
{
	if (p->n_conns)
		return;
	map_remove(&s->peers, &p->node);
	free(p);
}

/* ---- leaving ---- */

static void http_conn_on_left(struct loop_fd *f, uint32_t events)
{
	struct http_conn *c = container_of(f, struct http_conn, watch);

	c->has_left = true;
	if (c->is_suspended) {
		c->exchange->is_cut = true;
		http_resume(c);
	} else if (c->phase == HTTP_PHASE_IDLE) {
		http_phase_set(c, HTTP_PHASE_LEFT);
		http_run_later(c->server);
	}
}

void http_conn_cut(struct http_conn *c)
{
	c->has_left = true;
	(void)shutdown(c->fd, SHUT_RDWR); /* fails when the client has gone: fine */
	if (c->exchange)
		c->exchange->is_cut = true;
	if (c->is_suspended)
		http_resume(c);
	http_run_later(c->server);
}

/* ---- the limits ---- */

void http_conn_settle(struct http_conn *c)
{
	if (!c->is_counted)
		return;
	c->is_counted = false;
	list_unlink(&c->waiting_link);
	c->peer->n_waiting--;
	c->server->n_waiting--;
}

struct http_choice {
	struct http_conn *silent, *slow; /* the oldest of each that was seen */
	int n_looks;
};

/* True when there is no need to look further. */
static bool http_choice_look(struct http_choice *h, struct http_conn *c)
{
	int n_unread = 0;

	if (!c->is_counted || (c->phase != HTTP_PHASE_HEAD && c->phase != HTTP_PHASE_IDLE))
		return false;
	if (c->phase == HTTP_PHASE_HEAD && http_n_received(c->fd) == 0)
		h->silent = c;
	else if (!h->slow && !ioctl(c->fd, FIONREAD, &n_unread) && n_unread == 0)
		h->slow = c;
	return h->silent || ++h->n_looks == LOOKS_MAX;
}

/* False when nobody can go. */
static bool http_choice_evict(const struct http_choice *h)
{
	struct http_conn *c = h->silent ? h->silent : h->slow;

	if (!c)
		return false;
	http_conn_settle(c);
	c->server->stats.n_refused++;
	if (c->phase ==
	    HTTP_PHASE_HEAD) /* nothing of ours is on its way there: MHD has not answered yet */
		(void)!send(c->fd, buf_str(&c->server->busy).p, buf_len(&c->server->busy),
			    MSG_NOSIGNAL | MSG_DONTWAIT);
	http_conn_cut(c);
	return true;
}

static bool http_peer_has_room(struct http_server *s, struct http_peer *p)
{
	struct http_choice h = { 0 };

	if (p->n_waiting < s->options.n_peer_max)
		return true;
	list_for_each (it, tmp, &p->waiting)
		if (http_choice_look(&h, list_entry(it, struct http_conn, waiting_link)))
			break;
	return http_choice_evict(&h);
}

static bool http_server_has_room(struct http_server *s)
{
	struct http_choice h = { 0 };

	if (s->n_conns >= s->options.n_conns_max)
		return false;
	if (s->n_waiting < s->options.n_unauthenticated_max)
		return true;
	/* the queue is in the order of accepting */
	list_for_each (it, tmp, &s->queues[HTTP_PHASE_HEAD])
		if (http_choice_look(&h, list_entry(it, struct http_conn, phase_link)))
			break;
	return http_choice_evict(&h);
}

/* ---- coming ---- */

/* Called by MHD inside MHD_add_connection, and right before it closes the socket. */
void http_conn_notify(void *cls, struct MHD_Connection *mhd, void **context,
		      enum MHD_ConnectionNotificationCode code)
{
	struct http_server *s = cls;
	struct http_conn *c;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		s->joining->mhd = mhd;
		*context = s->joining;
		return;
	}
	c = *context;
	*context = NULL;
	if (!c)
		return;
	if (c == s->joining)
		s->joining = NULL;
	loop_remove_fd(&c->watch);
	list_unlink(&c->phase_link);
	http_conn_settle(c);
	if (c->must_linger && !c->has_left) {
		int fd = fcntl(c->fd, F_DUPFD_CLOEXEC, 0);

		if (fd >= 0)
			http_linger(s, fd);
	}
	c->peer->n_conns--;
	http_peer_put(s, c->peer);
	s->n_conns--;
	free(c);
}

static struct http_conn *http_conn_new(struct http_server *s, struct http_peer *p, int fd)
{
	struct http_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->server = s;
	c->peer = p;
	c->fd = fd;
	c->watch.fd = -1;
	c->is_counted = true;
	list_init(&c->phase_link);
	list_push_back(&p->waiting, &c->waiting_link);
	p->n_waiting++;
	p->n_conns++;
	s->n_waiting++;
	s->n_conns++;
	return c;
}

void http_conn_accept(struct acceptor *a, int fd, const struct sockaddr *sa, socklen_t n)
{
	struct http_server *s = container_of(a, struct http_server, acceptor);
	struct http_peer *p = http_peer_get(s, sa);
	struct http_conn *c = NULL;

	if (p && http_peer_has_room(s, p) && http_server_has_room(s))
		c = http_conn_new(s, p, fd);
	if (!c) {
		if (p)
			http_peer_put(s, p);
		http_linger_refuse(s, fd);
		return;
	}
	s->joining = c;
	if (MHD_add_connection(s->daemon, fd, sa, n) != MHD_YES) {
		/* it closed the socket; c has gone too when the failure came after STARTED */
		if (s->joining)
			http_conn_notify(s, NULL, (void *[]){ c }, MHD_CONNECTION_NOTIFY_CLOSED);
		return;
	}
	s->joining = NULL;
	http_phase_set(c, HTTP_PHASE_HEAD);
	if (loop_add_fd(s->loop, &c->watch, fd, EPOLLRDHUP | EPOLLET, http_conn_on_left)) {
		err_forget(); /* out of memory: it goes */
		http_conn_cut(c);
	}
}
