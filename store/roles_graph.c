/* SPDX-License-Identifier: Apache-2.0 */
#include "store/roles_graph.h"

#include "base/err.h"
#include "store/db.h"
#include "store/rows.h"

/* Rows of the closure that one edge may write. */
#define EDGE_ROWS_MAX 20000

/* Binds one number, or two when `second` is not 0, and gives the first column. */
static int number_of(struct store_tx *tx, enum sql_id id, int64_t first, int64_t second,
		     int64_t *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, id, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, first);
	if (second)
		db_bind_i64(s, 2, second);
	return err_trace(row_i64(s, out));
}

int store_role_parents(struct store_tx *tx, int64_t n, struct store_role_ns *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_ROLE_PARENTS, &s);

	if (e)
		return err_trace(e);
	out->n = 0;
	db_bind_i64(s, 1, n);
	while (out->n < ROLE_PARENTS_MAX && (e = db_step(s)) == DB_ROW)
		out->v[out->n++] = db_i64(s, 0);
	db_reset(s);
	return e < 0 ? err_trace(e) : 0;
}

static int parent_ids(struct store_tx *tx, int64_t n, struct str_list *out)
{
	struct store_role_ns parents;
	int e = store_role_parents(tx, n, &parents);

	if (e)
		return err_trace(e);
	*out = (struct str_list){ ARENA_ARRAY(tx->arena, parents.n, struct str), parents.n };
	if (!out->v)
		return err_nomem();
	for (size_t i = 0; i < parents.n; i++)
		out->v[i] = store_role_short_id(tx->arena, parents.v[i]);
	return tx->arena->is_out ? err_nomem() : 0;
}

int store_role_place(struct store_tx *tx, struct store_role *r)
{
	int e = parent_ids(tx, r->n, &r->role.parents);

	if (!e)
		e = number_of(tx, SQL_ROLE_COUNT_CHILDREN, r->n, 0, &r->role.children);
	if (!e)
		e = number_of(tx, SQL_ROLE_COUNT_BELOW, r->n, 0, &r->role.below);
	return err_trace(e);
}

static int is_above(struct store_tx *tx, int64_t above, int64_t below, bool *out)
{
	int64_t found = 0;
	int e = number_of(tx, SQL_ROLE_IS_ABOVE, above, below, &found);

	*out = found != 0;
	return err_trace(e);
}

int store_role_edge_add(struct store_tx *tx, int64_t parent, int64_t child)
{
	int64_t n_above, n_below;
	bool is_cycle;
	struct db_stmt *s;
	int e = is_above(tx, child, parent, &is_cycle);

	if (e || is_cycle)
		return e ? err_trace(e) : STORE_CYCLE;
	e = number_of(tx, SQL_ROLE_COUNT_ABOVE, parent, 0, &n_above);
	if (!e)
		e = number_of(tx, SQL_ROLE_COUNT_BELOW, child, 0, &n_below);
	if (e)
		return err_trace(e);
	if (n_above * (n_below + 1) > EDGE_ROWS_MAX)
		return STORE_TOO_MANY_WAYS;
	e = row_set(tx, SQL_ROLE_EDGE_ADD, parent, child);
	if (!e)
		e = db_stmt(tx->db, SQL_ROLE_CLOSURE_ADD, &s);
	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, parent);
	db_bind_i64(s, 2, child);
	e = db_run(s);
	return e == DB_CONSTRAINT ? STORE_TOO_MANY_WAYS : err_trace(e);
}

int store_role_edge_remove(struct store_tx *tx, int64_t parent, int64_t child)
{
	int e = row_set(tx, SQL_ROLE_CLOSURE_DROP, parent, child);

	if (!e)
		e = row_set(tx, SQL_ROLE_CLOSURE_LESS, parent, child);
	if (!e)
		e = row_set(tx, SQL_ROLE_EDGE_REMOVE, parent, child);
	return err_trace(e);
}

int store_role_way(struct store_tx *tx, int64_t above, int64_t below, struct str_list *out)
{
	int64_t at = above;

	*out = (struct str_list){ ARENA_ARRAY(tx->arena, ROLES_MAX, struct str), 0 };
	if (!out->v)
		return err_nomem();
	while (at && out->n < ROLES_MAX) {
		int e;

		out->v[out->n++] = store_role_short_id(tx->arena, at);
		if (at == below)
			break;
		e = number_of(tx, SQL_ROLE_STEP_TOWARDS, at, below, &at);
		if (e)
			return err_trace(e);
	}
	return tx->arena->is_out ? err_nomem() : 0;
}

/* ---- the tree ---- */

struct walk {
	int64_t *v; /* in order of their finding */
	int64_t *depths;
	size_t n, limit;
	int64_t *seen; /* a table of those found: see seen_at() */
	size_t n_slots;
	bool is_cut;
};

/* A table of twice as many places as there are roles to find. */
static size_t seen_at(const struct walk *w, int64_t n)
{
	size_t at = (size_t)((uint64_t)n * 0x9e3779b97f4a7c15u >> 32) % w->n_slots;

	while (w->seen[at] && w->seen[at] != n)
		at = (at + 1) % w->n_slots;
	return at;
}

