/* SPDX-License-Identifier: Apache-2.0 */
/* message_to, add_participant, mention: saying something, to whom or where it may be. */
#include "handlers.gen.h"
#include "verbs/authority.h"
#include "verbs/ideas_common.h"
#include "verbs/quests_common.h"
#include "verbs/sessions_common.h"
#include "verbs/talk_say.h"
#include "verbs/tasks_common.h"

/* ---- what is attached ---- */

static int check_url(struct call *c, struct str url)
{
	size_t at = str_find(url, ':', 0);

	if (at > 0 && at + 1 < url.n && str_find(url, ' ', 0) == url.n)
		return 0;
	return call_fail_field(c, ERROR_INVALID_PARAMS, "attachments",
			       "'%.*s' is no url: it begins with a scheme",
			       STR_ARG(str_utf8_prefix(url, 64)));
}

/* It is there, and the one who speaks may see it. */
static int check_attachment(struct call *c, const struct attachment *a)
{
	struct store_session s;
	struct store_quest q;
	struct store_task t;
	struct idea_row idea;

	switch (a->kind) {
	case ATTACHMENT_KIND_IDEA:
		return ideas_named(c, "attachments", a->ref, &idea);
	case ATTACHMENT_KIND_QUEST:
		return quest_named(c, "attachments", a->ref, &q);
	case ATTACHMENT_KIND_TASK:
		return task_named(c, "attachments", a->ref, &t);
	case ATTACHMENT_KIND_SESSION:
		return session_named(c, "attachments", a->ref, &s);
	default:
		return check_url(c, a->ref);
	}
}

static int check_attachments(struct call *c, const struct attachment_list *list)
{
	int e = 0;

	for (size_t i = 0; e == 0 && i < list->n; i++)
		e = check_attachment(c, &list->v[i]);
	return e;
}

/* ---- what comes next ---- */

static struct str next_step(struct call *c, const struct talk_target *t,
			    const struct talk_said *said)
{
	struct str id = t->session.session.short_id;

	if (t->who.kind == TALK_ROLE && !t->who.occupant.p)
		return str_fmt(c->arena, "nobody sits in the role: it waits for who comes");
	return str_fmt(c->arena,
		       "events.poll with subject: %.*s waits for an answer, sessions.messages with "
		       "id: %.*s and since: %lld reads it",
		       STR_ARG(id), STR_ARG(id), (long long)said->seq);
}

int message_to(struct call *call, const struct message_to_params *p, struct message_to_result *r)
{
	struct talk_words w = { .text = p->text,
				.reply_to = p->reply_to,
				.attachments = p->attachments,
				.is_question = p->question };
	struct talk_target t;
	struct talk_said said;
	int e = talk_where(call, "to", p->to, p->from, &t);

	if (e == 0)
		e = talk_speaker(call, p->from, &t.session, &w.from);
	if (e == 0)
		e = check_attachments(call, &p->attachments);
	if (e == 0)
		e = talk_bring_all(call, &t.session, "mentions", &p->mentions, &w.mentions);
	if (e == 0)
		e = talk_bring_all(call, &t.session, "awaiting", &p->awaiting, &w.awaiting);
	if (e == 0)
		e = talk_say(call, &t.session, &w, &said);
	if (e)
		return e;
	r->session = t.session.session.short_id;
	r->id = t.session.session.id;
	r->seq = said.seq;
	r->kind = said.kind;
	r->turns = said.turns;
	r->created = r->has_created = t.is_new;
	r->next = next_step(call, &t, &said);
	return r->next.p ? 0 : err_nomem();
}

int add_participant(struct call *call, const struct add_participant_params *p,
		    struct add_participant_result *r)
{
	struct store_session s;
	struct talk_who who;
	int e = session_named(call, "session", p->session, &s);

	if (e == 0)
		e = authority_takes_part(call, "session", &s);
	if (e == 0)
		e = talk_named(call, "who", p->who, &who);
	if (e == 0)
		e = talk_bring(call, &s, "who", &who);
	return e ? e : session_shown(call, &s, &r->session);
}

/* "@ann what do you think?": so that whoever reads it sees who was called. */
static struct str words_for(struct call *c, const struct talk_who *who, struct str text)
{
	return str_fmt(c->arena, "@%.*s%s%.*s", STR_ARG(who->name), text.p ? " " : "",
		       STR_ARG(text));
}

int mention(struct call *call, const struct mention_params *p, struct mention_result *r)
{
	struct store_session s;
	struct talk_who who;
	struct talk_words w = { .mentions = { &who.who, 1 } };
	struct talk_said said;
	int e = session_named(call, "session", p->session, &s);

	if (e == 0)
		e = talk_speaker(call, STR_NONE, &s, &w.from);
	if (e == 0)
		e = talk_named(call, "who", p->who, &who);
	if (e == 0)
		e = talk_bring(call, &s, "who", &who);
	if (e)
		return e;
	w.text = words_for(call, &who, p->text);
	e = w.text.p ? talk_say(call, &s, &w, &said) : err_nomem();
	if (e)
		return e;
	r->session = s.session.short_id;
	r->id = s.session.id;
	r->seq = said.seq;
	r->kind = said.kind;
	r->turns = said.turns;
	return 0;
}
