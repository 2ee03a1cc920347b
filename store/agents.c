/* SPDX-License-Identifier: Apache-2.0 */
/* Agents as rows. */
#include "store/agents.h"

#include "base/err.h"
#include "store/db.h"
#include "store/pack.h"
#include "store/rows.h"

/* What the table's numbers stand for. */
_Static_assert(AGENT_STATUS_ACTIVE == 1 && AGENT_STATUS_PAUSED == 2 && AGENT_STATUS_RETIRED == 3,
	       "agents.status");

/* Columns of agent_by_*. */
static int read_agent(struct store_tx *tx, struct db_stmt *s, struct store_agent *out)
{
	struct agent *a = &out->agent;
	struct arena *arena = tx->arena;
	void *grants;
	int e = unpack_object(arena, &agent_grants_shape, db_str_dup(s, 6, arena), &grants);

	if (e)
		return err_trace(e);
	*out = (struct store_agent){ .n = db_i64(s, 0), .parent = db_i64(s, 16) };
	*a = (struct agent){
		.id = db_str_dup(s, 1, arena),
		.name = db_str_dup(s, 2, arena),
		.status = (enum agent_status)db_i64(s, 3),
		.instructions = db_str_dup(s, 4, arena),
		.model = db_str_dup(s, 5, arena),
		.grants = grants,
		.parent = db_str_dup(s, 7, arena),
		.depth = db_i64(s, 8),
		.has_depth = db_i64(s, 8) > 0,
		.max_concurrent = db_i64(s, 9),
		.in_progress = db_i64(s, 10),
		.children = db_i64(s, 11),
		.has_children = db_i64(s, 11) > 0,
		.created_by = db_str_dup(s, 12, arena),
		.created_at = db_i64(s, 13),
		.updated_at = db_i64(s, 14),
		.retired_at = db_i64(s, 15),
		.has_retired_at = !db_is_null(s, 15),
	};
	return arena->is_out ? err_nomem() : 0;
}

/* The one row of a bound agent_by_*. */
static int one_agent(struct store_tx *tx, struct db_stmt *s, struct store_agent *out)
{
	int e = db_step(s);

	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : STORE_NONE;
	e = read_agent(tx, s, out);
	db_reset(s);
	return err_trace(e);
}

static int agent_by_id(struct store_tx *tx, struct str id, struct store_agent *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_AGENT_BY_ID, &s);

	if (e)
		return err_trace(e);
	db_bind_str(s, 1, id);
	return one_agent(tx, s, out);
}

static int agent_by_name(struct store_tx *tx, struct str name, struct store_agent *out)
{
	struct db_stmt *s;
	int e = row_by_name(tx, SQL_AGENT_BY_NAME, name, &s);

	return e ? err_trace(e) : one_agent(tx, s, out);
}

int store_agent_find(struct store_tx *tx, struct str who, struct store_agent *out)
{
	int e;

	if (id_is_valid(who)) {
		e = agent_by_id(tx, who, out);
		if (e != STORE_NONE)
			return e;
	}
	return agent_by_name(tx, who, out);
}

int store_agent_get(struct store_tx *tx, int64_t n, struct store_agent *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_AGENT_BY_N, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	return one_agent(tx, s, out);
}

static int pack_grants(struct store_tx *tx, const struct agent *a, struct str *out)
{
	*out = STR_NONE;
	return a->grants ? err_trace(pack_object(tx->arena, &agent_grants_shape, a->grants, out))
			 : 0;
}

int store_agent_add(struct store_tx *tx, struct store_agent *a)
{
	struct agent *agent = &a->agent;
	struct str grants, key;
	struct db_stmt *s;
	int e = row_name_key(tx, SQL_AGENT_TWIN, 0, agent->name, &key);

	if (e)
		return e == DB_CONSTRAINT ? STORE_NAME_TAKEN : err_trace(e);
	e = pack_grants(tx, agent, &grants);
	if (e)
		return err_trace(e);
	agent->id = row_new_id(tx);
	if (!agent->id.p)
		return err_nomem();
	agent->created_at = agent->updated_at = tx->now_ms;
	e = db_stmt(tx->db, SQL_AGENT_ADD, &s);
	if (e)
		return err_trace(e);
	db_bind_str(s, 1, agent->id);
	db_bind_str(s, 2, agent->name);
	db_bind_str(s, 3, agent->instructions);
	db_bind_str(s, 4, agent->model);
	db_bind_str(s, 5, grants);
	row_bind_key(s, 6, a->parent);
	db_bind_i64(s, 7, agent->depth);
	db_bind_i64(s, 8, agent->max_concurrent);
	db_bind_str(s, 9, agent->created_by);
	db_bind_i64(s, 10, agent->created_at);
	db_bind_str(s, 11, key);
	e = row_insert(tx, s, &a->n);
	return e == DB_CONSTRAINT ? STORE_NAME_TAKEN : err_trace(e);
}

