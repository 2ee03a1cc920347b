/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as rows. A session's history is a chain of stretches: its own, and above it what each
 * session it was forked from had said until then. */
#include "store/messages.h"

#include "base/err.h"
#include "schemas/shape.h"
#include "store/db.h"
#include "store/messages_rows.h"
#include "store/pack.h"
#include "store/rows.h"
#include "store/words.h"

/* What the table's numbers stand for. */
_Static_assert(MESSAGE_KIND_TEXT == 1 && MESSAGE_KIND_QUESTION == 2 && MESSAGE_KIND_ANSWER == 3 &&
		   MESSAGE_KIND_SYSTEM == 4 && MESSAGE_KIND_HANDOFF == 5,
	       "session_messages.kind");

/* ---- rows ---- */

static int read_lists(struct store_tx *tx, struct db_stmt *q, struct message *m)
{
	struct str packed = db_str_dup(q, 10, tx->arena);
	void *attachments;
	int e = unpack_lines(tx->arena, db_str_dup(q, 9, tx->arena), &m->mentions);

	if (e || !packed.p)
		return err_trace(e);
	e = unpack_object(tx->arena, &attachments_shape, packed, &attachments);
	if (e)
		return err_trace(e);
	m->attachments = ((struct attachments *)attachments)->items;
	return 0;
}

int message_row_read(struct store_tx *tx, struct db_stmt *q, struct store_message *out)
{
	struct arena *a = tx->arena;
	int64_t role = db_is_null(q, 6) ? 0 : db_i64(q, 6);

	*out = (struct store_message){
		.n = db_i64(q, 0),
		.session = db_i64(q, 1),
		.message = { .seq = db_i64(q, 2),
			     .kind = (enum message_kind)db_i64(q, 3),
			     .from = db_str_dup(q, 4, a),
			     .name = db_str_dup(q, 5, a),
			     .role = role ? str_fmt(a, "r-%lld", (long long)role) : STR_NONE,
			     .text = db_str_dup(q, 7, a),
			     .reply_to = db_i64(q, 8),
			     .has_reply_to = !db_is_null(q, 8),
			     .at = db_i64(q, 11) },
	};
	if (!out->message.name.p)
		out->message.name = str_slice(out->message.from,
					      str_find(out->message.from, ':', 0) + 1,
					      out->message.from.n);
	if (!out->message.name.n)
		out->message.name = out->message.from;
	if (a->is_out)
		return err_nomem();
	return err_trace(read_lists(tx, q, &out->message));
}

static int bind_message(struct store_tx *tx, struct db_stmt *q, const struct store_message *m,
			struct str words)
{
	const struct message *k = &m->message;
	struct attachments attachments = { .items = k->attachments };
	struct str packed = STR_NONE;
	int e = 0;

	if (k->attachments.n)
		e = pack_object(tx->arena, &attachments_shape, &attachments, &packed);
	if (e)
		return err_trace(e);
	db_bind_i64(q, 1, m->session);
	db_bind_i64(q, 2, k->seq);
	db_bind_i64(q, 3, k->kind);
	db_bind_str(q, 4, k->from);
	db_bind_str(q, 5, m->role_id);
	db_bind_str(q, 6, k->text);
	db_bind_str(q, 7, words.p == k->text.p ? STR_NONE : words);
	row_bind_key(q, 8, k->reply_to);
	db_bind_str(q, 9, pack_lines(tx->arena, k->mentions));
	db_bind_str(q, 10, packed);
	db_bind_i64(q, 11, k->at);
	return tx->arena->is_out ? err_nomem() : 0;
}

static int index_words(struct store_tx *tx, const struct store_message *m, struct str words)
{
	struct db_stmt *q;
	int e = db_stmt(tx->db, SQL_MESSAGE_WORDS_ADD, &q);

	if (e)
		return err_trace(e);
	db_bind_i64(q, 1, m->n);
	db_bind_str(q, 2, words);
	db_bind_i64(q, 3, m->session);
	return err_trace(row_run(tx, q));
}

