/* SPDX-License-Identifier: Apache-2.0 */
/* What lies in mailboxes. */
#include "store/mail.h"

#include "base/err.h"
#include "store/db.h"
#include "store/news.h"
#include "store/rows.h"
#include "store/tasks_change.h"

struct counts {
	int64_t sent, waiting, in_flight;
};

static int count(struct store_tx *tx, int64_t mailbox, const struct counts *more)
{
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_MAILBOX_COUNT, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, mailbox);
	db_bind_i64(s, 2, more->sent);
	db_bind_i64(s, 3, more->waiting);
	db_bind_i64(s, 4, more->in_flight);
	return err_trace(row_run(tx, s));
}

static int count_in(struct store_tx *tx, struct store_mailbox *m, const struct counts *more)
{
	m->mailbox.sent += more->sent;
	m->mailbox.waiting += more->waiting;
	m->mailbox.in_flight += more->in_flight;
	return err_trace(count(tx, m->n, more));
}

/* There is one more to be had: whoever waits for it is told. */
static void tell(struct store_tx *tx, int64_t mailbox)
{
	store_news_there(tx, (struct store_place){ STORE_PLACE_MAILBOX, mailbox }, 1);
}

int store_mail_send(struct store_tx *tx, struct store_mailbox *m, struct store_mail *mail)
{
	static const struct counts one = { .sent = 1, .waiting = 1 };
	struct mailbox *b = &m->mailbox;
	struct db_stmt *s;
	int e;

	if (b->waiting + b->in_flight >= b->max_mail)
		return STORE_TOO_MANY;
	e = count_in(tx, m, &one);
	if (e == 0)
		e = db_stmt(tx->db, SQL_MAIL_ADD, &s);
	if (e)
		return err_trace(e);
	mail->mail.seq = b->sent;
	mail->mail.sent_at = tx->now_ms;
	db_bind_i64(s, 1, m->n);
	db_bind_i64(s, 2, mail->mail.seq);
	db_bind_str(s, 3, mail->mail.from);
	db_bind_str(s, 4, mail->mail.payload);
	db_bind_i64(s, 5, mail->mail.sent_at);
	tell(tx, m->n);
	return err_trace(row_insert_sure(tx, s, &mail->n));
}

int store_mail_waiting(struct store_tx *tx, const struct store_mailbox *m, size_t max,
		       size_t max_bytes, struct store_mail_list *out)
{
	struct arena *a = tx->arena;
	size_t n_bytes = 0;
	struct db_stmt *s;
	int e = db_stmt(tx->db, SQL_MAIL_WAITING, &s);

	if (e)
		return err_trace(e);
	*out = (struct store_mail_list){ ARENA_ARRAY(a, max, struct store_mail), 0 };
	if (!out->v)
		return err_nomem();
	db_bind_i64(s, 1, m->n);
	db_bind_i64(s, 2, (int64_t)max);
	while (out->n < max && (e = db_step(s)) == DB_ROW) {
		n_bytes += db_str(s, 3).n;
		if (out->n && n_bytes > max_bytes)
			break;
		out->v[out->n++] = (struct store_mail){
			.n = db_i64(s, 0),
			.mail = { .seq = db_i64(s, 1),
				  .from = db_str_dup(s, 2, a),
				  .payload = db_str_dup(s, 3, a),
				  .sent_at = db_i64(s, 4),
				  .deliveries = db_i64(s, 5) },
		};
	}
	db_reset(s);
	if (e < 0)
		return err_trace(e);
	return a->is_out ? err_nomem() : 0;
}

int store_mail_deliver(struct store_tx *tx, struct store_mailbox *m, struct store_mail *mail)
{
	static const struct counts out = { .waiting = -1, .in_flight = 1 };
	struct db_stmt *s;
	int e = count_in(tx, m, &out);

	if (e == 0)
		e = db_stmt(tx->db, SQL_MAIL_DELIVER, &s);
	if (e)
		return err_trace(e);
	mail->mail.deliveries++;
	db_bind_i64(s, 1, mail->n);
	db_bind_str(s, 2, mail->token);
	db_bind_i64(s, 3, mail->mail.visible_at);
	store_news_times(tx, mail->mail.visible_at, 0);
	return err_trace(row_run(tx, s));
}

