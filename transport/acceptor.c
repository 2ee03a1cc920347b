/* SPDX-License-Identifier: Apache-2.0 */
/* Taking connections without spinning when descriptors are out. */
#include "transport/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

#define PER_TURN_MAX 64
#define REST_MS      100

static void acceptor_on_rested(struct loop_timer *t)
{
	struct acceptor *a = container_of(t, struct acceptor, rest);

	if (a->spare_fd < 0)
		a->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (!a->is_paused && loop_change_fd(&a->watch, EPOLLIN))
		err_forget(); /* epoll_ctl on a descriptor that is in: cannot fail */
}

static void acceptor_rest(struct acceptor *a)
{
	if (loop_change_fd(&a->watch, 0) ||
	    loop_arm(a->loop, &a->rest, loop_now_ms(a->loop) + REST_MS, acceptor_on_rested))
		err_forget(); /* at worst the next turn tries again */
}

/* Descriptors are out, which accept() says even when nobody waits: takes one client with the spare
 * descriptor and lets it go with a word. True when there may be another. */
static bool acceptor_turn_away(struct acceptor *a)
{
	int fd = -1;
	bool nobody_waits = false;

	if (a->spare_fd >= 0) {
		fd_close(&a->spare_fd);
		fd = accept4(a->watch.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		nobody_waits = fd < 0 && errno == EAGAIN;
	}
	if (fd >= 0) {
		if (a->refusal.n)
			(void)!send(fd, a->refusal.p, a->refusal.n,
				    MSG_NOSIGNAL); /* it is leaving anyway */
		close(fd);
		a->n_refused++;
	}
	a->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (a->spare_fd >= 0 && fd >= 0)
		return true;
	if (a->spare_fd < 0 || !nobody_waits)
		acceptor_rest(a);
	return false;
}

static void acceptor_on_ready(struct loop_fd *f, uint32_t events)
{
	struct acceptor *a = container_of(f, struct acceptor, watch);

	for (int i = 0; i < PER_TURN_MAX && !a->is_paused; i++) {
		struct sockaddr_storage peer;
		socklen_t n = sizeof(peer);
		int fd = accept4(f->fd, (struct sockaddr *)&peer, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			a->fn(a, fd, (struct sockaddr *)&peer, n);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			   errno == ENOMEM) {
			if (!acceptor_turn_away(a))
				return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			return; /* EAGAIN, or this client's own trouble */
		}
	}
}

int acceptor_init(struct acceptor *a, struct loop *l, int listen_fd, acceptor_fn *fn)
{
	int e;

	*a = (struct acceptor){ .loop = l, .watch = { .fd = -1 }, .fn = fn };
	a->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (a->spare_fd < 0)
		return err_sys("cannot open '/dev/null'");
	e = loop_add_fd(l, &a->watch, listen_fd, EPOLLIN, acceptor_on_ready);
	if (e)
		fd_close(&a->spare_fd);
	return err_trace(e);
}

void acceptor_deinit(struct acceptor *a)
{
	int fd = a->watch.fd;

	loop_disarm(&a->rest);
	loop_remove_fd(&a->watch);
	fd_close(&fd);
	fd_close(&a->spare_fd);
}

int acceptor_pause(struct acceptor *a, bool on)
{
	if (a->is_paused == on)
		return 0;
	a->is_paused = on;
	if (!on && a->rest.slot)
		return 0; /* goes on when it has rested */
	return err_trace(loop_change_fd(&a->watch, on ? 0 : EPOLLIN));
}
