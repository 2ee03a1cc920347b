/* SPDX-License-Identifier: Apache-2.0 */
/* Quests as rows. */
#include "store/quests.h"

#include "base/err.h"
#include "store/db.h"
#include "store/pack.h"
#include "store/quests_graph.h"
#include "store/rows.h"

#define PREFIX "q-"

/* What the table's numbers stand for. */
_Static_assert(QUEST_STATUS_PENDING == 1 && QUEST_STATUS_IN_PROGRESS == 2 &&
		   QUEST_STATUS_DONE == 3 && QUEST_STATUS_FAILED == 4 &&
		   QUEST_STATUS_BLOCKED == 5 && QUEST_STATUS_CANCELLED == 6,
	       "quests.status");
_Static_assert(PRIORITY_LOW == 1 && PRIORITY_NORMAL == 2 && PRIORITY_HIGH == 3 &&
		   PRIORITY_CRITICAL == 4,
	       "quests.priority");

struct str store_quest_short_id(struct arena *a, int64_t n)
{
	char text[32], *at = text + sizeof(text);

	if (!n)
		return STR_NONE;
	for (; n; n /= 10) /* printf is a tenth of a read's time */
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

/* What is counted or lies in text; columns of quest_by_*. */
static int read_parts(struct db_stmt *s, struct arena *a, struct store_quest *out)
{
	struct quest *q = &out->quest;
	void *outcome;
	int e = unpack_lines(a, db_str_dup(s, 12, a), &q->labels);

	if (e == 0)
		e = unpack_lines(a, db_str_dup(s, 14, a), &q->idea_ids);
	if (e == 0)
		e = unpack_lines(a, db_str_dup(s, 33, a), &q->capabilities);
	if (e == 0)
		e = unpack_object(a, &outcome_shape, db_str_dup(s, 26, a), &outcome);
	if (e)
		return err_trace(e);
	q->outcome = outcome;
	q->open_dependencies = db_i64(s, 17);
	q->has_open_dependencies = q->open_dependencies > 0;
	q->open_children = db_i64(s, 19);
	q->has_open_children = q->open_children > 0;
	q->parent = store_quest_short_id(a, out->parent);
	q->required = db_i64(s, 11) != 0;
	q->has_required = out->parent != 0;
	q->blocked_by = store_quest_short_id(a, out->blocked_by);
	return 0;
}

/* Columns of quest_by_*. */
static int read_quest(struct db_stmt *s, struct arena *a, struct store_quest *out)
{
	*out = (struct store_quest){
		.n = db_i64(s, 0),
		.assignee = db_i64(s, 7),
		.parent = db_i64(s, 10),
		.blocked_by = db_i64(s, 20),
		.dependencies = db_i64(s, 16),
		.dependents = db_i64(s, 18),
		.task = db_i64(s, 23),
		.lapses = db_i64(s, 31),
	};
	out->quest = (struct quest){
		.id = db_str_dup(s, 1, a),
		.short_id = store_quest_short_id(a, out->n),
		.subject = db_str_dup(s, 2, a),
		.description = db_str_dup(s, 3, a),
		.acceptance = db_str_dup(s, 4, a),
		.status = (enum quest_status)db_i64(s, 5),
		.priority = (enum priority)db_i64(s, 6),
		.assignee_id = db_str_dup(s, 8, a),
		.assignee = db_str_dup(s, 9, a),
		.idea_id = db_str_dup(s, 13, a),
		.due_at = db_i64(s, 15),
		.has_due_at = !db_is_null(s, 15),
		.blocked_reason = db_str_dup(s, 21, a),
		.attempt = db_i64(s, 22),
		.has_attempt = db_i64(s, 22) > 0,
		.claimed_by = db_str_dup(s, 24, a),
		.claimed_at = db_i64(s, 25),
		.has_claimed_at = !db_is_null(s, 25),
		.created_by = db_str_dup(s, 27, a),
		.created_at = db_i64(s, 28),
		.updated_at = db_i64(s, 29),
		.closed_at = db_i64(s, 30),
		.has_closed_at = !db_is_null(s, 30),
		.lease_until = db_i64(s, 32),
		.has_lease_until = !db_is_null(s, 32),
	};
	return err_trace(read_parts(s, a, out));
}

/* The one row of a bound quest_by_*, and its dependencies. */
static int one_quest(struct store_tx *tx, struct db_stmt *s, struct store_quest *out)
{
	int e = db_step(s);

	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : STORE_NONE;
	e = read_quest(s, tx->arena, out);
	db_reset(s);
	if (e == 0 && out->dependencies)
		e = store_quest_dependency_ids(tx, out->n, &out->quest.depends_on);
	if (e)
		return err_trace(e);
	return tx->arena->is_out ? err_nomem() : 0;
}

int store_quest_get(struct store_tx *tx, struct str id, struct store_quest *out)
{
	int64_t n = short_id_n(id);
	struct db_stmt *s;
	int e;

	if (n)
		return store_quest_get_n(tx, n, out);
	e = db_stmt(tx->db, SQL_QUEST_BY_ID, &s);
	if (e)
		return err_trace(e);
	db_bind_str(s, 1, id);
	return one_quest(tx, s, out);
}

int store_quest_get_n(struct store_tx *tx, int64_t n, struct store_quest *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_QUEST_BY_N, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	return one_quest(tx, s, out);
}

static int one_key(struct db_stmt *s, struct store_quest_key *out)
{
	int e = db_step(s);

	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : STORE_NONE;
	*out = (struct store_quest_key){
		.n = db_i64(s, 0),
		.status = (enum quest_status)db_i64(s, 1),
		.parent = db_i64(s, 2),
		.dependents = db_i64(s, 3),
	};
	db_reset(s);
	return 0;
}

int store_quest_key(struct store_tx *tx, struct str id, struct store_quest_key *out)
{
	int64_t n = short_id_n(id);
	struct db_stmt *s;
	int e;

	if (n)
		return store_quest_key_n(tx, n, out);
	e = db_stmt(tx->db, SQL_QUEST_KEY_BY_ID, &s);
	if (e)
		return err_trace(e);
	db_bind_str(s, 1, id);
	return one_key(s, out);
}

int store_quest_key_n(struct store_tx *tx, int64_t n, struct store_quest_key *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_QUEST_KEY_BY_N, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	return one_key(s, out);
}

static void bind_new(struct db_stmt *s, const struct store_quest *q, struct arena *a)
{
	const struct quest *quest = &q->quest;

	db_bind_str(s, 1, quest->id);
	db_bind_str(s, 2, quest->subject);
	db_bind_str(s, 3, quest->description);
	db_bind_str(s, 4, quest->acceptance);
	db_bind_i64(s, 5, quest->status);
	db_bind_i64(s, 6, quest->priority);
	row_bind_key(s, 7, q->assignee);
	row_bind_key(s, 8, q->parent);
	db_bind_i64(s, 9, quest->required);
	db_bind_str(s, 10, pack_lines(a, quest->labels));
	db_bind_str(s, 11, quest->idea_id);
	db_bind_str(s, 12, pack_lines(a, quest->idea_ids));
	row_bind_time(s, 13, quest->has_due_at, quest->due_at);
	db_bind_i64(s, 14, q->dependencies);
	db_bind_i64(s, 15, quest->open_dependencies);
	row_bind_key(s, 16, q->blocked_by);
	db_bind_str(s, 17, quest->created_by);
	db_bind_i64(s, 18, quest->created_at);
	db_bind_str(s, 19, pack_lines(a, quest->capabilities));
}

int store_quest_add(struct store_tx *tx, struct store_quest *q)
{
	struct quest *quest = &q->quest;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_QUEST_ADD, &s);

