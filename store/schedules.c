/* SPDX-License-Identifier: Apache-2.0 */
#include "store/schedules.h"

#include "base/err.h"
#include "store/db.h"
#include "store/news.h"
#include "store/pack.h"
#include "store/rows.h"

/* What the table's numbers stand for. */
_Static_assert(SCHEDULE_OVERLAP_SKIP == 1 && SCHEDULE_OVERLAP_QUEUE == 2 &&
		   SCHEDULE_OVERLAP_ALLOW == 3,
	       "schedules.overlap");

/* Columns of schedule_by_*. */
enum {
	COL_N,
	COL_ID,
	COL_NAME,
	COL_CRON,
	COL_ZONE,
	COL_CALLS,
	COL_OVERLAP,
	COL_CATCH_UP,
	COL_JITTER,
	COL_START_AT,
	COL_END_AT,
	COL_ANCHOR_AT,
	COL_ENABLED,
	COL_BY_KIND,
	COL_BY,
	COL_BY_KEY,
	COL_DUE_AT,
	COL_NEXT_AT,
	COL_SPAN_FROM,
	COL_LAST_DUE_AT,
	COL_LAST_RUN_AT,
	COL_RUNS,
	COL_SKIPPED,
	COL_MISSED,
	COL_LAST_TASK,
	COL_BEFORE_TASK,
	COL_PROBLEM,
	COL_CREATED_BY,
	COL_CREATED_AT,
	COL_UPDATED_AT
};

/* ---- reading ---- */

static int read_calls(struct arena *a, struct str text, struct action_list *out)
{
	void *calls;
	int e = unpack_object(a, &schedule_calls_shape, text, &calls);

	*out = (struct action_list){ ARENA_ARRAY(a, 1, struct action), 0 };
	if (!e && calls)
		*out = ((struct schedule_calls *)calls)->calls;
	return err_trace(e);
}

static void read_settings(struct db_stmt *s, struct arena *a, struct schedule *out)
{
	*out = (struct schedule){
		.id = db_str_dup(s, COL_ID, a),
		.name = db_str_dup(s, COL_NAME, a),
		.cron = db_str_dup(s, COL_CRON, a),
		.zone = db_str_dup(s, COL_ZONE, a),
		.overlap = (enum schedule_overlap)db_i64(s, COL_OVERLAP),
		.catch_up = db_i64(s, COL_CATCH_UP),
		.jitter_s = db_i64(s, COL_JITTER),
		.start_at = db_i64(s, COL_START_AT),
		.has_start_at = !db_is_null(s, COL_START_AT),
		.end_at = db_i64(s, COL_END_AT),
		.has_end_at = !db_is_null(s, COL_END_AT),
		.enabled = db_i64(s, COL_ENABLED) != 0,
		.runs_as = db_str_dup(s, COL_BY, a),
		.problem = db_str_dup(s, COL_PROBLEM, a),
		.created_by = db_str_dup(s, COL_CREATED_BY, a),
		.created_at = db_i64(s, COL_CREATED_AT),
		.updated_at = db_i64(s, COL_UPDATED_AT),
	};
}

static void read_times(struct db_stmt *s, struct schedule *out)
{
	out->next_at = db_i64(s, COL_NEXT_AT);
	out->has_next_at = !db_is_null(s, COL_NEXT_AT);
	out->last_due_at = db_i64(s, COL_LAST_DUE_AT);
	out->has_last_due_at = !db_is_null(s, COL_LAST_DUE_AT);
	out->last_run_at = db_i64(s, COL_LAST_RUN_AT);
	out->has_last_run_at = !db_is_null(s, COL_LAST_RUN_AT);
	out->runs = db_i64(s, COL_RUNS);
	out->skipped = db_i64(s, COL_SKIPPED);
	out->missed = db_i64(s, COL_MISSED);
}

static int read_schedule(struct store_tx *tx, struct db_stmt *s, struct store_schedule *out)
{
	struct arena *a = tx->arena;
	int e;

	*out = (struct store_schedule){
		.n = db_i64(s, COL_N),
		.by_kind = (enum principal_kind)db_i64(s, COL_BY_KIND),
		.by_key = db_str_dup(s, COL_BY_KEY, a),
		.anchor_at = db_i64(s, COL_ANCHOR_AT),
		.due_at = db_i64(s, COL_DUE_AT),
		.span_from = db_i64(s, COL_SPAN_FROM),
		.last_task = db_i64(s, COL_LAST_TASK),
		.before_task = db_i64(s, COL_BEFORE_TASK),
	};
	read_settings(s, a, &out->schedule);
	read_times(s, &out->schedule);
	e = read_calls(a, db_str_dup(s, COL_CALLS, a), &out->schedule.calls);
	return a->is_out ? err_nomem() : err_trace(e);
}

