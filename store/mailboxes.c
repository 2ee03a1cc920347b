/* SPDX-License-Identifier: Apache-2.0 */
/* Mailboxes as rows. */
#include "store/mailboxes.h"

#include "base/err.h"
#include "store/agents.h"
#include "store/db.h"
#include "store/fold.h"
#include "store/news.h"
#include "store/rows.h"

/* Columns of mailbox_by_* and mailbox_page*. */
static void read_mailbox(struct db_stmt *s, struct arena *a, struct store_mailbox *out)
{
	*out = (struct store_mailbox){
		.n = db_i64(s, 0),
		.mailbox = { .id = db_str_dup(s, 1, a),
			     .name = db_str_dup(s, 2, a),
			     .about = db_str_dup(s, 3, a),
			     .owner = db_str_dup(s, 4, a),
			     .owner_name = db_str_dup(s, 5, a),
			     .max_mail = db_i64(s, 6),
			     .visibility_ms = db_i64(s, 7),
			     .sent = db_i64(s, 8),
			     .waiting = db_i64(s, 9),
			     .in_flight = db_i64(s, 10),
			     .created_by = db_str_dup(s, 11, a),
			     .created_at = db_i64(s, 12) },
	};
}

static int mailbox_by(struct store_tx *tx, enum sql_id id, struct str text,
		      struct store_mailbox *out)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, id, &s);

	if (e)
		return err_trace(e);
	db_bind_str(s, 1, text);
	e = db_step(s);
	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : STORE_NONE;
	read_mailbox(s, tx->arena, out);
	db_reset(s);
	return tx->arena->is_out ? err_nomem() : 0;
}

int store_mailbox_find(struct store_tx *tx, struct str who, struct store_mailbox *out)
{
	struct str key;
	int e;

	if (id_is_valid(who)) {
		e = mailbox_by(tx, SQL_MAILBOX_BY_ID, who, out);
		if (e != STORE_NONE)
			return e;
	}
	e = fold_key(tx->arena, who, &key);
	return e ? err_trace(e) : mailbox_by(tx, SQL_MAILBOX_BY_KEY, key, out);
}

int store_mailbox_add(struct store_tx *tx, struct store_mailbox *m)
{
	struct mailbox *b = &m->mailbox;
	struct db_stmt *s;
	struct str key;
	int64_t n_mailboxes;
	int e = row_first_i64(tx, SQL_MAILBOX_N, &n_mailboxes);

	if (e == 0 && n_mailboxes >= MAILBOXES_MAX)
		return STORE_TOO_MANY;
	if (e == 0)
		e = fold_key(tx->arena, b->name, &key);
	if (e == 0)
		e = db_stmt(tx->db, SQL_MAILBOX_ADD, &s);
	if (e)
		return err_trace(e);
	b->id = row_new_id(tx);
	b->created_at = tx->now_ms;
	db_bind_str(s, 1, b->id);
	db_bind_str(s, 2, b->name);
	db_bind_str(s, 3, key);
	db_bind_str(s, 4, b->about);
	db_bind_str(s, 5, b->owner);
	db_bind_i64(s, 6, b->max_mail);
	db_bind_i64(s, 7, b->visibility_ms);
	db_bind_str(s, 8, b->created_by);
	db_bind_i64(s, 9, b->created_at);
	e = tx->arena->is_out ? err_nomem() : row_insert(tx, s, &m->n);
	return e == DB_CONSTRAINT ? STORE_NAME_TAKEN : err_trace(e);
}

int store_mailbox_remove(struct store_tx *tx, const struct store_mailbox *m)
{
	store_news_there(tx, (struct store_place){ STORE_PLACE_MAILBOX, m->n }, STORE_NEWS_ALL);
	store_news_times(tx, tx->steady_ms, 0);
	return err_trace(row_run_one(tx, SQL_MAILBOX_LEAVE, m->n));
}

static int page_of(struct store_tx *tx, const struct store_mailbox_filter *f, struct db_stmt **out)
{
	struct str key = STR("");
	int e = f->after.p ? fold_key(tx->arena, f->after, &key) : 0;

	if (e == 0)
		e = db_stmt(tx->db, f->owner.p ? SQL_MAILBOX_PAGE_OF_OWNER : SQL_MAILBOX_PAGE, out);

	if (e)
		return err_trace(e);
	db_bind_str(*out, 1, key);
	db_bind_i64(*out, 2, (int64_t)f->limit + 1);
	if (f->owner.p)
		db_bind_str(*out, 3, f->owner);
	return 0;
}

int store_mailbox_page(struct store_tx *tx, const struct store_mailbox_filter *f,
		       struct mailbox_list *out, struct str *out_after)
{
	struct store_mailbox m;
	struct db_stmt *s;
	int e = page_of(tx, f, &s);

	if (e)
		return err_trace(e);
	*out_after = STR_NONE;
	*out = (struct mailbox_list){ ARENA_ARRAY(tx->arena, f->limit, struct mailbox), 0 };
	if (!out->v)
		return err_nomem();
	while ((e = db_step(s)) == DB_ROW && out->n < f->limit) {
		read_mailbox(s, tx->arena, &m);
		out->v[out->n++] = m.mailbox;
	}
	if (e == DB_ROW)
		*out_after = out->v[out->n - 1].name;
	db_reset(s);
	if (e < 0)
		return err_trace(e);
	return tx->arena->is_out ? err_nomem() : 0;
}