	if (e)
		return err_trace(e);
	quest->id = row_new_id(tx);
	quest->created_at = quest->updated_at = tx->now_ms;
	bind_new(s, q, tx->arena);
	if (tx->arena->is_out)
		return err_nomem();
	e = row_insert_sure(tx, s, &q->n);
	if (e)
		return err_trace(e);
	quest->short_id = store_quest_short_id(tx->arena, q->n);
	return quest->labels.n ? err_trace(store_quest_set_labels(tx, q)) : 0;
}

int store_quest_set(struct store_tx *tx, const struct store_quest *q)
{
	const struct quest *quest = &q->quest;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_QUEST_SET, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, q->n);
	db_bind_str(s, 2, quest->subject);
	db_bind_str(s, 3, quest->description);
	db_bind_str(s, 4, quest->acceptance);
	db_bind_i64(s, 5, quest->priority);
	row_bind_key(s, 6, q->parent);
	db_bind_i64(s, 7, quest->required);
	db_bind_str(s, 8, pack_lines(tx->arena, quest->labels));
	db_bind_str(s, 9, quest->idea_id);
	db_bind_str(s, 10, pack_lines(tx->arena, quest->idea_ids));
	row_bind_time(s, 11, quest->has_due_at, quest->due_at);
	db_bind_i64(s, 12, tx->now_ms);
	db_bind_str(s, 13, pack_lines(tx->arena, quest->capabilities));
	if (tx->arena->is_out)
		return err_nomem();
	return err_trace(row_run(tx, s));
}