static int one(struct store_tx *tx, struct db_stmt *s, struct store_schedule *out)
{
	int e = db_step(s);

	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : STORE_NONE;
	e = read_schedule(tx, s, out);
	db_reset(s);
	return err_trace(e);
}

static int by_text(struct store_tx *tx, enum sql_id id, struct str text, struct store_schedule *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, id, &s);

	if (e)
		return err_trace(e);
	db_bind_str(s, 1, text);
	return one(tx, s, out);
}

int store_schedule_find(struct store_tx *tx, struct str who, struct store_schedule *out)
{
	int e = STORE_NONE;

	if (id_is_valid(who))
		e = by_text(tx, SQL_SCHEDULE_BY_ID, who, out);
	return e == STORE_NONE ? by_text(tx, SQL_SCHEDULE_BY_NAME, who, out) : e;
}

int store_schedule_get_n(struct store_tx *tx, int64_t n, struct store_schedule *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_SCHEDULE_BY_N, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	return one(tx, s, out);
}

int store_schedule_page(struct store_tx *tx, struct str after, size_t limit,
			struct schedule_line_list *out, struct str *out_after)
{
	struct arena *a = tx->arena;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_SCHEDULE_PAGE, &s);

	if (e)
		return err_trace(e);
	*out_after = STR_NONE;
	*out = (struct schedule_line_list){ ARENA_ARRAY(a, limit, struct schedule_line), 0 };
	if (!out->v)
		return err_nomem();
	db_bind_str(s, 1, after.p ? after : STR(""));
	db_bind_i64(s, 2, (int64_t)limit + 1);
	while ((e = db_step(s)) == DB_ROW && out->n < limit)
		out->v[out->n++] = (struct schedule_line){
			.id = db_str_dup(s, 0, a),
			.name = db_str_dup(s, 1, a),
			.cron = db_str_dup(s, 2, a),
			.zone = db_str_dup(s, 3, a),
			.enabled = db_i64(s, 4) != 0,
			.next_at = db_i64(s, 5),
			.has_next_at = !db_is_null(s, 5),
			.last_run_at = db_i64(s, 6),
			.has_last_run_at = !db_is_null(s, 6),
			.runs = db_i64(s, 7),
			.problem = db_str_dup(s, 8, a),
		};
	if (e == DB_ROW)
		*out_after = out->v[out->n - 1].name;
	db_reset(s);
	return e < 0 ? err_trace(e) : a->is_out ? err_nomem() : 0;
}

/* ---- writing ---- */

static struct str pack_calls(struct store_tx *tx, const struct schedule *s, int *e)
{
	const struct schedule_calls calls = { .calls = s->calls };
	struct str text = STR_NONE;

	*e = s->calls.n ? pack_object(tx->arena, &schedule_calls_shape, &calls, &text) : 0;
	return text;
}

/* $1 its key or id, then what was asked for up to by_key, in the columns' order. */
static int bind_settings(struct store_tx *tx, struct db_stmt *q, const struct store_schedule *s)
{
	const struct schedule *o = &s->schedule;
	int e;

	db_bind_str(q, 2, o->name);
	db_bind_str(q, 3, o->cron);
	db_bind_str(q, 4, o->zone);
	db_bind_str(q, 5, pack_calls(tx, o, &e));
	db_bind_i64(q, 6, o->overlap);
	db_bind_i64(q, 7, o->catch_up);
	db_bind_i64(q, 8, o->jitter_s);
	row_bind_time(q, 9, o->has_start_at, o->start_at);
	row_bind_time(q, 10, o->has_end_at, o->end_at);
	db_bind_i64(q, 11, s->anchor_at);
	db_bind_i64(q, 12, o->enabled);
	db_bind_i64(q, 13, s->by_kind);
	db_bind_str(q, 14, o->runs_as);
	db_bind_str(q, 15, s->by_key);
	return err_trace(e);
}

int store_schedule_add(struct store_tx *tx, struct store_schedule *s)
{
	struct schedule *o = &s->schedule;
	struct db_stmt *q;
	int e = db_stmt(tx->db, SQL_SCHEDULE_ADD, &q);

	if (e)
		return err_trace(e);
	o->id = row_new_id(tx);
	if (!o->id.p)
		return err_nomem();
	o->created_at = o->updated_at = tx->now_ms;
	db_bind_str(q, 1, o->id);
	e = bind_settings(tx, q, s);
	db_bind_str(q, 16, o->created_by);
	db_bind_i64(q, 17, o->created_at);
	if (e == 0)
		e = row_insert(tx, q, &s->n);
	return e == DB_CONSTRAINT ? STORE_NAME_TAKEN : err_trace(e);
}

