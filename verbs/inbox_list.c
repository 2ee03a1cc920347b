/* SPDX-License-Identifier: Apache-2.0 */
/* inbox.list: what waits for somebody. One kind after the other, each in an order that does not
 * change while pages are turned: questions and mentions by session, tasks by queue, quests newest
 * first. */
#include "handlers.gen.h"
#include "store/messages.h"
#include "store/quests.h"
#include "store/quests_list.h"
#include "store/roles.h"
#include "store/tasks.h"
#include "store/tasks_list.h"
#include "verbs.gen.h"
#include "verbs/authority.h"
#include "verbs/sessions_common.h"

#define SEATS_MAX 100
#define ROWS_MAX  500 /* tasks or quests that are looked at for one page */
#define TEXT_MAX  500

/* Where a page begins: of which kind, and behind what. */
struct place {
	int64_t kind, a, b, c;
};

struct box {
	struct call *call;
	const struct inbox_list_params *p;
	struct inbox_item_list *out;
	struct place at; /* behind the last that was looked at */
	bool is_full;    /* the page is, or enough was looked at */
	bool is_others;  /* somebody else's: without what the caller may decide */
	struct {
		struct str who;  /* a participant */
		struct str role; /* short id; NONE: itself */
		int64_t n;       /* of the role */
	} names[SEATS_MAX + 1];
	size_t n_names;
	size_t n_looked;
};

static struct str beginning(struct str text)
{
	return str_utf8_prefix(text, TEXT_MAX);
}

/* `by`: a principal's id, where it is not said yet from whom it is. */
static int put(struct box *b, struct inbox_item item, struct str by)
{
	struct call *c = b->call;
	struct talk_who who;
	int e = 0;

	if (by.p) {
		item.from = talk_principal(c, by);
		e = item.from.p ? talk_of(c, item.from, &who) : err_nomem();
		item.name = who.name;
	}
	b->out->v[b->out->n++] = item;
	b->is_full = b->out->n == (size_t)b->p->limit;
	return err_trace(e);
}

/* ---- questions and mentions ---- */

static int put_message(struct box *b, size_t name, const struct store_call *at,
		       enum inbox_kind kind)
{
	struct call *c = b->call;
	struct store_session s;
	struct store_message m = { .n = 0 };
	struct inbox_item item = { .kind = kind, .seq = at->seq, .has_seq = true };
	int e = store_session_get_n(c->tx, at->session, &s);

	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_CORRUPT, "a session is missing");
	e = store_message_get(c->tx, &s, at->seq, &m);
	if (e >= 0)
		e = session_title(c, &s, &item.title);
	item.id = s.session.short_id;
	item.text = beginning(m.message.text.p ? m.message.text : STR(""));
	item.from = m.message.from;
	item.name = m.message.name;
	item.at = m.n ? m.message.at : s.session.updated_at;
	item.role = b->names[name].role;
	return e < 0 ? err_trace(e) : put(b, item, STR_NONE);
}

static int add_calls(struct box *b, size_t name, enum inbox_kind kind)
{
	struct call *c = b->call;
	struct store_call after = { b->at.b, b->at.c };
	struct store_call_list calls;
	size_t max = (size_t)b->p->limit - b->out->n;
	bool is_question = kind == INBOX_KIND_QUESTION;
	int e = is_question
		    ? store_session_asked(c->tx, b->names[name].who, &after, max, &calls)
		    : store_session_mentions(c->tx, b->names[name].who, &after, max, &calls);

	for (size_t i = 0; e == 0 && i < calls.n; i++) {
		e = put_message(b, name, &calls.v[i], kind);
		b->at = (struct place){ kind, b->names[name].n, calls.v[i].session,
					calls.v[i].seq };
	}
	return err_trace(e);
}

/* Of itself first, then of its seats in order. */
static int add_messages(struct box *b, enum inbox_kind kind)
{
	int64_t from = b->at.a;
	int e = 0;

	for (size_t i = 0; e == 0 && !b->is_full && i < b->n_names; i++) {
		if (b->names[i].n < from)
			continue;
		if (b->names[i].n != b->at.a)
			b->at = (struct place){ kind, b->names[i].n, 0, 0 };
		e = add_calls(b, i, kind);
	}
	return err_trace(e);
}

