/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions as rows. */
#include "store/sessions.h"

#include "base/err.h"
#include "store/db.h"
#include "store/rows.h"

#define PREFIX "s-"

/* What the table's numbers stand for. */
_Static_assert(SESSION_KIND_DIRECT == 1 && SESSION_KIND_GROUP == 2 && SESSION_KIND_IDEA == 3 &&
		   SESSION_KIND_QUEST == 4 && SESSION_KIND_CHANNEL == 5,
	       "sessions.kind");

struct str store_session_short_id(struct arena *a, int64_t n)
{
	return n ? str_fmt(a, PREFIX "%lld", (long long)n) : STR_NONE;
}

/* 0 when it is no short id. */
static int64_t short_id_n(struct str id)
{
	int64_t n;

	if (!str_starts(id, STR(PREFIX)) || !str_to_i64(str_slice(id, 2, id.n), &n) || n < 1)
		return 0;
	return n;
}

struct str store_session_pair(struct arena *a, struct str one, struct str other)
{
	bool is_first = str_cmp(one, other) <= 0;
	struct str x = is_first ? one : other, y = is_first ? other : one;

	return str_fmt(a, "%.*s %.*s", STR_ARG(x), STR_ARG(y));
}

/* ---- one session ---- */

/* Columns of session_by_* and session_page*. */
static int read_session(struct store_tx *tx, struct db_stmt *s, struct store_session *out)
{
	struct arena *a = tx->arena;
	enum session_kind kind = (enum session_kind)db_i64(s, 2);
	bool is_about = kind == SESSION_KIND_IDEA || kind == SESSION_KIND_QUEST;

	*out = (struct store_session){
		.n = db_i64(s, 0),
		.key = db_str_dup(s, 3, a),
		.parent = db_i64(s, 5),
		.forked = db_i64(s, 6),
		.depth = db_i64(s, 7),
		.n_participants = db_i64(s, 9),
		.session = { .id = db_str_dup(s, 1, a),
			     .short_id = store_session_short_id(a, db_i64(s, 0)),
			     .kind = kind,
			     .status = db_is_null(s, 13) ? SESSION_STATUS_OPEN
							 : SESSION_STATUS_CLOSED,
			     .title = db_str_dup(s, 4, a),
			     .parent = store_session_short_id(a, db_i64(s, 5)),
			     .forked_at = db_i64(s, 6),
			     .has_forked_at = !db_is_null(s, 5),
			     .last = db_i64(s, 8),
			     .created_by = db_str_dup(s, 10, a),
			     .created_at = db_i64(s, 11),
			     .updated_at = db_i64(s, 12),
			     .closed_at = db_i64(s, 13),
			     .has_closed_at = !db_is_null(s, 13) },
	};
	if (is_about)
		out->session.about = out->key;
	return a->is_out ? err_nomem() : 0;
}

static int read_one(struct store_tx *tx, struct db_stmt *s, struct store_session *out)
{
	int e = db_step(s);

	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : STORE_NONE;
	e = read_session(tx, s, out);
	db_reset(s);
	return err_trace(e);
}

int store_session_get_n(struct store_tx *tx, int64_t n, struct store_session *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_SESSION_BY_N, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, n);
	return read_one(tx, s, out);
}

int store_session_find(struct store_tx *tx, struct str id, struct store_session *out)
{
	int64_t n = short_id_n(id);
	struct db_stmt *s;
	int e;

	if (n)
		return store_session_get_n(tx, n, out);
	e = db_stmt(tx->db, SQL_SESSION_BY_ID, &s);
	if (e)
		return err_trace(e);
	db_bind_str(s, 1, id);
	return read_one(tx, s, out);
}

int store_session_by_key(struct store_tx *tx, enum session_kind kind, struct str key,
			 struct store_session *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_SESSION_BY_KEY, &s);

	if (e)
		return err_trace(e);
	db_bind_str(s, 1, key);
	db_bind_i64(s, 2, kind);
	return read_one(tx, s, out);
}

int store_session_add(struct store_tx *tx, struct store_session *s)
{
	struct session *k = &s->session;
	struct db_stmt *q;
	int e;

	k->id = row_new_id(tx);
	if (!k->id.p)
		return err_nomem();
	k->created_at = k->updated_at = tx->now_ms;
	k->status = SESSION_STATUS_OPEN;
	k->last = s->forked;
	e = db_stmt(tx->db, SQL_SESSION_ADD, &q);
	if (e)
		return err_trace(e);
	db_bind_str(q, 1, k->id);
	db_bind_i64(q, 2, k->kind);
	db_bind_str(q, 3, s->key);
	db_bind_str(q, 4, k->title);
	row_bind_key(q, 5, s->parent);
	db_bind_i64(q, 6, s->forked);
	db_bind_i64(q, 7, s->depth);
	db_bind_str(q, 8, k->created_by);
	db_bind_i64(q, 9, k->created_at);
	e = row_insert_sure(tx, q, &s->n);
	if (e)
		return err_trace(e);
	k->short_id = store_session_short_id(tx->arena, s->n);
	k->parent = store_session_short_id(tx->arena, s->parent);
	k->has_forked_at = s->parent != 0;
	k->forked_at = s->forked;
	if (k->kind == SESSION_KIND_IDEA || k->kind == SESSION_KIND_QUEST)
		k->about = s->key;
	return tx->arena->is_out ? err_nomem() : 0;
}

