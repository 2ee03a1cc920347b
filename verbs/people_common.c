/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs/people_common.h"

int user_named(struct call *c, const char *field, struct str who, struct store_user *out)
{
	int e = store_user_find(c->tx, who, out);

	return e == STORE_NONE ? call_not_found(c, "person", field, who) : err_trace(e);
}

int role_named(struct call *c, const char *field, struct str id, struct store_role *out)
{
	int e = store_role_find(c->tx, id, out);

	return e == STORE_NONE ? call_not_found(c, "role", field, id) : err_trace(e);
}

/* ---- whoever something may belong to ---- */

static int find_agent(struct call *c, struct str who, struct str *id, struct str *name)
{
	struct store_agent a;
	int e = store_agent_find(c->tx, who, &a);

	if (e)
		return e;
	*id = a.agent.id;
	*name = a.agent.name;
	return 0;
}

static int find_user(struct call *c, struct str who, struct str *id, struct str *name)
{
	struct store_user u;
	int e = store_user_find(c->tx, who, &u);

	if (e)
		return e;
	*id = u.user.id;
	*name = u.user.name;
	return 0;
}

static int find_role(struct call *c, struct str who, struct str *id, struct str *name)
{
	struct store_role r;
	int e = store_role_find(c->tx, who, &r);

	if (e)
		return e;
	*id = r.role.id;
	*name = r.role.title;
	return 0;
}

static const struct {
	struct str kind;
	int (*find)(struct call *c, struct str who, struct str *id, struct str *name);
} parties[] = { { STR("agent"), find_agent },
		{ STR("user"), find_user },
		{ STR("role"), find_role } };

static int refuse_ambiguous(struct call *c, const char *field, struct str who)
{
	c->failure.hint = STR("say which: agent:NAME, user:NAME, or the id");
	return call_fail_field(c, ERROR_AMBIGUOUS, field, "several are named '%.*s'",
			       STR_ARG(str_utf8_prefix(who, 64)));
}

static bool is_party_kind(struct str kind)
{
	for (size_t i = 0; i < ARRAY_LEN(parties); i++)
		if (str_eq(kind, parties[i].kind))
			return true;
	return false;
}

/* STORE_NONE. */
static int find_party(struct call *c, size_t i, struct str who, struct party *out)
{
	struct str id;
	int e = parties[i].find(c, who, &id, &out->name);

	if (e)
		return e < 0 ? err_trace(e) : STORE_NONE;
	out->id = str_fmt(c->arena, "%.*s:%.*s", STR_ARG(parties[i].kind), STR_ARG(id));
	return out->id.p ? 0 : err_nomem();
}

int party_named(struct call *c, const char *field, struct str who, struct party *out)
{
	struct str rest = who, kind = str_cut(&rest, ':');
	bool has_kind = rest.p && is_party_kind(kind);
	size_t n_found = 0;

	for (size_t i = 0; i < ARRAY_LEN(parties); i++) {
		int e;

		if (has_kind && !str_eq(kind, parties[i].kind))
			continue;
		e = find_party(c, i, has_kind ? rest : who, out);
		if (e < 0)
			return err_trace(e);
		n_found += e == 0;
	}
	if (n_found > 1)
		return refuse_ambiguous(c, field, who);
	if (n_found == 0 && (has_kind || !rest.p))
		return call_not_found(c, "agent, person or role", field, who);
	if (n_found == 0)
		*out = (struct party){ .id = who };
	return 0;
}

/* ---- who sits in a role ---- */

static int refuse_retired(struct call *c, struct str name)
{
	return call_fail_field(c, ERROR_CONFLICT, "occupant", "the agent '%.*s' is retired",
			       STR_ARG(name));
}

int occupant_named(struct call *c, struct str who, enum occupant_kind kind, struct occupant *out)
{
	struct store_agent agent;
	struct store_user user;
	int is_no_agent = STORE_NONE, is_no_user = STORE_NONE;

	if (kind != OCCUPANT_KIND_HUMAN)
		is_no_agent = store_agent_find(c->tx, who, &agent);
	if (is_no_agent < 0)
		return err_trace(is_no_agent);
	if (kind != OCCUPANT_KIND_AGENT)
		is_no_user = store_user_find(c->tx, who, &user);
	if (is_no_user < 0)
		return err_trace(is_no_user);
	if (is_no_agent && is_no_user)
		return call_not_found(c, "agent or person", "occupant", who);
	if (!is_no_agent && !is_no_user) {
		c->failure.hint = STR("say occupant_kind, or the id");
		return call_fail_field(c, ERROR_CONFLICT, "occupant",
				       "an agent and a person are named '%.*s'", STR_ARG(who));
	}
	if (!is_no_agent && agent.agent.status == AGENT_STATUS_RETIRED)
		return refuse_retired(c, agent.agent.name);
	*out = is_no_agent
		   ? (struct occupant){ OCCUPANT_KIND_HUMAN, user.user.id, user.user.name }
		   : (struct occupant){ OCCUPANT_KIND_AGENT, agent.agent.id, agent.agent.name };
	return 0;
}
