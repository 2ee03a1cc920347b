/* SPDX-License-Identifier: Apache-2.0 */
/* Roles as rows. */
#include "store/roles.h"

#include "base/err.h"
#include "store/db.h"
#include "store/rows.h"

/* What the table's numbers stand for. */
_Static_assert(ROLE_TYPE_DIRECTOR == 1 && ROLE_TYPE_OPERATIONAL == 2 && ROLE_TYPE_ADVISOR == 3,
	       "roles.type");
_Static_assert(OCCUPANT_KIND_AGENT == 1 && OCCUPANT_KIND_HUMAN == 2, "roles.occupant_kind");

struct str store_role_short_id(struct arena *a, int64_t n)
{
	return str_fmt(a, "r-%lld", (long long)n);
}

/* 0 when it is no short id. */
static int64_t short_id_n(struct str id)
{
	int64_t n;

	if (!str_starts(id, STR("r-")) || !str_to_i64(str_slice(id, 2, id.n), &n) || n < 1)
		return 0;
	return n;
}

/* Columns of role_by_*. */
static int read_role(struct store_tx *tx, struct db_stmt *s, struct store_role *out)
{
	struct arena *a = tx->arena;

	*out = (struct store_role){
		.n = db_i64(s, 0),
		.role = { .id = db_str_dup(s, 1, a),
			  .short_id = store_role_short_id(a, db_i64(s, 0)),
			  .title = db_str_dup(s, 2, a),
			  .type = (enum role_type)db_i64(s, 3),
			  .description = db_str_dup(s, 4, a),
			  .occupant_kind = (enum occupant_kind)db_i64(s, 5),
			  .occupant = db_str_dup(s, 6, a),
			  .occupant_name = db_str_dup(s, 7, a),
			  .occupied_at = db_i64(s, 8),
			  .has_occupied_at = !db_is_null(s, 8),
			  .created_by = db_str_dup(s, 9, a),
			  .created_at = db_i64(s, 10),
			  .updated_at = db_i64(s, 11) },
	};
	return a->is_out ? err_nomem() : 0;
}

int store_role_find(struct store_tx *tx, struct str id, struct store_role *out)
{
	int64_t n = short_id_n(id);
	struct db_stmt *s;
	int e = db_stmt(tx->db, n ? SQL_ROLE_BY_N : SQL_ROLE_BY_ID, &s);

	if (e)
		return err_trace(e);
	if (n)
		db_bind_i64(s, 1, n);
	else
		db_bind_str(s, 1, id);
	e = db_step(s);
	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : STORE_NONE;
	e = read_role(tx, s, out);
	db_reset(s);
	return err_trace(e);
}

int store_role_count(struct store_tx *tx, int64_t *out)
{
	return err_trace(row_first_i64(tx, SQL_ROLE_COUNT, out));
}

int store_role_add(struct store_tx *tx, struct store_role *r)
{
	struct role *role = &r->role;
	struct db_stmt *s;
	int e;

	role->id = row_new_id(tx);
	if (!role->id.p)
		return err_nomem();
	role->created_at = role->updated_at = tx->now_ms;
	e = db_stmt(tx->db, SQL_ROLE_ADD, &s);
	if (e)
		return err_trace(e);
	db_bind_str(s, 1, role->id);
	db_bind_str(s, 2, role->title);
	db_bind_i64(s, 3, role->type);
	db_bind_str(s, 4, role->description);
	db_bind_str(s, 5, role->created_by);
	db_bind_i64(s, 6, role->created_at);
	e = row_insert_sure(tx, s, &r->n);
	if (e)
		return err_trace(e);
	role->short_id = store_role_short_id(tx->arena, r->n);
	if (!role->short_id.p)
		return err_nomem();
	return err_trace(row_run_one(tx, SQL_ROLE_CLOSURE_SELF, r->n));
}