static void found(struct walk *w, int64_t n, int64_t depth)
{
	size_t at = seen_at(w, n);

	if (w->seen[at])
		return;
	if (w->n == w->limit) {
		w->is_cut = true;
		return;
	}
	w->seen[at] = n;
	w->v[w->n] = n;
	w->depths[w->n++] = depth;
}

/* What a statement's rows name, each a step deeper. */
static int find_all(struct walk *w, struct db_stmt *s, int64_t depth)
{
	int e;

	while ((e = db_step(s)) == DB_ROW && !w->is_cut)
		found(w, db_i64(s, 0), depth);
	db_reset(s);
	return e < 0 ? err_trace(e) : 0;
}

static int find_below(struct store_tx *tx, struct walk *w, int64_t from)
{
	struct db_stmt *s;
	int e = 0;

	if (from) {
		found(w, from, 0);
	} else {
		e = db_stmt(tx->db, SQL_ROLE_ROOTS, &s);
		if (!e)
			e = find_all(w, s, 0);
	}
	for (size_t i = 0; !e && i < w->n && !w->is_cut; i++) {
		e = db_stmt(tx->db, SQL_ROLE_CHILDREN, &s);
		if (e)
			break;
		db_bind_i64(s, 1, w->v[i]);
		e = find_all(w, s, w->depths[i] + 1);
	}
	return err_trace(e);
}

static int read_node(struct store_tx *tx, int64_t n, int64_t depth, struct role_node *out)
{
	struct arena *a = tx->arena;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_ROLE_NODE, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	e = db_step(s);
	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : err_new(ERR_CORRUPT, "an edge leads to no role");
	*out = (struct role_node){ .short_id = store_role_short_id(a, n),
				   .title = db_str_dup(s, 1, a),
				   .type = (enum role_type)db_i64(s, 2),
				   .depth = depth,
				   .occupant_kind = (enum occupant_kind)db_i64(s, 3),
				   .occupant = db_str_dup(s, 4, a),
				   .occupant_name = db_str_dup(s, 5, a) };
	db_reset(s);
	return a->is_out ? err_nomem() : err_trace(parent_ids(tx, n, &out->parents));
}

int store_role_tree(struct store_tx *tx, int64_t from, size_t limit, struct role_node_list *out,
		    bool *out_is_cut)
{
	struct walk w = { .v = ARENA_ARRAY(tx->arena, limit, int64_t),
			  .depths = ARENA_ARRAY(tx->arena, limit, int64_t),
			  .seen = ARENA_ARRAY(tx->arena, 2 * limit, int64_t),
			  .n_slots = 2 * limit,
			  .limit = limit };
	int e;

	*out = (struct role_node_list){ ARENA_ARRAY(tx->arena, limit, struct role_node), 0 };
	if (!w.v || !w.depths || !w.seen || !out->v)
		return err_nomem();
	e = find_below(tx, &w, from);
	for (; !e && out->n < w.n; out->n++)
		e = read_node(tx, w.v[out->n], w.depths[out->n], &out->v[out->n]);
	*out_is_cut = w.is_cut;
	return err_trace(e);
}

/* ---- authority ---- */

int store_seat_above_role(struct store_tx *tx, struct str who, int64_t role, bool *out)
{
	struct db_stmt *s;
	int64_t is_there = 0;
	int e = db_stmt(tx->db, SQL_SEAT_ABOVE_ROLE, &s);

	if (e)
		return err_trace(e);
	db_bind_str(s, 1, who);
	db_bind_i64(s, 2, role);
	e = row_i64(s, &is_there);
	*out = is_there != 0;
	return err_trace(e);
}

int store_seat_above_occupant(struct store_tx *tx, struct str who, struct str occupant, bool *out)
{
	struct db_stmt *s;
	int64_t is_there = 0;
	int e = db_stmt(tx->db, SQL_SEAT_ABOVE_OCCUPANT, &s);

	if (e)
		return err_trace(e);
	db_bind_str(s, 1, who);
	db_bind_str(s, 2, occupant);
	e = row_i64(s, &is_there);
	*out = is_there != 0;
	return err_trace(e);
}

static struct str principal_of(struct arena *a, enum occupant_kind kind, struct str occupant)
{
	const char *what = kind == OCCUPANT_KIND_AGENT ? "agent" : "user";

	return str_fmt(a, "%s:%.*s", what, STR_ARG(occupant));
}

int store_role_seated_aside(struct store_tx *tx, struct str who, int64_t role, struct str_list *out)
{
	struct arena *a = tx->arena;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_ROLE_SEATED_ASIDE, &s);

	*out = (struct str_list){ ARENA_ARRAY(a, ROLES_MAX, struct str), 0 };
	if (e || !out->v)
		return e ? err_trace(e) : err_nomem();
	db_bind_str(s, 1, who);
	db_bind_i64(s, 2, role);
	while (out->n < ROLES_MAX && (e = db_step(s)) == DB_ROW)
		out->v[out->n++] = principal_of(a, (enum occupant_kind)db_i64(s, 0), db_str(s, 1));
	db_reset(s);
	if (e < 0)
		return err_trace(e);
	return a->is_out ? err_nomem() : 0;
}
