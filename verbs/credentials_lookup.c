/* SPDX-License-Identifier: Apache-2.0 */
/* credentials.lookup: the narrowest there is, an agent's own before its role's before the
 * company's. The value is for a worker that holds a task, and for nobody that the task does not
 * name. */
#include "handlers.gen.h"
#include "verbs/agents_common.h"
#include "verbs/authority_over.h"
#include "verbs/credentials_common.h"
#include "verbs/grants.h"
#include "verbs/people_common.h"
#include "verbs/tasks_common.h"

#define SEATS_MAX 16 /* roles of one agent that are looked at */

/* For whom it is looked up. */
struct whom {
	struct store_agent agent;
	struct store_role role;
	bool has_agent, has_role;
};

static int find_whom(struct call *c, struct str agent, struct str role, struct whom *out)
{
	int e = 0;

	out->has_agent = agent.p != NULL;
	out->has_role = role.p != NULL;
	if (agent.p)
		e = agent_named(c, "agent", agent, &out->agent);
	if (!e && role.p)
		e = role_named(c, "role", role, &out->role);
	return e;
}

/* ---- the value's conditions ---- */

static int refuse_foreign(struct call *c, const char *field)
{
	c->failure.hint = STR("a task names its agent and role in its payload");
	return call_fail_field(c, ERROR_DENIED, field, "the task is not this one's");
}

/* Whom the caller names is whom the task names. */
static int check_same(struct call *c, const struct whom *asked, const struct whom *of_task)
{
	if (asked->has_agent &&
	    (!of_task->has_agent || !str_eq(asked->agent.agent.id, of_task->agent.agent.id)))
		return refuse_foreign(c, "agent");
	if (asked->has_role &&
	    (!of_task->has_role || !str_eq(asked->role.role.id, of_task->role.role.id)))
		return refuse_foreign(c, "role");
	return 0;
}

/* An agent that is told which secrets it may have gets no other. */
static int check_grants(struct call *c, const struct whom *w, struct str name)
{
	const struct agent_grants *g = w->has_agent ? w->agent.agent.grants : NULL;

	if (!g || !g->secrets.v)
		return 0;
	for (size_t i = 0; i < g->secrets.n; i++)
		if (grants_cover_tool(g->secrets.v[i], name))
			return 0;
	return call_fail_field(c, ERROR_DENIED, "name", "the agent '%.*s' is not granted it",
			       STR_ARG(w->agent.agent.name));
}

/* The task, held by the caller himself: knowing its proof is not enough. */
static int find_held(struct call *c, const struct credentials_lookup_params *p,
		     struct store_task *out)
{
	const struct task_proof proof = { p->task, p->attempt, p->token };
	int e = task_named(c, "task", p->task, out);

	if (e == 0 && out->quest)
		return call_fail_field(c, ERROR_DENIED, "task",
				       "%.*s is an attempt of a quest, which opens no value",
				       STR_ARG(out->task.short_id));
	if (e == 0)
		e = task_held(c, &proof, out);
	if (e || str_eq(out->task.claimed_by, c->principal->id))
		return e;
	return call_not_found(c, "task", "task", p->task);
}

/* Whom the task names, as far as its maker may: a program names nobody, an agent itself and those
 * that it has authority over. */
static int check_named_by(struct call *c, struct str maker, struct str who, const char *field)
{
	struct principal p = { .id = maker, .kind = PRINCIPAL_KIND_AGENT };
	bool may = !str_starts(maker, STR("worker:")) && !str_starts(maker, STR("platform:"));
	int e = 0;

	if (str_starts(maker, STR("agent:")))
		e = authority_over_principal(c->tx, &p, who, &may);
	if (e || may)
		return err_trace(e);
	c->failure.hint = STR("who has authority over the agent or role makes the task");
	return call_fail_field(c, ERROR_DENIED, field, "the task's maker may not name it");
}

static int check_maker(struct call *c, struct str maker, const struct whom *w)
{
	struct arena *a = c->arena;
	int e = 0;

	if (w->has_agent)
		e = check_named_by(c, maker, str_fmt(a, "agent:%.*s", STR_ARG(w->agent.agent.id)),
				   "agent");
	if (e == 0 && w->has_role)
		e = check_named_by(c, maker, str_fmt(a, "role:%.*s", STR_ARG(w->role.role.id)),
				   "role");
	return e;
}

