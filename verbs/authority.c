/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs/authority.h"

#include <assert.h>

#include "store/roles_graph.h"
#include "verbs.gen.h"
#include "verbs/authority_mail.h"
#include "verbs/authority_over.h"
#include "verbs/authority_work.h"
#include "verbs/grants.h"

_Static_assert(VERB_MAX <= VERB_SET_WORDS * 64, "a set has a bit for each verb");

/* Whoever is let in may always ask these: scopes and grants do not take them away. */
static bool is_always(const struct verb *v)
{
	return v->id == VERB_PRINCIPALS_ME || v->id == VERB_SYSTEM_WHY_DENIED ||
	       v->id == VERB_SYSTEM_PING || v->id == VERB_KEYS_USE;
}

/* ---- which verbs ---- */

static bool set_has(const struct verb_set *s, const struct verb *v)
{
	return s->words[v->id / 64] >> v->id % 64 & 1;
}

bool authority_has(const struct principal *p, const struct verb *v)
{
	return set_has(&p->verbs, v);
}

bool authority_might(const struct principal *p, const struct verb *v)
{
	return v->access & p->roles && !set_has(&p->out_of_scope, v);
}

static void set_add(struct verb_set *s, const struct verb *v)
{
	s->words[v->id / 64] |= UINT64_C(1) << v->id % 64;
}

#define ALL_ROLES (((1u << ACCESS_ROLE_MAX) - 1) & ~1u)

struct verb_set authority_verbs_of(access_roles roles)
{
	struct verb_set set = { { 0 } };

	for (size_t i = 0; i < VERB_MAX; i++)
		if (verb_table[i].access & roles)
			set_add(&set, &verb_table[i]);
	return set;
}

/* Each verb has a role that may call it: the generator refuses one that has none. */
struct principal authority_all(struct str id, enum principal_kind kind)
{
	struct principal p = { .id = id, .kind = kind, .roles = ALL_ROLES, .is_owner = true };

	for (int i = 0, left = VERB_MAX; left > 0; i++, left -= 64)
		p.verbs.words[i] = UINT64_MAX >> (64 - MIN(left, 64));
	return p;
}

bool authority_names(struct str pattern, const struct verb *v)
{
	return grants_cover_tool(pattern, v->name) || str_eq(pattern, v->tool);
}

static bool is_covered(const struct str_list *patterns, const struct verb *v)
{
	for (size_t i = 0; i < patterns->n; i++)
		if (authority_names(patterns->v[i], v))
			return true;
	return false;
}

static bool is_in_scope(const struct authority *a, const struct verb *v)
{
	return !a->scopes.v || is_covered(&a->scopes, v);
}

/* What its tools leave it, and whether it may have agents below it. */
static bool is_granted(const struct agent *a, const struct verb *v)
{
	const struct agent_grants *g = a ? a->grants : NULL;

	if (v->id == VERB_AGENTS_SPAWN && a && (!g || !g->may_spawn))
		return false;
	if (!g)
		return true;
	return (!g->tools_allow.v || is_covered(&g->tools_allow, v)) &&
	       !is_covered(&g->tools_deny, v);
}

static bool is_at_work(const struct principal *p)
{
	return !p->status || p->status == AGENT_STATUS_ACTIVE;
}

static void settle_verb(struct authority *a, const struct verb *v)
{
	struct principal *p = &a->principal;

	if (!is_always(v) && !is_in_scope(a, v))
		set_add(&p->out_of_scope, v);
	if (!is_always(v) && !is_granted(a->agent, v))
		set_add(&p->not_granted, v);
	if (!(v->access & p->roles) || set_has(&p->out_of_scope, v) || set_has(&p->not_granted, v))
		return;
	if (is_always(v) || is_at_work(p))
		set_add(&p->verbs, v);
}

/* ---- who ---- */

static const enum principal_kind kinds[] = {
	[KEY_OWNER_USER] = PRINCIPAL_KIND_USER,
	[KEY_OWNER_AGENT] = PRINCIPAL_KIND_AGENT,
	[KEY_OWNER_WORKER] = PRINCIPAL_KIND_WORKER,
	[KEY_OWNER_PLATFORM] = PRINCIPAL_KIND_PLATFORM,
};

static struct str principal_id(struct arena *a, enum key_owner kind, struct str owner)
{
	return str_fmt(a, "%.*s:%.*s", STR_ARG(key_owner_text(kind)), STR_ARG(owner));
}

