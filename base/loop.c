/* SPDX-License-Identifier: Apache-2.0 */
/* A turn: wait, read the clock, deliver events, fire timers, run tasks. Events of the turn lie in
 * an array, so that removing a descriptor can also take back what was not yet delivered for it.
 * Timers are a binary heap by time and order of arming. */
#include "base/loop.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

#define EVENTS_MAX 128

struct loop {
	int epoll_fd, signal_fd, timer_fd;
	struct clock *clock;
	int64_t now_ms, now_us;
	bool is_stopping;
	size_t n_fds;
	struct loop_timer **heap; /* heap[0] is slot 1 */
	size_t n_timers, cap_timers;
	uint64_t n_armed; /* ever */
	struct list tasks;
	struct loop_fd signal_source, timer_source;
	int64_t timer_ms; /* what timer_fd is set to; 0 = nothing */
	loop_signal_fn *signal_fn;
	void *signal_data;
	int n_events, at_event; /* of this turn; at_event is the one being delivered */
	struct epoll_event events[EVENTS_MAX];
};

static void read_clock(struct loop *l)
{
	l->now_us = clock_boot_us(l->clock);
	l->now_ms = l->now_us / 1000;
}

static void on_timer(struct loop_fd *f, uint32_t events)
{
	struct loop *l = container_of(f, struct loop, timer_source);
	uint64_t n;

	(void)!read(f->fd, &n, sizeof(n)); /* it was set anew meanwhile, or is quiet now */
	l->timer_ms = 0;
}

int loop_new(struct clock *clock, struct loop **out)
{
	struct loop *l = calloc(1, sizeof(*l));
	int e;

	if (!l)
		return err_nomem();
	l->clock = clock;
	l->signal_fd = l->timer_fd = -1;
	list_init(&l->tasks);
	read_clock(l);
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0) {
		free(l);
		return err_sys("cannot create an event loop");
	}
	l->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	e = l->timer_fd < 0 ? err_sys("cannot create a timer")
			    : loop_add_fd(l, &l->timer_source, l->timer_fd, EPOLLIN, on_timer);
	if (e) {
		loop_free(l);
		return err_trace(e);
	}
	*out = l;
	return 0;
}

struct loop *loop_free(struct loop *l)
{
	if (!l)
		return NULL;
	loop_remove_fd(&l->signal_source);
	loop_remove_fd(&l->timer_source);
	assert(l->n_fds == 0 && l->n_timers == 0 && list_is_empty(&l->tasks));
	fd_close(&l->signal_fd);
	fd_close(&l->timer_fd);
	fd_close(&l->epoll_fd);
	free(l->heap);
	free(l);
	return NULL;
}

/* ---- descriptors ---- */

int loop_add_fd(struct loop *l, struct loop_fd *f, int fd, uint32_t events, loop_fd_fn *fn)
{
	struct epoll_event event = { .events = events, .data.ptr = f };

	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return err_sys("cannot watch a descriptor");
	*f = (struct loop_fd){ .loop = l, .fd = fd, .events = events, .fn = fn };
	l->n_fds++;
	return 0;
}

int loop_rearm_fd(struct loop_fd *f)
{
	struct epoll_event event = { .events = f->events, .data.ptr = f };

	if (epoll_ctl(f->loop->epoll_fd, EPOLL_CTL_MOD, f->fd, &event) < 0)
		return err_sys("cannot change what is watched of a descriptor");
	return 0;
}

int loop_change_fd(struct loop_fd *f, uint32_t events)
{
	uint32_t before = f->events;
	int e;

	if (before == events)
		return 0;
	f->events = events;
	e = loop_rearm_fd(f);
	if (e)
		f->events = before;
	return err_trace(e);
}

void loop_remove_fd(struct loop_fd *f)
{
	struct loop *l = f->loop;

	if (!l)
		return;
	/* fails only when the descriptor was closed, which removed it */
	(void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, f->fd, NULL);
	for (int i = l->at_event; i < l->n_events; i++)
		if (l->events[i].data.ptr == f)
			l->events[i].data.ptr = NULL;
	f->loop = NULL;
	f->fd = -1;
	l->n_fds--;
}

static void deliver_events(struct loop *l)
{
	for (l->at_event = 0; l->at_event < l->n_events; l->at_event++) {
		struct loop_fd *f = l->events[l->at_event].data.ptr;

		if (f)
			f->fn(f, l->events[l->at_event].events);
	}
	l->n_events = 0;
}

/* ---- timers ---- */

