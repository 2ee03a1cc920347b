/* SPDX-License-Identifier: Apache-2.0 */
#include "store/hooks.h"

#include "base/err.h"
#include "store/db.h"
#include "store/rows.h"

/* What the table's numbers stand for. */
_Static_assert(HOOK_KIND_GITHUB == 1 && HOOK_KIND_GITLAB == 2 && HOOK_KIND_SLACK == 3 &&
		   HOOK_KIND_STRIPE == 4 && HOOK_KIND_HMAC == 5,
	       "hooks.kind");

/* Columns of hook_by_* and hook_page. */
static int read_hook(struct store_tx *tx, struct db_stmt *s, struct store_hook *out)
{
	struct arena *a = tx->arena;
	bool has_old = !db_is_null(s, 6) && db_i64(s, 6) > tx->now_ms;

	*out = (struct store_hook){
		.n = db_i64(s, 0),
		.secret = db_str_dup(s, 4, a),
		.old_secret = has_old ? db_str_dup(s, 5, a) : STR_NONE,
		.hook = { .id = db_str_dup(s, 1, a),
			  .name = db_str_dup(s, 2, a),
			  .kind = (enum hook_kind)db_i64(s, 3),
			  .old_secret_until = db_i64(s, 6),
			  .has_old_secret_until = has_old,
			  .signature_header = db_str_dup(s, 7, a),
			  .timestamp_header = db_str_dup(s, 8, a),
			  .id_header = db_str_dup(s, 9, a),
			  .window_s = db_i64(s, 10),
			  .deliveries = db_i64(s, 11),
			  .last_delivery_at = db_i64(s, 12),
			  .has_last_delivery_at = !db_is_null(s, 12),
			  .created_by = db_str_dup(s, 13, a),
			  .created_at = db_i64(s, 14),
			  .updated_at = db_i64(s, 15) },
	};
	out->hook.path = str_fmt(a, "/hooks/%.*s", STR_ARG(out->hook.id));
	return a->is_out ? err_nomem() : 0;
}

static int hook_by(struct store_tx *tx, enum sql_id id, struct str text, struct store_hook *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, id, &s);

	if (e)
		return err_trace(e);
	db_bind_str(s, 1, text);
	e = db_step(s);
	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : STORE_NONE;
	e = read_hook(tx, s, out);
	db_reset(s);
	return err_trace(e);
}

int store_hook_get(struct store_tx *tx, struct str id, struct store_hook *out)
{
	return hook_by(tx, SQL_HOOK_BY_ID, id, out);
}

int store_hook_find(struct store_tx *tx, struct str who, struct store_hook *out)
{
	int e = hook_by(tx, SQL_HOOK_BY_ID, who, out);

	return e == STORE_NONE ? hook_by(tx, SQL_HOOK_BY_NAME, who, out) : e;
}

int store_hook_page(struct store_tx *tx, struct str after, size_t limit, struct hook_list *out,
		    struct str *out_after)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_HOOK_PAGE, &s);

	if (e)
		return err_trace(e);
	*out_after = STR_NONE;
	*out = (struct hook_list){ ARENA_ARRAY(tx->arena, limit, struct hook), 0 };
	if (!out->v)
		return err_nomem();
	db_bind_str(s, 1, after.p ? after : STR(""));
	db_bind_i64(s, 2, (int64_t)limit + 1);
	while ((e = db_step(s)) == DB_ROW && out->n < limit) {
		struct store_hook h;

		e = read_hook(tx, s, &h);
		if (e)
			break;
		out->v[out->n++] = h.hook;
	}
	if (e == DB_ROW)
		*out_after = out->v[out->n - 1].name;
	db_reset(s);
	return e < 0 ? err_trace(e) : 0;
}

int store_hook_any(struct store_tx *tx, bool *out)
{
	int64_t is_there;
	int e = row_first_i64(tx, SQL_HOOK_ANY, &is_there);

	*out = e == 0 && is_there;
	return err_trace(e);
}

int store_hook_add(struct store_tx *tx, struct store_hook *h)
{
	struct hook *hook = &h->hook;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_HOOK_ADD, &s);

	if (e)
		return err_trace(e);
	hook->created_at = hook->updated_at = tx->now_ms;
	hook->path = str_fmt(tx->arena, "/hooks/%.*s", STR_ARG(hook->id));
	db_bind_str(s, 1, hook->id);
	db_bind_str(s, 2, hook->name);
	db_bind_i64(s, 3, hook->kind);
	db_bind_str(s, 4, h->secret);
	db_bind_str(s, 5, hook->signature_header);
	db_bind_str(s, 6, hook->timestamp_header);
	db_bind_str(s, 7, hook->id_header);
	db_bind_i64(s, 8, hook->window_s);
	db_bind_str(s, 9, hook->created_by);
	db_bind_i64(s, 10, hook->created_at);
	e = hook->path.p ? row_insert(tx, s, &h->n) : err_nomem();
	return e == DB_CONSTRAINT ? STORE_NAME_TAKEN : err_trace(e);
}

int store_hook_rotate(struct store_tx *tx, struct store_hook *h)
{
	struct hook *hook = &h->hook;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_HOOK_ROTATE, &s);

	if (e)
		return err_trace(e);
	hook->updated_at = tx->now_ms;
	db_bind_i64(s, 1, h->n);
	db_bind_str(s, 2, h->secret);
	db_bind_str(s, 3, h->old_secret);
	row_bind_time(s, 4, hook->has_old_secret_until, hook->old_secret_until);
	db_bind_i64(s, 5, hook->updated_at);
	return err_trace(row_run(tx, s));
}

int store_hook_delete(struct store_tx *tx, int64_t n)
{
	return err_trace(row_run_one(tx, SQL_HOOK_DELETE, n));
}

int store_hook_delivery(struct store_tx *tx, int64_t hook, struct str key, int64_t *out_event)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_HOOK_DELIVERY_FIND, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, hook);
	db_bind_str(s, 2, key);
	e = row_i64(s, out_event);
	return e || *out_event ? err_trace(e) : STORE_NONE;
}

static int add_key(struct store_tx *tx, int64_t hook, struct str key, int64_t event)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_HOOK_DELIVERY_ADD, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, tx->now_ms);
	db_bind_i64(s, 2, hook);
	db_bind_str(s, 3, key);
	db_bind_i64(s, 4, event);
	return err_trace(row_run(tx, s));
}

int store_hook_delivered(struct store_tx *tx, int64_t hook, struct str_list keys, int64_t event)
{
	int e = row_set(tx, SQL_HOOK_DELIVERED, hook, tx->now_ms);

	for (size_t i = 0; e == 0 && i < keys.n; i++)
		e = add_key(tx, hook, keys.v[i], event);
	return err_trace(e);
}
