/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs/talk_where.h"

#include "base/id.h"
#include "store/quests.h"
#include "verbs/authority.h"
#include "verbs/ideas_common.h"
#include "verbs/quests_common.h"
#include "verbs/talk_say.h"

/* ---- a session ---- */

/* STORE_NONE also when the caller may not read it. */
static int find_session(struct call *c, struct str id, struct store_session *out)
{
	bool may;
	int e = store_session_find(c->tx, id, out);

	if (e == 0)
		e = authority_reads(c->tx, c->principal, out, &may);
	return e ? e : may ? 0 : STORE_NONE;
}

int session_named(struct call *c, const char *field, struct str id, struct store_session *out)
{
	int e = find_session(c, id, out);

	return e == STORE_NONE ? call_not_found(c, "session", field, id) : err_trace(e);
}

static int open_again(struct call *c, struct store_session *s)
{
	s->session.status = SESSION_STATUS_OPEN;
	int e = store_session_set(c->tx, s);

	return e ? err_trace(e) : err_trace(session_event(c, "session.reopened", s));
}

int talk_session_of(struct call *c, const struct talk_key *key, struct store_session *out,
		    bool *out_is_new)
{
	int e = store_session_by_key(c->tx, key->kind, key->key, out);

	*out_is_new = e == STORE_NONE;
	if (e == 0)
		return out->session.status == SESSION_STATUS_CLOSED ? open_again(c, out) : 0;
	if (e != STORE_NONE)
		return err_trace(e);
	*out = (struct store_session){
		.key = key->key,
		.session = { .kind = key->kind,
			     .title = str_utf8_prefix(key->title, 200),
			     .created_by = c->principal->id },
	};
	e = store_session_add(c->tx, out);
	return e ? err_trace(e) : err_trace(session_event(c, "session.created", out));
}

int talk_join(struct call *c, struct store_session *s, const struct talk_who *who, bool tell)
{
	bool is_new;
	int e = store_session_join(c->tx, s, who->who, tell ? s->session.last : s->forked, &is_new);

	if (e == STORE_TOO_MANY) {
		call_data_int(c, "limit", SESSION_PARTICIPANTS_MAX);
		return call_fail(c, ERROR_CONFLICT,
				 "%.*s has %d participants, more are not allowed",
				 STR_ARG(s->session.short_id), SESSION_PARTICIPANTS_MAX);
	}
	if (e || !is_new || !tell)
		return err_trace(e);
	struct call_field fields[] = { { "session", s->session.short_id, 0 },
				       { "who", who->who, 0 } };

	e = call_event(c, "session.joined", s->session.id, fields, ARRAY_LEN(fields));
	if (e)
		return err_trace(e);
	return talk_tell(c, s, str_fmt(c->arena, "%.*s joined", STR_ARG(who->name)));
}

int talk_bring(struct call *c, struct store_session *s, const char *field,
	       const struct talk_who *who)
{
	struct participant place;
	int e = store_session_participant(c->tx, s->n, who->who, &place);

	if (e != STORE_NONE)
		return err_trace(e);
	if (s->session.status == SESSION_STATUS_CLOSED)
		return talk_refuse_closed(c, s);
	if (s->session.kind == SESSION_KIND_DIRECT) {
		c->failure.hint = STR("sessions.create opens one for several");
		return call_fail_field(c, ERROR_CONFLICT, field, "%.*s is between two",
				       STR_ARG(s->session.short_id));
	}
	e = authority_brings(c, field, who);
	return e ? e : talk_join(c, s, who, true);
}

int talk_bring_all(struct call *c, struct store_session *s, const char *field,
		   const struct str_list *names, struct str_list *out)
{
	int e = 0;

	*out = (struct str_list){ ARENA_ARRAY(c->arena, names->n, struct str), 0 };
	if (!out->v)
		return err_nomem();
	for (size_t i = 0; e == 0 && i < names->n; i++) {
		struct talk_who who;

		e = talk_named(c, field, names->v[i], &who);
		if (e == 0)
			e = talk_bring(c, s, field, &who);
		if (e == 0)
			out->v[out->n++] = who.who;
	}
	return e;
}

/* ---- ideas and quests ---- */

static int of_idea(struct call *c, const char *field, struct str text, struct talk_target *out)
{
	struct idea_row row;
	struct talk_key key = { .kind = SESSION_KIND_IDEA };
	int e = ideas_named(c, field, text, &row);

	if (e)
		return e;
	key.key = row.idea.id;
	key.title = row.idea.name;
	return talk_session_of(c, &key, &out->session, &out->is_new);
}