static int find_owner(struct store_tx *tx, const struct key *k, struct authority *out)
{
	struct store_user user;
	struct store_agent *agent;
	int e;

	out->name = k->owner;
	if (k->owner_kind == KEY_OWNER_USER) {
		e = store_user_find(tx, k->owner, &user);
		if (!e)
			out->name = user.user.name;
		return e;
	}
	if (k->owner_kind != KEY_OWNER_AGENT)
		return 0;
	agent = ARENA_NEW(tx->arena, struct store_agent);
	if (!agent)
		return err_nomem();
	e = store_agent_find(tx, k->owner, agent);
	if (!e) {
		out->agent = &agent->agent;
		out->name = agent->agent.name;
	}
	return e;
}

int authority_of_key(struct store_tx *tx, const struct store_key *k, struct authority *out)
{
	const struct key *key = &k->key;
	struct principal *p = &out->principal;
	int e;

	*out = (struct authority){ .scopes = key->scopes };
	e = find_owner(tx, key, out);
	if (e)
		return e < 0 ? err_trace(e) : STORE_NONE;
	*p = (struct principal){
		.kind = kinds[key->owner_kind],
		.roles = k->access,
		.status = out->agent ? out->agent->status : 0,
		.key = k->n,
		.key_id = key->id,
		.expires_ms = key->has_expires_at ? key->expires_at : 0,
		.reads_per_minute = key->reads_per_minute,
		.writes_per_minute = key->writes_per_minute,
		.id = principal_id(tx->arena, key->owner_kind, key->owner),
	};
	if (!p->id.p)
		return err_nomem();
	for (size_t i = 0; i < VERB_MAX; i++)
		settle_verb(out, &verb_table[i]);
	return 0;
}

int authority_of_person(struct store_tx *tx, struct str who, access_roles roles,
			struct principal *out)
{
	struct store_user user;
	int e = store_user_find(tx, who, &user);

	if (e)
		return e < 0 ? err_trace(e) : STORE_NONE;
	if (!str_eq(user.user.id, who) && !str_eq(user.user.name, who))
		return STORE_NONE; /* "Ann" may be another's than "ann" */
	*out = (struct principal){
		.id = principal_id(tx->arena, KEY_OWNER_USER, user.user.id),
		.kind = PRINCIPAL_KIND_USER,
		.roles = roles,
		.verbs = authority_verbs_of(roles),
	};
	return out->id.p ? 0 : err_nomem();
}

/* Without memory the call fails, and so changed nothing. */
void authority_changed(struct call *c, enum key_owner kind, struct str owner)
{
	struct call_touched *t = ARENA_NEW(c->arena, struct call_touched);

	if (!t)
		return;
	*t = (struct call_touched){ c->touched, principal_id(c->arena, kind, owner) };
	c->touched = t;
}

/* ---- on what ---- */

int authority_is_live(struct store_tx *tx, const struct principal *p, bool *out)
{
	struct store_user user;
	int e;

	*out = true;
	if (p->key)
		return err_trace(store_key_is_live(tx, p->key, out));
	if (p->kind != PRINCIPAL_KIND_USER)
		return 0;
	e = store_user_find(tx, authority_own_id(p), &user);
	*out = !e;
	return e < 0 ? err_trace(e) : 0;
}

/* ---- the rule of each type of target ---- */

static enum authority_answer answer_of(bool may)
{
	return may ? AUTHORITY_YES : AUTHORITY_NO;
}

static int rule_agent(const struct authority_question *q, enum authority_answer *out)
{
	struct store_agent a;
	bool may = true;
	int e = store_agent_find(q->tx, q->target, &a);

	if (e)
		return e < 0 ? err_trace(e) : STORE_NONE;
	e = authority_over_agent(q->tx, q->who, &a, &may);
	*out = answer_of(may);
	return err_trace(e);
}

static int rule_role(const struct authority_question *q, enum authority_answer *out)
{
	struct store_role r;
	bool may;
	int e = store_role_find(q->tx, q->target, &r);

	if (e)
		return e < 0 ? err_trace(e) : STORE_NONE;
	may = str_eq(r.role.created_by, q->who->id);
	if (!may)
		e = store_seat_above_role(q->tx, authority_own_id(q->who), r.n, &may);
	*out = answer_of(may);
	return err_trace(e);
}

/* Keys and people are org_admin's. */
static int rule_none(const struct authority_question *q, enum authority_answer *out)
{
	*out = AUTHORITY_NO;
	return 0;
}

