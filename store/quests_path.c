/* SPDX-License-Identifier: Apache-2.0 */
/* The way from a quest back to itself, breadth first from those that wait for it to those that wait
 * for them: a new quest, which nobody waits for, costs nothing. Quests seen are a list in order of
 * their finding, each with the place of the one it waits for, and a table of places by n to find
 * them in. */
#include "store/quests_path.h"

#include "base/err.h"
#include "store/db.h"

#define SLOTS 32768 /* a power of two above 2 × QUEST_WALK_MAX */

struct seen {
	int64_t n;
	uint32_t on; /* place of the one it waits for */
};

struct walk {
	struct seen *v;
	size_t n;
	uint16_t *slots; /* place + 1; 0 = free */
};

_Static_assert(QUEST_WALK_MAX<65535 && SLOTS> 2 * QUEST_WALK_MAX, "places fit the table");

/* False when it was seen before. */
static bool walk_add(struct walk *w, int64_t n, size_t on)
{
	size_t slot = (size_t)((uint64_t)n * 0x9e3779b97f4a7c15u >> 49) & (SLOTS - 1);

	for (; w->slots[slot]; slot = (slot + 1) & (SLOTS - 1))
		if (w->v[w->slots[slot] - 1].n == n)
			return false;
	w->v[w->n] = (struct seen){ n, (uint32_t)on };
	w->slots[slot] = (uint16_t)++w->n;
	return true;
}

/* From the one at `place`, which the start waits for, to the start. */
static int walk_way(struct store_tx *tx, const struct walk *w, size_t place,
		    struct store_n_list *out)
{
	size_t n = 1;

	for (size_t i = place; i; i = w->v[i].on)
		n++;
	*out = (struct store_n_list){ ARENA_ARRAY(tx->arena, n, int64_t), 0 };
	if (!out->v)
		return err_nomem();
	for (; out->n < n; place = w->v[place].on)
		out->v[out->n++] = w->v[place].n;
	return 0;
}

/* Adds who waits for the quest at `place`; ends where the start is among them. */
static int walk_step(struct walk *w, struct db_stmt *s, size_t place, bool *is_round)
{
	int e;

	while ((e = db_step(s)) == DB_ROW) {
		*is_round = db_i64(s, 0) == w->v[0].n;
		if (*is_round)
			return 0;
		if (w->n == QUEST_WALK_MAX)
			return STORE_TOO_FAR;
		(void)walk_add(w, db_i64(s, 0), place);
	}
	return err_trace(e);
}

int store_quest_cycle(struct store_tx *tx, int64_t n, struct store_n_list *out)
{
	struct walk w = {
		.v = ARENA_ARRAY(tx->arena, QUEST_WALK_MAX, struct seen),
		.slots = ARENA_ARRAY(tx->arena, SLOTS, uint16_t),
	};
	bool is_round = false;
	size_t place = 0;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_QUEST_WAITERS, &s);

	if (e)
		return err_trace(e);
	if (!w.v || !w.slots)
		return err_nomem();
	(void)walk_add(&w, n, 0);
	for (; place < w.n && !is_round && e == 0; place++) {
		db_bind_i64(s, 1, w.v[place].n);
		e = walk_step(&w, s, place, &is_round);
		db_reset(s);
	}
	if (e)
		return e;
	return is_round ? walk_way(tx, &w, place - 1, out) : STORE_NONE;
}
