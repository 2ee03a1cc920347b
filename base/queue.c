/* SPDX-License-Identifier: Apache-2.0 */
/* A consumer either waits in queue_wait() (woken by the condition, no system call but the futex) or
 * watches the eventfd in a loop. Without a waiting thread the eventfd is raised once and stays
 * readable until the queue is drained, so that a batch costs one write and one read. */
#include "base/queue.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

int queue_init(struct queue *q, size_t max)
{
	pthread_condattr_t attr;

	*q = (struct queue){ .max = max, .event_fd = -1 };
	list_init(&q->items);
	q->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->event_fd < 0)
		return err_sys("cannot create an eventfd");
	/* these do not fail on Linux */
	pthread_mutex_init(&q->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->filled, &attr);
	pthread_condattr_destroy(&attr);
	return 0;
}

void queue_deinit(struct queue *q)
{
	if (q->event_fd < 0)
		return;
	assert(q->n == 0 && q->n_waiting == 0);
	fd_close(&q->event_fd);
	pthread_cond_destroy(&q->filled);
	pthread_mutex_destroy(&q->lock);
}

static void raise_fd(struct queue *q)
{
	uint64_t one = 1;

	if (q->is_signaled)
		return;
	q->is_signaled = write(q->event_fd, &one, sizeof(one)) == sizeof(one);
}

static void lower_fd(struct queue *q)
{
	uint64_t count;

	if (!q->is_signaled || q->is_closed)
		return;
	q->is_signaled = read(q->event_fd, &count, sizeof(count)) != sizeof(count);
}

/* Called with the lock, after items were added. */
static void announce(struct queue *q, size_t n_added)
{
	if (!q->n_waiting)
		raise_fd(q);
	else if (n_added == 1)
		pthread_cond_signal(&q->filled);
	else
		pthread_cond_broadcast(&q->filled);
}

int queue_put(struct queue *q, struct list *item)
{
	int e = 0;

	pthread_mutex_lock(&q->lock);
	if (q->is_closed) {
		e = QUEUE_CLOSED;
	} else if (q->max && q->n >= q->max) {
		e = QUEUE_FULL;
	} else {
		list_push_back(&q->items, item);
		q->n++;
		announce(q, 1);
	}
	pthread_mutex_unlock(&q->lock);
	return e;
}

static void put_all(struct queue *q, struct list *items, bool is_first)
{
	size_t n = 0;

	list_for_each (it, tmp, items)
		n++;
	if (!n)
		return;
	pthread_mutex_lock(&q->lock);
	if (is_first) {
		list_splice_back(items, &q->items);
		list_splice_back(&q->items, items);
	} else {
		list_splice_back(&q->items, items);
	}
	q->n += n;
	announce(q, n);
	pthread_mutex_unlock(&q->lock);
}

void queue_put_all(struct queue *q, struct list *items)
{
	put_all(q, items, false);
}

void queue_put_all_first(struct queue *q, struct list *items)
{
	put_all(q, items, true);
}

static size_t take(struct queue *q, struct list *out, size_t max)
{
	size_t n;

	if (max >= q->n) {
		n = q->n;
		list_splice_back(out, &q->items);
	} else {
		for (n = 0; n < max; n++)
			list_push_back(out, list_pop_front(&q->items));
	}
	q->n -= n;
	if (!q->n)
		lower_fd(q);
	else if (!q->n_waiting)
		raise_fd(q);
	return n;
}

size_t queue_take(struct queue *q, struct list *out, size_t max)
{
	size_t n;

	pthread_mutex_lock(&q->lock);
	n = take(q, out, max);
	pthread_mutex_unlock(&q->lock);
	return n;
}

static struct timespec deadline_after(int ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (ms % 1000) * 1000000L;
	if (t.tv_nsec >= 1000000000L) {
		t.tv_nsec -= 1000000000L;
		t.tv_sec++;
	}
	return t;
}

size_t queue_wait(struct queue *q, struct list *out, size_t max, int timeout_ms)
{
	struct timespec deadline = deadline_after(MAX(timeout_ms, 0));
	size_t n;
	int e = 0;

	pthread_mutex_lock(&q->lock);
	q->n_waiting++;
	while (!q->n && !q->is_closed && e != ETIMEDOUT) {
		if (timeout_ms < 0)
			e = pthread_cond_wait(&q->filled, &q->lock);
		else
			e = pthread_cond_timedwait(&q->filled, &q->lock, &deadline);
	}
	q->n_waiting--;
	n = take(q, out, max);
	pthread_mutex_unlock(&q->lock);
	return n;
}

void queue_close(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->is_closed = true;
	raise_fd(q);
	pthread_cond_broadcast(&q->filled);
	pthread_mutex_unlock(&q->lock);
}

size_t queue_len(struct queue *q)
{
	size_t n;

	pthread_mutex_lock(&q->lock);
	n = q->n;
	pthread_mutex_unlock(&q->lock);
	return n;
}

int queue_fd(const struct queue *q)
{
	return q->event_fd;
}
