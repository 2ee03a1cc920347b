/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks as rows: the table of states, ids, and reading one. */
#include "store/tasks.h"

#include "base/err.h"
#include "store/db.h"
#include "store/pack.h"
#include "store/rows.h"
#include "store/tasks_links.h"

#define PREFIX "t-"

/* What the table's numbers stand for. */
_Static_assert(TASK_STATE_PENDING == 1 && TASK_STATE_READY == 2 && TASK_STATE_CLAIMED == 3 &&
		   TASK_STATE_IN_PROGRESS == 4 && TASK_STATE_AWAITING_APPROVAL == 5 &&
		   TASK_STATE_AWAITING_INPUT == 6 && TASK_STATE_OUTPUT_PENDING_REVIEW == 7 &&
		   TASK_STATE_COMPLETED == 8 && TASK_STATE_FAILED == 9 &&
		   TASK_STATE_CANCELLED == 10,
	       "tasks.state");

/* Columns of task_by_*. */
enum {
	COL_N,
	COL_ID,
	COL_QUEUE,
	COL_QUEUE_NAME,
	COL_NEEDS,
	COL_CAPABILITIES,
	COL_TAGS,
	COL_LANE,
	COL_STATE,
	COL_REASON,
	COL_SUBJECT,
	COL_PRIORITY,
	COL_RANK,
	COL_KEY,
	COL_CONCURRENCY_KEY,
	COL_CONCURRENCY_LIMIT,
	COL_ASSIGNEE,
	COL_ASSIGNEE_NAME,
	COL_SCHEDULED_FOR,
	COL_WAKE_AT,
	COL_LEASE_MS,
	COL_CLAIM_MS,
	COL_SCHEDULE_TO_START,
	COL_SCHEDULE_TO_CLOSE,
	COL_START_TO_CLOSE,
	COL_HEARTBEAT,
	COL_RETRY,
	COL_RETRY_AT,
	COL_NEEDS_APPROVAL,
	COL_NEEDS_REVIEW,
	COL_DEPENDENCIES,
	COL_OPEN_DEPENDENCIES,
	COL_ON_FAILED,
	COL_DEPENDENTS,
	COL_ATTEMPT,
	COL_TRIES,
	COL_TOKEN,
	COL_CLAIMED_BY,
	COL_WORKER,
	COL_WORKER_NAME,
	COL_READY_AT,
	COL_BEGINS_AT,
	COL_CLAIMED_AT,
	COL_STARTED_AT,
	COL_HEARTBEAT_AT,
	COL_LEASE_UNTIL,
	COL_PROGRESS,
	COL_HAS_PROGRESSED,
	COL_RECLAIMS,
	COL_CANCEL_AT,
	COL_QUESTION_ID,
	COL_QUESTION,
	COL_ANSWER,
	COL_NOTE,
	COL_RESULT,
	COL_ERROR_CODE,
	COL_ERROR_MESSAGE,
	COL_REWORKS,
	COL_REQUEUES,
	COL_CREATED_BY,
	COL_CREATED_AT,
	COL_UPDATED_AT,
	COL_FINISHED_AT,
	COL_KEEP,
	COL_AGEING,
	COL_MAX_RUNNING,
	COL_NEEDS_ASSIGNEE,
	COL_QUEUE_READY,
	COL_QUEST
};

/* ---- states ---- */

#define WAY(to) (1u << TASK_STATE_##to)

static const unsigned ways[TASK_STATE_MAX] = {
	[TASK_STATE_PENDING] = WAY(READY) | WAY(AWAITING_APPROVAL) | WAY(CANCELLED),
	[TASK_STATE_READY] = WAY(PENDING) | WAY(CLAIMED) | WAY(FAILED) | WAY(CANCELLED),
	[TASK_STATE_CLAIMED] = WAY(PENDING) | WAY(READY) | WAY(IN_PROGRESS) | WAY(FAILED) |
			       WAY(CANCELLED),
	[TASK_STATE_IN_PROGRESS] = WAY(PENDING) | WAY(READY) | WAY(AWAITING_APPROVAL) |
				   WAY(AWAITING_INPUT) | WAY(OUTPUT_PENDING_REVIEW) |
				   WAY(COMPLETED) | WAY(FAILED) | WAY(CANCELLED),
	[TASK_STATE_AWAITING_APPROVAL] = WAY(READY) | WAY(FAILED) | WAY(CANCELLED),
	[TASK_STATE_AWAITING_INPUT] = WAY(READY) | WAY(FAILED) | WAY(CANCELLED),
	[TASK_STATE_OUTPUT_PENDING_REVIEW] = WAY(READY) | WAY(COMPLETED) | WAY(FAILED) |
					     WAY(CANCELLED),
	[TASK_STATE_FAILED] = WAY(READY),
};

