/* SPDX-License-Identifier: Apache-2.0 */
/* The server: a listening socket of our own, a libmicrohttpd daemon without one, its epoll set
 * nested in our loop. MHD runs only from the loop's callbacks, never from within the owner's calls.
 */
#include "transport/http_internal.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

#define BACKLOG  4096
#define RUNS_MAX 16
/* A pool holds the head, its index, and the answer's head: a head of 6 KiB still fits. Ten thousand
 * idle connections cost little more than their pools. */
#define POOL_BYTES                    8192
#define POOL_STEP                     1024
#define MHD_VERSION_WITH_KNOWN_BUFFER "0.9.75"

void http_options_init(struct http_options *o)
{
	*o = (struct http_options){
		.address = "127.0.0.1",
		.n_conns_max = 12000,
		.head_ms = 5000,
		.idle_ms = 65000,
		.body_ms = 10000,
		.write_ms = 15000,
		.n_unauthenticated_max = 512,
		.n_peer_max = 64,
	};
}

/* ---- running MHD ---- */

static void http_run(struct http_server *s);

static void http_on_mhd_ready(struct loop_fd *f, uint32_t events)
{
	http_run(container_of(f, struct http_server, mhd_watch));
}

static void http_on_run_later(struct loop_task *t)
{
	http_run(container_of(t, struct http_server, run));
}

static void http_on_run_again(struct loop_timer *t)
{
	http_run(container_of(t, struct http_server, run_again));
}

/* Those that said no more and have all their answers, pipelined ones included. */
static void http_cut_left(struct http_server *s)
{
	list_for_each (it, tmp, &s->queues[HTTP_PHASE_LEFT]) {
		struct http_conn *c = list_entry(it, struct http_conn, phase_link);

		list_unlink(&c->phase_link);
		http_conn_cut(c);
	}
}

/* Until MHD has nothing left to do at once; a busy one goes on in the next turn. */
static void http_run(struct http_server *s)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;

	for (int i = 0; i < RUNS_MAX; i++) {
		s->has_resumed = false;
		(void)MHD_run(s->daemon); /* fails only when it is shut down */
		if (!s->has_resumed &&
		    (MHD_get_timeout(s->daemon, &wait_ms) != MHD_YES || wait_ms)) {
			http_cut_left(s);
			return;
		}
	}
	if (loop_arm(s->loop, &s->run_again, loop_now_ms(s->loop), http_on_run_again)) {
		err_forget(); /* no memory for a timer: the task comes in the next turn too */
		http_run_later(s);
	}
}

void http_run_later(struct http_server *s)
{
	if (!s->is_stopping)
		loop_defer(s->loop, &s->run, http_on_run_later);
}

void http_resume(struct http_conn *c)
{
	if (c->is_resuming)
		return;
	c->is_resuming = true;
	MHD_resume_connection(c->mhd);
	c->server->has_resumed = true;
	http_run_later(c->server);
}

/* ---- starting ---- */

/* Paths are looked at as they were sent. */
static size_t http_no_unescape(void *cls, struct MHD_Connection *mhd, char *s)
{
	return strlen(s);
}

static int http_listen(const struct http_options *o, int *out_fd, uint16_t *out_port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(o->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(o->port) };
	bool is_v6 = inet_pton(AF_INET6, o->address, &v6.sin6_addr) == 1;
	struct sockaddr *sa = is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
	socklen_t n = is_v6 ? sizeof(v6) : sizeof(v4);
	CLEANUP(fd_close) int fd = -1;
	int on = 1;

	if (!is_v6 && inet_pton(AF_INET, o->address, &v4.sin_addr) != 1)
		return HTTP_BAD_ADDRESS;
	fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno == EAFNOSUPPORT ? HTTP_BAD_ADDRESS : err_sys("cannot make a socket");
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)))
		return err_sys("cannot set up a socket");
	if (bind(fd, sa, n) || listen(fd, BACKLOG)) {
		if (errno == EADDRINUSE)
			return HTTP_IN_USE;
		if (errno == EADDRNOTAVAIL)
			return HTTP_BAD_ADDRESS;
		return err_sys("cannot listen on %s port %u", o->address, o->port);
	}
	if (getsockname(fd, sa, &n))
		return err_sys("cannot read a socket's address");
	*out_port = ntohs(is_v6 ? v6.sin6_port : v4.sin_port);
	*out_fd = TAKE_FD(fd);
	return 0;
}

