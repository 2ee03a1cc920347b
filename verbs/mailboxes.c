/* SPDX-License-Identifier: Apache-2.0 */
/* mailboxes.*: anybody leaves JSON there, its owner takes it out, and it is gone once acknowledged.
 * A delivery is known by its receipt, "<mailbox>-<row>-<seq>-<token>": the next one has another,
 * and it tells mail that is gone from mail that never was. */
#include "store/mailboxes.h"

#include "base/id.h"
#include "handlers.gen.h"
#include "store/mail.h"
#include "store/tasks_change.h"
#include "verbs/authority.h"
#include "verbs/people_common.h"
#include "verbs/tasks_common.h"

#define RECEIVED_BYTES_MAX ((size_t)1024 * 1024)
#define FULL_RETRY_MS      1000

static int mailbox_named(struct call *c, struct str who, struct store_mailbox *out)
{
	int e = store_mailbox_find(c->tx, who, out);

	return e == STORE_NONE ? call_not_found(c, "mailbox", "id", who) : err_trace(e);
}

static int refuse_name(struct call *c, struct str name)
{
	struct store_mailbox there;
	int e = mailbox_named(c, name, &there);

	return e ? e : call_name_taken(c, "a mailbox", there.mailbox.id, there.mailbox.name);
}

static int tell(struct call *c, const char *kind, const struct mailbox *m)
{
	struct call_field fields[] = { { "mailbox", m->name, 0 }, { "owner", m->owner, 0 } };

	return err_trace(call_event(c, kind, m->id, fields, ARRAY_LEN(fields)));
}

/* ---- mailboxes ---- */

/* The caller, or whom it may act for. */
static int find_owner(struct call *c, struct str owner, struct mailbox *out)
{
	struct party who = { .id = c->principal->id };
	int e = owner.p ? party_named(c, "owner", owner, &who) : 0;

	if (e == 0 && owner.p && !str_eq(who.id, c->principal->id)) {
		if (!who.name.p) /* a principal of no kind that others own things for */
			return call_not_found(c, "agent, person or role", "owner", owner);
		e = authority_over_owner(c, "owner", who.id);
	}
	out->owner = who.id;
	out->owner_name = who.name;
	return e;
}

int mailboxes_create(struct call *call, const struct mailboxes_create_params *p,
		     struct mailboxes_create_result *r)
{
	struct store_mailbox m = { .mailbox = { .name = p->name,
						.about = p->about,
						.max_mail = p->max_mail,
						.visibility_ms = p->visibility_ms,
						.created_by = call->principal->id } };
	int e = find_owner(call, p->owner, &m.mailbox);

	if (e == 0)
		e = store_mailbox_add(call->tx, &m);
	if (e == STORE_NAME_TAKEN)
		return refuse_name(call, p->name);
	if (e == STORE_TOO_MANY)
		return call_fail(call, ERROR_OVERLOADED, "there are %d mailboxes already",
				 MAILBOXES_MAX);
	if (e == 0)
		e = tell(call, "mailbox.created", &m.mailbox);
	r->mailbox = m.mailbox;
	r->next = STR("mailboxes.send from anybody, mailboxes.receive with wait_ms by its owner");
	return e;
}

int mailboxes_list(struct call *call, const struct mailboxes_list_params *p,
		   struct mailboxes_list_result *r)
{
	struct store_mailbox_filter f = { .after = p->cursor, .limit = (size_t)p->limit };
	struct party owner = { .id = p->mine ? call->principal->id : STR_NONE };
	int e = p->owner.p ? party_named(call, "owner", p->owner, &owner) : 0;

	f.owner = owner.id;
	if (e == 0)
		e = store_mailbox_page(call->tx, &f, &r->items, &r->next_cursor);
	return e;
}

int mailboxes_delete(struct call *call, const struct mailboxes_delete_params *p,
		     struct mailboxes_delete_result *r)
{
	struct store_mailbox m;
	int e = mailbox_named(call, p->id, &m);

	if (e == 0)
		e = store_mailbox_remove(call->tx, &m);
	if (e)
		return e;
	r->id = m.mailbox.id;
	r->name = m.mailbox.name;
	r->lost = m.mailbox.waiting + m.mailbox.in_flight;
	return tell(call, "mailbox.deleted", &m.mailbox);
}

/* ---- mail ---- */

static int refuse_full(struct call *c, const struct mailbox *m)
{
	call_data_int(c, "max_mail", m->max_mail);
	call_data_int(c, "waiting", m->waiting);
	call_data_int(c, "in_flight", m->in_flight);
	c->failure.retry_after_ms = FULL_RETRY_MS;
	return call_fail_field(c, ERROR_MAILBOX_FULL, "id", "'%.*s' holds %lld mails already",
			       STR_ARG(m->name), (long long)m->max_mail);
}

int mailboxes_send(struct call *call, const struct mailboxes_send_params *p,
		   struct mailboxes_send_result *r)
{
	struct store_mail mail = { .mail = { .from = call->principal->id, .payload = p->payload } };
	struct store_mailbox m;
	int e = mailbox_named(call, p->id, &m);

