/* SPDX-License-Identifier: Apache-2.0 */
/* Queues as rows. */
#include "store/queues.h"

#include "base/err.h"
#include "store/db.h"
#include "store/news.h"
#include "store/rows.h"

/* Columns of queue_by_*. */
enum {
	COL_N,
	COL_NAME,
	COL_PAUSED,
	COL_MAX_RUNNING,
	COL_MAX_PENDING,
	COL_AGEING,
	COL_KEEP,
	COL_PLAIN,
	COL_N_NEEDS,
	COL_N_LANES,
	COL_PENDING,
	COL_READY,
	COL_CLAIMED,
	COL_IN_PROGRESS,
	COL_AWAITING_APPROVAL,
	COL_AWAITING_INPUT,
	COL_REVIEW,
	COL_COMPLETED,
	COL_FAILED,
	COL_CANCELLED,
	COL_CREATED_AT,
	COL_UPDATED_AT
};

static void read_queue(struct db_stmt *s, struct arena *a, struct task_queue *out)
{
	*out = (struct task_queue){
		.name = db_str_dup(s, COL_NAME, a),
		.paused = db_i64(s, COL_PAUSED) != 0,
		.max_running = db_i64(s, COL_MAX_RUNNING),
		.has_max_running = !db_is_null(s, COL_MAX_RUNNING),
		.max_pending = db_i64(s, COL_MAX_PENDING),
		.ageing_ms = db_i64(s, COL_AGEING),
		.has_ageing_ms = !db_is_null(s, COL_AGEING),
		.keep_ms = db_i64(s, COL_KEEP),
		.has_keep_ms = true,
		.pending = db_i64(s, COL_PENDING),
		.ready = db_i64(s, COL_READY),
		.claimed = db_i64(s, COL_CLAIMED),
		.in_progress = db_i64(s, COL_IN_PROGRESS),
		.awaiting_approval = db_i64(s, COL_AWAITING_APPROVAL),
		.has_awaiting_approval = true,
		.awaiting_input = db_i64(s, COL_AWAITING_INPUT),
		.has_awaiting_input = true,
		.output_pending_review = db_i64(s, COL_REVIEW),
		.has_output_pending_review = true,
		.completed = db_i64(s, COL_COMPLETED),
		.failed = db_i64(s, COL_FAILED),
		.cancelled = db_i64(s, COL_CANCELLED),
		.has_cancelled = true,
		.created_at = db_i64(s, COL_CREATED_AT),
		.updated_at = db_i64(s, COL_UPDATED_AT),
	};
}

static int one_queue(struct store_tx *tx, struct db_stmt *s, struct store_queue *out)
{
	int e = db_step(s);

	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : STORE_NONE;
	*out = (struct store_queue){
		.n = db_i64(s, COL_N),
		.plain = db_i64(s, COL_PLAIN),
		.n_needs = db_i64(s, COL_N_NEEDS),
		.n_lanes = db_i64(s, COL_N_LANES),
	};
	read_queue(s, tx->arena, &out->queue);
	db_reset(s);
	return tx->arena->is_out ? err_nomem() : 0;
}

int store_queue_get(struct store_tx *tx, struct str name, struct store_queue *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_QUEUE_BY_NAME, &s);

	if (e)
		return err_trace(e);
	db_bind_str(s, 1, name);
	return one_queue(tx, s, out);
}

int store_queue_get_n(struct store_tx *tx, int64_t n, struct store_queue *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_QUEUE_BY_N, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	return one_queue(tx, s, out);
}

/* The needs of tasks that need nothing. */
static int add_plain(struct store_tx *tx, int64_t queue)
{
	struct db_stmt *s;
	int64_t plain = 0;
	int e = db_stmt(tx->db, SQL_TASK_NEEDS_ADD, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, queue);
	e = row_insert(tx, s, &plain);
	if (e)
		return err_trace(e);
	return err_trace(row_set(tx, SQL_QUEUE_SET_PLAIN, queue, plain));
}

static int add_queue(struct store_tx *tx, struct str name)
{
	struct db_stmt *s;
	int64_t n = 0;
	int e = db_stmt(tx->db, SQL_QUEUE_ADD, &s);

	if (e)
		return err_trace(e);
	db_bind_str(s, 1, name);
	db_bind_i64(s, 2, tx->now_ms);
	e = row_insert(tx, s, &n);
	return e ? err_trace(e) : err_trace(add_plain(tx, n));
}

int store_queue_have_own(struct store_tx *tx, struct str name, struct store_queue *out)
{
	int e = store_queue_get(tx, name, out);

	if (e != STORE_NONE)
		return err_trace(e);
	e = add_queue(tx, name);
	return e ? err_trace(e) : err_trace(store_queue_get(tx, name, out));
}

int store_queue_have(struct store_tx *tx, struct str name, struct store_queue *out)
{
	int64_t n_queues;
	int e = store_queue_get(tx, name, out);

	if (e != STORE_NONE)
		return err_trace(e);
	e = row_first_i64(tx, SQL_QUEUE_N, &n_queues);
	if (e == 0 && n_queues >= QUEUES_MAX)
		return STORE_TOO_MANY;
	if (e == 0)
		e = add_queue(tx, name);
	store_news_room(tx, 0, STORE_NEWS_ALL); /* whoever waits for one that is not there */
	if (e == 0)
		e = store_queue_get(tx, name, out);
	return err_trace(e);
}

int store_queue_set(struct store_tx *tx, const struct store_queue *q)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_QUEUE_SET, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, q->n);
	db_bind_i64(s, 2, q->queue.paused);
	row_bind_time(s, 3, q->queue.has_max_running, q->queue.max_running);
	db_bind_i64(s, 4, q->queue.max_pending);
	row_bind_time(s, 5, q->queue.has_ageing_ms, q->queue.ageing_ms);
	db_bind_i64(s, 6, q->queue.keep_ms);
	db_bind_i64(s, 7, tx->now_ms);
	return err_trace(row_run(tx, s));
}

int store_queue_page(struct store_tx *tx, struct str after, size_t limit,
		     struct task_queue_list *out, bool *has_more)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_QUEUE_PAGE, &s);

	if (e)
		return err_trace(e);
	*out = (struct task_queue_list){ ARENA_ARRAY(tx->arena, limit, struct task_queue), 0 };
	if (!out->v)
		return err_nomem();
	*has_more = false;
	db_bind_str(s, 1, after.p ? after : STR(""));
	db_bind_i64(s, 2, (int64_t)limit + 1);
	while ((e = db_step(s)) == DB_ROW) {
		*has_more = out->n == limit;
		if (*has_more)
			break;
		read_queue(s, tx->arena, &out->v[out->n++]);
	}
	db_reset(s);
	if (e < 0)
		return err_trace(e);
	return tx->arena->is_out ? err_nomem() : 0;
}

int64_t store_queue_running(const struct store_queue *q)
{
	return q->queue.claimed + q->queue.in_progress;
}

int64_t store_queue_waiting(const struct store_queue *q)
{
	return q->queue.pending + q->queue.ready;
}

int store_queue_has_work(struct store_tx *tx, bool *out)
{
	int64_t found = 0;
	int e = row_first_i64(tx, SQL_QUEUE_HAS_WORK, &found);

	if (e)
		return err_trace(e);
	*out = found != 0;
	return 0;
}