int store_schedule_set(struct store_tx *tx, struct store_schedule *s)
{
	struct db_stmt *q;
	int e = db_stmt(tx->db, SQL_SCHEDULE_SET, &q);

	if (e)
		return err_trace(e);
	s->schedule.updated_at = tx->now_ms;
	db_bind_i64(q, 1, s->n);
	e = bind_settings(tx, q, s);
	db_bind_i64(q, 16, s->schedule.updated_at);
	if (e == 0)
		e = db_run(q);
	return e == DB_CONSTRAINT ? STORE_NAME_TAKEN : err_trace(e);
}

int store_schedule_set_times(struct store_tx *tx, const struct store_schedule *s)
{
	const struct schedule *o = &s->schedule;
	struct db_stmt *q;
	int e = db_stmt(tx->db, SQL_SCHEDULE_SET_TIMES, &q);

	if (e)
		return err_trace(e);
	db_bind_i64(q, 1, s->n);
	row_bind_time(q, 2, o->has_next_at, s->due_at);
	row_bind_time(q, 3, o->has_next_at, o->next_at);
	row_bind_time(q, 4, s->span_from != 0, s->span_from);
	row_bind_time(q, 5, o->has_last_due_at, o->last_due_at);
	row_bind_time(q, 6, o->has_last_run_at, o->last_run_at);
	db_bind_i64(q, 7, o->runs);
	db_bind_i64(q, 8, o->skipped);
	db_bind_i64(q, 9, o->missed);
	row_bind_key(q, 10, s->last_task);
	row_bind_key(q, 11, s->before_task);
	db_bind_str(q, 12, o->problem);
	if (o->has_next_at)
		store_news_times(tx, 0, o->next_at);
	return err_trace(row_run(tx, q));
}

int store_schedule_delete(struct store_tx *tx, int64_t n)
{
	int e = row_run_one(tx, SQL_SCHEDULE_SPANS_DELETE, n);

	return e ? err_trace(e) : err_trace(row_run_one(tx, SQL_SCHEDULE_DELETE, n));
}

/* ---- times ---- */

static int list_ns(struct store_tx *tx, enum sql_id id, int64_t first, size_t max,
		   struct store_n_list *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, id, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, first);
	db_bind_i64(s, 2, (int64_t)max);
	return err_trace(row_i64_list(tx, s, max, out));
}

int store_schedule_due(struct store_tx *tx, size_t max, struct store_n_list *out)
{
	return err_trace(list_ns(tx, SQL_SCHEDULE_DUE, tx->now_ms, max, out));
}

int store_schedule_after(struct store_tx *tx, int64_t n, size_t max, struct store_n_list *out)
{
	return err_trace(list_ns(tx, SQL_SCHEDULE_AFTER, n, max, out));
}

int store_schedule_next(struct store_tx *tx, int64_t *out)
{
	return err_trace(row_first_i64(tx, SQL_SCHEDULE_NEXT, out));
}

/* ---- stretches of due times that had their run ---- */

int store_schedule_spans(struct store_tx *tx, int64_t n, struct store_spans *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_SCHEDULE_SPANS, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	out->n = 0;
	while ((e = db_step(s)) == DB_ROW && out->n < ARRAY_LEN(out->v))
		out->v[out->n++] = (struct store_span){ db_i64(s, 0), db_i64(s, 1) };
	db_reset(s);
	return e < 0 ? err_trace(e) : 0;
}

static int put_span(struct store_tx *tx, int64_t n, struct store_span span)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_SCHEDULE_SPAN_PUT, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	db_bind_i64(s, 2, span.from_at);
	db_bind_i64(s, 3, span.through_at);
	return err_trace(row_run(tx, s));
}

int store_schedule_span_add(struct store_tx *tx, int64_t n, struct store_span span)
{
	struct store_spans spans;
	int e = put_span(tx, n, span);

	if (e == 0)
		e = store_schedule_spans(tx, n, &spans);
	if (e || spans.n <= SCHEDULE_SPANS_MAX)
		return err_trace(e);
	e = row_set(tx, SQL_SCHEDULE_SPAN_DELETE, n, spans.v[1].from_at);
	spans.v[0].through_at = MAX(spans.v[0].through_at, spans.v[1].through_at);
	return e ? err_trace(e) : err_trace(put_span(tx, n, spans.v[0]));
}
