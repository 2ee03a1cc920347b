/* SPDX-License-Identifier: Apache-2.0 */
/* sessions.create, close, fork, get: a session from its beginning to its end. */
#include "handlers.gen.h"
#include "store/messages.h"
#include "verbs/authority.h"
#include "verbs/sessions_common.h"
#include "verbs/talk_say.h"

/* ---- how it is shown ---- */

int session_shown(struct call *c, const struct store_session *s, struct session *out)
{
	*out = s->session;
	return err_trace(store_session_participants(c->tx, s->n, &out->participants));
}

int session_title(struct call *c, const struct store_session *s, struct str *out)
{
	struct participant_list all;
	struct participant me = { .participant = STR_NONE };
	struct str text = STR_NONE;
	int e;

	*out = s->session.title;
	if (out->p)
		return 0;
	e = store_session_participants(c->tx, s->n, &all);
	if (e == 0)
		e = talk_place(c, s->n, &me);
	if (e < 0)
		return err_trace(e);
	for (size_t i = 0; i < all.n && text.n < 200; i++)
		if (!str_eq(all.v[i].participant, me.participant))
			text = str_fmt(c->arena, "%.*s%s%.*s", STR_ARG(text), text.n ? ", " : "",
				       STR_ARG(all.v[i].name));
	*out = str_utf8_prefix(text.p ? text : STR(""), 200);
	return c->arena->is_out ? err_nomem() : 0;
}

int session_unread(struct call *c, const struct store_session *s, struct participant *place,
		   int64_t *out)
{
	int e = talk_place(c, s->n, place);

	*out = e ? -1 : s->session.last - place->read;
	return e < 0 ? err_trace(e) : 0;
}

int sessions_get(struct call *call, const struct sessions_get_params *p,
		 struct sessions_get_result *r)
{
	struct store_session s;
	struct participant place;
	int e = session_named(call, "id", p->id, &s);

	if (e == 0)
		e = session_shown(call, &s, &r->session);
	if (e == 0)
		e = session_unread(call, &s, &place, &r->unread);
	if (e)
		return e;
	r->has_unread = r->unread >= 0;
	r->next = str_fmt(call->arena, "sessions.messages with id: %.*s",
			  STR_ARG(s.session.short_id));
	return r->next.p ? 0 : err_nomem();
}

/* ---- beginning ---- */

static int join_self(struct call *c, struct store_session *s)
{
	struct str self = talk_self(c);
	struct talk_who me;
	int e = self.p ? talk_of(c, self, &me) : err_nomem();

	return e ? err_trace(e) : talk_join(c, s, &me, false);
}

/* Who is there from the beginning is not told of. */
static int join_all(struct call *c, struct store_session *s, const struct str_list *names)
{
	int e = join_self(c, s);

	for (size_t i = 0; e == 0 && i < names->n; i++) {
		struct talk_who who;

		e = talk_named(c, "participants", names->v[i], &who);
		if (e == 0)
			e = authority_brings(c, "participants", &who);
		if (e == 0)
			e = talk_join(c, s, &who, false);
	}
	return e;
}

static int create_about(struct call *c, const struct sessions_create_params *p,
			struct store_session *out)
{
	struct talk_target t;
	bool is_topic = str_starts(p->about, STR("q-")) || str_starts(p->about, STR("quest:")) ||
			str_starts(p->about, STR("idea:"));
	struct str text = is_topic ? p->about : str_fmt(c->arena, "idea:%.*s", STR_ARG(p->about));
	int e = text.p ? talk_where(c, "about", text, STR_NONE, &t) : err_nomem();

	*out = t.session;
	return e;
}

static int create_group(struct call *c, const struct sessions_create_params *p,
			struct store_session *out)
{
	*out = (struct store_session){ .session = { .kind = SESSION_KIND_GROUP,
						    .title = p->title,
						    .created_by = c->principal->id } };
	int e = store_session_add(c->tx, out);