int store_agent_set(struct store_tx *tx, struct store_agent *a)
{
	struct agent *agent = &a->agent;
	struct str grants, key;
	struct db_stmt *s;
	int e = row_name_key(tx, SQL_AGENT_TWIN, a->n, agent->name, &key);

	if (e)
		return e == DB_CONSTRAINT ? STORE_NAME_TAKEN : err_trace(e);
	e = pack_grants(tx, agent, &grants);
	if (e)
		return err_trace(e);
	agent->updated_at = tx->now_ms;
	e = db_stmt(tx->db, SQL_AGENT_SET, &s);
	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, a->n);
	db_bind_str(s, 2, agent->name);
	db_bind_i64(s, 3, agent->status);
	db_bind_str(s, 4, agent->instructions);
	db_bind_str(s, 5, agent->model);
	db_bind_str(s, 6, grants);
	db_bind_i64(s, 7, agent->max_concurrent);
	db_bind_i64(s, 8, agent->updated_at);
	row_bind_time(s, 9, agent->has_retired_at, agent->retired_at);
	db_bind_str(s, 10, key);
	e = db_run(s);
	return e == DB_CONSTRAINT ? STORE_NAME_TAKEN : err_trace(e);
}

int store_agent_erase(struct store_tx *tx, int64_t n)
{
	return err_trace(row_set(tx, SQL_AGENT_ERASE, n, tx->now_ms));
}

int store_agent_count_children(struct store_tx *tx, int64_t n, int64_t more)
{
	return err_trace(row_set(tx, SQL_AGENT_CHILDREN_ADD, n, more));
}

int store_agent_count_quests(struct store_tx *tx, int64_t n, int64_t more)
{
	return err_trace(row_set(tx, SQL_AGENT_IN_PROGRESS_ADD, n, more));
}

int store_agent_is_below(struct store_tx *tx, int64_t n, struct str id, bool *out)
{
	int64_t is_there = 0;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_AGENT_IS_BELOW, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	db_bind_str(s, 2, id);
	e = row_i64(s, &is_there);
	*out = is_there != 0;
	return err_trace(e);
}

static int read_children(struct store_tx *tx, struct db_stmt *s, size_t max,
			 struct store_child_list *out)
{
	int e;

	while (out->n < max && (e = db_step(s)) != 0) {
		struct store_child *child = &out->v[out->n];
		void *grants;

		if (e != DB_ROW)
			return err_trace(e);
		e = unpack_object(tx->arena, &agent_grants_shape, db_str_dup(s, 1, tx->arena),
				  &grants);
		if (e)
			return err_trace(e);
		*child = (struct store_child){ db_str_dup(s, 0, tx->arena), grants };
		out->n++;
	}
	return tx->arena->is_out ? err_nomem() : 0;
}

int store_agent_children(struct store_tx *tx, int64_t n, size_t max, struct store_child_list *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_AGENT_CHILD_GRANTS, &s);

	if (e)
		return err_trace(e);
	*out = (struct store_child_list){ ARENA_ARRAY(tx->arena, max, struct store_child), 0 };
	if (!out->v)
		return err_nomem();
	db_bind_i64(s, 1, n);
	e = read_children(tx, s, max, out);
	db_reset(s);
	return err_trace(e);
}

/* Columns of agent_page*. */
static struct agent_line read_line(struct db_stmt *s, struct arena *arena)
{
	return (struct agent_line){
		.id = db_str_dup(s, 1, arena),
		.name = db_str_dup(s, 2, arena),
		.status = (enum agent_status)db_i64(s, 3),
		.model = db_str_dup(s, 4, arena),
		.parent = db_str_dup(s, 5, arena),
		.max_concurrent = db_i64(s, 6),
		.in_progress = db_i64(s, 7),
		.created_at = db_i64(s, 8),
	};
}

/* Rows until the page is full, or so many were looked at that the caller should ask again. */
static int read_page(struct store_tx *tx, struct db_stmt *s, const struct store_agent_filter *f,
		     struct agent_line_list *out, struct str *out_after)
{
	struct str last = STR_NONE;
	int e;

	for (size_t n = 1; (e = db_step(s)) == DB_ROW; n++) {
		if (last.p) {
			*out_after = last;
			return 0;
		}
		if (!f->status || db_i64(s, 3) == (int64_t)f->status)
			out->v[out->n++] = read_line(s, tx->arena);
		if (out->n == f->limit || n == ROWS_EXAMINED_MAX)
			last = db_str_dup(s, 2, tx->arena);
		if (tx->arena->is_out)
			return err_nomem();
	}
	return err_trace(e);
}

int store_agent_page(struct store_tx *tx, const struct store_agent_filter *f,
		     struct agent_line_list *out, struct str *out_after)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, f->parent ? SQL_AGENT_PAGE_OF_PARENT : SQL_AGENT_PAGE, &s);

	if (e)
		return err_trace(e);
	*out_after = STR_NONE;
	*out = (struct agent_line_list){ ARENA_ARRAY(tx->arena, f->limit, struct agent_line), 0 };
	if (!out->v)
		return err_nomem();
	db_bind_str(s, 1, f->after.p ? f->after : STR(""));
	if (f->parent)
		db_bind_i64(s, 2, f->parent);
	e = read_page(tx, s, f, out, out_after);
	db_reset(s);
	return err_trace(e);
}
