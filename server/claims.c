/* SPDX-License-Identifier: Apache-2.0 */
#include "server/claims.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "server/dispatch.h"
#include "server/request.h"
#include "server/server.h"
#include "store/tasks_ready.h"

#define WORDS_MAX 100 /* of a news' text */

struct claims_queue {
	struct list link;
	struct claims *claims;
	int64_t queue;       /* 0 = one that is not there yet */
	struct list waiting; /* struct request.lane_link, by serial */
};

struct claims {
	struct server *server;
	struct list queues;
	size_t n;
};

static struct request *request_of(struct list *l)
{
	return container_of(l, struct request, lane_link);
}

int claims_new(struct server *s, struct claims **out)
{
	struct claims *c = calloc(1, sizeof(*c));

	if (!c)
		return err_nomem();
	c->server = s;
	list_init(&c->queues);
	*out = c;
	return 0;
}

struct claims *claims_free(struct claims *c)
{
	if (!c)
		return NULL;
	assert(c->n == 0 && list_is_empty(&c->queues));
	free(c);
	return NULL;
}

size_t claims_n(const struct claims *c)
{
	return c->n;
}

static struct claims_queue *find(struct claims *c, int64_t queue)
{
	list_for_each (it, tmp, &c->queues) {
		struct claims_queue *q = container_of(it, struct claims_queue, link);

		if (q->queue == queue)
			return q;
	}
	return NULL;
}

static struct claims_queue *find_or_make(struct claims *c, int64_t queue)
{
	struct claims_queue *q = find(c, queue);

	if (q)
		return q;
	q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	q->claims = c;
	q->queue = queue;
	list_init(&q->waiting);
	list_push_back(&c->queues, &q->link);
	return q;
}

static void drop_when_empty(struct claims_queue *q)
{
	if (!list_is_empty(&q->waiting))
		return;
	list_unlink(&q->link);
	free(q);
}

static void take_out(struct claims_queue *q, struct request *r)
{
	list_unlink(&r->lane_link);
	loop_disarm(&r->timer);
	r->claims = NULL;
	q->claims->n--;
}

static void on_time_over(struct loop_timer *timer)
{
	struct request *r = container_of(timer, struct request, timer);

	claims_remove(r->server->claims, r);
	r->call.is_time_over = true;
	dispatch_resume(r);
}

/* Who waited before and was woken for nothing takes his old place. */
static void insert(struct claims_queue *q, struct request *r)
{
	struct list *behind = q->waiting.prev;

	if (r->has_waited) {
		behind = &q->waiting;
		list_for_each (it, tmp, &q->waiting) {
			if (request_of(it)->serial > r->serial)
				break;
			behind = it;
		}
	}
	list_push_front(behind, &r->lane_link); /* right behind it */
	r->has_waited = true;
}

int claims_add(struct claims *c, struct request *r)
{
	struct claims_queue *q = find_or_make(c, r->call.wait.queue);

	if (!q)
		return err_nomem();
	if (loop_arm(c->server->loop, &r->timer, r->started_us / 1000 + r->call.wait.timeout_ms,
		     on_time_over)) {
		drop_when_empty(q);
		return err_nomem();
	}
	insert(q, r);
	r->claims = q;
	c->n++;
	if (r->call.wait.is_there)
		claims_pass(c, r);
	r->was_woken = false;
	return 0;
}

void claims_remove(struct claims *c, struct request *r)
{
	struct claims_queue *q = r->claims;

	if (!q)
		return;
	take_out(q, r);
	drop_when_empty(q);
}

/* ---- waking ---- */

/* Lines into words; false when there are more than fit. */
static bool split(struct str text, struct str words[WORDS_MAX], struct str_list *out)
{
	*out = (struct str_list){ words, 0 };
	while (text.n) {
		if (out->n == WORDS_MAX)
			return false;
		words[out->n++] = str_cut(&text, '\n');
	}
	return true;
}

struct wanted {
	const struct store_news_ready *news;
	struct str words[2][WORDS_MAX];
	struct str_list capabilities, tags;
	bool is_any;
};

static void read_news(const struct store_news_ready *news, struct wanted *w)
{
	w->news = news;
	w->is_any = news->is_any ||
		    !split(str_from(news->capabilities), w->words[0], &w->capabilities) ||
		    !split(str_from(news->tags), w->words[1], &w->tags);
}

static bool can(const struct request *r, const struct wanted *w)
{
	const struct store_offer *offer = r->call.wait.offer;

	if (w->is_any)
		return true;
	if (w->news->assignee && w->news->assignee != offer->worker)
		return false;
	return store_words_within(w->capabilities, offer->capabilities) &&
	       store_words_within(offer->tags, w->tags);
}

/* At most n of those that can, the oldest first. Out of the list before the first runs: it may come
 * back at once. */
static void wake_some(struct claims_queue *q, const struct wanted *w, int64_t n)
{
	struct list woken, *l;

	list_init(&woken);
	list_for_each (it, tmp, &q->waiting) {
		struct request *r = request_of(it);

		if (n <= 0)
			break;
		if (!can(r, w))
			continue;
		n--;
		take_out(q, r);
		r->was_woken = true;
		list_push_back(&woken, it);
	}
	drop_when_empty(q);
	while ((l = list_pop_front(&woken)))
		dispatch_resume(request_of(l));
}

void claims_pass(struct claims *c, struct request *r)
{
	struct claims_queue *q = r->was_woken ? find(c, r->call.wait.queue) : NULL;

	r->was_woken = false;
	if (!q)
		return;
	list_for_each (it, tmp, &q->waiting) {
		struct request *next = request_of(it);

		if (next->serial <= r->serial)
			continue;
		take_out(q, next);
		next->was_woken = true;
		drop_when_empty(q);
		dispatch_resume(next);
		return;
	}
}

static void wake_all(struct claims *c)
{
	static const struct wanted any = { .is_any = true };
	struct list queues;

	list_init(&queues);
	list_splice_back(&queues, &c->queues);
	while (!list_is_empty(&queues)) {
		struct claims_queue *q = container_of(queues.next, struct claims_queue, link);

		wake_some(q, &any, INT64_MAX); /* frees it */
	}
}

static void tell_one(struct claims *c, const struct store_news_ready *news)
{
	struct claims_queue *q = find(c, news->queue);
	struct wanted w;

	if (!q)
		return;
	read_news(news, &w);
	/* a queue that was not there: all that wait for such look whether it is theirs */
	wake_some(q, &w, news->queue ? news->n : INT64_MAX);
}

void claims_tell(struct claims *c, const struct store_news *news)
{
	if (!c->n)
		return;
	if (news->is_more) {
		wake_all(c);
		return;
	}
	for (size_t i = 0; i < news->n_ready; i++)
		tell_one(c, &news->ready[i]);
}

void claims_drain(struct claims *c)
{
	while (!list_is_empty(&c->queues)) {
		struct claims_queue *q = container_of(c->queues.next, struct claims_queue, link);
		struct request *r = request_of(q->waiting.next);

		claims_remove(c, r);
		request_fail(r, ERROR_SHUTTING_DOWN, "the server is stopping");
		r->call.failure.retry_after_ms = 1000;
		dispatch_finish(r);
	}
}
