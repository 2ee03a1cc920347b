/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs/talk_who.h"

#include "store/agents.h"
#include "store/roles.h"
#include "store/users.h"
#include "verbs/authority.h"

#define OWNER             "external:owner"
#define EXTERNAL_NAME_MAX 128

static const struct {
	enum talk_kind kind;
	struct str prefix;
} prefixes[] = {
	{ TALK_USER, STR("user:") },
	{ TALK_AGENT, STR("agent:") },
	{ TALK_ROLE, STR("role:") },
	{ TALK_EXTERNAL, STR("external:") },
};

/* ---- one of a kind ---- */

static int made(struct call *c, enum talk_kind kind, struct str id, struct str name,
		struct talk_who *out)
{
	struct str prefix = prefixes[kind - 1].prefix;

	*out = (struct talk_who){ .kind = kind, .id = id, .name = name };
	out->who = str_fmt(c->arena, "%.*s%.*s", STR_ARG(prefix), STR_ARG(id));
	return out->who.p ? 0 : err_nomem();
}

static int find_user(struct call *c, struct str text, struct talk_who *out)
{
	struct store_user u;
	int e = store_user_find(c->tx, text, &u);

	return e ? e : made(c, TALK_USER, u.user.id, u.user.name, out);
}

static int find_agent(struct call *c, struct str text, struct talk_who *out)
{
	struct store_agent a;
	int e = store_agent_find(c->tx, text, &a);

	if (e)
		return e;
	e = made(c, TALK_AGENT, a.agent.id, a.agent.name, out);
	out->is_retired = a.agent.status == AGENT_STATUS_RETIRED;
	return e;
}

static int find_role(struct call *c, struct str text, struct talk_who *out)
{
	struct store_role r;
	int e = store_role_find(c->tx, text, &r);

	if (e)
		return e;
	e = made(c, TALK_ROLE, r.role.id, r.role.title, out);
	if (r.role.occupant.p)
		out->occupant_kind = r.role.occupant_kind == OCCUPANT_KIND_AGENT ? TALK_AGENT
										 : TALK_USER;
	out->occupant = r.role.occupant;
	out->occupant_name = r.role.occupant_name;
	return e;
}

static int find_external(struct call *c, struct str text, struct talk_who *out)
{
	if (!text.n || text.n > EXTERNAL_NAME_MAX)
		return STORE_NONE;
	return made(c, TALK_EXTERNAL, text, text, out);
}

typedef int find_fn(struct call *c, struct str text, struct talk_who *out);
static find_fn *const finders[] = { find_user, find_agent, find_role, find_external };

/* ---- any ---- */

static int refuse_ambiguous(struct call *c, const char *field, struct str text,
			    const struct talk_who *found, size_t n)
{
	struct str_list list = { ARENA_ARRAY(c->arena, n, struct str), n };

	if (!list.v)
		return err_nomem();
	for (size_t i = 0; i < n; i++)
		list.v[i] = str_fmt(c->arena, "%.*s%.*s",
				    STR_ARG(prefixes[found[i].kind - 1].prefix),
				    STR_ARG(found[i].name));
	call_data_strs(c, "candidates", list);
	return call_fail_field(c, ERROR_AMBIGUOUS, field, "several are called '%.*s': %.*s",
			       STR_ARG(str_utf8_prefix(text, 64)),
			       STR_ARG(call_listed(c->arena, list, n)));
}

/* Nobody outside is found by a bare name: whoever is meant must be told apart from a slip. */
static int find_bare(struct call *c, const char *field, struct str text, struct talk_who *out)
{
	struct talk_who found[3];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(found); i++) {
		int e = finders[i](c, text, &found[n]);

		if (e < 0)
			return err_trace(e);
		n += e == 0;
	}
	if (n > 1)
		return refuse_ambiguous(c, field, text, found, n);
	if (n == 1)
		*out = found[0];
	return n ? 0 : TALK_NOBODY;
}

enum talk_kind talk_kind_of(struct str who)
{
	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
		if (str_starts(who, prefixes[i].prefix))
			return prefixes[i].kind;
	return 0;
}