/* Whom something is to belong to; the target is a party's id, not yet what the call is about. */
static int rule_owner(const struct authority_question *q, enum authority_answer *out)
{
	bool may;
	int e = authority_over_principal(q->tx, q->who, q->target, &may);

	*out = answer_of(may);
	return err_trace(e);
}

static const struct target_rule {
	struct str type;
	bool is_of_all; /* workers and platforms are bounded too; the rule looks at access roles */
	int (*rule)(const struct authority_question *q, enum authority_answer *out);
	const char *before, *after; /* why not: what is said around the target */
} targets[] = {
	{ STR("agent"), false, rule_agent, "it neither made ", " nor is or sits above it" },
	{ STR("role"), false, rule_role, "it neither made ", " nor sits in a role above it" },
	{ STR("quest"), false, authority_rule_quest, "it has no part in ",
	  " nor is over whoever has it" },
	{ STR("user"), false, rule_none, "only org_admin changes people such as ", "" },
	{ STR("key"), false, rule_none, "only org_admin changes keys such as ", "" },
	{ STR("task"), true, authority_rule_task, "it neither made nor has ",
	  " nor sits above whoever does" },
	{ STR("worker"), true, authority_rule_worker, "it neither registered ",
	  " nor sits above whoever did" },
	{ STR("task_queue"), true, authority_rule_queue, "an agent changes queues such as ",
	  " with workflow_admin only" },
	{ STR("mailbox"), true, authority_rule_mailbox, "it neither owns ",
	  " nor has authority over its owner" },
	{ STR("subscription"), true, authority_rule_subscription, "it neither made ",
	  " nor sits above whoever did" },
	{ STR("schedule"), true, authority_rule_schedule, "it is neither whose authority ",
	  " has nor sits above him" },
	{ STR("hook"), true, authority_rule_hook, "it neither made ",
	  " nor sits above whoever did" },
	{ STR("chat_channel"), false, authority_rule_channel, "it neither made ",
	  " nor sits above whoever did" },
	{ STR("owner"), false, rule_owner, "it has no authority over ", "" },
};

/* What a call is about, or whom it makes something for. */
static struct str type_of(const struct verb *v)
{
	return v->id == VERB_MAILBOXES_CREATE ? STR("owner") : v->target_type;
}

static const struct target_rule *rule_of(const struct verb *v)
{
	struct str type = type_of(v);

	for (size_t i = 0; type.p && i < ARRAY_LEN(targets); i++)
		if (str_eq(targets[i].type, type))
			return &targets[i];
	return NULL;
}

bool authority_is_about(const struct verb *v)
{
	return type_of(v).p != NULL;
}

bool authority_is_about_owner(const struct verb *v)
{
	return str_eq(type_of(v), STR("owner"));
}

int authority_may(const struct authority_question *q, enum authority_answer *out)
{
	const struct target_rule *r = rule_of(q->verb);

	*out = AUTHORITY_YES;
	if (q->who->is_owner || q->verb->is_read_only || !r || !q->target.p ||
	    !(r->is_of_all || authority_is_bounded(q->who)))
		return 0;
	return r->rule(q, out);
}

static struct str target_of(const struct verb *v, const void *params)
{
	const struct shape_field *f = v->target_param.p ? shape_find(v->params, v->target_param)
							: NULL;

	return f ? *(const struct str *)(const void *)((const char *)params + f->offset) : STR_NONE;
}

/* As the verb says it of what is not there; the audit says that it was denied. */
static int refuse_as_unknown(struct call *c, struct str field, struct str type, struct str target)
{
	call_fail(c, ERROR_NOT_FOUND, "no %.*s '%.*s'", STR_ARG(type),
		  STR_ARG(str_utf8_prefix(target, 64)));
	c->failure.field = field;
	c->failure.is_denial = true;
	return CALL_FAILED;
}

static int refuse_own_work(struct call *c, struct str field, struct str target)
{
	c->failure.hint = STR("somebody else decides about it");
	call_fail(c, ERROR_DENIED, "'%.*s' is %.*s's own: it asked for it, or did it",
		  STR_ARG(str_utf8_prefix(target, 64)), STR_ARG(c->principal->id));
	c->failure.field = field;
	call_data_str(c, "gate", denial_gate_text(DENIAL_GATE_AUTHORITY));
	return CALL_FAILED;
}

/* As the verb says it of an attempt that has ended. */
static int refuse_ended(struct call *c, struct str field, struct str target)
{
	c->failure.hint = STR("stop working on it; quests.claim takes the next one");
	call_fail(c, ERROR_STALE_ATTEMPT, "%.*s's attempt of '%.*s' has ended",
		  STR_ARG(c->principal->id), STR_ARG(str_utf8_prefix(target, 64)));
	c->failure.field = field;
	return CALL_FAILED;
}

