/* SPDX-License-Identifier: Apache-2.0 */
/* What hangs between quests. */
#include "store/quests_graph.h"

#include "base/err.h"
#include "store/db.h"
#include "store/pack.h"
#include "store/quests.h"
#include "store/rows.h"

/* The first column of at most `max` rows of a bound statement, which is reset. */
static int read_ns(struct db_stmt *s, size_t max, int64_t *out, size_t *out_n)
{
	size_t n = 0;
	int e = 0;

	while (n < max && (e = db_step(s)) == DB_ROW)
		out[n++] = db_i64(s, 0);
	db_reset(s);
	if (e < 0)
		return err_trace(e);
	*out_n = n;
	return 0;
}

int store_quest_dependencies(struct store_tx *tx, int64_t n, int64_t out[QUEST_DEPENDENCIES_MAX],
			     size_t *out_n)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_QUEST_DEPENDENCIES, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	return err_trace(read_ns(s, QUEST_DEPENDENCIES_MAX, out, out_n));
}

int store_quest_dependency_ids(struct store_tx *tx, int64_t n, struct str_list *out)
{
	int64_t ns[QUEST_DEPENDENCIES_MAX];
	struct str_list list = { NULL, 0 };
	int e = store_quest_dependencies(tx, n, ns, &list.n);

	if (e)
		return err_trace(e);
	list.v = ARENA_ARRAY(tx->arena, list.n, struct str);
	if (!list.v)
		return err_nomem();
	for (size_t i = 0; i < list.n; i++)
		list.v[i] = store_quest_short_id(tx->arena, ns[i]);
	*out = list;
	return 0;
}

/* Columns of quest_dependency_rows. */
static int read_context(struct db_stmt *s, struct arena *a, struct quest_context *out)
{
	struct str idea = db_str_dup(s, 4, a), ideas = db_str_dup(s, 5, a);
	void *outcome;
	int e = unpack_object(a, &outcome_shape, db_str_dup(s, 3, a), &outcome);

	if (e)
		return err_trace(e);
	*out = (struct quest_context){
		.quest = store_quest_short_id(a, db_i64(s, 0)),
		.subject = db_str_dup(s, 1, a),
		.status = (enum quest_status)db_i64(s, 2),
		.outcome = outcome,
	};
	if (idea.p && ideas.p)
		ideas = str_fmt(a, "%.*s\n%.*s", STR_ARG(idea), STR_ARG(ideas));
	return err_trace(unpack_lines(a, ideas.p ? ideas : idea, &out->idea_ids));
}

static int read_contexts(struct store_tx *tx, struct db_stmt *s, struct quest_context_list *out)
{
	int e;

	while (out->n < QUEST_DEPENDENCIES_MAX && (e = db_step(s)) != 0) {
		if (e == DB_ROW)
			e = read_context(s, tx->arena, &out->v[out->n]);
		if (e)
			return err_trace(e);
		out->n++;
	}
	return tx->arena->is_out ? err_nomem() : 0;
}

int store_quest_context(struct store_tx *tx, int64_t n, struct quest_context_list *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_QUEST_DEPENDENCY_ROWS, &s);

	if (e)
		return err_trace(e);
	*out = (struct quest_context_list){
		ARENA_ARRAY(tx->arena, QUEST_DEPENDENCIES_MAX, struct quest_context), 0
	};
	if (!out->v)
		return err_nomem();
	db_bind_i64(s, 1, n);
	e = read_contexts(tx, s, out);
	db_reset(s);
	return err_trace(e);
}

int store_quest_dependency_add(struct store_tx *tx, int64_t quest, int64_t dependency)
{
	int e = row_set(tx, SQL_QUEST_DEPENDENCY_ADD, quest, dependency);

	return err_trace(e ? e : row_set(tx, SQL_QUEST_DEPENDENTS_ADD, dependency, 1));
}

int store_quest_dependency_remove(struct store_tx *tx, int64_t quest, int64_t dependency)
{
	int e = row_set(tx, SQL_QUEST_DEPENDENCY_REMOVE, quest, dependency);

	return err_trace(e ? e : row_set(tx, SQL_QUEST_DEPENDENTS_ADD, dependency, -1));
}

int store_quest_count_dependencies(struct store_tx *tx, int64_t n, int64_t all, int64_t open)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_QUEST_SET_DEPENDENCIES, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	db_bind_i64(s, 2, all);
	db_bind_i64(s, 3, open);
	return err_trace(row_run(tx, s));
}

int store_quest_failed_dependency(struct store_tx *tx, int64_t n, int64_t *out)
{
	struct db_stmt *s;
	size_t found = 0;
	int e = db_stmt(tx->db, SQL_QUEST_FAILED_DEPENDENCY, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	e = read_ns(s, 1, out, &found);
	if (e)
		return err_trace(e);
	return found ? 0 : STORE_NONE;
}

static int read_dependents(struct store_tx *tx, struct db_stmt *s, struct store_dependent_list *out)
{
	int e = 0;

	while (out->n < QUEST_DEPENDENTS_MAX && (e = db_step(s)) == DB_ROW)
		out->v[out->n++] = (struct store_dependent){
			.n = db_i64(s, 0),
			.id = db_str_dup(s, 1, tx->arena),
			.status = (enum quest_status)db_i64(s, 2),
			.open_dependencies = db_i64(s, 3),
			.blocked_by = db_i64(s, 4),
		};
	if (e < 0)
		return err_trace(e);
	return tx->arena->is_out ? err_nomem() : 0;
}

int store_quest_dependents(struct store_tx *tx, int64_t n, struct store_dependent_list *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_QUEST_DEPENDENTS, &s);

	if (e)
		return err_trace(e);
	*out = (struct store_dependent_list){
		ARENA_ARRAY(tx->arena, QUEST_DEPENDENTS_MAX, struct store_dependent), 0
	};
	if (!out->v)
		return err_nomem();
	db_bind_i64(s, 1, n);
	e = read_dependents(tx, s, out);
	db_reset(s);
	return err_trace(e);
}

int store_quest_count_open_dependencies(struct store_tx *tx, int64_t n, int64_t more)
{
	return err_trace(row_set(tx, SQL_QUEST_OPEN_DEPENDENCIES_ADD, n, more));
}

int store_quest_ancestors(struct store_tx *tx, int64_t n, struct store_n_list *out)
{
	struct store_quest_key key;
	int e;

	*out = (struct store_n_list){ ARENA_ARRAY(tx->arena, QUEST_LEVELS_MAX, int64_t), 0 };
	if (!out->v)
		return err_nomem();
	for (; n; n = key.parent) {
		if (out->n == QUEST_LEVELS_MAX)
			return STORE_TOO_FAR;
		out->v[out->n++] = n;
		e = store_quest_key_n(tx, n, &key);
		if (e)
			return e < 0 ? err_trace(e)
				     : err_new(ERR_CORRUPT, "a quest's parent is missing");
	}
	return 0;
}

int store_quest_count_open_children(struct store_tx *tx, int64_t n, int64_t more)
{
	return err_trace(row_set(tx, SQL_QUEST_OPEN_CHILDREN_ADD, n, more));
}

int store_quest_open_children(struct store_tx *tx, int64_t n, size_t max, struct store_n_list *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_QUEST_OPEN_CHILDREN, &s);

	if (e)
		return err_trace(e);
	*out = (struct store_n_list){ ARENA_ARRAY(tx->arena, max, int64_t), 0 };
	if (!out->v)
		return err_nomem();
	db_bind_i64(s, 1, n);
	db_bind_i64(s, 2, (int64_t)max);
	return err_trace(read_ns(s, max, out->v, &out->n));
}
