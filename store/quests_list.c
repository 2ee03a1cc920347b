/* SPDX-License-Identifier: Apache-2.0 */
/* Quests in their orders. One index drives a page, chosen by what the filter names; what it does
 * not cover is checked row by row, ROWS_EXAMINED_MAX at most. */
#include "store/quests_list.h"

#include "base/err.h"
#include "store/db.h"
#include "store/pack.h"
#include "store/quests.h"
#include "store/rows.h"
#include "store/tasks_ready.h"

struct page {
	struct store_tx *tx;
	const struct store_quest_filter *f;
	struct store_quest_cursor *cursor;
	struct quest_line_list *out;
	size_t n_examined;
	bool is_full; /* the cursor stands on its last row */
	bool has_more;
};

/* Columns of quest_page*. */
enum {
	COL_N,
	COL_ID,
	COL_SUBJECT,
	COL_STATUS,
	COL_PRIORITY,
	COL_ASSIGNEE,
	COL_ASSIGNEE_NAME,
	COL_PARENT,
	COL_OPEN_DEPENDENCIES,
	COL_OPEN_CHILDREN,
	COL_BLOCKED_BY,
	COL_LABELS,
	COL_DUE_AT,
	COL_CREATED_AT,
	COL_UPDATED_AT,
	COL_CAPABILITIES
};

static bool begins_so(struct db_stmt *s, struct str prefix)
{
	struct str subject = db_str(s, COL_SUBJECT);

	return subject.n >= prefix.n && str_eq_nocase(str_slice(subject, 0, prefix.n), prefix);
}

static bool fits(struct db_stmt *s, const struct store_quest_filter *f)
{
	if (f->status && db_i64(s, COL_STATUS) != (int64_t)f->status)
		return false;
	if (f->priority && db_i64(s, COL_PRIORITY) != (int64_t)f->priority)
		return false;
	if (f->assignee && db_i64(s, COL_ASSIGNEE) != f->assignee)
		return false;
	if (f->parent && db_i64(s, COL_PARENT) != f->parent)
		return false;
	if (f->label.p && !packed_has_line(db_str(s, COL_LABELS), f->label))
		return false;
	if (f->capability.p && !packed_has_line(db_str(s, COL_CAPABILITIES), f->capability))
		return false;
	return !f->subject.p || begins_so(s, f->subject);
}

static int read_line(struct db_stmt *s, struct arena *a, struct quest_line *out)
{
	*out = (struct quest_line){
		.id = db_str_dup(s, COL_ID, a),
		.short_id = store_quest_short_id(a, db_i64(s, COL_N)),
		.subject = db_str_dup(s, COL_SUBJECT, a),
		.status = (enum quest_status)db_i64(s, COL_STATUS),
		.priority = (enum priority)db_i64(s, COL_PRIORITY),
		.assignee = db_str_dup(s, COL_ASSIGNEE_NAME, a),
		.parent = store_quest_short_id(a, db_i64(s, COL_PARENT)),
		.open_dependencies = db_i64(s, COL_OPEN_DEPENDENCIES),
		.has_open_dependencies = db_i64(s, COL_OPEN_DEPENDENCIES) > 0,
		.open_children = db_i64(s, COL_OPEN_CHILDREN),
		.has_open_children = db_i64(s, COL_OPEN_CHILDREN) > 0,
		.blocked_by = store_quest_short_id(a, db_i64(s, COL_BLOCKED_BY)),
		.due_at = db_i64(s, COL_DUE_AT),
		.has_due_at = !db_is_null(s, COL_DUE_AT),
		.created_at = db_i64(s, COL_CREATED_AT),
		.updated_at = db_i64(s, COL_UPDATED_AT),
	};
	int e = unpack_lines(a, db_str_dup(s, COL_LABELS, a), &out->labels);

	if (e == 0)
		e = unpack_lines(a, db_str_dup(s, COL_CAPABILITIES, a), &out->capabilities);
	return err_trace(e);
}