/* A worker that holds the task: for whom it does it. */
static int take_task(struct call *c, const struct credentials_lookup_params *p, struct whom *w)
{
	struct whom of_task = { .has_agent = false };
	struct str agent = STR_NONE, role = STR_NONE;
	struct store_task t;
	int e;

	if (c->principal->kind != PRINCIPAL_KIND_WORKER)
		return call_fail_field(c, ERROR_DENIED, "task",
				       "a value is for those alone who come with a worker's key");
	e = find_held(c, p, &t);
	if (!e)
		e = store_credential_task(c->tx, t.n, &agent, &role);
	if (!e)
		e = find_whom(c, agent, role, &of_task);
	if (!e)
		e = check_maker(c, t.task.created_by, &of_task);
	if (!e)
		e = check_same(c, w, &of_task);
	if (e)
		return err_trace(e);
	*w = of_task;
	return check_grants(c, w, p->name);
}

/* ---- the narrowest ---- */

static int at_seats(struct call *c, struct store_credential_place *place, struct str agent,
		    struct store_credential *out)
{
	struct store_role_filter f = { .occupant = agent, .limit = SEATS_MAX };
	struct role_line_list seats;
	int64_t after;
	int e = store_role_page(c->tx, &f, &seats, &after);

	place->scope = CREDENTIAL_SCOPE_ROLE;
	if (e)
		return err_trace(e);
	for (size_t i = 0; i < seats.n; i++) {
		place->owner = seats.v[i].id;
		e = store_credential_at(c->tx, place, out);
		if (e != STORE_NONE)
			return err_trace(e);
	}
	return STORE_NONE;
}

static int narrowest(struct call *c, struct store_credential_place *place, const struct whom *w,
		     struct store_credential *out)
{
	int e = STORE_NONE;

	if (w->has_agent) {
		place->scope = CREDENTIAL_SCOPE_AGENT;
		place->owner = w->agent.agent.id;
		e = store_credential_at(c->tx, place, out);
	}
	if (e == STORE_NONE && w->has_role) {
		place->scope = CREDENTIAL_SCOPE_ROLE;
		place->owner = w->role.role.id;
		e = store_credential_at(c->tx, place, out);
	} else if (e == STORE_NONE && w->has_agent) {
		e = at_seats(c, place, w->agent.agent.id, out);
	}
	if (e == STORE_NONE) {
		place->scope = CREDENTIAL_SCOPE_ENTITY;
		place->owner = STR_NONE;
		e = store_credential_at(c->tx, place, out);
	}
	return err_trace(e);
}

static int refuse(struct call *c, int e, struct str name)
{
	if (e == STORE_NONE) {
		c->failure.hint = str_fmt(c->arena, "questd secrets set %.*s", STR_ARG(name));
		return call_not_found(c, "credential", "name", name);
	}
	if (e == STORE_TOO_MANY) {
		c->failure.hint = STR("name the provider");
		return call_fail_field(c, ERROR_AMBIGUOUS, "provider",
				       "several providers have a '%.*s'", STR_ARG(name));
	}
	return err_trace(e);
}

static int show(struct call *c, const struct store_credential *k, struct str task,
		struct credentials_lookup_result *r)
{
	struct call_field fields[] = { { "name", k->credential.name, 0 }, { "task", task, 0 } };
	int e = secret_get(c, k, &r->value);

	if (!e)
		e = store_credential_used(c->tx, k->n);
	if (e)
		return err_trace(e);
	r->credential.used_at = c->now_ms;
	r->credential.has_used_at = true;
	r->value_shown = true;
	c->shows_value = true;
	return err_trace(
	    call_event(c, "credential.used", k->credential.id, fields, ARRAY_LEN(fields)));
}

int credentials_lookup(struct call *call, const struct credentials_lookup_params *p,
		       struct credentials_lookup_result *r)
{
	struct store_credential_place place = { .name = p->name, .provider = p->provider };
	struct whom w = { .has_agent = false };
	struct store_credential k;
	int e = credential_refuse_agent(call);

	if (!e)
		e = find_whom(call, p->agent, p->role, &w);
	if (!e && p->task.p)
		e = take_task(call, p, &w);
	if (e)
		return err_trace(e);
	e = narrowest(call, &place, &w, &k);
	if (e)
		return refuse(call, e, p->name);
	r->credential = k.credential;
	r->has_value_shown = true;
	return p->task.p ? show(call, &k, p->task, r) : 0;
}