/* ---- tasks ---- */

static const struct {
	enum task_state state;
	enum verb_id verb; /* that decides */
} waiting[] = {
	[INBOX_KIND_INPUT] = { TASK_STATE_AWAITING_INPUT, VERB_TASKS_ANSWER },
	[INBOX_KIND_APPROVAL] = { TASK_STATE_AWAITING_APPROVAL, VERB_TASKS_APPROVE },
	[INBOX_KIND_REVIEW] = { TASK_STATE_OUTPUT_PENDING_REVIEW, VERB_TASKS_REVIEW },
};

static int is_mine(struct box *b, enum verb_id verb, struct str id, bool *out)
{
	struct authority_question q = { b->call->tx, b->call->principal, &verb_table[verb], id };
	enum authority_answer answer = AUTHORITY_NO;
	int e = authority_may(&q, &answer);

	*out = e == 0 && answer == AUTHORITY_YES;
	return e < 0 ? err_trace(e) : 0;
}

static int put_task(struct box *b, int64_t n, enum inbox_kind kind)
{
	struct call *c = b->call;
	struct store_task t;
	const struct task *k = &t.task;
	bool is_wanted = false;
	int e = store_task_get_n(c->tx, n, &t);

	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_CORRUPT, "a waiting task is missing");
	e = is_mine(b, waiting[kind].verb, k->id, &is_wanted);
	if (e || !is_wanted)
		return err_trace(e);
	struct inbox_item item = { .id = k->short_id,
				   .kind = kind,
				   .title = k->subject.p ? k->subject : k->short_id,
				   .text = k->question,
				   .question_id = k->question_id,
				   .at = k->updated_at };

	if (kind == INBOX_KIND_REVIEW)
		item.text = k->result;
	item.text = beginning(item.text.p ? item.text : item.title);
	return put(b, item, k->claimed_by.p ? k->claimed_by : k->created_by);
}

static int add_tasks(struct box *b, enum inbox_kind kind)
{
	struct call *c = b->call;
	struct store_task_place_list places;
	int e = 0;

	if (b->is_others || !authority_has(c->principal, &verb_table[waiting[kind].verb]))
		return 0;
	e = store_task_parked(c->tx, waiting[kind].state,
			      &(struct store_task_place){ b->at.a, b->at.b }, ROWS_MAX, &places);
	for (size_t i = 0; e == 0 && !b->is_full && i < places.n; i++) {
		b->at = (struct place){ kind, places.v[i].queue, places.v[i].n, 0 };
		e = put_task(b, places.v[i].n, kind);
	}
	b->is_full = b->is_full || places.n == ROWS_MAX;
	return err_trace(e);
}

/* ---- quests ---- */

static int put_quest(struct box *b, const struct quest_line *line)
{
	struct call *c = b->call;
	struct store_quest q;
	const struct quest *k = &q.quest;
	bool is_wanted = false;
	int e = store_quest_get(c->tx, line->id, &q);

	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_CORRUPT, "a blocked quest is missing");
	e = is_mine(b, VERB_QUESTS_UPDATE, k->id, &is_wanted);
	if (e || !is_wanted)
		return err_trace(e);
	struct inbox_item item = { .id = k->short_id,
				   .kind = INBOX_KIND_BLOCKED,
				   .title = k->subject,
				   .text = k->subject,
				   .at = k->updated_at };

	if (k->blocked_reason.p)
		item.text = k->blocked_reason;
	else if (k->outcome && k->outcome->summary.p)
		item.text = k->outcome->summary;
	item.text = beginning(item.text);
	return put(b, item, k->created_by);
}

/* One that waits for another quest asks nothing of anybody. */
static int add_quests(struct box *b)
{
	struct call *c = b->call;
	struct store_quest_filter f = { .status = QUEST_STATUS_BLOCKED, .limit = ROWS_MAX };
	struct store_quest_cursor cursor = { .n = b->at.a };
	struct quest_line_list lines;
	bool has_more = false;
	int e;

	if (b->is_others || !authority_has(c->principal, &verb_table[VERB_QUESTS_UPDATE]))
		return 0;
	e = store_quest_page(c->tx, &f, &cursor, &lines, &has_more);
	for (size_t i = 0; e == 0 && !b->is_full && i < lines.n; i++) {
		struct store_quest_key key;

		e = store_quest_key(c->tx, lines.v[i].id, &key);
		if (e == 0 && !lines.v[i].blocked_by.p)
			e = put_quest(b, &lines.v[i]);
		b->at = (struct place){ INBOX_KIND_BLOCKED, key.n, 0, 0 };
	}
	if (e == 0 && !b->is_full && has_more) {
		b->at.a = cursor.n;
		b->is_full = true;
	}
	return e < 0 ? err_trace(e) : 0;
}