static bool is_before(const struct loop_timer *a, const struct loop_timer *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void place(struct loop *l, size_t slot, struct loop_timer *t)
{
	l->heap[slot - 1] = t;
	t->slot = slot;
}

static void sift_up(struct loop *l, struct loop_timer *t)
{
	size_t slot = t->slot;

	while (slot > 1 && is_before(t, l->heap[slot / 2 - 1])) {
		place(l, slot, l->heap[slot / 2 - 1]);
		slot /= 2;
	}
	place(l, slot, t);
}

static void sift_down(struct loop *l, struct loop_timer *t)
{
	size_t slot = t->slot, child;

	while ((child = slot * 2) <= l->n_timers) {
		if (child < l->n_timers && is_before(l->heap[child], l->heap[child - 1]))
			child++;
		if (!is_before(l->heap[child - 1], t))
			break;
		place(l, slot, l->heap[child - 1]);
		slot = child;
	}
	place(l, slot, t);
}

static int heap_reserve(struct loop *l)
{
	size_t cap = l->cap_timers ? l->cap_timers * 2 : 64;
	struct loop_timer **heap;

	if (l->n_timers < l->cap_timers)
		return 0;
	heap = reallocarray(l->heap, cap, sizeof(struct loop_timer *));
	if (!heap)
		return err_nomem();
	l->heap = heap;
	l->cap_timers = cap;
	return 0;
}

int loop_arm(struct loop *l, struct loop_timer *t, int64_t at_boot_ms, loop_timer_fn *fn)
{
	int e;

	if (!t->slot) {
		e = heap_reserve(l);
		if (e)
			return err_trace(e);
		t->loop = l;
		t->slot = ++l->n_timers;
	}
	if (fn)
		t->fn = fn;
	/* what is overdue queues behind what is due, or it could starve it */
	t->at_ms = MAX(at_boot_ms, l->now_ms);
	t->order = ++l->n_armed;
	sift_up(l, t);
	sift_down(l, t);
	return 0;
}

void loop_disarm(struct loop_timer *t)
{
	struct loop *l = t->loop;
	struct loop_timer *last;
	size_t slot = t->slot;

	if (!slot)
		return;
	t->slot = 0;
	last = l->heap[l->n_timers - 1];
	l->n_timers--;
	if (last == t)
		return;
	place(l, slot, last);
	sift_up(l, last);
	sift_down(l, last);
}

/* Those armed by a callback wait for the next turn. */
static void fire_timers(struct loop *l)
{
	uint64_t last_order = l->n_armed;

	while (l->n_timers) {
		struct loop_timer *t = l->heap[0];

		if (t->at_ms > l->now_ms || t->order > last_order)
			return;
		loop_disarm(t);
		t->fn(t);
	}
}

/* ---- tasks ---- */

static bool is_linked(const struct loop_task *t)
{
	return t->link.next && t->link.next != &t->link;
}

void loop_defer(struct loop *l, struct loop_task *t, loop_task_fn *fn)
{
	t->fn = fn;
	if (!is_linked(t))
		list_push_back(&l->tasks, &t->link);
}

void loop_cancel_task(struct loop_task *t)
{
	if (is_linked(t))
		list_unlink(&t->link);
}

/* Those deferred by a task wait for the next turn, which then does not block. */
static void run_tasks(struct loop *l)
{
	struct list due, *link;

	list_init(&due);
	list_splice_back(&due, &l->tasks);
	while ((link = list_pop_front(&due))) {
		struct loop_task *t = list_entry(link, struct loop_task, link);

		t->fn(t);
	}
}

/* ---- signals ---- */

static void on_signal(struct loop_fd *f, uint32_t events)
{
	struct loop *l = container_of(f, struct loop, signal_source);
	struct signalfd_siginfo info;

	while (read(l->signal_fd, &info, sizeof(info)) == sizeof(info))
		l->signal_fn(l->signal_data, (int)info.ssi_signo);
}

int loop_add_signals(struct loop *l, const int *signos, size_t n, loop_signal_fn *fn, void *data)
{
	sigset_t set;
	int e;

	assert(l->signal_fd < 0);
	sigemptyset(&set);
	for (size_t i = 0; i < n; i++)
		sigaddset(&set, signos[i]);
	errno = pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (errno)
		return err_sys("cannot block signals");
	l->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (l->signal_fd < 0)
		return err_sys("cannot create a signalfd");
	l->signal_fn = fn;
	l->signal_data = data;
	e = loop_add_fd(l, &l->signal_source, l->signal_fd, EPOLLIN, on_signal);
	return err_trace(e);
}

/* ---- turns ---- */

int64_t loop_now_ms(const struct loop *l)
{
	return l->now_ms;
}

int64_t loop_now_us(const struct loop *l)
{
	return l->now_us;
}

struct clock *loop_clock(struct loop *l)
{
	return l->clock;
}

static void set_timer(struct loop *l, int64_t at_ms)
{
	struct itimerspec t = { .it_value = { at_ms / 1000, at_ms % 1000 * 1000000 } };

	if (l->timer_ms && l->timer_ms <= at_ms)
		return; /* it rings too early at worst */
	(void)timerfd_settime(l->timer_fd, TFD_TIMER_ABSTIME, &t, NULL); /* cannot fail so */
	l->timer_ms = at_ms;
}

/* A fake clock does not move by waiting: it only says whether a timer is due. */
static int wait_ms(struct loop *l, int timeout_ms)
{
	int64_t until;

	if (!list_is_empty(&l->tasks))
		return 0;
	if (!l->n_timers)
		return timeout_ms;
	until = l->heap[0]->at_ms - (l->clock->is_fake ? clock_boot_ms(l->clock) : l->now_ms);
	if (until <= 0)
		return 0;
	if (!l->clock->is_fake)
		set_timer(l, l->heap[0]->at_ms);
	return timeout_ms;
}

int loop_turn(struct loop *l, int timeout_ms)
{
	int n = epoll_wait(l->epoll_fd, l->events, EVENTS_MAX, wait_ms(l, timeout_ms));

	if (n < 0 && errno != EINTR)
		return err_sys("cannot wait for events");
	l->n_events = MAX(n, 0);
	read_clock(l);
	deliver_events(l);
	fire_timers(l);
	run_tasks(l);
	return 0;
}

int loop_run(struct loop *l)
{
	int e;

	l->is_stopping = false;
	read_clock(l); /* what was before the first turn took its time */
	while (!l->is_stopping) {
		e = loop_turn(l, -1);
		if (e)
			return err_trace(e);
	}
	return 0;
}

void loop_stop(struct loop *l)
{
	l->is_stopping = true;
}