	return e ? err_trace(e) : session_event(c, "session.created", out);
}

int sessions_create(struct call *call, const struct sessions_create_params *p,
		    struct sessions_create_result *r)
{
	struct store_session s;
	int e = p->about.p ? create_about(call, p, &s) : create_group(call, p, &s);

	if (e == 0)
		e = join_all(call, &s, &p->participants);
	if (e == 0)
		e = session_shown(call, &s, &r->session);
	if (e)
		return e;
	r->next = str_fmt(call->arena, "message_to with to: %.*s", STR_ARG(s.session.short_id));
	return r->next.p ? 0 : err_nomem();
}

/* ---- another way from some point ---- */

static int find_point(struct call *c, const struct sessions_fork_params *p,
		      const struct store_session *s, int64_t *out)
{
	*out = p->has_at ? p->at : s->session.last;
	if (*out > s->session.last)
		return call_fail_field(c, ERROR_NOT_FOUND, "at", "%.*s has no message %lld",
				       STR_ARG(s->session.short_id), (long long)*out);
	if (s->depth < SESSION_DEPTH_MAX)
		return 0;
	return call_fail_field(c, ERROR_CONFLICT, "id",
			       "%.*s was forked %d times in a row, more is not allowed",
			       STR_ARG(s->session.short_id), SESSION_DEPTH_MAX);
}

/* Those of the old one, who knew its history anyway. */
static int join_same(struct call *c, const struct store_session *from, struct store_session *to)
{
	struct participant_list all;
	int e = store_session_participants(c->tx, from->n, &all);

	for (size_t i = 0; e == 0 && i < all.n; i++) {
		struct talk_who who = { .who = all.v[i].participant, .name = all.v[i].name };

		e = talk_join(c, to, &who, false);
	}
	return e ? e : join_self(c, to);
}

static int tell_fork(struct call *c, const struct store_session *s)
{
	struct call_field fields[] = { { "session", s->session.short_id, 0 },
				       { "parent", s->session.parent, 0 },
				       { "at", STR_NONE, s->forked } };

	return err_trace(call_event(c, "session.forked", s->session.id, fields, 3));
}

int sessions_fork(struct call *call, const struct sessions_fork_params *p,
		  struct sessions_fork_result *r)
{
	struct store_session from,
	    s = { .session = { .kind = SESSION_KIND_GROUP, .created_by = call->principal->id } };
	int e = session_named(call, "id", p->id, &from);

	if (e == 0)
		e = find_point(call, p, &from, &s.forked);
	if (e)
		return e;
	s.parent = from.n;
	s.depth = from.depth + 1;
	s.session.title = p->title.p ? p->title : from.session.title;
	e = store_session_add(call->tx, &s);
	if (e == 0)
		e = tell_fork(call, &s);
	if (e == 0)
		e = p->participants.v ? join_all(call, &s, &p->participants)
				      : join_same(call, &from, &s);
	return e ? e : session_shown(call, &s, &r->session);
}

/* ---- end ---- */

static int close(struct call *c, struct store_session *s, struct str summary)
{
	int e = talk_tell(c, s, summary.p ? summary : STR("closed"));

	if (e == 0)
		e = store_session_end_asks(c->tx, s->n);
	if (e == 0)
		e = talk_drop_turns(c, s, STR_NONE);
	s->session.status = SESSION_STATUS_CLOSED;
	s->session.closed_at = c->now_ms;
	if (e == 0)
		e = store_session_set(c->tx, s);
	return e ? err_trace(e) : session_event(c, "session.closed", s);
}

int sessions_close(struct call *call, const struct sessions_close_params *p,
		   struct sessions_close_result *r)
{
	struct store_session s;
	int e = session_named(call, "id", p->id, &s);

	if (e == 0)
		e = authority_takes_part(call, "id", &s);
	if (e == 0 && s.session.status == SESSION_STATUS_OPEN)
		e = close(call, &s, p->summary);
	return e ? e : session_shown(call, &s, &r->session);
}
