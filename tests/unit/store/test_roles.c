/* SPDX-License-Identifier: Apache-2.0 */
/* The graph of roles: bounds of edges and ways, trees that are cut, rows that are missing. */
#include "base/err.h"
#include "store/roles_graph.h"
#include "tests/unit/store/world.h"

static int64_t add_role(struct store_tx *tx)
{
	struct store_role r = { .role = { .title = STR("seat"),
					  .type = ROLE_TYPE_OPERATIONAL,
					  .created_by = STR("owner") } };

	CHECK_OK(store_role_add(tx, &r));
	return r.n;
}

/* So many, each above the next. */
static void add_chain(struct store_tx *tx, int n, int64_t *first, int64_t *last)
{
	*first = *last = add_role(tx);
	for (int i = 1; i < n; i++) {
		int64_t next = add_role(tx);

		CHECK_OK(store_role_edge_add(tx, *last, next));
		*last = next;
	}
}

TEST(role_short_ids_are_positive_numbers)
{
	static const char *const ids[] = { "r-", "r-0", "r-x", "r--1", "x-1" };
	WORLD_OPEN(w);
	struct store_role found;
	struct store_tx tx;
	int64_t n;

	CHECK_OK(world_write_begin(&w, &tx));
	n = add_role(&tx);
	CHECK_OK(store_role_find(&tx, store_role_short_id(tx.arena, n), &found));
	CHECK_INT(found.n, n);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		CHECK_INT(store_role_find(&tx, str_from(ids[i]), &found), STORE_NONE);
	CHECK_OK(world_write_end(&w));
}

TEST(role_edge_between_many_above_and_many_below_is_refused)
{
	enum { N = 150 }; /* N * N rows would be written */
	WORLD_OPEN(w);
	int64_t top, above, below, bottom;
	struct store_tx tx;
	bool is_above;

	CHECK_OK(world_write_begin(&w, &tx));
	add_chain(&tx, N, &top, &above);
	add_chain(&tx, N, &below, &bottom);
	CHECK_INT(store_role_edge_add(&tx, above, below), STORE_TOO_MANY_WAYS);
	CHECK_INT(store_role_edge_add(&tx, above, top), STORE_CYCLE);
	CHECK_OK(store_role_edge_add(&tx, above, bottom));
	CHECK_OK(store_seat_above_role(&tx, STR("nobody"), bottom, &is_above));
	CHECK(!is_above);
	CHECK_OK(world_write_end(&w));
}

TEST(role_edge_that_makes_more_ways_than_are_counted_is_refused)
{
	enum { WIDTH = 8, N_MAX = 20 }; /* each diamond multiplies the ways */
	WORLD_OPEN(w);
	int64_t top, bottom;
	struct store_tx tx;
	int e = 0, n;

	CHECK_OK(world_write_begin(&w, &tx));
	bottom = add_role(&tx);
	for (n = 0; e == 0 && n < N_MAX; n++) {
		top = bottom;
		bottom = add_role(&tx);
		for (int i = 0; e == 0 && i < WIDTH; i++) {
			int64_t between = add_role(&tx);

			CHECK_OK(store_role_edge_add(&tx, top, between));
			e = store_role_edge_add(&tx, between, bottom);
		}
	}
	CHECK_INT(e, STORE_TOO_MANY_WAYS);
	CHECK_INT(n, 14); /* 8^14 is more than 10^12 */
	store_rollback(w.store);
}

TEST(role_ways_lead_from_above_to_below_and_nowhere_else)
{
	WORLD_OPEN(w);
	struct str_list way;
	int64_t top, bottom;
	struct store_tx tx;

	CHECK_OK(world_write_begin(&w, &tx));
	add_chain(&tx, 4, &top, &bottom);
	CHECK_OK(store_role_way(&tx, top, bottom, &way));
	CHECK_INT(way.n, 4);
	CHECK_OK(store_role_way(&tx, bottom, top, &way));
	CHECK_INT(way.n, 1);
	CHECK_OK(world_write_end(&w));
}

TEST(role_tree_shows_each_once_and_says_where_it_was_cut)
{
	enum { N = 30 };
	WORLD_OPEN(w);
	struct role_node_list tree;
	struct store_role_ns parents;
	int64_t roots[ROLE_PARENTS_MAX], child;
	struct store_tx tx;
	bool is_cut;

	CHECK_OK(world_write_begin(&w, &tx));
	child = add_role(&tx);
	for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
		roots[i] = add_role(&tx);
		CHECK_OK(store_role_edge_add(&tx, roots[i], child));
	}
	CHECK_OK(store_role_parents(&tx, child, &parents));
	CHECK_INT(parents.n, ROLE_PARENTS_MAX);
	for (int i = 0; i < N; i++)
		CHECK_OK(store_role_edge_add(&tx, child, add_role(&tx)));
	CHECK_OK(store_role_tree(&tx, 0, 1 + ROLE_PARENTS_MAX + N, &tree, &is_cut));
	CHECK_INT(tree.n, 1 + ROLE_PARENTS_MAX + N);
	CHECK(!is_cut);
	for (size_t limit = 1; limit < 1 + ROLE_PARENTS_MAX + N; limit++) {
		CHECK_OK(store_role_tree(&tx, 0, limit, &tree, &is_cut));
		CHECK_INT(tree.n, limit);
		CHECK(is_cut);
	}
	CHECK_FAULT(store_role_tree(&tx, 999, 5, &tree, &is_cut), ERR_CORRUPT);
	CHECK_OK(world_write_end(&w));
}
