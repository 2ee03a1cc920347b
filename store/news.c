/* SPDX-License-Identifier: Apache-2.0 */
/* What a batch leaves for those who wait. */
#include "store/news.h"

#include <string.h>

#include "base/err.h"

static bool is_same(const struct store_news_ready *a, const struct store_news_ready *b)
{
	return a->queue == b->queue && a->is_any == b->is_any && a->assignee == b->assignee &&
	       strcmp(a->capabilities, b->capabilities) == 0 && strcmp(a->tags, b->tags) == 0;
}

void store_news_ready(struct store_tx *tx, const struct store_news_ready *ready)
{
	struct store_news *news = tx->news;

	for (size_t i = 0; i < news->n_ready; i++)
		if (is_same(&news->ready[i], ready)) {
			news->ready[i].n += ready->n;
			return;
		}
	if (news->n_ready == ARRAY_LEN(news->ready))
		news->is_more = true;
	else
		news->ready[news->n_ready++] = *ready;
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

void store_news_task(struct store_tx *tx, const struct store_task *t)
{
	struct store_news_ready r = { .queue = t->queue, .n = 1, .assignee = t->assignee };

	if (put_words(r.capabilities, sizeof(r.capabilities), t->task.capabilities) &&
	    put_words(r.tags, sizeof(r.tags), t->task.tags))
		store_news_ready(tx, &r);
	else
		store_news_room(tx, t->queue, 1);
}

void store_news_room(struct store_tx *tx, int64_t queue, int64_t n)
{
	store_news_ready(tx, &(struct store_news_ready){ .queue = queue, .n = n, .is_any = true });
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
