/* SPDX-License-Identifier: Apache-2.0 */
/* The outbox. A filter by subject or by one exact kind walks its index; other filters walk the rows
 * and are matched here, because a list of globs is no range. */
#include "store/events.h"

#include "store/db.h"
#include "store/interest.h"
#include "store/rows.h"

/* Rows that one page may look at, so that a reader that matches nothing still comes back. */
enum { PAGE_SCAN_MAX = 4000 };

int store_event_add(struct store_tx *tx, const struct store_event_new *new, int64_t *out_seq)
{
	struct db_stmt *q;
	int64_t seq;
	int e = db_stmt(tx->db, SQL_EVENT_ADD, &q);

	if (e)
		return err_trace(e);
	db_bind_i64(q, 1, tx->now_ms);
	db_bind_str(q, 2, new->kind);
	db_bind_str(q, 3, new->source);
	db_bind_str(q, 4, new->subject);
	db_bind_str(q, 5, new->payload);
	row_bind_key(q, 6, tx->firing);
	e = db_run_sure(q);
	if (e)
		return err_trace(e);
	seq = db_last_rowid(tx->db);
	if (out_seq)
		*out_seq = seq;
	return err_trace(store_interest_tell(tx, new, seq));
}

int store_event_bounds(struct store_tx *tx, int64_t *floor, int64_t *head)
{
	int64_t first = 0, last = 0;
	int e = row_first_i64(tx, SQL_EVENT_HEAD, &last);

	if (!e)
		e = row_first_i64(tx, SQL_EVENT_FLOOR, &first);
	if (e)
		return err_trace(e);
	*head = last;
	*floor = first ? first : last + 1;
	return 0;
}

/* `*` stands for any characters, also none. Linear: only the last star is tried again. */
bool store_event_kind_matches(struct str glob, struct str text)
{
	size_t g = 0, t = 0, star = SIZE_MAX, again = 0;

	while (t < text.n) {
		if (g < glob.n && glob.p[g] == '*') {
			star = g++;
			again = t;
		} else if (g < glob.n && glob.p[g] == text.p[t]) {
			g++;
			t++;
		} else if (star != SIZE_MAX) {
			g = star + 1;
			t = ++again;
		} else {
			return false;
		}
	}
	while (g < glob.n && glob.p[g] == '*')
		g++;
	return g == glob.n;
}

static bool row_matches(const struct store_event_filter *f, struct str kind, struct str source,
			struct str subject)
{
	bool is_wanted = f->kinds.n == 0;

	for (size_t i = 0; i < f->kinds.n && !is_wanted; i++)
		is_wanted = store_event_kind_matches(f->kinds.v[i], kind);
	return is_wanted && (!f->source.p || str_eq(f->source, source)) &&
	       (!f->subject.p || str_eq(f->subject, subject));
}

bool store_event_matches(const struct store_event_filter *f, const struct event *e)
{
	return row_matches(f, e->kind, e->source, e->subject);
}

/* Columns: seq, at_ms, kind, source, subject, payload. */
static int read_row(struct store_tx *tx, struct db_stmt *q, struct event *out)
{
	*out = (struct event){
		.seq = db_i64(q, 0),
		.time = db_i64(q, 1),
		.kind = db_str_dup(q, 2, tx->arena),
		.source = db_str_dup(q, 3, tx->arena),
		.subject = db_str_dup(q, 4, tx->arena),
		.payload = db_str_dup(q, 5, tx->arena),
	};
	out->id = str_fmt(tx->arena, "%.*s.%lld", STR_ARG(tx->generation), (long long)out->seq);
	return tx->arena->is_out ? err_nomem() : 0;
}

int store_event_get(struct store_tx *tx, int64_t seq, struct event *out)
{
	struct db_stmt *q;
	int e = db_stmt(tx->db, SQL_EVENT_GET, &q);

	if (e)
		return err_trace(e);
	db_bind_i64(q, 1, seq);
	e = db_step(q);
	if (e != DB_ROW)
		return e ? err_trace(e) : STORE_NONE;
	e = read_row(tx, q, out);
	db_reset(q);
	return err_trace(e);
}