int store_quest_sorts(struct store_tx *tx, struct str_list besides, size_t *out)
{
	struct str own = pack_lines(tx->arena, besides), sort = STR("");
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_QUEST_OPEN_SORT_AFTER, &s);

	if (e)
		return err_trace(e);
	*out = 0;
	do {
		db_bind_str(s, 1, sort);
		e = db_step(s);
		sort = e == DB_ROW ? db_str_dup(s, 0, tx->arena) : STR_NONE;
		db_reset(s);
		*out += sort.p && !str_eq(sort, own);
	} while (sort.p);
	if (e < 0)
		return err_trace(e);
	return tx->arena->is_out ? err_nomem() : 0;
}

int store_quest_set_labels(struct store_tx *tx, const struct store_quest *q)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_QUEST_LABELS_REMOVE, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, q->n);
	e = row_run(tx, s);
	if (e == 0)
		e = db_stmt(tx->db, SQL_QUEST_LABEL_ADD, &s);
	for (size_t i = 0; e == 0 && i < q->quest.labels.n; i++) {
		db_bind_i64(s, 1, q->n);
		db_bind_str(s, 2, q->quest.labels.v[i]);
		e = row_run(tx, s);
	}
	return err_trace(e);
}

int store_quest_set_assignee(struct store_tx *tx, int64_t n, int64_t agent)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_QUEST_SET_ASSIGNEE, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	row_bind_key(s, 2, agent);
	db_bind_i64(s, 3, tx->now_ms);
	return err_trace(row_run(tx, s));
}

int store_quest_claim(struct store_tx *tx, int64_t n, int64_t agent, int64_t task, struct str by)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_QUEST_CLAIM, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	row_bind_key(s, 2, agent);
	row_bind_key(s, 3, task);
	db_bind_str(s, 4, by);
	db_bind_i64(s, 5, tx->now_ms);
	e = db_run(s);
	return e == DB_CONSTRAINT ? STORE_REFUSED : err_trace(e);
}

int store_quest_set_status(struct store_tx *tx, int64_t n, const struct store_quest_status *to)
{
	struct str outcome = STR_NONE;
	struct db_stmt *s;
	int e = 0;

	if (to->outcome)
		e = pack_object(tx->arena, &outcome_shape, to->outcome, &outcome);
	if (e == 0)
		e = db_stmt(tx->db, SQL_QUEST_SET_STATUS, &s);
	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	db_bind_i64(s, 2, to->status);
	row_bind_key(s, 3, to->blocked_by);
	db_bind_str(s, 4, to->reason);
	db_bind_str(s, 5, outcome);
	row_bind_time(s, 6, to->is_closed, tx->now_ms);
	db_bind_i64(s, 7, tx->now_ms);
	db_bind_i64(s, 8, to->lapses);
	db_bind_i64(s, 9, to->is_freed);
	e = db_run(s);
	return e == DB_CONSTRAINT ? STORE_REFUSED : err_trace(e);
}
