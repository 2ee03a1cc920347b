/* SPDX-License-Identifier: Apache-2.0 */
/* One writer, readers in threads of their own: what the server does. */
#include <pthread.h>
#include <stdatomic.h>

#include "base/err.h"
#include "tests/unit/store/world.h"

enum { BATCHES = 300, EACH = 3 };

struct watcher {
	struct store *store;
	struct store_reader *reader;
	pthread_t thread;
	_Atomic bool *is_over;
	int64_t n_reads, n_torn, n_back, n_failed, head;
};

static void look(struct watcher *w, struct arena *a)
{
	struct store_stats stats;
	struct store_tx tx;
	int64_t floor, head;
	int e;

	arena_reset(a);
	e = store_read_begin(w->reader, a, 0, &tx);
	if (!e) {
		e = store_event_bounds(&tx, &floor, &head);
		store_read_end(w->reader);
	}
	w->n_reads++;
	w->n_failed += e != 0;
	if (e)
		return;
	w->n_torn += head % EACH != 0;
	w->n_back += head < w->head;
	w->head = head;
	store_stats(w->store, &stats);
	w->n_failed += stats.state != STORE_OK || store_is_lost(w->store);
}

static void *watch(void *data)
{
	struct watcher *w = data;
	struct arena a;

	arena_init(&a, 0);
	while (!atomic_load(w->is_over))
		look(w, &a);
	look(w, &a);
	arena_deinit(&a);
	return NULL;
}

TEST(store_readers_in_other_threads_see_whole_batches_in_order)
{
	WORLD_OPEN(w);
	_Atomic bool is_over = false;
	struct watcher watchers[2];
	int64_t next;

	for (size_t i = 0; i < ARRAY_LEN(watchers); i++) {
		watchers[i] = (struct watcher){ .store = w.store, .is_over = &is_over };
		CHECK_OK(store_reader_new(w.store, i == 0, &watchers[i].reader));
		CHECK(pthread_create(&watchers[i].thread, NULL, watch, &watchers[i]) == 0);
	}
	for (int i = 0; i < BATCHES; i++) {
		CHECK_OK(world_fill(&w, EACH, 2000));
		CHECK_OK(store_housekeep(w.store, &next));
	}
	atomic_store(&is_over, true);
	for (size_t i = 0; i < ARRAY_LEN(watchers); i++) {
		struct watcher *r = &watchers[i];

		CHECK(pthread_join(r->thread, NULL) == 0);
		store_reader_free(r->reader);
		CHECK_INT(r->n_failed, 0);
		CHECK_INT(r->n_torn, 0);
		CHECK_INT(r->n_back, 0);
		CHECK_INT(r->head, BATCHES * EACH);
	}
}
