/* SPDX-License-Identifier: Apache-2.0 */
/* What hangs on tasks. */
#include "store/tasks_links.h"

#include "base/err.h"
#include "store/db.h"
#include "store/rows.h"
#include "store/tasks_ready.h"

#define ERRORS_MAX 50
#define WALK_MAX   2000 /* tasks looked at in search of a cycle */

/* ---- dependencies ---- */

static int dependencies_of(struct store_tx *tx, int64_t n, struct store_n_list *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_DEPENDENCIES, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	return err_trace(row_i64_list(tx, s, TASK_DEPENDENCIES_MAX, out));
}

int store_task_dependency_ids(struct store_tx *tx, int64_t n, struct str_list *out)
{
	struct store_n_list ns;
	int e = dependencies_of(tx, n, &ns);

	if (e)
		return err_trace(e);
	*out = (struct str_list){ ARENA_ARRAY(tx->arena, ns.n, struct str), 0 };
	for (size_t i = 0; out->v && i < ns.n; i++)
		out->v[out->n++] = store_task_short_id(tx->arena, ns.v[i]);
	return tx->arena->is_out ? err_nomem() : 0;
}

int store_task_depend(struct store_tx *tx, int64_t task, int64_t on, bool is_open)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_DEPENDENCY_ADD, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, task);
	db_bind_i64(s, 2, on);
	db_bind_i64(s, 3, is_open);
	e = row_run(tx, s);
	return e ? err_trace(e) : err_trace(row_run_one(tx, SQL_TASK_DEPENDENTS_RECOUNT, on));
}

int store_task_recount(struct store_tx *tx, struct store_task *t)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_RECOUNT, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, t->n);
	e = db_step(s);
	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : err_new(ERR_INTERNAL, "a task is missing");
	t->dependencies = db_i64(s, 0);
	t->task.open_dependencies = db_i64(s, 1);
	return err_trace(db_run_sure(s));
}

int store_task_open_dependencies(struct store_tx *tx, int64_t n, size_t max,
				 struct store_task_brief_list *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_DEPENDENCY_STATES, &s);

	if (e)
		return err_trace(e);
	*out = (struct store_task_brief_list){ ARENA_ARRAY(tx->arena, max, struct store_task_brief),
					       0 };
	if (!out->v)
		return err_nomem();
	db_bind_i64(s, 1, n);
	db_bind_i64(s, 2, (int64_t)max);
	while (out->n < max && (e = db_step(s)) == DB_ROW)
		out->v[out->n++] = (struct store_task_brief){
			.n = db_i64(s, 0), .state = (enum task_state)db_i64(s, 1)
		};
	db_reset(s);
	return e < 0 ? err_trace(e) : 0;
}

int store_task_dependents(struct store_tx *tx, int64_t n, struct store_n_list *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_DEPENDENTS, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	db_bind_i64(s, 2, TASK_DEPENDENTS_MAX);
	return err_trace(row_i64_list(tx, s, TASK_DEPENDENTS_MAX, out));
}

int store_task_settle(struct store_tx *tx, int64_t task, int64_t on)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_DEPENDENCY_CLOSE, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, task);
	db_bind_i64(s, 2, on);
	e = row_run(tx, s);
	if (e || !db_changes(tx->db))
		return err_trace(e);
	return err_trace(row_set(tx, SQL_TASK_OPEN_DEPENDENCIES_ADD, task, -1));
}

static bool is_known(const struct store_n_list *seen, int64_t n)
{
	for (size_t i = 0; i < seen->n; i++)
		if (seen->v[i] == n)
			return true;
	return false;
}

int store_task_waits_for(struct store_tx *tx, int64_t from, int64_t to, bool *out)
{
	struct store_n_list seen = { ARENA_ARRAY(tx->arena, WALK_MAX, int64_t), 0 };
	struct store_n_list next;
	int e;

	if (!seen.v)
		return err_nomem();
	seen.v[seen.n++] = from;
	*out = from == to;
	for (size_t at = 0; at < seen.n && !*out; at++) {
		e = dependencies_of(tx, seen.v[at], &next);
		if (e)
			return err_trace(e);
		for (size_t i = 0; i < next.n; i++) {
			*out |= next.v[i] == to;
			if (is_known(&seen, next.v[i]))
				continue;
			if (seen.n == WALK_MAX)
				return STORE_TOO_MANY;
			seen.v[seen.n++] = next.v[i];
		}
	}
	return 0;
}

