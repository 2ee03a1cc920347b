/* SPDX-License-Identifier: Apache-2.0 */
/* One statement for each of the ways that are taken often, and one for all others. */
#include "store/tasks_change.h"

#include "base/err.h"
#include "store/db.h"
#include "store/pack.h"
#include "store/rows.h"
#include "store/tasks_times.h"

/* ---- adding ---- */

static void bind_limit(struct db_stmt *s, int i, int64_t ms)
{
	row_bind_time(s, i, ms > 0, ms);
}

static int bind_new(struct store_tx *tx, struct db_stmt *s, const struct store_task *t)
{
	const struct task *w = &t->task;
	struct str retry = STR_NONE;
	int e = w->retry ? pack_object(tx->arena, &task_retry_shape, w->retry, &retry) : 0;

	if (e)
		return err_trace(e);
	db_bind_str(s, 1, w->id);
	db_bind_i64(s, 2, t->queue);
	db_bind_i64(s, 3, t->needs);
	row_bind_key(s, 4, t->lane);
	db_bind_i64(s, 5, w->state);
	db_bind_str(s, 6, w->subject);
	db_bind_i64(s, 7, w->priority);
	row_bind_time(s, 8, w->state == TASK_STATE_READY, t->rank);
	db_bind_str(s, 9, w->key);
	db_bind_str(s, 10, w->concurrency_key);
	row_bind_time(s, 11, w->concurrency_key.p != NULL, w->concurrency_limit);
	row_bind_key(s, 12, t->assignee);
	row_bind_time(s, 13, w->has_scheduled_for, w->scheduled_for);
	row_bind_key(s, 14, t->wake_at);
	row_bind_key(s, 15, store_task_due_at(t, tx->steady_ms));
	db_bind_i64(s, 16, w->lease_ms);
	bind_limit(s, 17, w->schedule_to_start_ms);
	bind_limit(s, 18, w->schedule_to_close_ms);
	bind_limit(s, 19, w->start_to_close_ms);
	bind_limit(s, 20, w->heartbeat_timeout_ms);
	db_bind_str(s, 21, retry);
	db_bind_i64(s, 22, w->approval);
	db_bind_i64(s, 23, w->review);
	db_bind_i64(s, 24, t->dependencies);
	db_bind_i64(s, 25, w->open_dependencies);
	db_bind_i64(s, 26, w->on_failed);
	row_bind_key(s, 27, t->ready_at);
	db_bind_i64(s, 28, t->begins_at);
	db_bind_str(s, 29, w->created_by);
	db_bind_i64(s, 30, w->created_at);
	row_bind_key(s, 31, t->quest);
	db_bind_i64(s, 32, w->attempt);
	return 0;
}

static int add_payload(struct store_tx *tx, const struct store_task *t)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_PAYLOAD_ADD, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, t->n);
	db_bind_str(s, 2, t->task.payload);
	return err_trace(row_run(tx, s));
}

int store_task_add(struct store_tx *tx, struct store_task *t)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_ADD, &s);

	if (e)
		return err_trace(e);
	t->task.id = row_new_id(tx);
	t->task.created_at = t->task.updated_at = tx->now_ms;
	e = bind_new(tx, s, t);
	if (e)
		return err_trace(e);
	if (tx->arena->is_out)
		return err_nomem();
	e = row_insert_sure(tx, s, &t->n);
	if (e)
		return err_trace(e);
	t->task.short_id = store_task_short_id(tx->arena, t->n);
	store_task_tell_times(tx, t);
	return t->task.payload.p ? err_trace(add_payload(tx, t)) : 0;
}

/* ---- the ways that are taken often ---- */

/* Runs a bound update of one row. */
static int set_one(struct store_tx *tx, struct db_stmt *s, const struct store_task *t)
{
	int e = row_run(tx, s);

	if (e)
		return err_trace(e);
	if (db_changes(tx->db) != 1)
		return STORE_STALE;
	store_task_tell_times(tx, t);
	return 0;
}

static void set_lease(struct store_tx *tx, struct store_task *t)
{
	struct task *w = &t->task;

	w->lease_until = tx->steady_ms + (t->claim_ms ? t->claim_ms : w->lease_ms);
	w->has_lease_until = true;
	w->updated_at = tx->now_ms;
}

int store_task_claim(struct store_tx *tx, struct store_task *t, bool is_started)
{
	struct task *w = &t->task;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_CLAIM, &s);

	if (e)
		return err_trace(e);
	w->state = is_started ? TASK_STATE_IN_PROGRESS : TASK_STATE_CLAIMED;
	w->reason = TASK_REASON_NONE;
	w->attempt++;
	w->claimed_at = w->started_at = w->heartbeat_at = tx->steady_ms;
	w->has_claimed_at = true;
	w->has_started_at = w->has_heartbeat_at = is_started;
	t->lane = 0;
	set_lease(tx, t);
	db_bind_i64(s, 1, t->n);
	db_bind_str(s, 2, t->token);
	db_bind_str(s, 3, w->claimed_by);
	row_bind_key(s, 4, t->worker);
	db_bind_i64(s, 5, w->claimed_at);
	row_bind_key(s, 6, t->claim_ms);
	db_bind_i64(s, 7, w->lease_until);
	db_bind_i64(s, 8, store_task_due_at(t, tx->steady_ms));
	db_bind_i64(s, 9, tx->now_ms);
	row_bind_time(s, 10, is_started, tx->steady_ms);
	db_bind_i64(s, 11, w->state);
	e = set_one(tx, s, t);
	return e > 0 ? err_new(ERR_INTERNAL, "a ready task is not") : err_trace(e);
}