static int check_target(struct call *c, const struct verb *v, struct str field, struct str target)
{
	struct authority_question q = { c->tx, c->principal, v, target };
	enum authority_answer answer;
	int e = authority_may(&q, &answer);

	if (e)
		return e < 0 ? err_trace(e) : 0; /* its function says that there is none */
	switch (answer) {
	case AUTHORITY_YES:
		return 0;
	case AUTHORITY_UNKNOWN:
		return refuse_as_unknown(c, field, v->target_type, target);
	case AUTHORITY_OWN_WORK:
		return refuse_own_work(c, field, target);
	case AUTHORITY_ENDED:
		return refuse_ended(c, field, target);
	default:
		return authority_refuse(c, field, target);
	}
}

int authority_check(struct call *c, const void *params)
{
	if (c->principal->is_owner || !c->tx)
		return 0;
	return check_target(c, c->verb, c->verb->target_param, target_of(c->verb, params));
}

int authority_also(struct call *c, const struct verb *v, const char *field, struct str target)
{
	int e = authority_check_verb(c, c->principal, v);

	if (e)
		c->failure.field = str_from(field);
	return e ? e : check_target(c, v, str_from(field), target);
}

int authority_over_worker(struct call *c, const char *field, struct str who)
{
	struct authority_question q = { c->tx, c->principal, c->verb, who };
	enum authority_answer answer;
	int e;

	if (c->principal->is_owner)
		return 0;
	e = authority_rule_worker(&q, &answer);
	if (e < 0 || (e == 0 && answer == AUTHORITY_YES))
		return err_trace(e);
	return refuse_as_unknown(c, str_from(field), STR("worker"), who);
}

int authority_over_seat(struct call *c, const char *field, const struct store_role *r)
{
	struct str me = authority_own_id(c->principal);
	bool is_below = false;
	int e;

	if (!authority_is_bounded(c->principal) ||
	    (r->role.occupant.p && str_eq(r->role.occupant, me)))
		return 0;
	e = store_seat_above_role(c->tx, me, r->n, &is_below);
	if (e || is_below)
		return err_trace(e);
	return authority_refuse(c, str_from(field), r->role.short_id);
}

int authority_over_owner(struct call *c, const char *field, struct str owner)
{
	bool may = !authority_is_bounded(c->principal);
	int e = may ? 0 : authority_over_principal(c->tx, c->principal, owner, &may);

	if (e || may)
		return err_trace(e);
	return authority_refuse(c, str_from(field), owner);
}

int authority_over_all(struct call *c, const char *field)
{
	if (!authority_is_bounded(c->principal))
		return 0;
	c->failure.hint = STR("name a role above it in which you sit, or which is below yours");
	return call_fail_field(c, ERROR_DENIED, field, "%.*s cannot act at the top",
			       STR_ARG(c->principal->id));
}

int authority_as_agent(struct call *c, const char *field, const struct store_agent *a)
{
	bool may = true;
	int e = 0;

	if (authority_is_bounded(c->principal) &&
	    !str_eq(a->agent.id, authority_own_id(c->principal)))
		e = authority_over_agent(c->tx, c->principal, a, &may);
	if (e || may)
		return err_trace(e);
	return authority_refuse(c, str_from(field), a->agent.name);
}

int authority_over_domain(struct call *c, const char *field, const struct store_agent *a)
{
	const struct principal *p = c->principal;
	struct str who = principal_id(c->arena, KEY_OWNER_AGENT, a->agent.id);
	bool may = p->is_owner || authority_is_org_admin(p);
	int e = may ? 0 : authority_over_principal(c->tx, p, who, &may);

	if (e || may)
		return err_trace(e);
	return authority_refuse(c, str_from(field), a->agent.name);
}

int authority_self(struct call *c, struct store_agent *out)
{
	if (c->principal->kind != PRINCIPAL_KIND_AGENT)
		return STORE_NONE;
	return store_agent_find(c->tx, authority_own_id(c->principal), out);
}

/* ---- why not ---- */

static void add(struct denial_list *out, enum denial_gate gate, struct str reason,
		struct str_list needs)
{
	out->v[out->n++] = (struct denial){ .gate = gate, .reason = reason, .needs = needs };
}

