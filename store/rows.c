/* SPDX-License-Identifier: Apache-2.0 */
/* Small steps that every kind of row takes. */
#include "store/rows.h"

#include "base/err.h"
#include "store/fold.h"

struct str row_new_id(struct store_tx *tx)
{
	char id[ID_LEN + 1];

	id_make(tx->ids, tx->now_ms, id);
	return str_dup(tx->arena, (struct str){ id, ID_LEN });
}

void row_bind_key(struct db_stmt *s, int i, int64_t n)
{
	if (n)
		db_bind_i64(s, i, n);
	else
		db_bind_null(s, i);
}

void row_bind_time(struct db_stmt *s, int i, bool is_there, int64_t ms)
{
	if (is_there)
		db_bind_i64(s, i, ms);
	else
		db_bind_null(s, i);
}

int row_insert(struct store_tx *tx, struct db_stmt *s, int64_t *out_n)
{
	int e = db_run(s);

	if (e)
		return e;
	*out_n = db_last_rowid(tx->db);
	return 0;
}

int row_run(struct store_tx *tx, struct db_stmt *s)
{
	int e = db_run(s);
	struct str reason;

	if (e != DB_CONSTRAINT)
		return err_trace(e);
	reason = db_reason(tx->db);
	return err_new(ERR_INTERNAL, "the store refused a change: %.*s", STR_ARG(reason));
}

int row_insert_sure(struct store_tx *tx, struct db_stmt *s, int64_t *out_n)
{
	int e = row_insert(tx, s, out_n);
	struct str reason;

	if (e != DB_CONSTRAINT)
		return err_trace(e);
	reason = db_reason(tx->db);
	return err_new(ERR_INTERNAL, "the store refused a row: %.*s", STR_ARG(reason));
}

int row_i64(struct db_stmt *s, int64_t *out)
{
	int e = db_step(s);

	*out = e == DB_ROW ? db_i64(s, 0) : 0;
	db_reset(s);
	return e < 0 ? err_trace(e) : 0;
}

int row_name_key(struct store_tx *tx, enum sql_id twin, int64_t n, struct str name, struct str *out)
{
	int64_t is_taken;
	struct db_stmt *s;
	int e = fold_key(tx->arena, name, out);

	if (e || (e = db_stmt(tx->db, twin, &s)))
		return err_trace(e);
	db_bind_str(s, 1, *out);
	db_bind_i64(s, 2, n);
	db_bind_str(s, 3, name);
	e = row_i64(s, &is_taken);
	if (e)
		return err_trace(e);
	return is_taken ? DB_CONSTRAINT : 0;
}

int row_by_name(struct store_tx *tx, enum sql_id id, struct str name, struct db_stmt **out)
{
	struct str key;
	int e = fold_key(tx->arena, name, &key);

	if (!e)
		e = db_stmt(tx->db, id, out);
	if (e)
		return err_trace(e);
	db_bind_str(*out, 1, key);
	db_bind_str(*out, 2, name);
	return 0;
}

int row_first_i64(struct store_tx *tx, enum sql_id id, int64_t *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, id, &s);

	return e ? err_trace(e) : err_trace(row_i64(s, out));
}

int row_i64_list(struct store_tx *tx, struct db_stmt *s, size_t max, struct store_n_list *out)
{
	int e = 0;

	*out = (struct store_n_list){ ARENA_ARRAY(tx->arena, max, int64_t), 0 };
	if (!out->v)
		return err_nomem();
	while (out->n < max && (e = db_step(s)) == DB_ROW)
		out->v[out->n++] = db_i64(s, 0);
	db_reset(s);
	return e < 0 ? err_trace(e) : 0;
}

int row_run_one(struct store_tx *tx, enum sql_id id, int64_t n)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, id, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	return err_trace(row_run(tx, s));
}

int row_set(struct store_tx *tx, enum sql_id id, int64_t first, int64_t second)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, id, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, first);
	db_bind_i64(s, 2, second);
	return err_trace(row_run(tx, s));
}
