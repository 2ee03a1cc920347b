/* SPDX-License-Identifier: Apache-2.0 */
#include "store/keys.h"

#include "base/err.h"
#include "store/db.h"
#include "store/pack.h"
#include "store/rows.h"

/* What the table's numbers stand for. */
_Static_assert(KEY_OWNER_USER == 1 && KEY_OWNER_AGENT == 2 && KEY_OWNER_WORKER == 3 &&
		   KEY_OWNER_PLATFORM == 4,
	       "keys.owner_kind");

static enum key_status status_of(const struct key *k, int64_t now_ms)
{
	if (k->has_revoked_at)
		return KEY_STATUS_REVOKED;
	if (k->has_expires_at && now_ms >= k->expires_at)
		return k->rotated_to.p ? KEY_STATUS_ROTATED : KEY_STATUS_EXPIRED;
	return KEY_STATUS_ACTIVE;
}

static int list_access(struct arena *a, uint32_t bits, struct access_role_list *out)
{
	*out = (struct access_role_list){ ARENA_ARRAY(a, ACCESS_ROLE_MAX, enum access_role), 0 };
	if (!out->v)
		return err_nomem();
	for (int role = 1; role < ACCESS_ROLE_MAX; role++)
		if (bits & 1u << role)
			out->v[out->n++] = (enum access_role)role;
	return 0;
}

/* Columns of key_by_id and key_page*. */
static int read_key(struct store_tx *tx, struct db_stmt *s, struct store_key *out)
{
	struct arena *a = tx->arena;
	struct key *k = &out->key;
	int e;

	*out = (struct store_key){ .n = db_i64(s, 0),
				   .hash = db_str_dup(s, 3, a),
				   .access = (uint32_t)db_i64(s, 6) };
	*k = (struct key){
		.id = db_str_dup(s, 1, a),
		.name = db_str_dup(s, 2, a),
		.owner_kind = (enum key_owner)db_i64(s, 4),
		.owner = db_str_dup(s, 5, a),
		.reads_per_minute = db_i64(s, 8),
		.has_reads_per_minute = !db_is_null(s, 8),
		.writes_per_minute = db_i64(s, 9),
		.has_writes_per_minute = !db_is_null(s, 9),
		.created_by = db_str_dup(s, 10, a),
		.created_at = db_i64(s, 11),
		.expires_at = db_i64(s, 12),
		.has_expires_at = !db_is_null(s, 12),
		.revoked_at = db_i64(s, 13),
		.has_revoked_at = !db_is_null(s, 13),
		.used_at = db_i64(s, 14),
		.has_used_at = !db_is_null(s, 14),
		.rotated_to = db_str_dup(s, 15, a),
	};
	k->status = status_of(k, tx->now_ms);
	e = unpack_lines(a, db_str_dup(s, 7, a), &k->scopes);
	if (e)
		return err_trace(e);
	e = list_access(a, out->access, &k->access);
	return a->is_out ? err_nomem() : err_trace(e);
}

int store_key_find(struct store_tx *tx, struct str id, struct store_key *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_KEY_BY_ID, &s);

	if (e)
		return err_trace(e);
	db_bind_str(s, 1, id);
	e = db_step(s);
	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : STORE_NONE;
	e = read_key(tx, s, out);
	db_reset(s);
	return err_trace(e);
}

static void bind_limit(struct db_stmt *s, int i, bool is_there, int64_t n)
{
	row_bind_time(s, i, is_there, n);
}

int store_key_add(struct store_tx *tx, struct store_key *k)
{
	struct key *key = &k->key;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_KEY_ADD, &s);

	if (e)
		return err_trace(e);
	key->created_at = tx->now_ms;
	key->status = status_of(key, tx->now_ms);
	db_bind_str(s, 1, key->id);
	db_bind_str(s, 2, key->name);
	db_bind_str(s, 3, k->hash);
	db_bind_i64(s, 4, key->owner_kind);
	db_bind_str(s, 5, key->owner);
	db_bind_i64(s, 6, k->access);
	db_bind_str(s, 7, pack_lines(tx->arena, key->scopes));
	bind_limit(s, 8, key->has_reads_per_minute, key->reads_per_minute);
	bind_limit(s, 9, key->has_writes_per_minute, key->writes_per_minute);
	db_bind_str(s, 10, key->created_by);
	db_bind_i64(s, 11, key->created_at);
	row_bind_time(s, 12, key->has_expires_at, key->expires_at);
	e = tx->arena->is_out ? err_nomem() : row_insert(tx, s, &k->n);
	if (e)
		return e == DB_CONSTRAINT ? STORE_KEY_TAKEN : err_trace(e);
	return err_trace(list_access(tx->arena, k->access, &key->access));
}

int store_key_revoke(struct store_tx *tx, int64_t n)
{
	return err_trace(row_set(tx, SQL_KEY_REVOKE, n, tx->now_ms));
}

int store_keys_revoke_of(struct store_tx *tx, struct str owner, int64_t *out_n)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_KEYS_REVOKE_OF, &s);

	if (e)
		return err_trace(e);
	db_bind_str(s, 1, owner);
	db_bind_i64(s, 2, tx->now_ms);
	e = row_run(tx, s);
	*out_n = db_changes(tx->db);
	return err_trace(e);
}

int store_key_end(struct store_tx *tx, int64_t n, int64_t end_ms, struct str next)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_KEY_END, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	db_bind_i64(s, 2, end_ms);
	db_bind_str(s, 3, next);
	e = row_run(tx, s);
	if (e)
		return err_trace(e);
	return db_changes(tx->db) ? 0 : STORE_NONE;
}

int store_key_used(struct store_tx *tx, int64_t n, int64_t at_ms)
{
	return err_trace(row_set(tx, SQL_KEY_USED, n, at_ms));
}

int store_key_is_live(struct store_tx *tx, int64_t n, bool *out)
{
	int64_t is_there = 0;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_KEY_IS_LIVE, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	db_bind_i64(s, 2, tx->now_ms);
	e = row_i64(s, &is_there);
	*out = is_there != 0;
	return err_trace(e);
}

static int read_page(struct store_tx *tx, struct db_stmt *s, size_t limit, struct key_list *out,
		     int64_t *out_after)
{
	int64_t last = 0;
	int e;

	while ((e = db_step(s)) == DB_ROW) {
		struct store_key k;

		if (out->n == limit) {
			*out_after = last;
			return 0;
		}
		e = read_key(tx, s, &k);
		if (e)
			return err_trace(e);
		out->v[out->n++] = k.key;
		last = k.n;
	}
	return err_trace(e);
}

int store_key_page(struct store_tx *tx, const struct store_key_filter *f, struct key_list *out,
		   int64_t *out_after)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, f->owner.p ? SQL_KEY_PAGE_OF_OWNER : SQL_KEY_PAGE, &s);

	if (e)
		return err_trace(e);
	*out_after = 0;
	*out = (struct key_list){ ARENA_ARRAY(tx->arena, f->limit, struct key), 0 };
	if (!out->v)
		return err_nomem();
	db_bind_i64(s, 1, f->after);
	db_bind_i64(s, 2, (int64_t)f->limit + 1);
	if (f->owner.p)
		db_bind_str(s, 3, f->owner);
	e = read_page(tx, s, f->limit, out, out_after);
	db_reset(s);
	return err_trace(e);
}
