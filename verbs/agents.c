/* SPDX-License-Identifier: Apache-2.0 */
/* agents.*: whom quests can be given to. An agent below another gets no more than that one has. */
#include "store/agents.h"

#include "handlers.gen.h"
#include "store/keys.h"
#include "store/roles.h"
#include "verbs/agents_common.h"
#include "verbs/authority.h"
#include "verbs/grants.h"
#include "verbs/talk_say.h"

#define CHILDREN_MAX 100 /* agent_grants.children */

static int refuse_name(struct call *c, struct str name)
{
	struct store_agent there;
	int e = agent_named(c, "name", name, &there);

	return e ? e : call_name_taken(c, "an agent", there.agent.id, there.agent.name);
}

static int refuse_malformed(struct call *c, struct grants_excess at)
{
	return call_fail_field(c, ERROR_INVALID_PARAMS, at.field,
			       "'%.*s' is no absolute path without '.', '..' and '//'",
			       STR_ARG(at.entry));
}

static int refuse_beyond(struct call *c, struct grants_excess at, struct str parent)
{
	c->failure.hint = STR("ask for less, or widen the parent's grants first");
	if (at.entry.p)
		return call_fail_field(c, ERROR_DENIED, at.field,
				       "'%.*s' is more than its parent '%.*s' has",
				       STR_ARG(at.entry), STR_ARG(parent));
	return call_fail_field(c, ERROR_DENIED, at.field, "it is more than its parent '%.*s' has",
			       STR_ARG(parent));
}

/* May the parent have one more? */
static int check_room(struct call *c, const struct store_agent *parent)
{
	const struct agent *p = &parent->agent;
	const struct agent_grants *g = p->grants;

	if (p->status == AGENT_STATUS_RETIRED)
		return call_fail_field(c, ERROR_CONFLICT, "parent", "'%.*s' is retired",
				       STR_ARG(p->name));
	if (!g || !g->may_spawn) {
		c->failure.hint = STR(
		    "agents.update with grants that have may_spawn, depth and children");
		return call_fail_field(c, ERROR_DENIED, "parent", "'%.*s' may not spawn",
				       STR_ARG(p->name));
	}
	c->failure.hint = STR("widen its grants first, or spawn under another");
	if (g->depth < 1)
		return call_fail_field(c, ERROR_CONFLICT, "parent",
				       "'%.*s' may have no generation below it", STR_ARG(p->name));
	if (p->children >= g->children) {
		call_data_int(c, "children", p->children);
		return call_fail_field(c, ERROR_CONFLICT, "parent",
				       "'%.*s' has %lld of %lld children", STR_ARG(p->name),
				       (long long)p->children, (long long)g->children);
	}
	c->failure.hint = STR_NONE;
	return 0;
}

/* The grants as they are kept: with what the parent's limits leave. Both may be NULL. */
static int settle_grants(struct call *c, const struct agent *parent,
			 const struct agent_grants *given, struct agent_grants **out)
{
	struct grants_excess at;
	int e;

	*out = NULL;
	if (!given && !(parent && parent->grants))
		return 0;
	*out = ARENA_NEW(c->arena, struct agent_grants);
	if (!*out)
		return err_nomem();
	if (given)
		**out = *given;
	at = grants_malformed(*out);
	if (at.field)
		return refuse_malformed(c, at);
	if (!parent)
		return 0;
	e = grants_inherit(c->arena, parent->grants, *out);
	if (e)
		return err_trace(e);
	at = grants_beyond(parent->grants, *out);
	return at.field ? refuse_beyond(c, at, parent->name) : 0;
}

static int tell(struct call *c, const char *kind, const struct agent *a)
{
	struct call_field fields[] = { { "name", a->name, 0 },
				       { "status", agent_status_text(a->status), 0 } };

	return err_trace(call_event(c, kind, a->id, fields, ARRAY_LEN(fields)));
}

/* Its place below a parent; what an agent spawns is below that agent. */
static int place(struct call *c, const struct agents_spawn_params *p, struct store_agent *a)
{
	struct store_agent parent;
	int e = p->parent.p ? agent_named(c, "parent", p->parent, &parent)
			    : authority_self(c, &parent);

	if (e == 0)
		e = authority_as_agent(c, "parent", &parent);
	if (e == 0)
		e = check_room(c, &parent);
	if (e == 0)
		e = settle_grants(c, &parent.agent, p->grants, &a->agent.grants);
	if (e)
		return e;
	a->parent = parent.n;
	a->agent.parent = parent.agent.id;
	a->agent.depth = parent.agent.depth + 1;
	a->agent.has_depth = true;
	return err_trace(store_agent_count_children(c->tx, parent.n, 1));
}

int agents_spawn(struct call *call, const struct agents_spawn_params *p,
		 struct agents_spawn_result *r)
{
	struct store_agent a = {
		.agent = { .name = p->name,
			   .status = AGENT_STATUS_ACTIVE,
			   .instructions = p->instructions,
			   .model = p->model,
			   .max_concurrent = p->max_concurrent,
			   .created_by = call->principal->id },
	};
	bool is_below = p->parent.p || call->principal->kind == PRINCIPAL_KIND_AGENT;
	int e = is_below ? place(call, p, &a)
			 : settle_grants(call, NULL, p->grants, &a.agent.grants);

