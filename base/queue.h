/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded queue of links between threads, with an eventfd that is readable while it is not empty
 * (or was closed). The only place beside log.c with a mutex. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"
#include "base/macros.h"

enum { QUEUE_FULL = 1, QUEUE_CLOSED };

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct list items;
	size_t n, max;
	size_t n_waiting; /* threads inside queue_wait: woken without the eventfd */
	int event_fd;
	bool is_signaled; /* the eventfd is readable */
	bool is_closed;
};

/* max 0 = unbounded (for what must come back). */
int queue_init(struct queue *q, size_t max) must_check;
void queue_deinit(struct queue *q); /* must be empty */
/* 0, QUEUE_FULL or QUEUE_CLOSED; the item stays the caller's then. */
int queue_put(struct queue *q, struct list *item) must_check;
/* Puts a whole list back with one wake-up; ignores the bound. */
void queue_put_all(struct queue *q, struct list *items);
/* The same before all that waits already. */
void queue_put_all_first(struct queue *q, struct list *items);
/* Moves up to max items to out (must be an initialised head); clears the eventfd when drained. */
size_t queue_take(struct queue *q, struct list *out, size_t max);
/* Blocks until there is something (timeout_ms, -1 = for ever) or it is closed; then as queue_take.
 */
size_t queue_wait(struct queue *q, struct list *out, size_t max, int timeout_ms);
void queue_close(struct queue *q); /* wakes all waiters; what is inside can still be taken */
size_t queue_len(struct queue *q);
int queue_fd(const struct queue *q);