bool store_task_may(enum task_state from, enum task_state to)
{
	return ways[from] >> to & 1;
}

struct str_list store_task_ways(struct arena *a, enum task_state from)
{
	struct str_list list = { ARENA_ARRAY(a, TASK_STATE_MAX, struct str), 0 };

	for (int to = 1; list.v && to < TASK_STATE_MAX; to++)
		if (store_task_may(from, (enum task_state)to))
			list.v[list.n++] = task_state_text((enum task_state)to);
	return list;
}

bool store_task_is_over(enum task_state s)
{
	return s >= TASK_STATE_COMPLETED;
}

bool store_task_is_held(enum task_state s)
{
	return s == TASK_STATE_CLAIMED || s == TASK_STATE_IN_PROGRESS;
}

/* ---- ids ---- */

struct str store_task_short_id(struct arena *a, int64_t n)
{
	char text[32], *at = text + sizeof(text);

	if (!n)
		return STR_NONE;
	for (; n; n /= 10)
		*--at = (char)('0' + n % 10);
	at -= sizeof(PREFIX) - 1;
	memcpy(at, PREFIX, sizeof(PREFIX) - 1);
	return str_dup(a, (struct str){ at, (size_t)(text + sizeof(text) - at) });
}

/* 0 when it is no short id. */
static int64_t short_id_n(struct str id)
{
	int64_t n;

	if (!str_starts(id, STR(PREFIX)))
		return 0;
	id = str_slice(id, sizeof(PREFIX) - 1, id.n);
	return id.n > 0 && id.p[0] >= '1' && id.p[0] <= '9' && str_to_i64(id, &n) ? n : 0;
}

/* ---- reading ---- */

static void read_inside(struct db_stmt *s, struct arena *a, struct store_task *out)
{
	*out = (struct store_task){
		.n = db_i64(s, COL_N),
		.queue = db_i64(s, COL_QUEUE),
		.needs = db_i64(s, COL_NEEDS),
		.needs_assignee = db_i64(s, COL_NEEDS_ASSIGNEE),
		.lane = db_i64(s, COL_LANE),
		.assignee = db_i64(s, COL_ASSIGNEE),
		.worker = db_i64(s, COL_WORKER),
		.rank = db_i64(s, COL_RANK),
		.claim_ms = db_i64(s, COL_CLAIM_MS),
		.wake_at = db_i64(s, COL_WAKE_AT),
		.ready_at = db_i64(s, COL_READY_AT),
		.begins_at = db_i64(s, COL_BEGINS_AT),
		.dependencies = db_i64(s, COL_DEPENDENCIES),
		.dependents = db_i64(s, COL_DEPENDENTS),
		.reclaims = db_i64(s, COL_RECLAIMS),
		.has_progressed = db_i64(s, COL_HAS_PROGRESSED) != 0,
		.token = db_str_dup(s, COL_TOKEN, a),
		.keep_ms = db_i64(s, COL_KEEP),
		.ageing_ms = db_i64(s, COL_AGEING),
		.is_capped = !db_is_null(s, COL_MAX_RUNNING),
		.has_others = db_i64(s, COL_QUEUE_READY) > 0,
		.quest = db_i64(s, COL_QUEST),
	};
}

