/* SPDX-License-Identifier: Apache-2.0 */
#include "base/queue.h"

#include <poll.h>
#include <stdlib.h>

#include "tests/unit/test.h"

struct item {
	int from, v;
	struct list link;
};

static bool is_readable(struct queue *q)
{
	struct pollfd p = { .fd = queue_fd(q), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

TEST(queue_is_bounded_and_first_in_first_out)
{
	struct item items[4] = { { .v = 0 }, { .v = 1 }, { .v = 2 }, { .v = 3 } };
	struct list out, back;
	struct queue q;

	list_init(&out);
	list_init(&back);
	if (!CHECK_OK(queue_init(&q, 2)))
		return;
	CHECK(!is_readable(&q));
	CHECK_OK(queue_put(&q, &items[0].link));
	CHECK_OK(queue_put(&q, &items[1].link));
	CHECK_INT(queue_put(&q, &items[2].link), QUEUE_FULL);
	list_push_back(&back, &items[2].link);
	list_push_back(&back, &items[3].link);
	queue_put_all(&q, &back);
	CHECK(list_is_empty(&back));
	CHECK_INT(queue_len(&q), 4);
	CHECK(is_readable(&q));
	CHECK_INT(queue_take(&q, &out, 3), 3);
	CHECK(is_readable(&q));
	CHECK_INT(queue_wait(&q, &out, 9, -1), 1);
	CHECK(!is_readable(&q));
	for (int i = 0; i < 4; i++)
		CHECK_INT(list_entry(list_pop_front(&out), struct item, link)->v, i);
	CHECK_INT(queue_take(&q, &out, 9), 0);
	queue_deinit(&q);
}

TEST(queue_what_is_put_first_comes_before_all_that_waits)
{
	struct item items[4] = { { .v = 2 }, { .v = 3 }, { .v = 0 }, { .v = 1 } };
	struct list out, first;
	struct queue q;

	list_init(&out);
	list_init(&first);
	if (!CHECK_OK(queue_init(&q, 0)))
		return;
	CHECK_OK(queue_put(&q, &items[0].link));
	CHECK_OK(queue_put(&q, &items[1].link));
	list_push_back(&first, &items[2].link);
	list_push_back(&first, &items[3].link);
	queue_put_all_first(&q, &first);
	CHECK(list_is_empty(&first));
	CHECK_INT(queue_take(&q, &out, 9), 4);
	for (int i = 0; i < 4; i++)
		CHECK_INT(list_entry(list_pop_front(&out), struct item, link)->v, i);
	queue_deinit(&q);
}

TEST(queue_closed_takes_nothing_more_but_gives_what_it_has)
{
	struct item items[2] = { { .v = 0 }, { .v = 1 } };
	struct list out;
	struct queue q;

	list_init(&out);
	if (!CHECK_OK(queue_init(&q, 0)))
		return;
	CHECK_OK(queue_put(&q, &items[0].link));
	queue_close(&q);
	CHECK_INT(queue_put(&q, &items[1].link), QUEUE_CLOSED);
	CHECK_INT(queue_wait(&q, &out, 9, -1), 1);
	CHECK_INT(queue_wait(&q, &out, 9, -1), 0);
	CHECK(is_readable(&q));
	queue_deinit(&q);
}

TEST(queue_wait_ends_at_its_timeout)
{
	struct list out;
	struct queue q;

	list_init(&out);
	if (!CHECK_OK(queue_init(&q, 0)))
		return;
	CHECK_INT(queue_wait(&q, &out, 1, 1), 0);
	CHECK_INT(queue_wait(&q, &out, 1, 0), 0);
	queue_deinit(&q);
}

enum { N_PRODUCERS = 3, N_CONSUMERS = 2, N_EACH = 4000 };

struct shared {
	struct queue work, done;
	int next_producer;
	pthread_mutex_t lock;
};

static void *produce(void *data)
{
	struct shared *s = data;
	struct item *items = calloc(N_EACH, sizeof(*items));
	int me;

	pthread_mutex_lock(&s->lock);
	me = s->next_producer++;
	pthread_mutex_unlock(&s->lock);
	for (int i = 0; i < N_EACH; i++) {
		items[i].from = me;
		items[i].v = i;
		while (queue_put(&s->work, &items[i].link) == QUEUE_FULL)
			sched_yield();
	}
	return items;
}

/* Hands on in batches what it takes, until the queue is closed and empty. */
static void *consume(void *data)
{
	struct shared *s = data;
	struct list batch;

	list_init(&batch);
	while (queue_wait(&s->work, &batch, 16, -1))
		queue_put_all(&s->done, &batch);
	return NULL;
}

/* What the consumers handed back: taken as a loop takes it, by the eventfd. */
static int collect(struct shared *s, int wanted, char seen[N_PRODUCERS][N_EACH])
{
	struct pollfd p = { .fd = queue_fd(&s->done), .events = POLLIN };
	struct list out, *link;
	int n = 0;

	list_init(&out);
	while (n < wanted && poll(&p, 1, 60000) == 1) {
		queue_take(&s->done, &out, 100);
		while ((link = list_pop_front(&out))) {
			const struct item *item = list_entry(link, struct item, link);

			seen[item->from][item->v]++;
			n++;
		}
	}
	return n;
}

TEST(queue_loses_and_doubles_nothing_between_threads)
{
	static char seen[N_PRODUCERS][N_EACH];
	struct shared s = { .lock = PTHREAD_MUTEX_INITIALIZER };
	pthread_t producers[N_PRODUCERS], consumers[N_CONSUMERS];
	void *items[N_PRODUCERS];

	if (!CHECK_OK(queue_init(&s.work, 64)) || !CHECK_OK(queue_init(&s.done, 0)))
		return;
	for (int i = 0; i < N_CONSUMERS; i++)
		CHECK_INT(pthread_create(&consumers[i], NULL, consume, &s), 0);
	for (int i = 0; i < N_PRODUCERS; i++)
		CHECK_INT(pthread_create(&producers[i], NULL, produce, &s), 0);
	CHECK_INT(collect(&s, N_PRODUCERS * N_EACH, seen), N_PRODUCERS * N_EACH);
	for (int i = 0; i < N_PRODUCERS; i++)
		pthread_join(producers[i], &items[i]);
	queue_close(&s.work);
	for (int i = 0; i < N_CONSUMERS; i++)
		pthread_join(consumers[i], NULL);
	for (int i = 0; i < N_PRODUCERS; i++) {
		for (int k = 0; k < N_EACH; k++)
			if (!CHECK_INT(seen[i][k], 1))
				break;
		free(items[i]);
	}
	queue_deinit(&s.work);
	queue_deinit(&s.done);
}
