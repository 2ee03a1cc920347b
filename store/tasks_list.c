/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks in their orders. One index drives a page; what it does not cover is checked row by row,
 * ROWS_EXAMINED_MAX at most. */
#include "store/tasks_list.h"

#include "base/err.h"
#include "store/db.h"
#include "store/pack.h"
#include "store/rows.h"

/* Columns of task_page*. */
enum {
	COL_N,
	COL_ID,
	COL_QUEUE,
	COL_STATE,
	COL_REASON,
	COL_SUBJECT,
	COL_PRIORITY,
	COL_ATTEMPT,
	COL_CLAIMED_BY,
	COL_WORKER,
	COL_SCHEDULED_FOR,
	COL_RETRY_AT,
	COL_LEASE_UNTIL,
	COL_ERROR_CODE,
	COL_CREATED_AT,
	COL_UPDATED_AT,
	COL_FINISHED_AT,
	COL_TAGS
};

struct page {
	struct store_tx *tx;
	const struct store_task_filter *f;
	struct task_line_list *out;
	int64_t *cursor;
	size_t n_examined;
	bool is_full, has_more;
};

static void read_line(struct db_stmt *s, struct arena *a, struct task_line *out)
{
	*out = (struct task_line){
		.id = db_str_dup(s, COL_ID, a),
		.short_id = store_task_short_id(a, db_i64(s, COL_N)),
		.queue = db_str_dup(s, COL_QUEUE, a),
		.state = (enum task_state)db_i64(s, COL_STATE),
		.reason = (enum task_reason)db_i64(s, COL_REASON),
		.subject = db_str_dup(s, COL_SUBJECT, a),
		.priority = db_i64(s, COL_PRIORITY),
		.attempt = db_i64(s, COL_ATTEMPT),
		.claimed_by = db_str_dup(s, COL_CLAIMED_BY, a),
		.worker = db_str_dup(s, COL_WORKER, a),
		.scheduled_for = db_i64(s, COL_SCHEDULED_FOR),
		.has_scheduled_for = !db_is_null(s, COL_SCHEDULED_FOR),
		.retry_at = db_i64(s, COL_RETRY_AT),
		.has_retry_at = !db_is_null(s, COL_RETRY_AT),
		.lease_until = db_i64(s, COL_LEASE_UNTIL),
		.has_lease_until = !db_is_null(s, COL_LEASE_UNTIL),
		.error_code = db_str_dup(s, COL_ERROR_CODE, a),
		.created_at = db_i64(s, COL_CREATED_AT),
		.updated_at = db_i64(s, COL_UPDATED_AT),
		.finished_at = db_i64(s, COL_FINISHED_AT),
		.has_finished_at = !db_is_null(s, COL_FINISHED_AT),
	};
}

void store_task_line(const struct store_task *t, struct task_line *out)
{
	const struct task *w = &t->task;

	*out = (struct task_line){
		.id = w->id,
		.short_id = w->short_id,
		.queue = w->queue,
		.state = w->state,
		.reason = w->reason,
		.subject = w->subject,
		.priority = w->priority,
		.attempt = w->attempt,
		.claimed_by = w->claimed_by,
		.worker = w->worker,
		.scheduled_for = w->scheduled_for,
		.has_scheduled_for = w->has_scheduled_for,
		.retry_at = w->retry_at,
		.has_retry_at = w->has_retry_at,
		.lease_until = w->lease_until,
		.has_lease_until = w->has_lease_until,
		.error_code = w->error_code,
		.created_at = w->created_at,
		.updated_at = w->updated_at,
		.finished_at = w->finished_at,
		.has_finished_at = w->has_finished_at,
	};
}

static bool fits(struct db_stmt *s, const struct store_task_filter *f)
{
	if (f->state && db_i64(s, COL_STATE) != (int64_t)f->state)
		return false;
	return !f->tag.p || packed_has_line(db_str(s, COL_TAGS), f->tag);
}