int talk_find(struct call *c, const char *field, struct str text, struct talk_who *out)
{
	enum talk_kind kind;
	int e;

	if (str_eq(text, STR("owner")))
		text = STR(OWNER);
	kind = talk_kind_of(text);
	if (!kind)
		return find_bare(c, field, text, out);
	e = finders[kind - 1](c, str_slice(text, prefixes[kind - 1].prefix.n, text.n), out);
	return e == STORE_NONE ? TALK_NOBODY : err_trace(e);
}

int talk_named(struct call *c, const char *field, struct str text, struct talk_who *out)
{
	int e = talk_find(c, field, text, out);

	if (e == TALK_NOBODY)
		return call_not_found(c, "person, agent or role", field, text);
	return e;
}

int talk_of(struct call *c, struct str who, struct talk_who *out)
{
	int e = talk_find(c, "who", who, out);
	size_t at = str_find(who, ':', 0);

	if (e != TALK_NOBODY)
		return e;
	*out = (struct talk_who){ .kind = talk_kind_of(who),
				  .who = who,
				  .name = str_slice(who, at + 1, who.n) };
	out->id = out->name;
	return 0;
}

/* ---- the caller ---- */

struct str talk_principal(struct call *c, struct str id)
{
	if (str_starts(id, STR("user:")) || str_starts(id, STR("agent:")))
		return id;
	if (str_starts(id, STR("worker:")) || str_starts(id, STR("platform:")))
		return str_fmt(c->arena, "external:%.*s", STR_ARG(id));
	return STR(OWNER); /* on whatever way: "uid:1000", "token" */
}

struct str talk_self(struct call *c)
{
	return talk_principal(c, c->principal->id);
}

/* Among the participants: who it is, or a seat of theirs. STORE_NONE. */
static int place_of(struct call *c, int64_t session, struct str who, struct participant *out)
{
	struct str id = str_slice(who, str_find(who, ':', 0) + 1, who.n);
	struct participant_list all;
	int e = store_session_participant(c->tx, session, who, out);

	if (e != STORE_NONE)
		return err_trace(e);
	e = store_session_participants(c->tx, session, &all);
	for (size_t i = 0; e == 0 && i < all.n; i++) {
		struct talk_who role;

		if (!str_starts(all.v[i].participant, STR("role:")))
			continue;
		e = talk_of(c, all.v[i].participant, &role);
		if (e == 0 && role.occupant.p && str_eq(role.occupant, id)) {
			*out = all.v[i];
			return 0;
		}
	}
	return e ? err_trace(e) : STORE_NONE;
}

int talk_place(struct call *c, int64_t session, struct participant *out)
{
	struct str self = talk_self(c);

	return self.p ? place_of(c, session, self, out) : err_nomem();
}

/* As the seat by which they take part, when it is by one. */
static int take_place(struct call *c, const struct store_session *s, struct talk_speaker *out)
{
	struct participant place;
	int e = s ? place_of(c, s->n, out->who, &place) : STORE_NONE;

	if (e)
		return e < 0 ? err_trace(e) : 0;
	out->as = place.participant;
	if (!str_eq(place.participant, out->who))
		out->role_id = str_slice(place.participant, sizeof("role:") - 1,
					 place.participant.n);
	return 0;
}

static int speak_as_self(struct call *c, const struct store_session *s, struct talk_speaker *out)
{
	struct str self = talk_self(c);
	struct talk_who who;
	int e = self.p ? talk_of(c, self, &who) : err_nomem();

	if (e)
		return err_trace(e);
	*out = (struct talk_speaker){ .who = self, .name = who.name, .as = self };
	return take_place(c, s, out);
}

int talk_speaker(struct call *c, struct str from, const struct store_session *s,
		 struct talk_speaker *out)
{
	struct talk_who who = { .name = STR_NONE };
	int e;

	if (!from.p)
		return speak_as_self(c, s, out);
	e = talk_named(c, "from", from, &who);
	if (e == 0)
		e = authority_speaks_for(c, "from", &who);
	if (e)
		return e;
	*out = (struct talk_speaker){ .who = who.who, .name = who.name, .as = who.who };
	if (who.kind != TALK_ROLE)
		return take_place(c, s, out);
	out->role_id = who.id;
	if (!who.occupant.p || !authority_is_self(c, who.occupant))
		return 0;
	out->who = talk_self(c);
	out->name = who.occupant_name;
	return out->who.p ? 0 : err_nomem();
}
