/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs/talk_say.h"

#include "verbs/talk_where.h"

/* ---- events ---- */

int session_event(struct call *c, const char *kind, const struct store_session *s)
{
	const struct session *k = &s->session;
	struct call_field fields[] = { { "session", k->short_id, 0 } };

	return err_trace(call_event(c, kind, k->id, fields, ARRAY_LEN(fields)));
}

/* What was said is for those who may read it: the event tells only that there is a message. */
static int tell_message(struct call *c, const struct store_session *s, const struct message *m)
{
	struct call_field fields[] = { { "session", s->session.short_id, 0 },
				       { "seq", STR_NONE, m->seq },
				       { "kind", message_kind_text(m->kind), 0 } };

	return err_trace(call_event(c, "session.message", s->session.id, fields, 3));
}

static int tell_mentions(struct call *c, const struct store_session *s, const struct message *m)
{
	int e = 0;

	for (size_t i = 0; e == 0 && i < m->mentions.n; i++) {
		struct call_field fields[] = { { "session", s->session.short_id, 0 },
					       { "seq", STR_NONE, m->seq },
					       { "who", m->mentions.v[i], 0 } };

		e = call_event(c, "session.mentioned", s->session.id, fields, 3);
	}
	return err_trace(e);
}

int talk_note(struct call *c, struct store_session *s, struct store_message *m)
{
	int e = store_message_add(c->tx, s, m);

	if (e == 0)
		e = tell_message(c, s, &m->message);
	if (e == 0)
		e = tell_mentions(c, s, &m->message);
	return err_trace(e);
}

int talk_tell(struct call *c, struct store_session *s, struct str text)
{
	struct store_message m = {
		.message = { .kind = MESSAGE_KIND_SYSTEM, .from = STR("system"), .text = text }
	};

	return text.p ? err_trace(talk_note(c, s, &m)) : err_nomem();
}

/* ---- what is said ---- */

/* All who are asked, all who are called, who is answered, and the other one. */
#define CALLED_MAX ((size_t)2 * MESSAGE_MENTIONS_MAX + 2)

struct saying {
	struct call *call;
	struct store_session *session;
	const struct talk_words *words;
	struct participant_list all;
	struct store_message m;
	struct str_list asked;  /* whose answer is waited for */
	struct str_list called; /* for whom it is */
};

static bool has(const struct str_list *list, struct str who)
{
	for (size_t i = 0; i < list->n; i++)
		if (str_eq(list->v[i], who))
			return true;
	return false;
}

static void add_once(struct str_list *list, size_t max, struct str who)
{
	if (list->n < max && !has(list, who))
		list->v[list->n++] = who;
}

static bool is_speaker(const struct saying *y, struct str who)
{
	return str_eq(who, y->words->from.as) || str_eq(who, y->words->from.who);
}

int talk_refuse_closed(struct call *c, const struct store_session *s)
{
	c->failure.hint = STR("sessions.fork goes on from it; by name (agent:ann, q-7) it opens");
	return call_fail(c, ERROR_SESSION_CLOSED, "%.*s is closed", STR_ARG(s->session.short_id));
}

/* ---- names in the text ---- */

static bool is_name_byte(char ch)
{
	return (ch >= '0' && ch <= '9') || ((ch | 32) >= 'a' && (ch | 32) <= 'z') || ch == '_' ||
	       ch == '-' || ch == '.' || (ch & 0x80);
}

struct str talk_next_name(struct str text, size_t *at)
{
	while (*at < text.n) {
		size_t from = str_find(text, '@', *at) + 1, to = from;

		while (to < text.n && is_name_byte(text.p[to]))
			to++;
		*at = MAX(to, from);
		while (to > from && text.p[to - 1] == '.')
			to--;
		if (to > from && (from < 2 || !is_name_byte(text.p[from - 2])))
			return str_slice(text, from, to);
	}
	return STR_NONE;
}