int store_event_firing(struct store_tx *tx, int64_t seq, int64_t *out)
{
	struct db_stmt *q;
	int e = db_stmt(tx->db, SQL_EVENT_FIRING, &q);

	if (e)
		return err_trace(e);
	db_bind_i64(q, 1, seq);
	return err_trace(row_i64(q, out));
}

struct walk {
	const struct store_event_filter *filter;
	size_t max;      /* events wanted */
	size_t max_rows; /* rows looked at, 0 = all */
	int64_t last;    /* seq of the last row looked at */
	size_t n_rows;
};

static int walk_rows(struct store_tx *tx, struct db_stmt *q, struct walk *w, struct event_list *out)
{
	struct event_list list = { ARENA_ARRAY(tx->arena, w->max, struct event), 0 };
	int e = 0;

	if (!list.v)
		return err_nomem();
	while (list.n < w->max && (w->max_rows == 0 || w->n_rows < w->max_rows)) {
		e = db_step(q);
		if (e != DB_ROW)
			break;
		w->n_rows++;
		w->last = db_i64(q, 0);
		e = 0;
		if (row_matches(w->filter, db_str(q, 2), db_str(q, 3), db_str(q, 4)))
			e = read_row(tx, q, &list.v[list.n++]);
		if (e)
			break;
	}
	db_reset(q);
	if (!e)
		*out = list;
	return err_trace(e);
}

/* Which of three statements a filter walks: by subject, by one exact kind, or all rows. */
struct choice {
	enum sql_id by_subject, by_kind, all;
};

static int choose(struct store_tx *tx, const struct store_event_filter *f, const struct choice *c,
		  struct db_stmt **out, int *next_parameter)
{
	bool is_one_kind = f->kinds.n == 1 && str_find(f->kinds.v[0], '*', 0) == f->kinds.v[0].n;
	enum sql_id id = f->subject.p ? c->by_subject : is_one_kind ? c->by_kind : c->all;
	int e = db_stmt(tx->db, id, out);

	if (e)
		return err_trace(e);
	*next_parameter = id == c->all ? 1 : 2;
	if (id != c->all)
		db_bind_str(*out, 1, f->subject.p ? f->subject : f->kinds.v[0]);
	return 0;
}

int store_event_page(struct store_tx *tx, const struct store_event_filter *f, int64_t since,
		     size_t max, struct event_list *out, int64_t *scanned_to)
{
	static const struct choice after = { SQL_EVENT_AFTER_OF_SUBJECT, SQL_EVENT_AFTER_OF_KIND,
					     SQL_EVENT_AFTER };
	struct walk w = { .filter = f, .max = max, .max_rows = PAGE_SCAN_MAX, .last = since };
	struct db_stmt *q = NULL;
	int64_t floor, head = 0;
	int i = 0, e = choose(tx, f, &after, &q, &i);

	if (e)
		return err_trace(e);
	db_bind_i64(q, i, since);
	db_bind_i64(q, i + 1, PAGE_SCAN_MAX);
	e = walk_rows(tx, q, &w, out);
	if (!e)
		e = store_event_bounds(tx, &floor, &head);
	if (e)
		return err_trace(e);
	/* Came to the end: the next look starts behind all that there is now. */
	*scanned_to = out->n < max && w.n_rows < PAGE_SCAN_MAX ? MAX(head, since) : w.last;
	return 0;
}

int store_event_list(struct store_tx *tx, const struct store_event_filter *f, int64_t before,
		     size_t max, struct event_list *out)
{
	static const struct choice down = { SQL_EVENT_BEFORE_OF_SUBJECT, SQL_EVENT_BEFORE_OF_KIND,
					    SQL_EVENT_BEFORE };
	struct walk w = { .filter = f, .max = max };
	struct db_stmt *q = NULL;
	int i = 0, e = choose(tx, f, &down, &q, &i);

	if (e)
		return err_trace(e);
	db_bind_i64(q, i, before > 0 ? before : INT64_MAX);
	return err_trace(walk_rows(tx, q, &w, out));
}