static int take_row(struct page *p, struct db_stmt *s)
{
	struct arena *a = p->tx->arena;
	int e;

	p->n_examined++;
	if (fits(s, p->f)) {
		e = read_line(s, a, &p->out->v[p->out->n]);
		if (e)
			return err_trace(e);
		p->out->n++;
	}
	if (p->out->n == p->f->limit || p->n_examined == ROWS_EXAMINED_MAX) {
		*p->cursor = (struct store_quest_cursor){ .n = db_i64(s, COL_N),
							  .priority = db_i64(s, COL_PRIORITY),
							  .subject = db_str_dup(s, COL_SUBJECT,
										a) };
		p->is_full = true;
	}
	return a->is_out ? err_nomem() : 0;
}

/* A bound statement's rows, until the page has enough. `by_subject`: they end with the prefix. */
static int take_rows(struct page *p, struct db_stmt *s, bool by_subject)
{
	int e;

	while ((e = db_step(s)) == DB_ROW) {
		if (by_subject && !begins_so(s, p->f->subject))
			break;
		if (p->is_full) {
			p->has_more = true;
			break;
		}
		e = take_row(p, s);
		if (e)
			break;
	}
	db_reset(s);
	return e < 0 ? err_trace(e) : 0;
}

/* One priority after the other, each in order of age. */
static int page_ready(struct page *p)
{
	const struct store_quest_filter *f = p->f;
	enum sql_id id = f->label.p    ? SQL_QUEST_PAGE_READY_OF_LABEL
			 : f->assignee ? SQL_QUEST_PAGE_READY_OF_ASSIGNEE
				       : SQL_QUEST_PAGE_READY;
	int64_t priority = p->cursor->n ? p->cursor->priority : PRIORITY_CRITICAL;
	int64_t after = p->cursor->n;

	for (; priority >= PRIORITY_LOW && !p->has_more; priority--, after = 0) {
		struct db_stmt *s;
		int e;

		if (f->priority && priority != (int64_t)f->priority)
			continue;
		e = db_stmt(p->tx->db, id, &s);
		if (e)
			return err_trace(e);
		db_bind_i64(s, 1, priority);
		db_bind_i64(s, 2, after);
		if (f->label.p)
			db_bind_str(s, 3, f->label);
		else if (f->assignee)
			db_bind_i64(s, 3, f->assignee);
		e = take_rows(p, s, false);
		if (e)
			return err_trace(e);
	}
	return 0;
}

/* The rest of those with the cursor's subject, then those behind. */
static int page_by_subject(struct page *p)
{
	struct str from = p->cursor->n ? p->cursor->subject : p->f->subject;
	struct db_stmt *s;
	int e = db_stmt(p->tx->db, SQL_QUEST_PAGE_OF_SUBJECT, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, p->cursor->n);
	db_bind_str(s, 2, from);
	e = take_rows(p, s, true);
	if (e || p->has_more)
		return err_trace(e);
	e = db_stmt(p->tx->db, SQL_QUEST_PAGE_AFTER_SUBJECT, &s);
	if (e)
		return err_trace(e);
	db_bind_str(s, 1, from);
	return err_trace(take_rows(p, s, true));
}

/* The index that leaves the least to look at, its key bound behind the cursor. */
static int page_newest(struct page *p)
{
	const struct store_quest_filter *f = p->f;
	enum sql_id id = f->parent                  ? SQL_QUEST_PAGE_OF_PARENT
			 : f->label.p               ? SQL_QUEST_PAGE_OF_LABEL
			 : f->assignee && f->status ? SQL_QUEST_PAGE_OF_ASSIGNEE_AND_STATUS
			 : f->assignee              ? SQL_QUEST_PAGE_OF_ASSIGNEE
			 : f->status                ? SQL_QUEST_PAGE_OF_STATUS
						    : SQL_QUEST_PAGE;
	struct db_stmt *s;
	int e = db_stmt(p->tx->db, id, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, p->cursor->n ? p->cursor->n : INT64_MAX);
	if (id == SQL_QUEST_PAGE_OF_LABEL)
		db_bind_str(s, 2, f->label);
	else if (id != SQL_QUEST_PAGE)
		db_bind_i64(s, 2,
			    f->parent     ? f->parent
			    : f->assignee ? f->assignee
					  : (int64_t)f->status);
	if (id == SQL_QUEST_PAGE_OF_ASSIGNEE_AND_STATUS)
		db_bind_i64(s, 3, f->status);
	return err_trace(take_rows(p, s, false));
}