/* Only those who take part are called by a name in the text: others by `mention`. */
static int find_mentions(struct saying *y)
{
	struct str_list list = { ARENA_ARRAY(y->call->arena, MESSAGE_MENTIONS_MAX, struct str), 0 };
	struct str name;
	size_t at = 0;

	if (!list.v)
		return err_nomem();
	for (size_t i = 0; i < y->words->mentions.n; i++)
		add_once(&list, MESSAGE_MENTIONS_MAX, y->words->mentions.v[i]);
	while ((name = talk_next_name(y->words->text, &at)).p)
		for (size_t i = 0; i < y->all.n; i++)
			if (str_eq_nocase(y->all.v[i].name, name) &&
			    !is_speaker(y, y->all.v[i].participant))
				add_once(&list, MESSAGE_MENTIONS_MAX, y->all.v[i].participant);
	y->m.message.mentions = list;
	return 0;
}

/* ---- questions and answers ---- */

static const struct participant *the_other(const struct saying *y)
{
	const struct participant *other = NULL;

	for (size_t i = 0; i < y->all.n; i++)
		if (!is_speaker(y, y->all.v[i].participant)) {
			if (other)
				return NULL;
			other = &y->all.v[i];
		}
	return other;
}

static int find_asked(struct saying *y)
{
	const struct talk_words *w = y->words;
	const struct participant *other = the_other(y);
	struct call *c = y->call;

	y->asked = (struct str_list){ ARENA_ARRAY(c->arena, MESSAGE_MENTIONS_MAX, struct str), 0 };
	if (!y->asked.v)
		return err_nomem();
	for (size_t i = 0; i < w->awaiting.n; i++) {
		if (is_speaker(y, w->awaiting.v[i]))
			return call_fail_field(c, ERROR_CONFLICT, "awaiting",
					       "nobody waits for his own answer");
		add_once(&y->asked, MESSAGE_MENTIONS_MAX, w->awaiting.v[i]);
	}
	if (!w->is_question || y->asked.n)
		return 0;
	if (!other)
		return call_fail_field(c, ERROR_CONFLICT, "question",
				       "%zu take part: say in awaiting who shall answer", y->all.n);
	add_once(&y->asked, MESSAGE_MENTIONS_MAX, other->participant);
	return 0;
}

/* Who speaks while a question waits for him answers it. */
static int find_question(struct saying *y)
{
	struct message *m = &y->m.message;
	struct call *c = y->call;
	struct participant me = { .asked = 0 };
	struct store_message asked;
	int e = store_session_participant(c->tx, y->session->n, y->words->from.as, &me);

	if (e < 0)
		return err_trace(e);
	m->reply_to = y->words->reply_to ? y->words->reply_to : me.asked;
	if (!m->reply_to)
		return 0;
	e = store_message_get(c->tx, y->session, m->reply_to, &asked);
	if (e == STORE_NONE && !y->words->reply_to)
		return 0; /* retention took it */
	if (e == STORE_NONE)
		return call_fail_field(c, ERROR_NOT_FOUND, "reply_to", "%.*s has no message %lld",
				       STR_ARG(y->session->session.short_id),
				       (long long)m->reply_to);
	if (e == 0 && asked.message.kind == MESSAGE_KIND_QUESTION)
		m->kind = MESSAGE_KIND_ANSWER;
	if (e == 0)
		add_once(&y->called, CALLED_MAX, asked.message.from);
	return err_trace(e);
}

static int ask(struct saying *y)
{
	struct call *c = y->call;
	int e = 0;

	for (size_t i = 0; e == 0 && i < y->asked.n; i++) {
		e = store_session_ask(c->tx, y->session->n, y->asked.v[i], y->m.message.seq);
		add_once(&y->called, CALLED_MAX, y->asked.v[i]);
	}
	return err_trace(e);
}

/* ---- turns ---- */