static struct str_list roles_of(struct arena *a, const struct verb *v)
{
	struct str_list list = { ARENA_ARRAY(a, ACCESS_ROLE_MAX, struct str), 0 };

	for (int role = 1; list.v && role < ACCESS_ROLE_MAX; role++)
		if (v->access & 1u << role)
			list.v[list.n++] = access_role_text((enum access_role)role);
	return list;
}

static struct str_list one(struct arena *a, struct str text)
{
	struct str_list list = { ARENA_ARRAY(a, 1, struct str), 0 };

	if (list.v)
		list.v[list.n++] = text;
	return list;
}

static void explain_verb(struct arena *a, const struct principal *p, const struct verb *v,
			 struct denial_list *out)
{
	struct str_list roles = roles_of(a, v);

	if (!(v->access & p->roles))
		add(out, DENIAL_GATE_ACCESS,
		    str_fmt(a, "that needs %.*s", STR_ARG(call_listed(a, roles, roles.n))), roles);
	if (set_has(&p->out_of_scope, v))
		add(out, DENIAL_GATE_SCOPE, STR("its key's scopes do not name that"),
		    one(a, v->name));
	if (set_has(&p->not_granted, v))
		add(out, DENIAL_GATE_GRANT, STR("the agent's grants do not allow that"),
		    one(a, v->id == VERB_AGENTS_SPAWN ? STR("may_spawn") : v->name));
	if (!is_always(v) && !is_at_work(p))
		add(out, DENIAL_GATE_STATUS,
		    str_fmt(a, "the agent is %.*s", STR_ARG(agent_status_text(p->status))),
		    (struct str_list){ NULL, 0 });
}

int authority_check_verb(struct call *c, const struct principal *p, const struct verb *v)
{
	struct denial denials[AUTHORITY_DENIALS_MAX];
	struct denial_list all = { denials, 0 };
	const struct denial *first = denials;

	if (authority_has(p, v))
		return 0;
	explain_verb(c->arena, p, v, &all);
	assert(all.n); /* what nothing stands in the way of is had: settle_verb() */
	call_fail(c, ERROR_DENIED, "%.*s may not call %.*s: %.*s", STR_ARG(p->id), STR_ARG(v->name),
		  STR_ARG(first->reason));
	c->failure.hint = str_fmt(c->arena,
				  "system.why_denied with verb: %.*s names all that "
				  "stands in the way",
				  STR_ARG(v->name));
	call_data_str(c, "gate", denial_gate_text(first->gate));
	if (first->needs.n)
		call_data_strs(c, "needs", first->needs);
	return CALL_FAILED;
}

static struct str why_not(const struct authority_question *q, enum authority_answer answer)
{
	struct str shown = str_utf8_prefix(q->target, 64);
	const struct target_rule *r = rule_of(q->verb);

	if (answer == AUTHORITY_OWN_WORK)
		return str_fmt(q->tx->arena, "'%.*s' is its own: it asked for it, or did it",
			       STR_ARG(shown));
	if (answer == AUTHORITY_ENDED)
		return str_fmt(q->tx->arena, "its attempt of '%.*s' has ended", STR_ARG(shown));
	return str_fmt(q->tx->arena, "%s'%.*s'%s", r->before, STR_ARG(shown), r->after);
}

/* Does who asks see that there is such a target? */
static int is_known(const struct authority_question *q, const struct principal *asker, bool *out)
{
	struct authority_question its = *q;
	enum authority_answer answer;
	int e;

	its.who = asker;
	e = authority_may(&its, &answer);
	*out = e == 0 && answer != AUTHORITY_UNKNOWN;
	return e < 0 ? err_trace(e) : 0;
}

int authority_explain(const struct authority_question *q, const struct principal *asker,
		      struct denial_list *out)
{
	const struct str_list none = { NULL, 0 };
	struct arena *a = q->tx->arena;
	enum authority_answer answer;
	bool is_there = true;
	int e;

	*out = (struct denial_list){ ARENA_ARRAY(a, AUTHORITY_DENIALS_MAX, struct denial), 0 };
	if (!out->v)
		return err_nomem();
	explain_verb(a, q->who, q->verb, out);
	e = authority_may(q, &answer);
	if (e == 0 && answer == AUTHORITY_UNKNOWN)
		e = is_known(q, asker, &is_there);
	if (e || !is_there)
		return e < 0 ? err_trace(e) : STORE_NONE;
	if (answer != AUTHORITY_YES)
		add(out, DENIAL_GATE_AUTHORITY, why_not(q, answer), none);
	return a->is_out ? err_nomem() : 0;
}