static int take_rows(struct page *p, struct db_stmt *s)
{
	int e;

	while ((e = db_step(s)) == DB_ROW) {
		if (p->is_full) {
			p->has_more = true;
			break;
		}
		*p->cursor = db_i64(s, COL_N);
		p->n_examined++;
		if (fits(s, p->f))
			read_line(s, p->tx->arena, &p->out->v[p->out->n++]);
		p->is_full = p->out->n == p->f->limit || p->n_examined == ROWS_EXAMINED_MAX;
	}
	db_reset(s);
	if (e < 0)
		return err_trace(e);
	return p->tx->arena->is_out ? err_nomem() : 0;
}

/* Ready ones stand in the order of claims only: among the others they are found soon enough. */
static enum sql_id index_of(const struct store_task_filter *f)
{
	if (f->worker)
		return SQL_TASK_PAGE_OF_WORKER;
	if (!f->queue)
		return SQL_TASK_PAGE;
	if (store_task_is_held(f->state))
		return SQL_TASK_PAGE_OF_HELD;
	return f->state && f->state != TASK_STATE_READY ? SQL_TASK_PAGE_OF_STATE
							: SQL_TASK_PAGE_OF_QUEUE;
}

int store_task_page(struct store_tx *tx, const struct store_task_filter *f, int64_t *cursor,
		    struct task_line_list *out, bool *has_more)
{
	struct page p = { .tx = tx, .f = f, .out = out, .cursor = cursor };
	enum sql_id id = index_of(f);
	struct db_stmt *s;
	int e = db_stmt(tx->db, id, &s);

	if (e)
		return err_trace(e);
	*out = (struct task_line_list){ ARENA_ARRAY(tx->arena, f->limit, struct task_line), 0 };
	if (!out->v)
		return err_nomem();
	db_bind_i64(s, 1, *cursor ? *cursor : INT64_MAX);
	if (id != SQL_TASK_PAGE)
		db_bind_i64(s, 2, f->worker ? f->worker : f->queue);
	if (id == SQL_TASK_PAGE_OF_STATE)
		db_bind_i64(s, 3, f->state);
	e = take_rows(&p, s);
	*has_more = p.has_more;
	return err_trace(e);
}

int store_task_finished(struct store_tx *tx, const struct store_task_filter *f, int64_t before_ms,
			struct store_n_list *out, bool *has_more)
{
	size_t n_examined = 0;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_FINISHED, &s);

	if (e)
		return err_trace(e);
	*out = (struct store_n_list){ ARENA_ARRAY(tx->arena, f->limit, int64_t), 0 };
	if (!out->v)
		return err_nomem();
	db_bind_i64(s, 1, f->state);
	db_bind_i64(s, 2, f->queue);
	db_bind_i64(s, 3, 0);
	*has_more = false;
	while ((e = db_step(s)) == DB_ROW) {
		*has_more = out->n == f->limit || n_examined == ROWS_EXAMINED_MAX;
		if (*has_more)
			break;
		n_examined++;
		if (db_i64(s, 1) < before_ms)
			out->v[out->n++] = db_i64(s, 0);
	}
	db_reset(s);
	return e < 0 ? err_trace(e) : 0;
}

int store_task_parked(struct store_tx *tx, enum task_state state,
		      const struct store_task_place *after, size_t max,
		      struct store_task_place_list *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_PARKED, &s);

	if (e)
		return err_trace(e);
	*out = (struct store_task_place_list){ ARENA_ARRAY(tx->arena, max, struct store_task_place),
					       0 };
	if (!out->v)
		return err_nomem();
	db_bind_i64(s, 1, state);
	db_bind_i64(s, 2, after->queue);
	db_bind_i64(s, 3, after->n);
	db_bind_i64(s, 4, (int64_t)max);
	while (out->n < max && (e = db_step(s)) == DB_ROW)
		out->v[out->n++] = (struct store_task_place){ db_i64(s, 0), db_i64(s, 1) };
	db_reset(s);
	return e < 0 ? err_trace(e) : 0;
}