int store_role_set(struct store_tx *tx, struct store_role *r)
{
	struct role *role = &r->role;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_ROLE_SET, &s);

	if (e)
		return err_trace(e);
	role->updated_at = tx->now_ms;
	db_bind_i64(s, 1, r->n);
	db_bind_str(s, 2, role->title);
	db_bind_i64(s, 3, role->type);
	db_bind_str(s, 4, role->description);
	db_bind_i64(s, 5, role->updated_at);
	return err_trace(row_run(tx, s));
}

int store_role_set_occupant(struct store_tx *tx, struct store_role *r)
{
	struct role *role = &r->role;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_ROLE_SET_OCCUPANT, &s);

	if (e)
		return err_trace(e);
	role->updated_at = tx->now_ms;
	db_bind_i64(s, 1, r->n);
	row_bind_key(s, 2, role->occupant_kind);
	db_bind_str(s, 3, role->occupant);
	row_bind_time(s, 4, role->has_occupied_at, role->occupied_at);
	db_bind_i64(s, 5, role->updated_at);
	return err_trace(row_run(tx, s));
}

int store_role_remove(struct store_tx *tx, int64_t n)
{
	int e = row_run_one(tx, SQL_ROLE_CLOSURE_REMOVE_SELF, n);

	return e ? err_trace(e) : err_trace(row_run_one(tx, SQL_ROLE_REMOVE, n));
}

int store_roles_vacate(struct store_tx *tx, struct str occupant, int64_t *out_n)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_ROLES_VACATE, &s);

	if (e)
		return err_trace(e);
	db_bind_str(s, 1, occupant);
	db_bind_i64(s, 2, tx->now_ms);
	e = row_run(tx, s);
	*out_n = db_changes(tx->db);
	return err_trace(e);
}

/* Columns of role_page*. */
static struct role_line read_line(struct db_stmt *s, struct arena *a)
{
	return (struct role_line){
		.short_id = store_role_short_id(a, db_i64(s, 0)),
		.id = db_str_dup(s, 1, a),
		.title = db_str_dup(s, 2, a),
		.type = (enum role_type)db_i64(s, 3),
		.occupant_kind = (enum occupant_kind)db_i64(s, 4),
		.occupant = db_str_dup(s, 5, a),
		.occupant_name = db_str_dup(s, 6, a),
		.children = db_i64(s, 7),
	};
}

/* All roles together are fewer than a page may look at. */
static int read_page(struct store_tx *tx, struct db_stmt *s, const struct store_role_filter *f,
		     struct role_line_list *out, int64_t *out_after)
{
	int64_t last = 0;
	int e;

	while ((e = db_step(s)) == DB_ROW) {
		if (f->type && db_i64(s, 3) != (int64_t)f->type)
			continue;
		if (out->n == f->limit) {
			*out_after = last;
			break;
		}
		out->v[out->n++] = read_line(s, tx->arena);
		last = db_i64(s, 0);
	}
	if (e < 0)
		return err_trace(e);
	return tx->arena->is_out ? err_nomem() : 0;
}

int store_role_page(struct store_tx *tx, const struct store_role_filter *f,
		    struct role_line_list *out, int64_t *out_after)
{
	enum sql_id id = f->occupant.p  ? SQL_ROLE_PAGE_OF_OCCUPANT
			 : f->is_vacant ? SQL_ROLE_PAGE_VACANT
					: SQL_ROLE_PAGE;
	struct db_stmt *s;
	int e = db_stmt(tx->db, id, &s);

	if (e)
		return err_trace(e);
	*out_after = 0;
	*out = (struct role_line_list){ ARENA_ARRAY(tx->arena, f->limit, struct role_line), 0 };
	if (!out->v)
		return err_nomem();
	db_bind_i64(s, 1, f->after);
	if (f->occupant.p)
		db_bind_str(s, 2, f->occupant);
	e = read_page(tx, s, f, out, out_after);
	db_reset(s);
	return err_trace(e);
}