int store_session_set(struct store_tx *tx, struct store_session *s)
{
	struct session *k = &s->session;
	struct db_stmt *q;
	int e = db_stmt(tx->db, SQL_SESSION_SET, &q);

	if (e)
		return err_trace(e);
	k->updated_at = tx->now_ms;
	k->has_closed_at = k->status == SESSION_STATUS_CLOSED;
	db_bind_i64(q, 1, s->n);
	db_bind_str(q, 2, k->title);
	db_bind_i64(q, 3, k->last);
	db_bind_i64(q, 4, k->updated_at);
	row_bind_time(q, 5, k->has_closed_at, k->closed_at);
	return err_trace(row_run(tx, q));
}

/* ---- who takes part ---- */

int store_session_join(struct store_tx *tx, struct store_session *s, struct str who, int64_t read,
		       bool *out_is_new)
{
	struct participant found;
	struct db_stmt *q;
	int e = store_session_participant(tx, s->n, who, &found);

	*out_is_new = e == STORE_NONE;
	if (e != STORE_NONE)
		return err_trace(e);
	if (s->n_participants >= SESSION_PARTICIPANTS_MAX)
		return STORE_TOO_MANY;
	e = db_stmt(tx->db, SQL_SESSION_JOIN, &q);
	if (e)
		return err_trace(e);
	db_bind_i64(q, 1, s->n);
	db_bind_str(q, 2, who);
	db_bind_i64(q, 3, read);
	db_bind_i64(q, 4, tx->now_ms);
	s->n_participants++;
	return err_trace(row_run(tx, q));
}

/* Columns of session_participant*. What has no name of its own is called as it is written. */
static struct participant read_participant(struct db_stmt *q, struct arena *a)
{
	struct participant p = {
		.participant = db_str_dup(q, 0, a),
		.name = db_str_dup(q, 1, a),
		.read = db_i64(q, 2),
		.asked = db_i64(q, 3),
		.has_asked = !db_is_null(q, 3),
		.asked_at = db_i64(q, 4),
		.has_asked_at = !db_is_null(q, 4),
		.joined_at = db_i64(q, 5),
	};

	if (!p.name.p)
		p.name = str_slice(p.participant, str_find(p.participant, ':', 0) + 1,
				   p.participant.n);
	return p;
}

int store_session_participant(struct store_tx *tx, int64_t n, struct str who,
			      struct participant *out)
{
	struct db_stmt *q;
	int e = db_stmt(tx->db, SQL_SESSION_PARTICIPANT, &q);

	if (e)
		return err_trace(e);
	db_bind_i64(q, 1, n);
	db_bind_str(q, 2, who);
	e = db_step(q);
	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : STORE_NONE;
	*out = read_participant(q, tx->arena);
	db_reset(q);
	return tx->arena->is_out ? err_nomem() : 0;
}

int store_session_participants(struct store_tx *tx, int64_t n, struct participant_list *out)
{
	struct db_stmt *q;
	int e = db_stmt(tx->db, SQL_SESSION_PARTICIPANTS, &q);

	if (e)
		return err_trace(e);
	*out = (struct participant_list){
		ARENA_ARRAY(tx->arena, SESSION_PARTICIPANTS_MAX, struct participant), 0
	};
	if (!out->v)
		return err_nomem();
	db_bind_i64(q, 1, n);
	while (out->n < SESSION_PARTICIPANTS_MAX && (e = db_step(q)) == DB_ROW)
		out->v[out->n++] = read_participant(q, tx->arena);
	db_reset(q);
	if (e < 0)
		return err_trace(e);
	return tx->arena->is_out ? err_nomem() : 0;
}

static int run_of(struct store_tx *tx, enum sql_id id, int64_t n, struct str who, int64_t seq)
{
	bool is_mention = id == SQL_SESSION_MENTIONS_READ;
	struct db_stmt *q;
	int e = db_stmt(tx->db, id, &q);

	if (e)
		return err_trace(e);
	db_bind_i64(q, is_mention ? 2 : 1, n);
	db_bind_str(q, is_mention ? 1 : 2, who);
	db_bind_i64(q, 3, seq);
	return err_trace(row_run(tx, q));
}

int store_session_read(struct store_tx *tx, int64_t n, struct str who, int64_t seq)
{
	int e = run_of(tx, SQL_SESSION_READ, n, who, seq);

	return e ? err_trace(e) : err_trace(run_of(tx, SQL_SESSION_MENTIONS_READ, n, who, seq));
}