/* ---- all ---- */

static int add_kind(struct box *b, enum inbox_kind kind)
{
	switch (kind) {
	case INBOX_KIND_QUESTION:
	case INBOX_KIND_MENTION:
		return add_messages(b, kind);
	case INBOX_KIND_BLOCKED:
		return add_quests(b);
	default:
		return add_tasks(b, kind);
	}
}

static int add_seats(struct box *b, struct str occupant)
{
	struct call *c = b->call;
	struct store_role_filter f = { .occupant = occupant, .limit = SEATS_MAX };
	struct role_line_list seats;
	int64_t more;
	int e = store_role_page(c->tx, &f, &seats, &more);

	for (size_t i = 0; e == 0 && i < seats.n; i++) {
		b->names[b->n_names].who = str_fmt(c->arena, "role:%.*s", STR_ARG(seats.v[i].id));
		b->names[b->n_names].role = seats.v[i].short_id;
		if (!str_to_i64(str_slice(seats.v[i].short_id, 2, seats.v[i].short_id.n),
				&b->names[b->n_names].n))
			return err_new(ERR_INTERNAL, "a role without a number");
		b->n_names++;
	}
	return c->arena->is_out ? err_nomem() : err_trace(e);
}

static int find_names(struct box *b)
{
	struct call *c = b->call;
	struct talk_who who = { .who = talk_self(c) };
	int e = 0;

	if (b->p->whose.p) {
		e = talk_named(c, "whose", b->p->whose, &who);
		if (e == 0)
			e = authority_looks_for(c, "whose", &who);
		b->is_others = !str_eq(who.who, talk_self(c));
	}
	if (e)
		return e;
	if (!who.who.p)
		return err_nomem();
	b->names[b->n_names++].who = who.who;
	if (who.kind == TALK_ROLE)
		return 0;
	return add_seats(b, str_slice(who.who, str_find(who.who, ':', 0) + 1, who.who.n));
}

static int read_cursor(struct str text, struct place *out)
{
	int64_t *parts[] = { &out->kind, &out->a, &out->b, &out->c };

	for (size_t i = 0; text.p && i < ARRAY_LEN(parts); i++)
		if (!str_to_i64(str_cut(&text, '.'), parts[i]))
			return err_new(ERR_INTERNAL, "a cursor that we gave is none");
	return 0;
}

static int write_cursor(struct box *b, struct inbox_list_result *r)
{
	r->next_cursor = str_fmt(b->call->arena, "%lld.%lld.%lld.%lld", (long long)b->at.kind,
				 (long long)b->at.a, (long long)b->at.b, (long long)b->at.c);
	return r->next_cursor.p ? 0 : err_nomem();
}

int inbox_list(struct call *call, const struct inbox_list_params *p, struct inbox_list_result *r)
{
	struct box *b = ARENA_NEW(call->arena, struct box);
	int e;

	r->items.v = ARENA_ARRAY(call->arena, (size_t)p->limit, struct inbox_item);
	if (!b || !r->items.v)
		return err_nomem();
	b->call = call;
	b->p = p;
	b->out = &r->items;
	e = find_names(b);
	if (e == 0)
		e = read_cursor(p->cursor, &b->at);
	for (int64_t kind = MAX(b->at.kind, 1); e == 0 && !b->is_full && kind < INBOX_KIND_MAX;
	     kind++) {
		if (p->kind && (int64_t)p->kind != kind)
			continue;
		if (kind != b->at.kind)
			b->at = (struct place){ .kind = kind };
		e = add_kind(b, (enum inbox_kind)kind);
	}
	if (e)
		return e;
	r->next = r->items.n ? STR("inbox.answer with its id") : STR_NONE;
	return b->is_full ? write_cursor(b, r) : 0;
}