/* Of the idea that it works on, where there is one. */
static int of_quest(struct call *c, const char *field, struct str text, struct talk_target *out)
{
	struct store_quest q;
	struct talk_key key = { .kind = SESSION_KIND_QUEST };
	int e = quest_named(c, field, text, &q);

	if (e)
		return e;
	if (q.quest.idea_id.p)
		return of_idea(c, field, q.quest.idea_id, out);
	key.key = q.quest.id;
	key.title = str_fmt(c->arena, "%.*s %.*s", STR_ARG(q.quest.short_id),
			    STR_ARG(q.quest.subject));
	return key.title.p ? talk_session_of(c, &key, &out->session, &out->is_new) : err_nomem();
}

/* ---- two ---- */

static int of_two(struct call *c, const char *field, struct str from, struct talk_target *out)
{
	struct talk_speaker speaker;
	struct talk_who me;
	struct talk_key key = { .kind = SESSION_KIND_DIRECT };
	int e = talk_speaker(c, from, NULL, &speaker);

	if (e == 0)
		e = talk_of(c, speaker.as, &me);
	if (e)
		return e;
	if (str_eq(me.who, out->who.who))
		return call_fail_field(c, ERROR_CONFLICT, field, "that is who speaks");
	if (out->who.is_retired)
		return call_fail_field(c, ERROR_CONFLICT, field, "the agent '%.*s' is retired",
				       STR_ARG(out->who.name));
	key.key = store_session_pair(c->arena, me.who, out->who.who);
	if (!key.key.p)
		return err_nomem();
	e = talk_session_of(c, &key, &out->session, &out->is_new);
	if (e == 0 && out->is_new)
		e = talk_join(c, &out->session, &me, false);
	if (e == 0 && out->is_new)
		e = talk_join(c, &out->session, &out->who, false);
	return e;
}

/* ---- any ---- */

/* An idea by its bare name, when nobody is called so; both is ambiguous. */
static int of_name(struct call *c, const char *field, struct str text, struct str from,
		   struct talk_target *out)
{
	struct idea_reader reader = ideas_reader(c);
	struct idea_row row;
	struct str_list ids;
	int is_idea = store_idea_named(c->tx, text, &reader, &row, &ids);
	int e = is_idea < 0 ? is_idea : talk_find(c, field, text, &out->who);

	if (e && e != TALK_NOBODY)
		return e;
	if (e == TALK_NOBODY && is_idea == IDEA_NONE)
		return call_not_found(c, "session, person, agent, role, idea or quest", field,
				      text);
	if (e == TALK_NOBODY)
		return of_idea(c, field, text, out);
	if (is_idea == IDEA_NONE)
		return of_two(c, field, from, out);
	c->failure.hint = STR("say idea:NAME, or agent:NAME, user:NAME");
	return call_fail_field(c, ERROR_AMBIGUOUS, field, "an idea is called '%.*s' too",
			       STR_ARG(str_utf8_prefix(text, 64)));
}

/* An id says nothing of what it is the id of. */
static int of_id(struct call *c, const char *field, struct str id, struct str from,
		 struct talk_target *out)
{
	struct idea_reader reader = ideas_reader(c);
	struct store_quest q;
	struct idea_row row;
	int e = find_session(c, id, &out->session);

	if (e != STORE_NONE)
		return e;
	e = store_quest_get(c->tx, id, &q);
	if (e == 0)
		return of_quest(c, field, id, out);
	if (e == STORE_NONE)
		e = store_idea_get(c->tx, id, &row);
	if (e == 0 && idea_is_visible(&reader, row.idea.scope, row.idea.owner))
		return of_idea(c, field, id, out);
	return e < 0 ? err_trace(e) : of_name(c, field, id, from, out);
}

int talk_where(struct call *c, const char *field, struct str text, struct str from,
	       struct talk_target *out)
{
	static const struct str idea = STR("idea:"), quest = STR("quest:"),
				session = STR("session:");
	int e;

	*out = (struct talk_target){ .is_new = false };
	if (str_starts(text, idea))
		return of_idea(c, field, str_slice(text, idea.n, text.n), out);
	if (str_starts(text, quest) || str_starts(text, STR("q-")))
		return of_quest(c, field,
				str_starts(text, quest) ? str_slice(text, quest.n, text.n) : text,
				out);
	if (str_starts(text, session) || str_starts(text, STR("s-")))
		return session_named(c, field,
				     str_starts(text, session) ? str_slice(text, session.n, text.n)
							       : text,
				     &out->session);
	if (id_is_valid(text))
		return of_id(c, field, text, from, out);
	if (str_find(text, ':', 0) == text.n)
		return of_name(c, field, text, from, out);
	e = talk_find(c, field, text, &out->who);
	if (e == TALK_NOBODY)
		return of_name(c, field, text, from, out); /* a name may hold a colon */
	return e ? e : of_two(c, field, from, out);
}
