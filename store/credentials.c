/* SPDX-License-Identifier: Apache-2.0 */
#include "store/credentials.h"

#include "base/err.h"
#include "store/db.h"
#include "store/rows.h"

/* What the table's numbers stand for. */
_Static_assert(CREDENTIAL_SCOPE_AGENT == 1 && CREDENTIAL_SCOPE_ROLE == 2 &&
		   CREDENTIAL_SCOPE_ENTITY == 3,
	       "credentials.scope");
_Static_assert(CREDENTIAL_KIND_API_KEY == 1 && CREDENTIAL_KIND_TOKEN == 2 &&
		   CREDENTIAL_KIND_PASSWORD == 3 && CREDENTIAL_KIND_PRIVATE_KEY == 4 &&
		   CREDENTIAL_KIND_SETTING == 5 && CREDENTIAL_KIND_OTHER == 6,
	       "credentials.kind");
_Static_assert(CREDENTIAL_SOURCE_CALL == 1 && CREDENTIAL_SOURCE_SEALED == 2 &&
		   CREDENTIAL_SOURCE_TERMINAL == 3 && CREDENTIAL_SOURCE_PIPE == 4,
	       "credentials.source");

/* ---- data keys ---- */

/* Columns of data_key_newest and data_key_page. */
static struct store_data_key read_key(struct store_tx *tx, struct db_stmt *s)
{
	return (struct store_data_key){ .n = db_i64(s, 0),
					.sealed = db_str_dup(s, 1, tx->arena),
					.created_at = db_i64(s, 2) };
}

int store_data_key_newest(struct store_tx *tx, struct store_data_key *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_DATA_KEY_NEWEST, &s);

	if (e)
		return err_trace(e);
	e = db_step(s);
	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : STORE_NONE;
	*out = read_key(tx, s);
	db_reset(s);
	return tx->arena->is_out ? err_nomem() : 0;
}

int store_data_key_get(struct store_tx *tx, int64_t n, struct str *out_sealed)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_DATA_KEY_GET, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	e = db_step(s);
	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : STORE_NONE;
	*out_sealed = db_str_dup(s, 0, tx->arena);
	db_reset(s);
	return out_sealed->p ? 0 : err_nomem();
}

int store_data_key_add(struct store_tx *tx, struct str sealed, int64_t *out_n)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_DATA_KEY_ADD, &s);

	if (e)
		return err_trace(e);
	db_bind_str(s, 1, sealed);
	db_bind_i64(s, 2, tx->now_ms);
	return err_trace(row_insert_sure(tx, s, out_n));
}

int store_data_key_set(struct store_tx *tx, int64_t n, struct str sealed)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_DATA_KEY_SET, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	db_bind_str(s, 2, sealed);
	return err_trace(row_run(tx, s));
}

int store_data_key_page(struct store_tx *tx, int64_t after, size_t max,
			struct store_data_key_list *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_DATA_KEY_PAGE, &s);

	if (e)
		return err_trace(e);
	*out = (struct store_data_key_list){ ARENA_ARRAY(tx->arena, max, struct store_data_key),
					     0 };
	if (!out->v)
		return err_nomem();
	db_bind_i64(s, 1, after);
	db_bind_i64(s, 2, (int64_t)max);
	while ((e = db_step(s)) == DB_ROW)
		out->v[out->n++] = read_key(tx, s);
	return tx->arena->is_out ? err_nomem() : err_trace(e);
}

int store_data_key_drop(struct store_tx *tx, int64_t n, bool *out)
{
	int e = row_run_one(tx, SQL_DATA_KEY_DROP, n);

	*out = !e && db_changes(tx->db) > 0;
	return err_trace(e);
}

/* ---- credentials ---- */

static struct str some(struct str text)
{
	return text.n ? text : STR_NONE;
}

/* Columns of credential_by_id, credential_at* and credential_page*. */
static void read_credential(struct store_tx *tx, struct db_stmt *s, struct store_credential *out)
{
	struct arena *a = tx->arena;

	*out = (struct store_credential){ .n = db_i64(s, 0), .sealed = db_str_dup(s, 10, a) };
	out->credential = (struct credential){
		.id = db_str_dup(s, 1, a),
		.scope = (enum credential_scope)db_i64(s, 2),
		.owner = some(db_str_dup(s, 3, a)),
		.provider = some(db_str_dup(s, 4, a)),
		.name = db_str_dup(s, 5, a),
		.kind = (enum credential_kind)db_i64(s, 6),
		.source = (enum credential_source)db_i64(s, 7),
		.version = db_i64(s, 8),
		.data_key = db_i64(s, 9),
		.created_by = db_str_dup(s, 11, a),
		.created_at = db_i64(s, 12),
		.updated_at = db_i64(s, 13),
		.used_at = db_i64(s, 14),
		.has_used_at = !db_is_null(s, 14),
		.redacted = db_i64(s, 15) != 0,
	};
}

int store_credential_find(struct store_tx *tx, struct str id, struct store_credential *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_CREDENTIAL_BY_ID, &s);

	if (e)
		return err_trace(e);
	db_bind_str(s, 1, id);
	e = db_step(s);
	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : STORE_NONE;
	read_credential(tx, s, out);
	db_reset(s);
	return tx->arena->is_out ? err_nomem() : 0;
}

static struct str or_empty(struct str text)
{
	return text.p ? text : STR("");
}

static void bind_place(struct db_stmt *s, const struct store_credential_place *place)
{
	db_bind_str(s, 1, place->name);
	db_bind_i64(s, 2, place->scope);
	db_bind_str(s, 3, or_empty(place->owner));
}

