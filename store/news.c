/* SPDX-License-Identifier: Apache-2.0 */
/* What a batch leaves for those who wait. */
#include "store/news.h"

#include <string.h>

#include "base/err.h"

/* One more entry, or so many more for who needs the same at the same place. */
static void add(struct store_tx *tx, const struct store_news_ready *more)
{
	struct store_news *news = tx->news;

	for (size_t i = 0; i < news->n_ready; i++) {
		struct store_news_ready *r = &news->ready[i];

		if (r->place.kind != more->place.kind || r->place.n != more->place.n ||
		    r->needs != more->needs)
			continue;
		r->n += more->n;
		return;
	}
	if (news->n_ready == ARRAY_LEN(news->ready))
		news->is_more = true;
	else
		news->ready[news->n_ready++] = *more;
}

void store_news_there(struct store_tx *tx, struct store_place place, int64_t n)
{
	add(tx, &(struct store_news_ready){ .place = place, .n = n });
}

/* One a line. False: there is no room. */
static bool put_words(char *out, size_t size, struct str_list words)
{
	size_t n = 0;

	for (size_t i = 0; i < words.n; i++) {
		if (n + words.v[i].n + 2 > size)
			return false;
		if (i)
			out[n++] = '\n';
		memcpy(out + n, words.v[i].p, words.v[i].n);
		n += words.v[i].n;
	}
	return true;
}

static bool is_same(const struct store_news_needs *a, const struct store_news_needs *b)
{
	return a->assignee == b->assignee && strcmp(a->capabilities, b->capabilities) == 0 &&
	       strcmp(a->tags, b->tags) == 0;
}

/* The number of such needs; 0 when there is no room for them. */
static size_t number_of(struct store_news *news, const struct store_news_needs *needs)
{
	for (size_t i = 0; i < news->n_needs; i++)
		if (is_same(&news->needs[i], needs))
			return i + 1;
	if (news->n_needs == ARRAY_LEN(news->needs))
		return 0;
	news->needs[news->n_needs++] = *needs;
	return news->n_needs;
}

void store_news_task(struct store_tx *tx, const struct store_task *t)
{
	struct store_news_needs needs = { .assignee = t->assignee };
	struct store_news_ready ready = { .place = { STORE_PLACE_QUEUE, t->queue }, .n = 1 };

	if (put_words(needs.capabilities, sizeof(needs.capabilities), t->task.capabilities) &&
	    put_words(needs.tags, sizeof(needs.tags), t->task.tags))
		ready.needs = number_of(tx->news, &needs);
	add(tx, &ready);
}

void store_news_room(struct store_tx *tx, int64_t queue, int64_t n)
{
	store_news_there(tx, (struct store_place){ STORE_PLACE_QUEUE, queue }, n);
}

static int64_t earlier(int64_t a, int64_t b)
{
	if (!a || !b)
		return a ? a : b;
	return MIN(a, b);
}

void store_news_times(struct store_tx *tx, int64_t due_at, int64_t wake_at)
{
	tx->news->due_at = earlier(tx->news->due_at, due_at);
	tx->news->wake_at = earlier(tx->news->wake_at, wake_at);
}