static int call_mentioned(struct store_tx *tx, const struct store_message *m)
{
	for (size_t i = 0; i < m->message.mentions.n; i++) {
		struct db_stmt *q;
		int e = db_stmt(tx->db, SQL_SESSION_MENTION_ADD, &q);

		if (e)
			return err_trace(e);
		db_bind_str(q, 1, m->message.mentions.v[i]);
		db_bind_i64(q, 2, m->session);
		db_bind_i64(q, 3, m->message.seq);
		if ((e = row_run(tx, q)))
			return err_trace(e);
	}
	return 0;
}

int store_message_add(struct store_tx *tx, struct store_session *s, struct store_message *m)
{
	struct str words;
	struct db_stmt *q;
	int e = words_cut(tx->arena, m->message.text, &words);

	if (e == 0)
		e = db_stmt(tx->db, SQL_MESSAGE_ADD, &q);
	if (e)
		return err_trace(e);
	m->session = s->n;
	m->message.seq = s->session.last + 1;
	m->message.at = tx->now_ms;
	e = bind_message(tx, q, m, words);
	if (e == 0)
		e = row_insert_sure(tx, q, &m->n);
	if (e == 0)
		e = index_words(tx, m, words);
	if (e)
		return err_trace(e);
	s->session.last = m->message.seq;
	e = store_session_set(tx, s);
	return e ? err_trace(e) : err_trace(call_mentioned(tx, m));
}

/* ---- stretches ---- */

int message_stretches(struct store_tx *tx, const struct store_session *s,
		      struct message_stretches *out)
{
	struct store_session at = *s;
	int64_t to = s->session.last;

	out->n = 0;
	for (;;) {
		out->v[out->n++] = (struct message_stretch){ at.n, at.forked, to };
		if (!at.parent)
			return 0;
		if (out->n == ARRAY_LEN(out->v))
			return err_new(ERR_CORRUPT, "a session's history has no beginning");
		to = MIN(to, at.forked);
		int e = store_session_get_n(tx, at.parent, &at);

		if (e)
			return e < 0 ? err_trace(e)
				     : err_new(ERR_CORRUPT, "a forked session's parent is missing");
	}
}

int store_message_get(struct store_tx *tx, const struct store_session *s, int64_t seq,
		      struct store_message *out)
{
	struct message_stretches stretches;
	struct db_stmt *q;
	size_t i = 0;
	int e = message_stretches(tx, s, &stretches);

	if (e)
		return err_trace(e);
	while (i < stretches.n && seq <= stretches.v[i].after)
		i++;
	if (i == stretches.n || seq > stretches.v[i].to)
		return STORE_NONE;
	e = db_stmt(tx->db, SQL_MESSAGE_GET, &q);
	if (e)
		return err_trace(e);
	db_bind_i64(q, 1, stretches.v[i].session);
	db_bind_i64(q, 2, seq);
	e = db_step(q);
	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : STORE_NONE;
	e = message_row_read(tx, q, out);
	db_reset(q);
	return err_trace(e);
}

int store_message_floor(struct store_tx *tx, const struct store_session *s, int64_t *out)
{
	struct message_stretches stretches;
	int e = message_stretches(tx, s, &stretches);

	*out = s->session.last + 1;
	for (size_t i = stretches.n; e == 0 && i-- > 0;) {
		struct db_stmt *q;
		int64_t first = 0;

		e = db_stmt(tx->db, SQL_MESSAGE_FLOOR, &q);
		if (e)
			break;
		db_bind_i64(q, 1, stretches.v[i].session);
		e = row_i64(q, &first);
		if (e == 0 && first && first <= stretches.v[i].to) {
			*out = first;
			return 0;
		}
	}
	return err_trace(e);
}

/* ---- pages ---- */

static bool holds(struct str text, struct str part)
{
	for (size_t at = 0; at + part.n <= text.n; at++)
		if (str_eq_nocase(str_slice(text, at, at + part.n), part))
			return true;
	return false;
}

