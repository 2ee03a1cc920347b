/* SPDX-License-Identifier: Apache-2.0 */
/* People as rows. */
#include "store/users.h"

#include "base/err.h"
#include "store/db.h"
#include "store/pack.h"
#include "store/rows.h"

/* Columns of user_by_*. */
static int read_user(struct store_tx *tx, struct db_stmt *s, struct store_user *out)
{
	struct arena *a = tx->arena;
	struct str_list addresses;
	int e = unpack_lines(a, db_str_dup(s, 3, a), &addresses);

	if (e)
		return err_trace(e);
	*out = (struct store_user){
		.n = db_i64(s, 0),
		.user = { .id = db_str_dup(s, 1, a),
			  .name = db_str_dup(s, 2, a),
			  .addresses = addresses,
			  .about = db_str_dup(s, 4, a),
			  .created_by = db_str_dup(s, 5, a),
			  .created_at = db_i64(s, 6),
			  .updated_at = db_i64(s, 7) },
	};
	return a->is_out ? err_nomem() : 0;
}

/* The one row of a bound user_by_*. */
static int one_user(struct store_tx *tx, struct db_stmt *s, struct store_user *out)
{
	int e = db_step(s);

	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : STORE_NONE;
	e = read_user(tx, s, out);
	db_reset(s);
	return err_trace(e);
}

static int user_by_id(struct store_tx *tx, struct str id, struct store_user *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_USER_BY_ID, &s);

	if (e)
		return err_trace(e);
	db_bind_str(s, 1, id);
	return one_user(tx, s, out);
}

static int user_by_name(struct store_tx *tx, struct str name, struct store_user *out)
{
	struct db_stmt *s;
	int e = row_by_name(tx, SQL_USER_BY_NAME, name, &s);

	return e ? err_trace(e) : one_user(tx, s, out);
}

int store_user_find(struct store_tx *tx, struct str who, struct store_user *out)
{
	if (id_is_valid(who)) {
		int e = user_by_id(tx, who, out);

		if (e != STORE_NONE)
			return e;
	}
	return user_by_name(tx, who, out);
}

int store_user_add(struct store_tx *tx, struct store_user *u)
{
	struct user *user = &u->user;
	struct db_stmt *s;
	struct str key;
	int e = row_name_key(tx, SQL_USER_TWIN, 0, user->name, &key);

	if (e)
		return e == DB_CONSTRAINT ? STORE_NAME_TAKEN : err_trace(e);
	user->id = row_new_id(tx);
	if (!user->id.p)
		return err_nomem();
	user->created_at = user->updated_at = tx->now_ms;
	e = db_stmt(tx->db, SQL_USER_ADD, &s);
	if (e)
		return err_trace(e);
	db_bind_str(s, 1, user->id);
	db_bind_str(s, 2, user->name);
	db_bind_str(s, 3, pack_lines(tx->arena, user->addresses));
	db_bind_str(s, 4, user->about);
	db_bind_str(s, 5, user->created_by);
	db_bind_i64(s, 6, user->created_at);
	db_bind_str(s, 7, key);
	e = tx->arena->is_out ? err_nomem() : row_insert(tx, s, &u->n);
	return e == DB_CONSTRAINT ? STORE_NAME_TAKEN : err_trace(e);
}

int store_user_set(struct store_tx *tx, struct store_user *u)
{
	struct user *user = &u->user;
	struct db_stmt *s;
	struct str key;
	int e = row_name_key(tx, SQL_USER_TWIN, u->n, user->name, &key);

	if (e)
		return e == DB_CONSTRAINT ? STORE_NAME_TAKEN : err_trace(e);
	e = db_stmt(tx->db, SQL_USER_SET, &s);
	if (e)
		return err_trace(e);
	user->updated_at = tx->now_ms;
	db_bind_i64(s, 1, u->n);
	db_bind_str(s, 2, user->name);
	db_bind_str(s, 3, pack_lines(tx->arena, user->addresses));
	db_bind_str(s, 4, user->about);
	db_bind_i64(s, 5, user->updated_at);
	db_bind_str(s, 6, key);
	e = tx->arena->is_out ? err_nomem() : db_run(s);
	return e == DB_CONSTRAINT ? STORE_NAME_TAKEN : err_trace(e);
}

int store_user_delete(struct store_tx *tx, int64_t n)
{
	return err_trace(row_set(tx, SQL_USER_DELETE, n, tx->now_ms));
}

int store_user_page(struct store_tx *tx, struct str after, size_t limit, struct user_line_list *out,
		    struct str *out_after)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_USER_PAGE, &s);

	if (e)
		return err_trace(e);
	*out_after = STR_NONE;
	*out = (struct user_line_list){ ARENA_ARRAY(tx->arena, limit, struct user_line), 0 };
	if (!out->v)
		return err_nomem();
	db_bind_str(s, 1, after.p ? after : STR(""));
	db_bind_i64(s, 2, tx->now_ms);
	db_bind_i64(s, 3, (int64_t)limit + 1);
	while ((e = db_step(s)) == DB_ROW && out->n < limit)
		out->v[out->n++] = (struct user_line){ .id = db_str_dup(s, 0, tx->arena),
						       .name = db_str_dup(s, 1, tx->arena),
						       .created_at = db_i64(s, 2),
						       .roles = db_i64(s, 3),
						       .keys = db_i64(s, 4) };
	if (e == DB_ROW)
		*out_after = out->v[out->n - 1].name;
	db_reset(s);
	if (e < 0)
		return err_trace(e);
	return tx->arena->is_out ? err_nomem() : 0;
}