	if (e)
		return e;
	e = store_agent_add(call->tx, &a);
	if (e == STORE_NAME_TAKEN)
		return refuse_name(call, p->name);
	if (e == 0)
		e = tell(call, "agent.spawned", &a.agent);
	if (e)
		return err_trace(e);
	r->agent = a.agent;
	r->next = str_fmt(call->arena, "quests.create or quests.assign with assignee: %.*s",
			  STR_ARG(p->name));
	return 0;
}

int agents_list(struct call *call, const struct agents_list_params *p, struct agents_list_result *r)
{
	struct store_agent_filter f = { .status = p->status,
					.after = p->cursor,
					.limit = (size_t)p->limit };

	if (p->parent.p) {
		struct store_agent parent;
		int e = agent_named(call, "parent", p->parent, &parent);

		if (e)
			return e;
		f.parent = parent.n;
	}
	return err_trace(store_agent_page(call->tx, &f, &r->items, &r->next_cursor));
}

/* The company's model, as configured; NONE when it has none. */
static int company_model(struct call *c, struct str *out)
{
	struct config_entry_list settings = { NULL, 0 };
	int e = c->server->config(c->server->data, c, &settings);

	*out = STR_NONE;
	for (size_t i = 0; e == 0 && i < settings.n; i++)
		if (str_eq(settings.v[i].key, STR("company.model")) && settings.v[i].value.n)
			*out = settings.v[i].value;
	return err_trace(e);
}

int agents_get(struct call *call, const struct agents_get_params *p, struct agents_get_result *r)
{
	struct store_agent a;
	int e = agent_named(call, "id", p->id, &a);

	if (e)
		return e;
	r->agent = a.agent;
	r->effective_model = a.agent.model;
	r->model_from = MODEL_ORIGIN_AGENT;
	if (a.agent.model.p)
		return 0;
	e = company_model(call, &r->effective_model);
	r->model_from = r->effective_model.p ? MODEL_ORIGIN_COMPANY : MODEL_ORIGIN_NOWHERE;
	return err_trace(e);
}

/* ---- agents.update ---- */

static int clash(struct call *c, const char *field)
{
	c->failure.hint = STR("leave it out of one of the two");
	return call_fail_field(c, ERROR_CONFLICT, field, "%s is both set and cleared", field);
}

/* Its children keep within the grants that it is to have. */
static int check_children(struct call *c, const struct store_agent *a)
{
	struct store_child_list children;
	struct str_list beyond = { NULL, 0 };
	struct str names;
	int e = store_agent_children(c->tx, a->n, CHILDREN_MAX, &children);

	if (e)
		return err_trace(e);
	beyond.v = ARENA_ARRAY(c->arena, children.n, struct str);
	if (!beyond.v)
		return err_nomem();
	for (size_t i = 0; i < children.n; i++)
		if (grants_beyond(a->agent.grants, children.v[i].grants).field)
			beyond.v[beyond.n++] = children.v[i].name;
	if (beyond.n == 0)
		return 0;
	call_data_strs(c, "children", beyond);
	names = call_listed(c->arena, beyond, beyond.n);
	c->failure.hint = STR("change their grants first");
	return call_fail_field(c, ERROR_CONFLICT, "grants",
			       "%zu of its children %s more than that: %.*s", beyond.n,
			       beyond.n == 1 ? "has" : "have", STR_ARG(names));
}

static int change_grants(struct call *c, struct store_agent *a, const struct agent_grants *given)
{
	struct store_agent parent;
	int e;

	if (a->parent) {
		e = store_agent_get(c->tx, a->parent, &parent);
		if (e)
			return e < 0 ? err_trace(e)
				     : err_new(ERR_CORRUPT, "an agent's parent is missing");
	}
	e = settle_grants(c, a->parent ? &parent.agent : NULL, given, &a->agent.grants);
	return e ? e : check_children(c, a);
}

static int clear_fields(struct call *c, const struct agents_update_params *p, struct store_agent *a)
{
	int e = 0;

	for (size_t i = 0; i < p->clear.n && e == 0; i++) {
		switch (p->clear.v[i]) {
		case AGENT_CLEAR_INSTRUCTIONS:
			e = p->instructions.p ? clash(c, "instructions") : 0;
			a->agent.instructions = STR_NONE;
			break;
		case AGENT_CLEAR_MODEL:
			e = p->model.p ? clash(c, "model") : 0;
			a->agent.model = STR_NONE;
			break;
		case AGENT_CLEAR_GRANTS:
			e = p->grants ? clash(c, "grants") : change_grants(c, a, NULL);
			break;
		default:
			break;
		}
	}
	return e;
}