static int http_start_mhd(struct http_server *s)
{
	/* Without its inter-thread channel: one thread, and we run it after every resume. */
	unsigned flags = MHD_USE_EPOLL | MHD_USE_ERROR_LOG | MHD_USE_NO_LISTEN_SOCKET |
			 ((unsigned)MHD_ALLOW_SUSPEND_RESUME & ~(unsigned)MHD_USE_ITC);
	const union MHD_DaemonInfo *info;
	int e;

	s->daemon = MHD_start_daemon(
	    flags, 0, NULL, NULL, http_on_access, s, MHD_OPTION_EXTERNAL_LOGGER,
	    http_on_mhd_message, s, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)s->options.n_conns_max + 64, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    (size_t)POOL_BYTES, MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)POOL_STEP,
	    MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, s, MHD_OPTION_NOTIFY_CONNECTION,
	    http_conn_notify, s, MHD_OPTION_URI_LOG_CALLBACK, http_on_uri, s,
	    MHD_OPTION_UNESCAPE_CALLBACK, http_no_unescape, s, MHD_OPTION_END);
	if (!s->daemon)
		return err_new(ERR_SYS, "cannot start libmicrohttpd");
	info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	e = loop_add_fd(s->loop, &s->mhd_watch, info->epoll_fd, EPOLLIN, http_on_mhd_ready);
	return err_trace(e);
}

static int http_server_start(struct http_server *s)
{
	int fd = -1;
	int e;

	http_put_whole_refusal(s, MHD_HTTP_SERVICE_UNAVAILABLE,
			       "too many connections, try again soon", &s->busy);
	if (s->busy.failed)
		return err_nomem();
	e = http_listen(&s->options, &fd, &s->port);
	if (e)
		return e;
	e = http_start_mhd(s);
	if (!e)
		e = acceptor_init(&s->acceptor, s->loop, fd, http_conn_accept);
	if (e) {
		fd_close(&fd);
		return err_trace(e);
	}
	s->acceptor.refusal = buf_str(&s->busy);
	return 0;
}

int http_server_new(struct loop *l, const struct http_options *o, const struct http_ops *ops,
		    void *data, struct http_server **out)
{
	struct http_server *s = calloc(1, sizeof(*s));
	int e;

	if (!s)
		return err_nomem();
	s->loop = l;
	s->options = *o;
	s->ops = ops;
	s->data = data;
	s->shows_raw_head = !strcmp(MHD_get_version(), MHD_VERSION_WITH_KNOWN_BUFFER);
	s->acceptor = (struct acceptor){ .watch = { .fd = -1 }, .spare_fd = -1 };
	buf_init(&s->busy, 0);
	map_init(&s->peers);
	list_init(&s->exchanges);
	list_init(&s->spare);
	list_init(&s->lingering);
	http_deadlines_init(s);
	e = http_server_start(s);
	if (e) {
		http_server_free(s);
		return e;
	}
	*out = s;
	return 0;
}

int http_try_listen(const struct http_options *o)
{
	CLEANUP(fd_close) int fd = -1;
	uint16_t port;

	return http_listen(o, &fd, &port);
}

uint16_t http_server_port(const struct http_server *s)
{
	return s->port;
}

void http_server_quiesce(struct http_server *s)
{
	s->is_quiesced = true;
	acceptor_deinit(&s->acceptor);
}

size_t http_server_n_exchanges(const struct http_server *s)
{
	return s->n_exchanges;
}

void http_server_stats(const struct http_server *s, struct http_stats *out)
{
	*out = s->stats;
	out->n_conns = s->n_conns;
	out->n_exchanges = (int64_t)s->n_exchanges;
	out->n_refused += s->acceptor.n_refused;
}

/* ---- stopping ---- */

/* MHD aborts the process when it is stopped with suspended connections. */
static void http_resume_all(struct http_server *s)
{
	list_for_each (it, tmp, &s->exchanges) {
		struct http_exchange *x = list_entry(it, struct http_exchange, link);

		x->is_cut = true;
		if (x->conn->is_suspended)
			http_resume(x->conn);
	}
}

struct http_server *http_server_free(struct http_server *s)
{
	if (!s)
		return NULL;
	s->is_stopping = true;
	acceptor_deinit(&s->acceptor);
	loop_remove_fd(&s->mhd_watch);
	if (s->daemon) {
		http_resume_all(s);
		MHD_stop_daemon(s->daemon);
	}
	http_linger_end_all(s);
	loop_cancel_task(&s->run);
	loop_disarm(&s->run_again);
	loop_disarm(&s->deadline);
	http_exchange_free_spare(s);
	assert(s->n_conns == 0 && s->n_exchanges == 0);
	map_deinit(&s->peers);
	buf_deinit(&s->busy);
	free(s);
	return NULL;
}
