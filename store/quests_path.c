/* SPDX-License-Identifier: Apache-2.0 */
/* The way from one quest to another along dependencies, breadth first: what would close a cycle,
 * and through whom. Quests seen are a list in order of their finding, each with the place of the
 * one it was reached from, and a table of places by n to find them in. */
#include "store/quests_path.h"

#include "base/err.h"

#define SLOTS 32768 /* a power of two above 2 × QUEST_WALK_MAX */

struct seen {
	int64_t n;
	uint32_t from; /* place of the one before */
};

struct walk {
	struct seen *v;
	size_t n;
	uint16_t *slots; /* place + 1; 0 = free */
};

_Static_assert(QUEST_WALK_MAX<65535 && SLOTS> 2 * QUEST_WALK_MAX, "places fit the table");

/* False when it was seen before. */
static bool walk_add(struct walk *w, int64_t n, size_t from)
{
	size_t slot = (size_t)((uint64_t)n * 0x9e3779b97f4a7c15u >> 49) & (SLOTS - 1);

	for (; w->slots[slot]; slot = (slot + 1) & (SLOTS - 1))
		if (w->v[w->slots[slot] - 1].n == n)
			return false;
	w->v[w->n] = (struct seen){ n, (uint32_t)from };
	w->slots[slot] = (uint16_t)++w->n;
	return true;
}

/* From the start to the one at `place`. */
static int walk_way(struct store_tx *tx, const struct walk *w, size_t place,
		    struct store_n_list *out)
{
	size_t n = 1;

	for (size_t i = place; i; i = w->v[i].from)
		n++;
	*out = (struct store_n_list){ ARENA_ARRAY(tx->arena, n, int64_t), n };
	if (!out->v)
		return err_nomem();
	for (size_t i = place; n--; i = w->v[i].from)
		out->v[n] = w->v[i].n;
	return 0;
}

/* Adds what the quest at `place` depends on; ends with `to` when that is among it. */
static int walk_step(struct store_tx *tx, struct walk *w, size_t place, int64_t to, bool *is_there)
{
	int64_t next[QUEST_DEPENDENCIES_MAX];
	size_t n;
	int e = store_quest_dependencies(tx, w->v[place].n, next, &n);

	if (e)
		return err_trace(e);
	for (size_t i = 0; i < n && !*is_there; i++) {
		if (w->n == QUEST_WALK_MAX)
			return STORE_TOO_FAR;
		*is_there = walk_add(w, next[i], place) && next[i] == to;
	}
	return 0;
}

int store_quest_path(struct store_tx *tx, int64_t from, int64_t to, struct store_n_list *out)
{
	struct walk w = {
		.v = ARENA_ARRAY(tx->arena, QUEST_WALK_MAX, struct seen),
		.slots = ARENA_ARRAY(tx->arena, SLOTS, uint16_t),
	};
	bool is_there = from == to;

	if (!w.v || !w.slots)
		return err_nomem();
	(void)walk_add(&w, from, 0);
	for (size_t place = 0; place < w.n && !is_there; place++) {
		int e = walk_step(tx, &w, place, to, &is_there);

		if (e)
			return err_trace(e);
	}
	return is_there ? walk_way(tx, &w, w.n - 1, out) : STORE_NONE;
}