static void read_plan(struct db_stmt *s, struct arena *a, struct task *t)
{
	t->subject = db_str_dup(s, COL_SUBJECT, a);
	t->priority = db_i64(s, COL_PRIORITY);
	t->assignee = db_str_dup(s, COL_ASSIGNEE_NAME, a);
	t->scheduled_for = db_i64(s, COL_SCHEDULED_FOR);
	t->has_scheduled_for = !db_is_null(s, COL_SCHEDULED_FOR);
	t->on_failed = (enum on_failed)db_i64(s, COL_ON_FAILED);
	t->open_dependencies = db_i64(s, COL_OPEN_DEPENDENCIES);
	t->has_open_dependencies = t->open_dependencies > 0;
	t->concurrency_key = db_str_dup(s, COL_CONCURRENCY_KEY, a);
	t->concurrency_limit = db_i64(s, COL_CONCURRENCY_LIMIT);
	t->has_concurrency_limit = t->concurrency_key.p != NULL;
	t->key = db_str_dup(s, COL_KEY, a);
	t->lease_ms = db_i64(s, COL_LEASE_MS);
	t->has_lease_ms = true;
	t->schedule_to_start_ms = db_i64(s, COL_SCHEDULE_TO_START);
	t->has_schedule_to_start_ms = t->schedule_to_start_ms > 0;
	t->schedule_to_close_ms = db_i64(s, COL_SCHEDULE_TO_CLOSE);
	t->has_schedule_to_close_ms = t->schedule_to_close_ms > 0;
	t->start_to_close_ms = db_i64(s, COL_START_TO_CLOSE);
	t->has_start_to_close_ms = t->start_to_close_ms > 0;
	t->heartbeat_timeout_ms = db_i64(s, COL_HEARTBEAT);
	t->has_heartbeat_timeout_ms = t->heartbeat_timeout_ms > 0;
	t->approval = db_i64(s, COL_NEEDS_APPROVAL) != 0;
	t->has_approval = t->approval;
	t->review = db_i64(s, COL_NEEDS_REVIEW) != 0;
	t->has_review = t->review;
}

static void read_progress(struct db_stmt *s, struct arena *a, struct task *t)
{
	t->attempt = db_i64(s, COL_ATTEMPT);
	t->tries = db_i64(s, COL_TRIES);
	t->has_tries = t->tries > 0;
	t->claimed_by = db_str_dup(s, COL_CLAIMED_BY, a);
	t->worker = db_str_dup(s, COL_WORKER_NAME, a);
	t->claimed_at = db_i64(s, COL_CLAIMED_AT);
	t->has_claimed_at = !db_is_null(s, COL_CLAIMED_AT);
	t->started_at = db_i64(s, COL_STARTED_AT);
	t->has_started_at = !db_is_null(s, COL_STARTED_AT);
	t->heartbeat_at = db_i64(s, COL_HEARTBEAT_AT);
	t->has_heartbeat_at = !db_is_null(s, COL_HEARTBEAT_AT);
	t->lease_until = db_i64(s, COL_LEASE_UNTIL);
	t->has_lease_until = !db_is_null(s, COL_LEASE_UNTIL);
	t->retry_at = db_i64(s, COL_RETRY_AT);
	t->has_retry_at = !db_is_null(s, COL_RETRY_AT);
	t->progress = db_str_dup(s, COL_PROGRESS, a);
	t->cancel_at = db_i64(s, COL_CANCEL_AT);
	t->has_cancel_at = !db_is_null(s, COL_CANCEL_AT);
	t->reworks = db_i64(s, COL_REWORKS);
	t->has_reworks = t->reworks > 0;
	t->requeues = db_i64(s, COL_REQUEUES);
	t->has_requeues = t->requeues > 0;
}

static void read_outcome(struct db_stmt *s, struct arena *a, struct task *t)
{
	t->question_id = db_str_dup(s, COL_QUESTION_ID, a);
	t->question = db_str_dup(s, COL_QUESTION, a);
	t->answer = db_str_dup(s, COL_ANSWER, a);
	t->note = db_str_dup(s, COL_NOTE, a);
	t->result = db_str_dup(s, COL_RESULT, a);
	t->error_code = db_str_dup(s, COL_ERROR_CODE, a);
	t->error_message = db_str_dup(s, COL_ERROR_MESSAGE, a);
	t->created_by = db_str_dup(s, COL_CREATED_BY, a);
	t->created_at = db_i64(s, COL_CREATED_AT);
	t->updated_at = db_i64(s, COL_UPDATED_AT);
	t->finished_at = db_i64(s, COL_FINISHED_AT);
	t->has_finished_at = !db_is_null(s, COL_FINISHED_AT);
}

static int read_task(struct db_stmt *s, struct arena *a, struct store_task *out)
{
	struct task *t = &out->task;
	void *retry;
	int e;

	read_inside(s, a, out);
	t->id = db_str_dup(s, COL_ID, a);
	t->short_id = store_task_short_id(a, out->n);
	t->queue = db_str_dup(s, COL_QUEUE_NAME, a);
	t->state = (enum task_state)db_i64(s, COL_STATE);
	t->reason = (enum task_reason)db_i64(s, COL_REASON);
	read_plan(s, a, t);
	read_progress(s, a, t);
	read_outcome(s, a, t);
	e = unpack_lines(a, db_str_dup(s, COL_CAPABILITIES, a), &t->capabilities);
	if (e == 0)
		e = unpack_lines(a, db_str_dup(s, COL_TAGS, a), &t->tags);
	if (e == 0)
		e = unpack_object(a, &task_retry_shape, db_str_dup(s, COL_RETRY, a), &retry);
	if (e == 0)
		t->retry = retry;
	return err_trace(e);
}