static bool fits(struct db_stmt *q, const struct store_message_filter *f)
{
	int64_t at = db_i64(q, 11);

	if (!(f->kinds >> db_i64(q, 3) & 1))
		return false;
	if ((f->since_ms && at < f->since_ms) || (f->until_ms && at >= f->until_ms))
		return false;
	if (f->from.p && !str_eq(f->from, db_str(q, 4)))
		return false;
	return !f->text.p || holds(db_str(q, 7), f->text);
}

struct page {
	struct store_tx *tx;
	const struct store_message_filter *f;
	struct message_list *out;
	size_t n_examined;
	int64_t last; /* seq of the last row looked at */
	bool is_full;
};

static int take_rows(struct page *p, enum sql_id id, const struct message_stretch *s)
{
	struct db_stmt *q;
	int e = db_stmt(p->tx->db, id, &q);

	if (e)
		return err_trace(e);
	db_bind_i64(q, 1, s->session);
	db_bind_i64(q, 2, s->after);
	db_bind_i64(q, 3, s->to);
	while (!p->is_full && (e = db_step(q)) == DB_ROW) {
		struct store_message m;

		p->last = db_i64(q, 2);
		p->n_examined++;
		e = fits(q, p->f) ? message_row_read(p->tx, q, &m) : STORE_NONE;
		if (e < 0)
			break;
		if (e == 0)
			p->out->v[p->out->n++] = m.message;
		p->is_full = p->out->n == p->f->limit || p->n_examined == ROWS_EXAMINED_MAX;
	}
	db_reset(q);
	return e < 0 ? err_trace(e) : 0;
}

static int begin_page(struct page *p, const struct store_session *s,
		      struct message_stretches *stretches)
{
	*p->out = (struct message_list){ ARENA_ARRAY(p->tx->arena, p->f->limit, struct message),
					 0 };
	return p->out->v ? err_trace(message_stretches(p->tx, s, stretches)) : err_nomem();
}

int store_message_after(struct store_tx *tx, const struct store_session *s,
			const struct store_message_filter *f, int64_t since,
			struct message_list *out, int64_t *next, bool *has_more)
{
	struct page p = { .tx = tx, .f = f, .out = out, .last = since };
	struct message_stretches stretches = { .n = 0 };
	int e = begin_page(&p, s, &stretches);

	for (size_t i = stretches.n; e == 0 && !p.is_full && i-- > 0;) {
		struct message_stretch part = stretches.v[i];

		part.after = MAX(part.after, since);
		if (part.after < part.to)
			e = take_rows(&p, SQL_MESSAGE_AFTER, &part);
	}
	*has_more = p.is_full && p.last < s->session.last;
	*next = p.is_full ? p.last : MAX(since, s->session.last);
	return err_trace(e);
}

static void turn_round(struct message_list *list)
{
	for (size_t i = 0; i < list->n / 2; i++) {
		struct message m = list->v[i];

		list->v[i] = list->v[list->n - 1 - i];
		list->v[list->n - 1 - i] = m;
	}
}

int store_message_before(struct store_tx *tx, const struct store_session *s,
			 const struct store_message_filter *f, int64_t before,
			 struct message_list *out, int64_t *next)
{
	struct page p = { .tx = tx, .f = f, .out = out };
	struct message_stretches stretches;
	int64_t floor = 0;
	int e = begin_page(&p, s, &stretches);

	for (size_t i = 0; e == 0 && !p.is_full && i < stretches.n; i++) {
		struct message_stretch part = stretches.v[i];

		if (before)
			part.to = MIN(part.to, before - 1);
		if (part.after < part.to)
			e = take_rows(&p, SQL_MESSAGE_BEFORE, &part);
	}
	if (e == 0 && p.is_full)
		e = store_message_floor(tx, s, &floor);
	*next = p.is_full && p.last > floor ? p.last : 0;
	turn_round(out);
	return err_trace(e);
}
