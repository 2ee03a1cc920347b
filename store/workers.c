/* SPDX-License-Identifier: Apache-2.0 */
/* Workers as rows. */
#include "store/workers.h"

#include "base/err.h"
#include "store/db.h"
#include "store/news.h"
#include "store/pack.h"
#include "store/rows.h"

_Static_assert(WORKER_STATUS_ONLINE == 1 && WORKER_STATUS_BUSY == 2 &&
		   WORKER_STATUS_DRAINING == 3 && WORKER_STATUS_DEGRADED == 4 &&
		   WORKER_STATUS_DISCONNECTED == 5 && WORKER_STATUS_OFFLINE == 6,
	       "workers.status");

/* Columns of worker_by_*. */
enum {
	COL_N,
	COL_ID,
	COL_NAME,
	COL_STATUS,
	COL_KIND,
	COL_VERSION,
	COL_QUEUES,
	COL_CAPABILITIES,
	COL_TAGS,
	COL_CAPACITY,
	COL_RUNNING,
	COL_COMPLETED,
	COL_FAILED,
	COL_PRINCIPAL,
	COL_CONNECTION,
	COL_HEARTBEAT_MS,
	COL_GRACE_MS,
	COL_HEARTBEAT_AT,
	COL_IS_DRAINING,
	COL_DRAIN_BY,
	COL_DRAIN_REASON,
	COL_RESUMES,
	COL_REGISTERED_AT,
	COL_UPDATED_AT
};

static int read_lists(struct db_stmt *s, struct arena *a, struct worker *w)
{
	int e = unpack_lines(a, db_str_dup(s, COL_QUEUES, a), &w->queues);

	if (e == 0)
		e = unpack_lines(a, db_str_dup(s, COL_CAPABILITIES, a), &w->capabilities);
	if (e == 0)
		e = unpack_lines(a, db_str_dup(s, COL_TAGS, a), &w->tags);
	return err_trace(e);
}

static int read_worker(struct db_stmt *s, struct arena *a, struct store_worker *out)
{
	*out = (struct store_worker){ .n = db_i64(s, COL_N),
				      .connection = db_i64(s, COL_CONNECTION),
				      .is_draining = db_i64(s, COL_IS_DRAINING) != 0,
				      .resumes = db_i64(s, COL_RESUMES) != 0 };
	out->worker = (struct worker){
		.id = db_str_dup(s, COL_ID, a),
		.name = db_str_dup(s, COL_NAME, a),
		.status = (enum worker_status)db_i64(s, COL_STATUS),
		.kind = db_str_dup(s, COL_KIND, a),
		.version = db_str_dup(s, COL_VERSION, a),
		.capacity = db_i64(s, COL_CAPACITY),
		.running = db_i64(s, COL_RUNNING),
		.completed = db_i64(s, COL_COMPLETED),
		.has_completed = true,
		.failed = db_i64(s, COL_FAILED),
		.has_failed = true,
		.principal = db_str_dup(s, COL_PRINCIPAL, a),
		.heartbeat_ms = db_i64(s, COL_HEARTBEAT_MS),
		.has_heartbeat_ms = true,
		.grace_ms = db_i64(s, COL_GRACE_MS),
		.has_grace_ms = true,
		.heartbeat_at = db_i64(s, COL_HEARTBEAT_AT),
		.drain_by = db_i64(s, COL_DRAIN_BY),
		.has_drain_by = !db_is_null(s, COL_DRAIN_BY),
		.drain_reason = db_str_dup(s, COL_DRAIN_REASON, a),
		.registered_at = db_i64(s, COL_REGISTERED_AT),
		.updated_at = db_i64(s, COL_UPDATED_AT),
		.has_updated_at = true,
	};
	return err_trace(read_lists(s, a, &out->worker));
}

/* The one row of a bound worker_by_*. */
static int one_worker(struct store_tx *tx, struct db_stmt *s, struct store_worker *out)
{
	int e = db_step(s);

	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : STORE_NONE;
	e = read_worker(s, tx->arena, out);
	db_reset(s);
	if (e)
		return err_trace(e);
	return tx->arena->is_out ? err_nomem() : 0;
}

static int get_by_text(struct store_tx *tx, enum sql_id id, struct str who,
		       struct store_worker *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, id, &s);

	if (e)
		return err_trace(e);
	db_bind_str(s, 1, who);
	return one_worker(tx, s, out);
}