/* The one row of a bound task_by_*, and its dependencies. */
static int one_task(struct store_tx *tx, struct db_stmt *s, struct store_task *out)
{
	int e = db_step(s);

	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : STORE_NONE;
	e = read_task(s, tx->arena, out);
	db_reset(s);
	if (e == 0 && out->dependencies)
		e = store_task_dependency_ids(tx, out->n, &out->task.depends_on);
	if (e)
		return err_trace(e);
	return tx->arena->is_out ? err_nomem() : 0;
}

int store_task_get(struct store_tx *tx, struct str id, struct store_task *out)
{
	int64_t n = short_id_n(id);
	struct db_stmt *s;
	int e;

	if (n)
		return store_task_get_n(tx, n, out);
	e = db_stmt(tx->db, SQL_TASK_BY_ID, &s);
	if (e)
		return err_trace(e);
	db_bind_str(s, 1, id);
	return one_task(tx, s, out);
}

int store_task_get_n(struct store_tx *tx, int64_t n, struct store_task *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_BY_N, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	return one_task(tx, s, out);
}

/* 0 when there is none. */
static int find_n(struct store_tx *tx, struct str id, int64_t *out)
{
	struct db_stmt *s;
	int e;

	*out = short_id_n(id);
	if (*out)
		return 0;
	e = db_stmt(tx->db, SQL_TASK_N_BY_ID, &s);
	if (e)
		return err_trace(e);
	db_bind_str(s, 1, id);
	return err_trace(row_i64(s, out));
}

int store_task_stakes(struct store_tx *tx, struct str id, struct store_task_stakes *out)
{
	struct db_stmt *s;
	int64_t n;
	int e = find_n(tx, id, &n);

	if (e == 0)
		e = db_stmt(tx->db, SQL_TASK_STAKES, &s);
	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	e = db_step(s);
	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : STORE_NONE;
	*out = (struct store_task_stakes){
		.n = db_i64(s, 0),
		.state = (enum task_state)db_i64(s, 1),
		.created_by = db_str_dup(s, 2, tx->arena),
		.claimed_by = db_str_dup(s, 3, tx->arena),
		.assignee = db_str_dup(s, 4, tx->arena),
		.needs_approval = db_i64(s, 5) != 0,
	};
	db_reset(s);
	return tx->arena->is_out ? err_nomem() : 0;
}

static int was_had(struct store_tx *tx, enum sql_id id, int64_t n, struct str who, bool *out)
{
	struct db_stmt *s;
	int64_t is_there;
	int e = db_stmt(tx->db, id, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	db_bind_str(s, 2, who);
	e = row_i64(s, &is_there);
	*out = is_there != 0;
	return err_trace(e);
}

int store_task_was_had(struct store_tx *tx, int64_t n, struct str who, bool *out)
{
	return err_trace(was_had(tx, SQL_TASK_WAS_HAD, n, who, out));
}

int store_task_was_had_of_quest(struct store_tx *tx, int64_t quest, struct str who, bool *out)
{
	return err_trace(was_had(tx, SQL_TASK_WAS_HAD_OF_QUEST, quest, who, out));
}

int store_task_payload(struct store_tx *tx, struct store_task *t)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_PAYLOAD, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, t->n);
	e = db_step(s);
	if (e == DB_ROW)
		t->task.payload = db_str_dup(s, 0, tx->arena);
	db_reset(s);
	return e < 0 ? err_trace(e) : tx->arena->is_out ? err_nomem() : 0;
}

int store_task_by_key(struct store_tx *tx, int64_t queue, struct str key,
		      struct store_task_key *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_BY_KEY, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, queue);
	db_bind_str(s, 2, key);
	e = db_step(s);
	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : STORE_NONE;
	*out = (struct store_task_key){ .n = db_i64(s, 0),
					.payload = db_str_dup(s, 1, tx->arena),
					.finished_at = db_i64(s, 2) };
	db_reset(s);
	return tx->arena->is_out ? err_nomem() : 0;
}

int store_task_clear_key(struct store_tx *tx, int64_t n)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_KEY_CLEAR, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	return err_trace(row_run(tx, s));
}