	if (e == 0)
		e = store_mail_send(call->tx, &m, &mail);
	if (e == STORE_TOO_MANY)
		return refuse_full(call, &m.mailbox);
	if (e)
		return e;
	r->mailbox = m.mailbox.name;
	r->seq = mail.mail.seq;
	r->waiting = m.mailbox.waiting;
	struct call_field fields[] = { { "mailbox", m.mailbox.name, 0 },
				       { "seq", STR_NONE, mail.mail.seq } };
	return err_trace(call_event(call, "mail.sent", m.mailbox.id, fields, ARRAY_LEN(fields)));
}

static int deliver(struct call *c, struct store_mailbox *m, struct store_mail *mail,
		   int64_t visibility_ms)
{
	int e;

	mail->token = task_new_token(c->arena);
	mail->mail.receipt = str_fmt(c->arena, "%lld-%lld-%lld-%.*s", (long long)m->n,
				     (long long)mail->n, (long long)mail->mail.seq,
				     STR_ARG(mail->token));
	if (!mail->token.p || !mail->mail.receipt.p)
		return err_nomem();
	mail->mail.visible_at = c->tx->steady_ms +
				(visibility_ms ? visibility_ms : m->mailbox.visibility_ms);
	e = store_mail_deliver(c->tx, m, mail);
	return err_trace(e);
}

int mailboxes_receive(struct call *call, const struct mailboxes_receive_params *p,
		      struct mailboxes_receive_result *r)
{
	struct store_mailbox m;
	struct store_mail_list list = { NULL, 0 };
	int e = mailbox_named(call, p->id, &m);

	if (e == 0)
		e = store_mail_waiting(call->tx, &m, (size_t)p->max, RECEIVED_BYTES_MAX, &list);
	if (e)
		return e;
	if (list.n == 0 && p->wait_ms && !call->is_time_over)
		return call_wait_to_take(call, &(struct call_wait){
						   .timeout_ms = p->wait_ms,
						   .place = { STORE_PLACE_MAILBOX, m.n } });
	r->items.v = ARENA_ARRAY(call->arena, list.n, struct mail);
	if (!r->items.v)
		return err_nomem();
	for (size_t i = 0; e == 0 && i < list.n; i++) {
		e = deliver(call, &m, &list.v[i], p->visibility_ms);
		r->items.v[r->items.n++] = list.v[i].mail;
	}
	r->next = list.n ? STR("mailboxes.ack with the receipts before visible_at")
			 : STR("mailboxes.receive with wait_ms waits for some");
	return err_trace(e);
}

struct acked {
	int64_t n_now, n_already;
	struct str_list stale;
};

static bool cut_number(struct str *rest, int64_t *out)
{
	struct str number = str_cut(rest, '-');

	return rest->p && str_to_i64(number, out);
}

/* False: we made no such receipt for this mailbox. */
static bool read_receipt(const struct store_mailbox *m, struct str receipt, struct store_mail *out)
{
	int64_t mailbox;

	if (!cut_number(&receipt, &mailbox) || !cut_number(&receipt, &out->n) ||
	    !cut_number(&receipt, &out->mail.seq))
		return false;
	out->token = receipt;
	return mailbox == m->n;
}

/* Where an answer was lost the same is said again: what is gone already is none that is stale. */
static int ack_all(struct call *c, struct store_mailbox *m, const struct str_list *receipts,
		   struct acked *out)
{
	for (size_t i = 0; i < receipts->n; i++) {
		struct store_mail mail = { 0 };
		int e = STORE_STALE;

		if (read_receipt(m, receipts->v[i], &mail))
			e = store_mail_ack(c->tx, m, &mail);
		if (e < 0)
			return err_trace(e);
		if (e == STORE_STALE)
			out->stale.v[out->stale.n++] = receipts->v[i];
		out->n_now += e == 0;
		out->n_already += e == STORE_NONE;
	}
	return 0;
}

int mailboxes_ack(struct call *call, const struct mailboxes_ack_params *p,
		  struct mailboxes_ack_result *r)
{
	struct acked acked = { .stale = { ARENA_ARRAY(call->arena, p->receipts.n, struct str),
					  0 } };
	struct store_mailbox m;
	int e = acked.stale.v ? mailbox_named(call, p->id, &m) : err_nomem();

	if (e == 0)
		e = ack_all(call, &m, &p->receipts, &acked);
	if (e)
		return e;
	if (acked.stale.n) {
		call_data_strs(call, "stale", acked.stale);
		call->failure.hint = STR("repeat without those in `stale`: their mail was "
					 "delivered again, or they are of no such mail");
		return call_fail_field(call, ERROR_STALE_ATTEMPT, "receipts",
				       "%zu of %zu receipts are stale", acked.stale.n,
				       p->receipts.n);
	}
	r->acked = acked.n_now;
	r->already = acked.n_already;
	r->waiting = m.mailbox.waiting;
	r->in_flight = m.mailbox.in_flight;
	return 0;
}