int store_worker_get(struct store_tx *tx, struct str who, struct store_worker *out)
{
	int e = get_by_text(tx, SQL_WORKER_BY_ID, who, out);

	return e == STORE_NONE ? get_by_text(tx, SQL_WORKER_BY_NAME, who, out) : err_trace(e);
}

int store_worker_get_n(struct store_tx *tx, int64_t n, struct store_worker *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_WORKER_BY_N, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	return one_worker(tx, s, out);
}

/* Alive: degraded after 1.5 beats, lost after 2, given up after its grace. */
int64_t store_worker_due_at(const struct store_worker *w)
{
	const struct worker *k = &w->worker;
	int64_t beat = k->heartbeat_at;
	int64_t due;

	switch (k->status) {
	case WORKER_STATUS_ONLINE:
	case WORKER_STATUS_BUSY:
		due = beat + k->heartbeat_ms * 3 / 2;
		break;
	case WORKER_STATUS_DRAINING:
	case WORKER_STATUS_DEGRADED:
		due = beat + k->heartbeat_ms * 2;
		break;
	case WORKER_STATUS_DISCONNECTED:
		due = beat + k->heartbeat_ms * 2 + k->grace_ms;
		break;
	default:
		return 0;
	}
	return k->has_drain_by ? MIN(due, k->drain_by) : due;
}

/* Parameters 3 to 13 of worker_add and worker_set. */
static void bind_said(struct db_stmt *s, struct arena *a, const struct store_worker *w)
{
	const struct worker *k = &w->worker;

	db_bind_str(s, 3, k->kind);
	db_bind_str(s, 4, k->version);
	db_bind_str(s, 5, pack_lines(a, k->queues));
	db_bind_str(s, 6, pack_lines(a, k->capabilities));
	db_bind_str(s, 7, pack_lines(a, k->tags));
	db_bind_i64(s, 8, k->capacity);
	db_bind_str(s, 9, k->principal);
	row_bind_key(s, 10, w->connection);
	db_bind_i64(s, 11, k->heartbeat_ms);
	db_bind_i64(s, 12, k->grace_ms);
	db_bind_i64(s, 13, k->heartbeat_at);
}

int store_worker_add(struct store_tx *tx, struct store_worker *w)
{
	struct worker *k = &w->worker;
	struct db_stmt *s;
	int64_t n_workers;
	int e = row_first_i64(tx, SQL_WORKER_N, &n_workers);

	if (e == 0 && n_workers >= WORKERS_MAX)
		return STORE_TOO_MANY;
	if (e == 0)
		e = db_stmt(tx->db, SQL_WORKER_ADD, &s);
	if (e)
		return err_trace(e);
	k->id = row_new_id(tx);
	k->status = WORKER_STATUS_ONLINE;
	k->heartbeat_at = tx->steady_ms;
	k->registered_at = k->updated_at = tx->now_ms;
	k->has_updated_at = k->has_completed = k->has_failed = true;
	db_bind_str(s, 1, k->id);
	db_bind_str(s, 2, k->name);
	bind_said(s, tx->arena, w);
	db_bind_i64(s, 14, store_worker_due_at(w));
	db_bind_i64(s, 15, tx->now_ms);
	if (tx->arena->is_out)
		return err_nomem();
	store_news_times(tx, store_worker_due_at(w), 0);
	return err_trace(row_insert_sure(tx, s, &w->n));
}

int store_worker_set(struct store_tx *tx, struct store_worker *w)
{
	struct worker *k = &w->worker;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_WORKER_SET, &s);

	if (e)
		return err_trace(e);
	k->updated_at = tx->now_ms;
	db_bind_i64(s, 1, w->n);
	db_bind_i64(s, 2, k->status);
	bind_said(s, tx->arena, w);
	db_bind_i64(s, 14, w->is_draining);
	row_bind_time(s, 15, k->has_drain_by, k->drain_by);
	db_bind_str(s, 16, k->drain_reason);
	db_bind_i64(s, 17, w->resumes);
	row_bind_key(s, 18, store_worker_due_at(w));
	db_bind_i64(s, 19, k->registered_at);
	db_bind_i64(s, 20, tx->now_ms);
	if (tx->arena->is_out)
		return err_nomem();
	store_news_times(tx, store_worker_due_at(w), 0);
	return err_trace(row_run(tx, s));
}

