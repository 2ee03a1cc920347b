/* SPDX-License-Identifier: Apache-2.0 */
#include "server/claims.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/map.h"
#include "server/dispatch.h"
#include "server/request.h"
#include "server/server.h"
#include "store/tasks_ready.h"

#define WORDS_MAX 100 /* of a news' text */

/* Who waits at one place. */
struct claims_place {
	struct map_node node;
	struct store_place place;
	struct list waiting; /* struct request.lane_link, by serial */
};

struct claims {
	struct server *server;
	struct map places;
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
	map_init(&c->places);
	*out = c;
	return 0;
}

struct claims *claims_free(struct claims *c)
{
	if (!c)
		return NULL;
	assert(c->n == 0);
	map_deinit(&c->places);
	free(c);
	return NULL;
}

size_t claims_n(const struct claims *c)
{
	return c->n;
}

static struct str key_of(const struct store_place *place)
{
	return (struct str){ (const char *)place, sizeof(*place) };
}

static struct claims_place *find(const struct claims *c, const struct store_place *place)
{
	struct map_node *node = map_find(&c->places, key_of(place));

	return node ? container_of(node, struct claims_place, node) : NULL;
}

static struct claims_place *find_or_make(struct claims *c, const struct store_place *place)
{
	struct claims_place *p = find(c, place);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->place = *place;
	list_init(&p->waiting);
	if (map_add(&c->places, &p->node, key_of(&p->place))) {
		err_forget();
		free(p);
		return NULL;
	}
	return p;
}

static void drop_when_empty(struct claims *c, struct claims_place *p)
{
	if (!list_is_empty(&p->waiting))
		return;
	map_remove(&c->places, &p->node);
	free(p);
}

static void take_out(struct claims *c, struct request *r)
{
	list_unlink(&r->lane_link);
	loop_disarm(&r->timer);
	r->claims = NULL;
	c->n--;
}

static void on_time_over(struct loop_timer *timer)
{
	struct request *r = container_of(timer, struct request, timer);

	claims_remove(r->server->claims, r);
	r->call.is_time_over = true;
	dispatch_resume(r);
}

/* Who waited before and was woken for nothing takes his old place. */
static void insert(struct claims_place *p, struct request *r)
{
	struct list *behind = p->waiting.prev;

	if (r->has_waited) {
		behind = &p->waiting;
		list_for_each (it, tmp, &p->waiting) {
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
	struct claims_place *p = find_or_make(c, &r->call.wait.place);

	if (!p)
		return err_nomem();
	if (loop_arm(c->server->loop, &r->timer, r->started_us / 1000 + r->call.wait.timeout_ms,
		     on_time_over)) {
		drop_when_empty(c, p);
		return err_nomem();
	}
	insert(p, r);
	r->claims = p;
	c->n++;
	if (r->call.wait.is_there)
		claims_pass(c, r);
	r->was_woken = false;
	return 0;
}

void claims_remove(struct claims *c, struct request *r)
{
	struct claims_place *p = r->claims;

	if (!p)
		return;
	take_out(c, r);
	drop_when_empty(c, p);
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
	int64_t assignee;
	struct str words[2][WORDS_MAX];
	struct str_list capabilities, tags;
	bool is_any;
};

static void read_needs(const struct store_news_needs *needs, struct wanted *w)
{
	w->assignee = needs->assignee;
	w->is_any = !split(str_from(needs->capabilities), w->words[0], &w->capabilities) ||
		    !split(str_from(needs->tags), w->words[1], &w->tags);
}

static bool can(const struct request *r, const struct wanted *w)
{
	const struct store_offer *offer = r->call.wait.offer;

	if (w->is_any || !offer)
		return true;
	if (w->assignee && w->assignee != offer->worker)
		return false;
	return store_words_within(w->capabilities, offer->capabilities) &&
	       store_words_within(offer->tags, w->tags);
}

/* Out of the lists before the first runs: it may come back at once. */
static void run_all(struct list *woken)
{
	struct list *l;

	while ((l = list_pop_front(woken)))
		dispatch_resume(request_of(l));
}

/* At most n of those that can, the oldest first. */
static void wake_some(struct claims *c, struct claims_place *p, const struct wanted *w, int64_t n,
		      struct list *woken)
{
	list_for_each (it, tmp, &p->waiting) {
		struct request *r = request_of(it);

		if (n <= 0)
			break;
		if (!can(r, w))
			continue;
		n--;
		take_out(c, r);
		r->was_woken = true;
		list_push_back(woken, it);
	}
	drop_when_empty(c, p);
}

void claims_pass(struct claims *c, struct request *r)
{
	struct claims_place *p = r->was_woken ? find(c, &r->call.wait.place) : NULL;

	r->was_woken = false;
	if (!p)
		return;
	list_for_each (it, tmp, &p->waiting) {
		struct request *next = request_of(it);

		if (next->serial <= r->serial)
			continue;
		take_out(c, next);
		next->was_woken = true;
		drop_when_empty(c, p);
		dispatch_resume(next);
		return;
	}
}

static const struct wanted any = { .is_any = true };

static void wake_all(struct claims *c)
{
	struct map_node *node;
	struct list woken;

	list_init(&woken);
	while ((node = map_first(&c->places)))
		wake_some(c, container_of(node, struct claims_place, node), &any, INT64_MAX,
			  &woken);
	run_all(&woken);
}

static void tell_one(struct claims *c, const struct store_news *news,
		     const struct store_news_ready *ready)
{
	struct claims_place *p = find(c, &ready->place);
	struct wanted w;
	struct list woken;

	if (!p)
		return;
	list_init(&woken);
	if (ready->needs)
		read_needs(&news->needs[ready->needs - 1], &w);
	wake_some(c, p, ready->needs ? &w : &any, ready->n, &woken);
	run_all(&woken);
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
		tell_one(c, news, &news->ready[i]);
}

void claims_drain(struct claims *c)
{
	struct map_node *node;

	while ((node = map_first(&c->places))) {
		struct claims_place *p = container_of(node, struct claims_place, node);
		struct request *r = request_of(p->waiting.next);

		claims_remove(c, r);
		request_fail(r, ERROR_SHUTTING_DOWN, "the server is stopping");
		r->call.failure.retry_after_ms = 1000;
		dispatch_finish(r);
	}
}
