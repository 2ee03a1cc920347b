/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's epoll. */
#include "cli/relay_wait.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

int relay_wait_init(struct relay_wait *w)
{
	*w = (struct relay_wait){ .fd = epoll_create1(EPOLL_CLOEXEC) };
	for (int i = 0; i < RELAY_ENDS; i++)
		w->ends[i].fd = -1;
	return w->fd < 0 ? err_sys("cannot make an epoll") : 0;
}

void relay_wait_deinit(struct relay_wait *w)
{
	fd_close(&w->fd);
}

static int watch(struct relay_wait *w, enum relay_end end, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.u32 = end };

	w->ends[end].is_file = false;
	w->ends[end].fd = fd;
	w->ends[end].wanted = events;
	if (fd < 0 || epoll_ctl(w->fd, EPOLL_CTL_ADD, fd, &e) == 0)
		return 0;
	if (errno != EPERM)
		return err_sys("cannot watch a descriptor");
	w->ends[end].is_file = true;
	return 0;
}

int relay_wait_want(struct relay_wait *w, enum relay_end end, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.u32 = end };

	if (w->ends[end].fd == fd && w->ends[end].wanted == events)
		return 0;
	if (w->ends[end].fd != fd) {
		int old = w->ends[end].fd;

		if (old >= 0 && !w->ends[end].is_file)
			(void)epoll_ctl(w->fd, EPOLL_CTL_DEL, old, NULL); /* gone when closed */
		return err_trace(watch(w, end, fd, events));
	}
	w->ends[end].wanted = events;
	if (fd < 0 || w->ends[end].is_file || epoll_ctl(w->fd, EPOLL_CTL_MOD, fd, &e) == 0)
		return 0;
	return err_sys("cannot watch a descriptor");
}

void relay_wait_forget(struct relay_wait *w, enum relay_end end)
{
	w->ends[end].fd = -1;
}

/* Files that are wanted are ready at once. */
static bool take_files(struct relay_wait *w)
{
	bool is_any = false;

	for (int i = 0; i < RELAY_ENDS; i++)
		if (w->ends[i].fd >= 0 && w->ends[i].is_file && w->ends[i].wanted) {
			w->ready[i] = w->ends[i].wanted;
			is_any = true;
		}
	return is_any;
}

int relay_wait_turn(struct relay_wait *w, int timeout_ms)
{
	struct epoll_event events[RELAY_ENDS];

	memset(w->ready, 0, sizeof(w->ready));
	int n = epoll_wait(w->fd, events, RELAY_ENDS, take_files(w) ? 0 : timeout_ms);

	if (n < 0 && errno != EINTR)
		return err_sys("cannot wait");
	for (int i = 0; i < n; i++)
		w->ready[events[i].data.u32] |= events[i].events;
	return 0;
}