/* Who retires has neither seats nor keys any more. */
static int leave(struct call *c, const struct agent *a)
{
	struct talk_seats seats;
	int64_t n;
	int e = talk_seats_of(c, TALK_AGENT, a->id, a->name, &seats);

	if (e == 0)
		e = store_roles_vacate(c->tx, a->id, &n);
	if (e == 0)
		e = talk_hand_over_all(c, &seats);
	if (e == 0)
		e = talk_retire(c, a->id);
	return e ? err_trace(e) : err_trace(store_keys_revoke_of(c->tx, a->id, &n));
}

/* Retired ones do not count among their parent's children. */
static int change_status(struct call *c, struct store_agent *a, enum agent_status to)
{
	bool was_retired = a->agent.status == AGENT_STATUS_RETIRED;
	bool is_retired = to == AGENT_STATUS_RETIRED;
	struct store_agent parent;
	int e = 0;

	a->agent.status = to;
	if (was_retired == is_retired)
		return 0;
	a->agent.has_retired_at = is_retired;
	a->agent.retired_at = is_retired ? c->now_ms : 0;
	if (is_retired)
		e = leave(c, &a->agent);
	if (e || !a->parent)
		return err_trace(e);
	if (was_retired) {
		e = store_agent_get(c->tx, a->parent, &parent);
		if (e)
			return e < 0 ? err_trace(e)
				     : err_new(ERR_CORRUPT, "an agent's parent is missing");
		e = check_room(c, &parent);
	}
	return e ? e : err_trace(store_agent_count_children(c->tx, a->parent, is_retired ? -1 : 1));
}

static int set_fields(struct call *c, const struct agents_update_params *p, struct store_agent *a)
{
	if (p->name.p)
		a->agent.name = p->name;
	if (p->instructions.p)
		a->agent.instructions = p->instructions;
	if (p->model.p)
		a->agent.model = p->model;
	if (p->has_max_concurrent)
		a->agent.max_concurrent = p->max_concurrent;
	return p->grants ? change_grants(c, a, p->grants) : 0;
}

static bool says_nothing(const struct agents_update_params *p)
{
	return !p->name.p && !p->instructions.p && !p->model.p && !p->status && !p->grants &&
	       !p->has_max_concurrent && !p->clear.n;
}

int agents_update(struct call *call, const struct agents_update_params *p,
		  struct agents_update_result *r)
{
	struct store_agent a;
	bool was_retired;
	int e;

	if (says_nothing(p))
		return call_fail(call, ERROR_INVALID_PARAMS,
				 "nothing to change: name at least one field");
	e = agent_named(call, "id", p->id, &a);
	if (e)
		return e;
	was_retired = a.agent.status == AGENT_STATUS_RETIRED;
	e = clear_fields(call, p, &a);
	if (e == 0)
		e = set_fields(call, p, &a);
	if (e == 0 && p->status)
		e = change_status(call, &a, p->status);
	if (e)
		return e;
	e = store_agent_set(call->tx, &a);
	if (e == STORE_NAME_TAKEN)
		return refuse_name(call, p->name);
	authority_changed(call, KEY_OWNER_AGENT, a.agent.id);
	if (e == 0)
		e = tell(call,
			 !was_retired && a.agent.has_retired_at ? "agent.retired" : "agent.updated",
			 &a.agent);
	r->agent = a.agent;
	return err_trace(e);
}

/* ---- agents.delete ---- */

static int erase(struct call *c, const struct store_agent *a)
{
	struct store_child_list children;
	int e;

	if (a->agent.in_progress) {
		call_data_int(c, "in_progress", a->agent.in_progress);
		c->failure.hint = STR("close its quests, or retire it without erase");
		return call_fail(c, ERROR_CONFLICT, "'%.*s' has %lld quests in progress",
				 STR_ARG(a->agent.name), (long long)a->agent.in_progress);
	}
	e = store_agent_children(c->tx, a->n, 1, &children);
	if (e)
		return err_trace(e);
	if (children.n) {
		c->failure.hint = STR("erase the agents under it first: agents.list with parent");
		return call_fail(c, ERROR_CONFLICT, "'%.*s' has agents under it",
				 STR_ARG(a->agent.name));
	}
	return err_trace(store_agent_erase(c->tx, a->n));
}

int agents_delete(struct call *call, const struct agents_delete_params *p,
		  struct agents_delete_result *r)
{
	struct store_agent a;
	int e = agent_named(call, "id", p->id, &a);

	if (e == 0)
		e = change_status(call, &a, AGENT_STATUS_RETIRED);
	if (e == 0)
		e = p->erase ? erase(call, &a) : err_trace(store_agent_set(call->tx, &a));
	if (e == 0)
		authority_changed(call, KEY_OWNER_AGENT, a.agent.id);
	if (e == 0)
		e = tell(call, p->erase ? "agent.erased" : "agent.retired", &a.agent);
	if (e)
		return e;
	*r = (struct agents_delete_result){ .id = a.agent.id,
					    .name = a.agent.name,
					    .erased = p->erase };
	return 0;
}