int store_quest_page(struct store_tx *tx, const struct store_quest_filter *f,
		     struct store_quest_cursor *cursor, struct quest_line_list *out, bool *has_more)
{
	struct page p = { .tx = tx, .f = f, .cursor = cursor, .out = out };
	bool by_subject = f->subject.p && !f->parent && !f->label.p && !f->assignee;
	int e;

	*out = (struct quest_line_list){ ARENA_ARRAY(tx->arena, f->limit, struct quest_line), 0 };
	if (!out->v)
		return err_nomem();
	e = f->is_ready ? page_ready(&p) : by_subject ? page_by_subject(&p) : page_newest(&p);
	*has_more = p.has_more;
	return err_trace(e);
}

struct candidate {
	int64_t n, rank; /* rank 0 = none */
};

static void take_better(struct candidate *best, struct candidate c)
{
	if (c.rank > best->rank || (c.rank == best->rank && c.n < best->n))
		*best = c;
}

/* Of those that need nothing. */
static int look_at_plain(struct store_tx *tx, const struct store_quest_offer *o, int64_t agent,
			 struct candidate *best)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, o->label.p ? SQL_QUEST_NEXT_WITH_LABEL : SQL_QUEST_NEXT, &s);

	if (e)
		return err_trace(e);
	row_bind_key(s, 1, agent);
	if (o->label.p)
		db_bind_str(s, 2, o->label);
	e = db_step(s);
	if (e == DB_ROW)
		take_better(best, (struct candidate){ db_i64(s, 0), db_i64(s, 1) });
	db_reset(s);
	return e < 0 ? err_trace(e) : 0;
}

/* The first of the sort behind *sort, which becomes it: NONE behind the last. */
static int look_at_sort(struct store_tx *tx, const struct store_quest_offer *o, int64_t agent,
			struct str *sort, struct candidate *best)
{
	enum sql_id id = o->label.p ? SQL_QUEST_NEXT_OF_SORT_WITH_LABEL : SQL_QUEST_NEXT_OF_SORT;
	struct candidate c = { 0, 0 };
	struct str_list needs;
	struct db_stmt *s;
	int e = db_stmt(tx->db, id, &s);

	if (e)
		return err_trace(e);
	row_bind_key(s, 1, agent);
	db_bind_str(s, 2, *sort);
	if (o->label.p)
		db_bind_str(s, 3, o->label);
	e = db_step(s);
	*sort = e == DB_ROW ? db_str_dup(s, 2, tx->arena) : STR_NONE;
	if (e == DB_ROW)
		c = (struct candidate){ db_i64(s, 0), db_i64(s, 1) };
	db_reset(s);
	if (e < 0)
		return err_trace(e);
	e = unpack_lines(tx->arena, *sort, &needs);
	if (e == 0 && c.n && store_words_within(needs, o->capabilities))
		take_better(best, c);
	return err_trace(e);
}

static int look_at(struct store_tx *tx, const struct store_quest_offer *o, int64_t agent,
		   struct candidate *best)
{
	struct str sort = STR("");
	int e = look_at_plain(tx, o, agent, best);

	while (e == 0 && sort.p && o->capabilities.n)
		e = look_at_sort(tx, o, agent, &sort, best);
	if (e)
		return err_trace(e);
	return tx->arena->is_out ? err_nomem() : 0;
}

int store_quest_next(struct store_tx *tx, const struct store_quest_offer *offer, int64_t *out)
{
	struct candidate best = { 0, 0 };
	int e = look_at(tx, offer, 0, &best);

	if (e == 0 && offer->agent)
		e = look_at(tx, offer, offer->agent, &best);
	if (e)
		return err_trace(e);
	if (best.rank == 0)
		return STORE_NONE;
	*out = best.n;
	return 0;
}
