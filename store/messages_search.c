/* SPDX-License-Identifier: Apache-2.0 */
/* Finding messages by words. */
#include "store/messages_search.h"

#include "base/err.h"
#include "store/messages_rows.h"
#include "store/words.h"

enum { SNIPPET_BYTES = 240 };

struct search {
	struct store_tx *tx;
	const struct store_message_query *q;
	struct message_stretches stretches; /* of the session asked for; n 0 = any */
	struct store_message_found *out;
};

/* A fork's history is not all that its parent has said. */
static bool is_in_place(const struct search *f, const struct store_message *m)
{
	for (size_t i = 0; i < f->stretches.n; i++) {
		const struct message_stretch *s = &f->stretches.v[i];

		if (s->session == m->session)
			return m->message.seq > s->after && m->message.seq <= s->to;
	}
	return f->stretches.n == 0;
}

/* Only in the session's own place and those above it. */
static struct str with_places(struct search *f, struct str expression)
{
	struct arena *a = f->tx->arena;
	struct str places = STR_NONE;

	for (size_t i = 0; i < f->stretches.n; i++)
		places = str_fmt(a, "%.*s%s\"s%lld\"", STR_ARG(places), i ? " OR " : "",
				 (long long)f->stretches.v[i].session);
	return places.p ? str_fmt(a, "text : (%.*s) AND place : (%.*s)", STR_ARG(expression),
				  STR_ARG(places))
			: str_fmt(a, "text : (%.*s)", STR_ARG(expression));
}

static int take(struct search *f, const struct store_message *m)
{
	const struct message *k = &m->message;
	struct message_hit hit = {
		.seq = k->seq, .kind = k->kind, .from = k->from, .name = k->name, .at = k->at
	};
	int64_t session = f->q->session ? f->q->session->n : m->session;
	bool may = false;
	int e = is_in_place(f, m) ? f->q->may(f->q->data, session, &may, &hit.title) : 0;

	if (e || !may)
		return err_trace(e);
	hit.session = store_session_short_id(f->tx->arena, session);
	if (!hit.session.p)
		return err_nomem();
	e = words_snippet(f->tx->arena, k->text, &f->out->words, SNIPPET_BYTES, &hit.snippet);
	f->out->hits.v[f->out->hits.n++] = hit;
	return err_trace(e);
}

static int collect(struct search *f, struct str expression)
{
	struct str match = with_places(f, expression);
	size_t n_seen = 0;
	struct db_stmt *q;
	int e = match.p ? db_stmt(f->tx->db, SQL_MESSAGE_SEARCH, &q) : err_nomem();

	if (e)
		return err_trace(e);
	db_bind_str(q, 1, match);
	db_bind_i64(q, 2, MESSAGE_CANDIDATES_MAX + 1);
	while (f->out->hits.n < f->q->max && (e = db_step(q)) == DB_ROW) {
		struct store_message m;

		f->out->is_cut = n_seen++ == MESSAGE_CANDIDATES_MAX;
		if (f->out->is_cut)
			break;
		e = message_row_read(f->tx, q, &m);
		if (e == 0)
			e = take(f, &m);
		if (e)
			break;
	}
	db_reset(q);
	return e < 0 ? err_trace(e) : 0;
}

int store_message_search(struct store_tx *tx, const struct store_message_query *q,
			 struct store_message_found *out)
{
	struct search f = { .tx = tx, .q = q, .out = out };
	struct words_query words;
	int e = words_query(tx->arena, q->text, &words);

	if (e == 0 && q->session)
		e = message_stretches(tx, q->session, &f.stretches);
	if (e)
		return err_trace(e);
	*out = (struct store_message_found){ .words = words.words };
	out->hits.v = ARENA_ARRAY(tx->arena, q->max, struct message_hit);
	if (!out->hits.v)
		return err_nomem();
	if (words.all.p)
		e = collect(&f, words.all);
	if (e == 0 && out->hits.n == 0 && words.words.n > 1) {
		out->is_any = true;
		e = collect(&f, words.any);
	}
	return err_trace(e);
}