int store_session_ask(struct store_tx *tx, int64_t n, struct str who, int64_t seq)
{
	struct db_stmt *q;
	int e = db_stmt(tx->db, SQL_SESSION_ASK, &q);

	if (e)
		return err_trace(e);
	db_bind_i64(q, 1, n);
	db_bind_str(q, 2, who);
	row_bind_key(q, 3, seq);
	row_bind_time(q, 4, seq != 0, tx->now_ms);
	return err_trace(row_run(tx, q));
}

int store_session_end_asks(struct store_tx *tx, int64_t n)
{
	return err_trace(row_run_one(tx, SQL_SESSION_ASKS_END, n));
}

/* ---- lists ---- */

int store_session_each(struct store_tx *tx, struct str who, int64_t before, store_session_fn *take,
		       void *data)
{
	struct store_session row;
	struct db_stmt *q;
	int e = db_stmt(tx->db, who.p ? SQL_SESSION_PAGE_OF : SQL_SESSION_PAGE, &q);

	if (e)
		return err_trace(e);
	db_bind_i64(q, 1, before ? before : INT64_MAX);
	if (who.p)
		db_bind_str(q, 2, who);
	while ((e = db_step(q)) == DB_ROW) {
		e = read_session(tx, q, &row);
		if (e == 0)
			e = take(data, &row);
		if (e)
			break;
	}
	db_reset(q);
	return e;
}

static int read_calls(struct store_tx *tx, struct db_stmt *q, size_t max,
		      struct store_call_list *out)
{
	int e = 0;

	*out = (struct store_call_list){ ARENA_ARRAY(tx->arena, max, struct store_call), 0 };
	if (!out->v)
		return err_nomem();
	while (out->n < max && (e = db_step(q)) == DB_ROW)
		out->v[out->n++] = (struct store_call){ db_i64(q, 0), db_i64(q, 1) };
	db_reset(q);
	return e < 0 ? err_trace(e) : 0;
}

int store_session_asked(struct store_tx *tx, struct str who, const struct store_call *after,
			size_t max, struct store_call_list *out)
{
	struct db_stmt *q;
	int e = db_stmt(tx->db, SQL_SESSION_ASKED_PAGE, &q);

	if (e)
		return err_trace(e);
	db_bind_str(q, 1, who);
	db_bind_i64(q, 2, after->session);
	db_bind_i64(q, 3, (int64_t)max);
	return err_trace(read_calls(tx, q, max, out));
}

int store_session_mentions(struct store_tx *tx, struct str who, const struct store_call *after,
			   size_t max, struct store_call_list *out)
{
	struct db_stmt *q;
	int e = db_stmt(tx->db, SQL_SESSION_MENTIONS_PAGE, &q);

	if (e)
		return err_trace(e);
	db_bind_str(q, 1, who);
	db_bind_i64(q, 2, after->session);
	db_bind_i64(q, 3, after->seq);
	db_bind_i64(q, 4, (int64_t)max);
	return err_trace(read_calls(tx, q, max, out));
}

/* ---- turns ---- */

int store_session_turn(struct store_tx *tx, int64_t n, struct str agent, struct str *out_task)
{
	struct db_stmt *q;
	int e = db_stmt(tx->db, SQL_SESSION_TURN, &q);

	if (e)
		return err_trace(e);
	db_bind_i64(q, 1, n);
	db_bind_str(q, 2, agent);
	e = db_step(q);
	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : STORE_NONE;
	*out_task = db_str_dup(q, 0, tx->arena);
	db_reset(q);
	return tx->arena->is_out ? err_nomem() : 0;
}

int store_session_set_turn(struct store_tx *tx, int64_t n, struct str agent, struct str task)
{
	struct db_stmt *q;
	int e = db_stmt(tx->db, SQL_SESSION_TURN_SET, &q);

	if (e)
		return err_trace(e);
	db_bind_i64(q, 1, n);
	db_bind_str(q, 2, agent);
	db_bind_str(q, 3, task);
	return err_trace(row_run(tx, q));
}

int store_session_turns(struct store_tx *tx, int64_t n, struct str_list *out_tasks)
{
	struct db_stmt *q;
	int e = db_stmt(tx->db, SQL_SESSION_TURNS, &q);

	if (e)
		return err_trace(e);
	*out_tasks =
	    (struct str_list){ ARENA_ARRAY(tx->arena, SESSION_PARTICIPANTS_MAX, struct str), 0 };
	if (!out_tasks->v)
		return err_nomem();
	db_bind_i64(q, 1, n);
	db_bind_i64(q, 2, SESSION_PARTICIPANTS_MAX);
	while (out_tasks->n < SESSION_PARTICIPANTS_MAX && (e = db_step(q)) == DB_ROW)
		out_tasks->v[out_tasks->n++] = db_str_dup(q, 1, tx->arena);
	db_reset(q);
	if (e < 0)
		return err_trace(e);
	return tx->arena->is_out ? err_nomem() : 0;
}