/* What is not there to be acknowledged: rows get their n anew, a mailbox's seq never comes again.
 */
static int why_not_there(struct store_tx *tx, const struct store_mailbox *m,
			 const struct store_mail *mail)
{
	struct db_stmt *s;
	int64_t is_there;
	int e = db_stmt(tx->db, SQL_MAIL_IS_THERE, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, mail->n);
	db_bind_i64(s, 2, m->n);
	db_bind_i64(s, 3, mail->mail.seq);
	e = row_i64(s, &is_there);
	if (e)
		return err_trace(e);
	return is_there || mail->mail.seq < 1 || mail->mail.seq > m->mailbox.sent ? STORE_STALE
										  : STORE_NONE;
}

int store_mail_ack(struct store_tx *tx, struct store_mailbox *m, const struct store_mail *mail)
{
	struct counts gone = { 0 };
	struct db_stmt *s;
	bool was_out;
	int e = db_stmt(tx->db, SQL_MAIL_ACK, &s);

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, mail->n);
	db_bind_i64(s, 2, m->n);
	db_bind_i64(s, 3, mail->mail.seq);
	db_bind_str(s, 4, mail->token);
	e = db_step(s);
	if (e != DB_ROW)
		return e < 0 ? err_trace(e) : why_not_there(tx, m, mail);
	was_out = db_i64(s, 0) != 0;
	e = db_run(s);
	if (e)
		return err_trace(e);
	/* else its time was over, and nobody has had it since */
	gone.waiting = was_out ? 0 : -1;
	gone.in_flight = was_out ? -1 : 0;
	return err_trace(count_in(tx, m, &gone));
}

/* ---- what time does ---- */

struct due {
	int64_t n, mailbox;
};

static int give_back(struct store_tx *tx, const struct due *d)
{
	static const struct counts back = { .waiting = 1, .in_flight = -1 };
	int e = row_run_one(tx, SQL_MAIL_RETURN, d->n);

	if (e == 0)
		e = count(tx, d->mailbox, &back);
	tell(tx, d->mailbox);
	return err_trace(e);
}

static int give_back_due(struct store_tx *tx, size_t max, bool *has_more)
{
	struct due *v = ARENA_ARRAY(tx->arena, max, struct due);
	struct db_stmt *s;
	size_t n = 0;
	int e = v ? db_stmt(tx->db, SQL_MAIL_DUE, &s) : err_nomem();

	if (e)
		return err_trace(e);
	db_bind_i64(s, 1, tx->steady_ms);
	db_bind_i64(s, 2, (int64_t)max);
	while (n < max && (e = db_step(s)) == DB_ROW)
		v[n++] = (struct due){ db_i64(s, 0), db_i64(s, 1) };
	db_reset(s);
	e = MIN(e, 0);
	for (size_t i = 0; e == 0 && i < n; i++)
		e = give_back(tx, &v[i]);
	*has_more |= n == max;
	return err_trace(e);
}

static int sweep(struct store_tx *tx, size_t max, bool *has_more)
{
	int64_t gone;
	int e = row_first_i64(tx, SQL_MAILBOX_FIRST_GONE, &gone);

	if (e || !gone)
		return err_trace(e);
	e = row_set(tx, SQL_MAIL_SWEEP, gone, (int64_t)max);
	if (e == 0)
		e = row_run_one(tx, SQL_MAILBOX_REMOVE, gone);
	*has_more = true; /* of this one, or another */
	return err_trace(e);
}

int store_mail_tick(struct store_tx *tx, size_t max, bool *has_more)
{
	int e = give_back_due(tx, max, has_more);

	return e ? err_trace(e) : err_trace(sweep(tx, max, has_more));
}

int store_mail_next_time(struct store_tx *tx, int64_t *out)
{
	int64_t gone;
	int e = row_first_i64(tx, SQL_MAILBOX_FIRST_GONE, &gone);

	if (e == 0)
		e = row_first_i64(tx, SQL_MAIL_DUE_FIRST, out);
	if (e == 0 && gone)
		*out = tx->steady_ms;
	return err_trace(e);
}
