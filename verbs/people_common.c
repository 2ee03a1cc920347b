/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs/people_common.h"

#include "verbs/talk_who.h"

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

int party_named(struct call *c, const char *field, struct str who, struct party *out)
{
	bool has_kind = str_find(who, ':', 0) < who.n;
	struct talk_who found;
	int e = talk_find(c, field, who, &found);

	if (e == 0 && found.kind != TALK_EXTERNAL) {
		*out = (struct party){ found.who, found.name };
		return 0;
	}
	if (e && e != TALK_NOBODY)
		return e;
	if (!has_kind || (e && talk_kind_of(who)))
		return call_not_found(c, "agent, person or role", field, who);
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