static void bind_holder(struct db_stmt *s, const struct store_task *t)
{
	db_bind_i64(s, 1, t->n);
	db_bind_i64(s, 2, t->task.attempt);
	db_bind_str(s, 3, t->token);
}

int store_task_start(struct store_tx *tx, struct store_task *t)
{
	struct task *w = &t->task;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_START, &s);

	if (e)
		return err_trace(e);
	w->state = TASK_STATE_IN_PROGRESS;
	w->started_at = w->heartbeat_at = tx->steady_ms;
	w->has_started_at = w->has_heartbeat_at = true;
	w->updated_at = tx->now_ms;
	bind_holder(s, t);
	db_bind_i64(s, 4, tx->steady_ms);
	db_bind_i64(s, 5, store_task_due_at(t, tx->steady_ms));
	db_bind_i64(s, 6, tx->now_ms);
	return set_one(tx, s, t);
}

int store_task_beat(struct store_tx *tx, struct store_task *t, struct str progress)
{
	struct task *w = &t->task;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_BEAT, &s);

	if (e)
		return err_trace(e);
	w->heartbeat_at = tx->steady_ms;
	set_lease(tx, t);
	bind_holder(s, t);
	db_bind_i64(s, 4, tx->steady_ms);
	row_bind_key(s, 5, t->claim_ms);
	db_bind_i64(s, 6, w->lease_until);
	db_bind_i64(s, 7, store_task_due_at(t, tx->steady_ms));
	db_bind_str(s, 8, progress);
	db_bind_i64(s, 9, tx->now_ms);
	return set_one(tx, s, t);
}

int store_task_complete(struct store_tx *tx, struct store_task *t, struct str result)
{
	struct task *w = &t->task;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_COMPLETE, &s);

	if (e)
		return err_trace(e);
	bind_holder(s, t);
	w->state = w->review ? TASK_STATE_OUTPUT_PENDING_REVIEW : TASK_STATE_COMPLETED;
	w->reason = TASK_REASON_NONE;
	w->updated_at = w->finished_at = tx->now_ms;
	w->has_finished_at = !w->review;
	w->has_lease_until = w->has_retry_at = w->has_cancel_at = false;
	w->error_code = w->error_message = w->worker = STR_NONE;
	db_bind_i64(s, 4, w->state);
	db_bind_str(s, 5, result);
	row_bind_key(s, 6, store_task_due_at(t, tx->steady_ms));
	db_bind_i64(s, 7, tx->now_ms);
	row_bind_time(s, 8, w->has_finished_at, tx->now_ms);
	return set_one(tx, s, t);
}

int store_task_resume(struct store_tx *tx, struct store_task *t)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_RESUME, &s);

	if (e)
		return err_trace(e);
	set_lease(tx, t);
	db_bind_i64(s, 1, t->n);
	db_bind_str(s, 2, t->token);
	db_bind_i64(s, 3, t->task.lease_until);
	db_bind_i64(s, 4, store_task_due_at(t, tx->steady_ms));
	db_bind_i64(s, 5, tx->now_ms);
	return set_one(tx, s, t);
}

/* ---- any other ---- */

static void bind_stand(struct db_stmt *s, const struct store_task *t, int64_t steady_ms)
{
	const struct task *w = &t->task;

	db_bind_i64(s, 4, w->state);
	row_bind_key(s, 5, w->reason);
	db_bind_i64(s, 6, w->priority);
	row_bind_time(s, 7, w->state == TASK_STATE_READY, t->rank);
	row_bind_key(s, 8, t->lane);
	db_bind_i64(s, 9, t->needs);
	row_bind_key(s, 10, t->assignee);
	row_bind_key(s, 11, t->wake_at);
	row_bind_key(s, 12, store_task_due_at(t, steady_ms));
	row_bind_time(s, 13, w->has_retry_at, w->retry_at);
	db_bind_i64(s, 14, w->approval);
	db_bind_i64(s, 15, w->tries);
	db_bind_str(s, 16, t->token);
	row_bind_key(s, 17, t->worker);
	row_bind_key(s, 18, t->ready_at);
	db_bind_i64(s, 19, t->begins_at);
	row_bind_time(s, 20, w->has_lease_until, w->lease_until);
	db_bind_i64(s, 21, t->reclaims);
	row_bind_time(s, 22, w->has_cancel_at, w->cancel_at);
}

int store_task_set(struct store_tx *tx, struct store_task *t, enum task_state from)
{
	struct task *w = &t->task;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_SET, &s);

	if (e)
		return err_trace(e);
	w->updated_at = tx->now_ms;
	db_bind_i64(s, 1, t->n);
	db_bind_i64(s, 2, from);
	db_bind_i64(s, 3, w->attempt);
	bind_stand(s, t, tx->steady_ms);
	db_bind_str(s, 23, w->question_id);
	db_bind_str(s, 24, w->question);
	db_bind_str(s, 25, w->answer);
	db_bind_str(s, 26, w->note);
	db_bind_str(s, 27, w->error_code);
	db_bind_str(s, 28, w->error_message);
	db_bind_i64(s, 29, w->reworks);
	db_bind_i64(s, 30, w->requeues);
	db_bind_i64(s, 31, tx->now_ms);
	row_bind_time(s, 32, w->has_finished_at, w->finished_at);
	e = row_run(tx, s);
	if (e)
		return err_trace(e);
	if (db_changes(tx->db) != 1)
		return err_new(ERR_INTERNAL, "a task is not as it was read");
	store_task_tell_times(tx, t);
	return 0;
}
