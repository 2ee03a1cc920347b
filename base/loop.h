/* SPDX-License-Identifier: Apache-2.0 */
/* One epoll loop per thread: descriptors, timers, work at the end of a turn, signals. Objects are
 * embedded in their owners; adding costs no allocation except the timers' heap. The next timer is
 * in a timerfd, set only when it moves to the front: a timeout would be set up and torn down by
 * each wait. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/macros.h"

struct loop;
struct loop_fd;
struct loop_timer;
struct loop_task;

/* events: EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR as epoll gave them. */
typedef void loop_fd_fn(struct loop_fd *f, uint32_t events);
typedef void loop_timer_fn(struct loop_timer *t);
typedef void loop_task_fn(struct loop_task *t);

struct loop_fd {
	struct loop *loop;
	int fd; /* borrowed; -1 when not added */
	uint32_t events;
	loop_fd_fn *fn;
};

struct loop_timer {
	struct loop *loop;
	int64_t at_ms;  /* boot time */
	uint64_t order; /* of arming: breaks ties */
	size_t slot;    /* in the heap, 1-based; 0 = not armed */
	loop_timer_fn *fn;
};

/* Runs once, after all events of this turn were handled: flushing, destroying. */
struct loop_task {
	struct list link;
	loop_task_fn *fn;
};

int loop_new(struct clock *clock, struct loop **out) must_check;
struct loop *loop_free(struct loop *l); /* everything must have been removed */

int loop_add_fd(struct loop *l, struct loop_fd *f, int fd, uint32_t events,
		loop_fd_fn *fn) must_check;
/* No system call when the events do not change. */
int loop_change_fd(struct loop_fd *f, uint32_t events) must_check;
/* With EPOLLET: what is ready now is told again. */
int loop_rearm_fd(struct loop_fd *f) must_check;
/* Safe at any time, also from inside f's own callback and for an event of this turn not yet
 * delivered; harmless when not added. */
void loop_remove_fd(struct loop_fd *f);

/* (Re)arms. Negative only when memory is out. fn may be set once before; NULL keeps it. */
int loop_arm(struct loop *l, struct loop_timer *t, int64_t at_boot_ms,
	     loop_timer_fn *fn) must_check;
void loop_disarm(struct loop_timer *t);

void loop_defer(struct loop *l, struct loop_task *t, loop_task_fn *fn); /* once; again is a no-op */
void loop_cancel_task(struct loop_task *t);

/* Boot time read once a turn. */
int64_t loop_now_ms(const struct loop *l);
int64_t loop_now_us(const struct loop *l);
struct clock *loop_clock(struct loop *l);

/* Blocks the signals for the process and calls fn on the loop when one comes. */
typedef void loop_signal_fn(void *data, int signo);
int loop_add_signals(struct loop *l, const int *signos, size_t n, loop_signal_fn *fn,
		     void *data) must_check;

int loop_run(struct loop *l) must_check; /* until loop_stop */
int loop_turn(struct loop *l,
	      int timeout_ms) must_check; /* one turn; -1 = until something happens */
void loop_stop(struct loop *l);