int store_credential_exact(struct store_tx *tx, const struct store_credential_place *place,
			   struct store_credential *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_CREDENTIAL_AT_PROVIDER, &s);

	if (e)
		return err_trace(e);
	bind_place(s, place);
	db_bind_str(s, 4, or_empty(place->provider));
	e = db_step(s);
	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : STORE_NONE;
	read_credential(tx, s, out);
	db_reset(s);
	return tx->arena->is_out ? err_nomem() : 0;
}

int store_credential_at(struct store_tx *tx, const struct store_credential_place *place,
			struct store_credential *out)
{
	struct db_stmt *s;
	int e;

	if (place->provider.p)
		return store_credential_exact(tx, place, out);
	e = db_stmt(tx->db, SQL_CREDENTIAL_AT, &s);
	if (e)
		return err_trace(e);
	bind_place(s, place);
	e = db_step(s);
	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : STORE_NONE;
	read_credential(tx, s, out);
	e = db_step(s);
	db_reset(s);
	if (e < 0)
		return err_trace(e);
	if (e == DB_ROW)
		return STORE_TOO_MANY;
	return tx->arena->is_out ? err_nomem() : 0;
}

int store_credential_add(struct store_tx *tx, struct store_credential *c)
{
	struct credential *k = &c->credential;
	struct db_stmt *s;
	int64_t n;
	int e = row_first_i64(tx, SQL_CREDENTIAL_COUNT, &n);

	if (!e && n >= STORE_CREDENTIALS_MAX)
		return STORE_TOO_MANY;
	if (!e)
		e = db_stmt(tx->db, SQL_CREDENTIAL_ADD, &s);
	if (e)
		return err_trace(e);
	k->created_at = k->updated_at = tx->now_ms;
	db_bind_str(s, 1, k->id);
	db_bind_i64(s, 2, k->scope);
	db_bind_str(s, 3, or_empty(k->owner));
	db_bind_str(s, 4, or_empty(k->provider));
	db_bind_str(s, 5, k->name);
	db_bind_i64(s, 6, k->kind);
	db_bind_i64(s, 7, k->source);
	db_bind_i64(s, 8, k->version);
	db_bind_i64(s, 9, k->data_key);
	db_bind_str(s, 10, c->sealed);
	db_bind_str(s, 11, k->created_by);
	db_bind_i64(s, 12, k->created_at);
	db_bind_i64(s, 13, k->redacted);
	return err_trace(row_insert_sure(tx, s, &c->n));
}

int store_credential_set(struct store_tx *tx, struct store_credential *c)
{
	struct credential *k = &c->credential;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_CREDENTIAL_SET, &s);

	if (e)
		return err_trace(e);
	k->updated_at = tx->now_ms;
	db_bind_i64(s, 1, c->n);
	db_bind_i64(s, 2, k->kind);
	db_bind_i64(s, 3, k->source);
	db_bind_i64(s, 4, k->version);
	db_bind_i64(s, 5, k->data_key);
	db_bind_str(s, 6, c->sealed);
	db_bind_i64(s, 7, k->updated_at);
	db_bind_i64(s, 8, k->redacted);
	return err_trace(row_run(tx, s));
}

int store_credential_reseal(struct store_tx *tx, const struct store_credential *c)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_CREDENTIAL_RESEAL, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, c->n);
	db_bind_i64(s, 2, c->credential.data_key);
	db_bind_str(s, 3, c->sealed);
	return err_trace(row_run(tx, s));
}

int store_credential_used(struct store_tx *tx, int64_t n)
{
	return err_trace(row_set(tx, SQL_CREDENTIAL_USED, n, tx->now_ms));
}

int store_credential_delete(struct store_tx *tx, int64_t n)
{
	return err_trace(row_run_one(tx, SQL_CREDENTIAL_DELETE, n));
}

static int page_stmt(struct store_tx *tx, const struct store_credential_filter *f,
		     struct db_stmt **out)
{
	enum sql_id id = f->data_key  ? SQL_CREDENTIAL_PAGE_OF_KEY
			 : f->owner.p ? SQL_CREDENTIAL_PAGE_OF_OWNER
				      : SQL_CREDENTIAL_PAGE;
	int e = db_stmt(tx->db, id, out);

	if (e)
		return err_trace(e);
	db_bind_i64(*out, 1, f->after);
	db_bind_i64(*out, 2, (int64_t)f->limit + 1);
	if (f->data_key)
		db_bind_i64(*out, 3, f->data_key);
	else if (f->owner.p)
		db_bind_str(*out, 3, f->owner);
	return 0;
}

int store_credential_page(struct store_tx *tx, const struct store_credential_filter *f,
			  struct store_credential_list *out, int64_t *out_after)
{
	struct db_stmt *s;
	int e = page_stmt(tx, f, &s);

	if (e)
		return err_trace(e);
	*out_after = 0;
	*out = (struct store_credential_list){
		ARENA_ARRAY(tx->arena, f->limit, struct store_credential), 0
	};
	if (!out->v)
		return err_nomem();
	while ((e = db_step(s)) == DB_ROW && out->n < f->limit)
		read_credential(tx, s, &out->v[out->n++]);
	if (e == DB_ROW)
		*out_after = out->v[out->n - 1].n;
	db_reset(s);
	return tx->arena->is_out ? err_nomem() : err_trace(e < 0 ? e : 0);
}

int store_credential_task(struct store_tx *tx, int64_t task, struct str *agent, struct str *role)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_CREDENTIAL_TASK, &s);

	if (e)
		return err_trace(e);
	*agent = *role = STR_NONE;
	db_bind_i64(s, 1, task);
	e = db_step(s);
	if (e != DB_ROW)
		return err_trace(e);
	*agent = db_str_dup(s, 0, tx->arena);
	*role = db_str_dup(s, 1, tx->arena);
	db_reset(s);
	return tx->arena->is_out ? err_nomem() : 0;
}