/* ---- attempts ---- */

int store_task_attempt_add(struct store_tx *tx, const struct store_task *t,
			   const struct task_error *error)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_ATTEMPT_ADD, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, t->n);
	db_bind_i64(s, 2, t->task.attempt);
	db_bind_i64(s, 3, error->ended);
	db_bind_str(s, 4, error->code);
	db_bind_str(s, 5, error->message);
	db_bind_str(s, 6, t->task.claimed_by);
	row_bind_time(s, 7, t->task.has_claimed_at, t->task.claimed_at);
	db_bind_i64(s, 8, tx->now_ms);
	return err_trace(row_run(tx, s));
}

int store_task_attempts(struct store_tx *tx, int64_t n, struct task_error_list *out)
{
	struct arena *a = tx->arena;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_TASK_ATTEMPTS, &s);

	if (e)
		return err_trace(e);
	*out = (struct task_error_list){ ARENA_ARRAY(a, ERRORS_MAX, struct task_error), 0 };
	if (!out->v)
		return err_nomem();
	db_bind_i64(s, 1, n);
	db_bind_i64(s, 2, ERRORS_MAX);
	while (out->n < ERRORS_MAX && (e = db_step(s)) == DB_ROW) {
		struct task_error *t = &out->v[out->n++];

		*t = (struct task_error){ .attempt = db_i64(s, 0),
					  .ended = (enum task_reason)db_i64(s, 1),
					  .code = db_str_dup(s, 2, a),
					  .message = db_str_dup(s, 3, a),
					  .claimed_by = db_str_dup(s, 4, a),
					  .claimed_at = db_i64(s, 5),
					  .has_claimed_at = !db_is_null(s, 5),
					  .ended_at = db_i64(s, 6) };
	}
	db_reset(s);
	for (size_t i = 0; i < out->n / 2; i++) {
		struct task_error last = out->v[out->n - 1 - i];

		out->v[out->n - 1 - i] = out->v[i];
		out->v[i] = last;
	}
	if (e < 0)
		return err_trace(e);
	return a->is_out ? err_nomem() : 0;
}

/* ---- removal ---- */

/* Those it depended on have one dependent less; those that depended on it one dependency less. */
static int forget_links(struct store_tx *tx, const struct store_task *t)
{
	struct store_n_list ns = { NULL, 0 };
	int e = t->dependencies ? dependencies_of(tx, t->n, &ns) : 0;

	if (e == 0 && t->dependencies)
		e = row_run_one(tx, SQL_TASK_DEPENDENCIES_REMOVE, t->n);
	for (size_t i = 0; e == 0 && i < ns.n; i++)
		e = row_run_one(tx, SQL_TASK_DEPENDENTS_RECOUNT, ns.v[i]);
	if (e == 0 && t->dependents)
		e = row_run_one(tx, SQL_TASK_DEPENDENTS_LOSE, t->n);
	if (e == 0 && t->dependents)
		e = row_run_one(tx, SQL_TASK_DEPENDENTS_REMOVE, t->n);
	return err_trace(e);
}

int store_task_remove(struct store_tx *tx, const struct store_task *t)
{
	struct store_n_list waiting = { NULL, 0 };
	int e = t->dependents ? store_task_dependents(tx, t->n, &waiting) : 0;

	if (e)
		return err_trace(e);
	if (waiting.n)
		return STORE_REFUSED;
	e = forget_links(tx, t);
	if (e == 0 && t->task.attempt)
		e = row_run_one(tx, SQL_TASK_ATTEMPTS_REMOVE, t->n);
	if (e == 0)
		e = row_run_one(tx, SQL_TASK_PAYLOAD_REMOVE, t->n);
	if (e == 0)
		e = row_run_one(tx, SQL_TASK_REMOVE, t->n);
	if (e == 0)
		e = store_needs_count(tx, t->queue, t->needs, -1);
	return err_trace(e);
}
