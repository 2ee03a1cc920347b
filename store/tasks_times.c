/* SPDX-License-Identifier: Apache-2.0 */
/* When tasks must be looked at. */
#include "store/tasks_times.h"

#include "base/err.h"
#include "store/db.h"
#include "store/news.h"
#include "store/rows.h"

/* The earlier of two times of which 0 is none. */
static int64_t earlier(int64_t a, int64_t b)
{
	if (!a || !b)
		return a ? a : b;
	return MIN(a, b);
}

static int64_t after(int64_t from, int64_t ms)
{
	return ms ? from + ms : 0;
}

static int64_t start_limit(const struct store_task *t)
{
	enum task_state s = t->task.state;

	if (s != TASK_STATE_READY && s != TASK_STATE_CLAIMED)
		return 0;
	return after(t->ready_at, t->task.schedule_to_start_ms);
}

static int64_t close_limit(const struct store_task *t)
{
	return after(t->begins_at, t->task.schedule_to_close_ms);
}

static int64_t attempt_limit(const struct store_task *t)
{
	return t->task.state == TASK_STATE_IN_PROGRESS
		   ? after(t->task.started_at, t->task.start_to_close_ms)
		   : 0;
}

static int64_t silence_limit(const struct store_task *t)
{
	return t->task.state == TASK_STATE_IN_PROGRESS
		   ? after(t->task.heartbeat_at, t->task.heartbeat_timeout_ms)
		   : 0;
}

int64_t store_task_due_at(const struct store_task *t, int64_t steady_ms)
{
	const struct task *w = &t->task;
	int64_t due;

	if (store_task_is_over(w->state))
		return steady_ms + t->keep_ms;
	if (w->state == TASK_STATE_PENDING)
		return w->has_retry_at ? w->retry_at : 0;
	due = earlier(start_limit(t), close_limit(t));
	if (!store_task_is_held(w->state))
		return due;
	due = earlier(due, w->lease_until);
	due = earlier(due, w->has_cancel_at ? w->cancel_at : 0);
	return earlier(due, earlier(attempt_limit(t), silence_limit(t)));
}

static bool is_over(int64_t limit, int64_t steady_ms)
{
	return limit && limit <= steady_ms;
}

enum task_reason store_task_limit(const struct store_task *t, int64_t steady_ms)
{
	const struct task *w = &t->task;

	if (w->has_cancel_at && store_task_is_held(w->state) && w->cancel_at <= steady_ms)
		return TASK_REASON_CANCELLED;
	if (is_over(close_limit(t), steady_ms))
		return TASK_REASON_SCHEDULE_TO_CLOSE;
	if (is_over(start_limit(t), steady_ms))
		return TASK_REASON_SCHEDULE_TO_START;
	if (is_over(attempt_limit(t), steady_ms))
		return TASK_REASON_START_TO_CLOSE;
	if (is_over(silence_limit(t), steady_ms))
		return TASK_REASON_HEARTBEAT;
	if (store_task_is_held(w->state) && w->lease_until <= steady_ms)
		return TASK_REASON_LAPSED;
	return TASK_REASON_NONE;
}

void store_task_tell_times(struct store_tx *tx, const struct store_task *t)
{
	store_news_times(tx, store_task_due_at(t, tx->steady_ms), t->wake_at);
}

static int read_times(struct store_tx *tx, enum sql_id id, int64_t now, struct store_n_list *out,
		      size_t max)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, id, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, now);
	db_bind_i64(s, 2, (int64_t)max);
	return err_trace(row_i64_list(tx, s, max, out));
}

int store_task_due(struct store_tx *tx, size_t max, struct store_n_list *out)
{
	return err_trace(read_times(tx, SQL_TASK_DUE, tx->steady_ms, out, max));
}

int store_task_wakes(struct store_tx *tx, size_t max, struct store_n_list *out)
{
	return err_trace(read_times(tx, SQL_TASK_WAKES, tx->now_ms, out, max));
}

int store_task_next_times(struct store_tx *tx, int64_t *out_due, int64_t *out_wake)
{
	int64_t due = 0, worker = 0, wake = 0;
	int e = row_first_i64(tx, SQL_TASK_DUE_FIRST, &due);

	if (e == 0)
		e = row_first_i64(tx, SQL_WORKER_DUE_FIRST, &worker);
	if (e == 0)
		e = row_first_i64(tx, SQL_TASK_WAKE_FIRST, &wake);
	if (e)
		return err_trace(e);
	*out_due = earlier(due, worker);
	*out_wake = wake;
	return 0;
}

int store_task_look_soon(struct store_tx *tx, int64_t n, enum task_reason why)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_WAKE, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	db_bind_i64(s, 2, tx->steady_ms);
	db_bind_i64(s, 3, why);
	store_news_times(tx, tx->steady_ms, 0);
	return err_trace(row_run(tx, s));
}

int store_task_set_due(struct store_tx *tx, int64_t n, int64_t due_at)
{
	return err_trace(row_set(tx, SQL_TASK_SET_DUE, n, due_at));
}
