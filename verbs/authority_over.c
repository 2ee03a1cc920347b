/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs/authority_over.h"

#include "store/roles_graph.h"

bool authority_is_org_admin(const struct principal *p)
{
	return p->kind != PRINCIPAL_KIND_AGENT && p->roles & 1u << ACCESS_ROLE_ORG_ADMIN;
}

bool authority_is_bounded(const struct principal *p)
{
	return p->kind == PRINCIPAL_KIND_AGENT ||
	       (p->kind == PRINCIPAL_KIND_USER && !authority_is_org_admin(p));
}

int authority_refuse(struct call *c, struct str field, struct str target)
{
	c->failure.hint = STR("system.why_denied with the verb and target says what would help");
	call_fail(c, ERROR_DENIED, "%.*s has no authority over '%.*s'", STR_ARG(c->principal->id),
		  STR_ARG(str_utf8_prefix(target, 64)));
	c->failure.field = field;
	call_data_str(c, "gate", denial_gate_text(DENIAL_GATE_AUTHORITY));
	return CALL_FAILED;
}

struct str authority_own_id(const struct principal *p)
{
	size_t at = str_find(p->id, ':', 0);

	return str_slice(p->id, at + 1, p->id.n);
}

int authority_over_agent(struct store_tx *tx, const struct principal *p,
			 const struct store_agent *a, bool *out)
{
	struct str me = authority_own_id(p);
	int e;

	*out = false;
	if (str_eq(a->agent.id, me)) /* nobody widens himself */
		return 0;
	if (str_eq(a->agent.created_by, p->id)) {
		*out = true;
		return 0;
	}
	e = store_seat_above_occupant(tx, me, a->agent.id, out);
	if (!e && !*out && p->kind == PRINCIPAL_KIND_AGENT)
		e = store_agent_is_below(tx, a->n, me, out);
	return err_trace(e);
}

/* Who sits there speaks for the role, and who sits above it may too. */
static int may_speak_for_role(struct store_tx *tx, const struct principal *p, struct str id,
			      bool *out)
{
	struct store_role r;
	int e = store_role_find(tx, id, &r);

	if (e)
		return e < 0 ? err_trace(e) : 0;
	*out = r.role.occupant.p && str_eq(r.role.occupant, authority_own_id(p));
	return *out ? 0 : err_trace(store_seat_above_role(tx, authority_own_id(p), r.n, out));
}

int authority_over_principal(struct store_tx *tx, const struct principal *p, struct str who,
			     bool *out)
{
	struct store_agent a;
	int e;

	*out = str_eq(who, p->id);
	if (*out || (p->kind != PRINCIPAL_KIND_AGENT && p->kind != PRINCIPAL_KIND_USER))
		return 0;
	if (str_starts(who, STR("user:")))
		return err_trace(
		    store_seat_above_occupant(tx, authority_own_id(p),
					      str_slice(who, sizeof("user:") - 1, who.n), out));
	if (str_starts(who, STR("role:")))
		return err_trace(
		    may_speak_for_role(tx, p, str_slice(who, sizeof("role:") - 1, who.n), out));
	if (!str_starts(who, STR("agent:")))
		return 0;
	e = store_agent_find(tx, str_slice(who, sizeof("agent:") - 1, who.n), &a);
	if (e)
		return e < 0 ? err_trace(e) : 0;
	return err_trace(authority_over_agent(tx, p, &a, out));
}

/* Whoever puts people below somebody, or somebody above them, gives power over them away. */
int authority_over_seated(struct call *c, const char *field, const struct store_role *r)
{
	struct str_list who = { NULL, 0 };
	int e = 0;

	if (authority_is_bounded(c->principal))
		e = store_role_seated_aside(c->tx, authority_own_id(c->principal), r->n, &who);
	for (size_t i = 0; e == 0 && i < who.n; i++)
		e = authority_over_owner(c, field, who.v[i]);
	return e;
}