/* The agent that a participant is, or that sits in its seat. */
static int turn_of(struct saying *y, struct str participant, int64_t *n_made)
{
	struct call *c = y->call;
	struct talk_who who;
	struct str agent = STR_NONE;
	int e = talk_of(c, participant, &who);

	if (e)
		return err_trace(e);
	if (who.kind == TALK_AGENT)
		agent = who.is_retired ? STR_NONE : who.id;
	else if (who.kind == TALK_ROLE && who.occupant_kind == TALK_AGENT)
		agent = who.occupant;
	if (!agent.p)
		return 0;
	participant = str_fmt(c->arena, "agent:%.*s", STR_ARG(agent));
	if (!participant.p)
		return err_nomem();
	return is_speaker(y, participant) ? 0 : talk_turn(c, y->session, agent, n_made);
}

static int make_turns(struct saying *y, int64_t *n_made)
{
	const struct participant *other = the_other(y);
	int e = 0;

	/* in a channel's chat only who is called: the other one may be a room */
	if (other && y->all.n <= 2 && y->session->session.kind != SESSION_KIND_CHANNEL)
		add_once(&y->called, CALLED_MAX, other->participant);
	for (size_t i = 0; i < y->m.message.mentions.n; i++)
		add_once(&y->called, CALLED_MAX, y->m.message.mentions.v[i]);
	for (size_t i = 0; e == 0 && i < y->called.n; i++)
		e = turn_of(y, y->called.v[i], n_made);
	return e;
}

/* ---- all together ---- */

/* What two say to each other is read by who is over them, and left to these two. */
static int check_pair(struct saying *y)
{
	struct store_session *s = y->session;
	struct participant place;
	int e = store_session_participant(y->call->tx, s->n, y->words->from.as, &place);

	if (e != STORE_NONE)
		return err_trace(e);
	return call_fail_field(y->call, ERROR_CONFLICT, "to", "%.*s is between two others",
			       STR_ARG(s->session.short_id));
}

/* Whoever speaks takes part from then on; where there is no more room he speaks all the same. */
static int join_speaker(struct saying *y)
{
	const struct talk_speaker *from = &y->words->from;
	struct talk_who who = { .who = from->as, .name = from->name };
	struct store_session *s = y->session;
	bool is_guest = s->session.kind == SESSION_KIND_GROUP && s->n_participants > 0;

	if (s->session.kind == SESSION_KIND_DIRECT)
		return check_pair(y);
	if (s->n_participants >= SESSION_PARTICIPANTS_MAX)
		return 0;
	return talk_join(y->call, s, &who, is_guest);
}

static int prepare(struct saying *y)
{
	struct call *c = y->call;
	int e = join_speaker(y);

	y->called = (struct str_list){ ARENA_ARRAY(c->arena, CALLED_MAX, struct str), 0 };
	if (!y->called.v)
		return err_nomem();
	if (e == 0)
		e = store_session_participants(c->tx, y->session->n, &y->all);
	if (e == 0)
		e = find_mentions(y);
	if (e == 0)
		e = find_asked(y);
	if (e == 0)
		e = find_question(y);
	if (e == 0 && y->asked.n)
		y->m.message.kind = MESSAGE_KIND_QUESTION;
	return e;
}

int talk_say(struct call *c, struct store_session *s, const struct talk_words *w,
	     struct talk_said *out)
{
	struct saying *y = ARENA_NEW(c->arena, struct saying);
	int e;

	if (!y)
		return err_nomem();
	if (s->session.status == SESSION_STATUS_CLOSED)
		return talk_refuse_closed(c, s);
	*y = (struct saying){ .call = c,
			      .session = s,
			      .words = w,
			      .m = { .role_id = w->from.role_id,
				     .message = { .kind = MESSAGE_KIND_TEXT,
						  .from = w->from.who,
						  .text = w->text,
						  .attachments = w->attachments } } };
	e = prepare(y);
	if (e == 0)
		e = talk_note(c, s, &y->m);
	if (e == 0)
		e = store_session_read(c->tx, s->n, w->from.as, y->m.message.seq);
	if (e == 0)
		e = store_session_ask(c->tx, s->n, w->from.as, 0);
	if (e == 0)
		e = ask(y);
	out->turns = 0;
	if (e == 0)
		e = make_turns(y, &out->turns);
	out->seq = y->m.message.seq;
	out->kind = y->m.message.kind;
	return e;
}