int store_worker_count(struct store_tx *tx, int64_t n, const struct store_worker_count *more)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_WORKER_COUNT, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	db_bind_i64(s, 2, more->running);
	db_bind_i64(s, 3, more->completed);
	db_bind_i64(s, 4, more->failed);
	return err_trace(row_run(tx, s));
}

int store_worker_remove(struct store_tx *tx, int64_t n)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_WORKER_REMOVE, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	return err_trace(row_run(tx, s));
}

static int read_ns(struct store_tx *tx, enum sql_id id, int64_t key, size_t max,
		   struct store_n_list *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, id, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, key);
	db_bind_i64(s, 2, (int64_t)max);
	return err_trace(row_i64_list(tx, s, max, out));
}

int store_worker_held(struct store_tx *tx, int64_t n, size_t max, struct store_n_list *out)
{
	return err_trace(read_ns(tx, SQL_TASK_HELD, n, max, out));
}

int store_worker_due(struct store_tx *tx, size_t max, struct store_n_list *out)
{
	return err_trace(read_ns(tx, SQL_WORKER_DUE, tx->steady_ms, max, out));
}

int store_worker_of_connection(struct store_tx *tx, int64_t connection, size_t max,
			       struct store_n_list *out)
{
	return err_trace(read_ns(tx, SQL_WORKER_OF_CONNECTION, connection, max, out));
}

int store_worker_has_connection(struct store_tx *tx, bool *out)
{
	int64_t found = 0;
	int e = row_first_i64(tx, SQL_WORKER_HAS_CONNECTION, &found);

	if (e)
		return err_trace(e);
	*out = found != 0;
	return 0;
}

int store_worker_forget_connections(struct store_tx *tx)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_WORKER_FORGET_CONNECTIONS, &s);

	return e ? err_trace(e) : err_trace(row_run(tx, s));
}

int store_worker_page(struct store_tx *tx, enum worker_status status, size_t limit,
		      struct str *after, struct worker_list *out, bool *has_more)
{
	struct store_worker w;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_WORKER_PAGE, &s);

	if (e)
		return err_trace(e);
	*out = (struct worker_list){ ARENA_ARRAY(tx->arena, limit, struct worker), 0 };
	if (!out->v)
		return err_nomem();
	*has_more = false;
	db_bind_str(s, 1, after->p ? *after : STR(""));
	while ((e = db_step(s)) == DB_ROW) {
		if (status && db_i64(s, COL_STATUS) != (int64_t)status)
			continue;
		*has_more = out->n == limit;
		if (*has_more)
			break;
		e = read_worker(s, tx->arena, &w);
		if (e)
			break;
		out->v[out->n++] = w.worker;
		*after = w.worker.name;
	}
	db_reset(s);
	if (e < 0)
		return err_trace(e);
	return tx->arena->is_out ? err_nomem() : 0;
}

/* ---- what they can do ---- */

static void strike_out(struct str_list *missing, struct str has)
{
	size_t n = 0;

	for (size_t i = 0; i < missing->n; i++)
		if (!packed_has_line(has, missing->v[i]))
			missing->v[n++] = missing->v[i];
	missing->n = n;
}

static bool has_all(struct str has, struct str_list wanted)
{
	for (size_t i = 0; i < wanted.n; i++)
		if (!packed_has_line(has, wanted.v[i]))
			return false;
	return true;
}

int store_worker_lack(struct store_tx *tx, struct str_list wanted, struct store_worker_lack *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_WORKER_CAPABILITIES, &s);

	if (e)
		return err_trace(e);
	*out = (struct store_worker_lack){
		.missing = { ARENA_ARRAY(tx->arena, wanted.n, struct str), 0 },
		.is_able = wanted.n == 0,
	};
	if (!out->missing.v)
		return err_nomem();
	for (size_t i = 0; i < wanted.n; i++)
		out->missing.v[out->missing.n++] = wanted.v[i];
	while ((e = db_step(s)) == DB_ROW) {
		out->is_any = true;
		out->is_able |= has_all(db_str(s, 0), wanted);
		strike_out(&out->missing, db_str(s, 0));
	}
	if (out->missing.n == 0)
		out->missing.v = NULL;
	return err_trace(e);
}
