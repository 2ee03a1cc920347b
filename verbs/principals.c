/* SPDX-License-Identifier: Apache-2.0 */
/* principals.me and system.why_denied: who one is, and what stands in the way. */
#include "store/audit.h"

#include "handlers.gen.h"
#include "verbs.gen.h"
#include "verbs/authority.h"
#include "verbs/people_common.h"

#define SEATS_SHOWN_MAX 100

/* What is known of a caller: of its key, or of itself. */
static int authority_of_caller(struct call *c, struct authority *out)
{
	struct store_key k;
	int e;

	*out = (struct authority){ .principal = *c->principal };
	if (!c->principal->key)
		return 0;
	e = store_key_find(c->tx, c->principal->key_id, &k);
	if (!e)
		e = authority_of_key(c->tx, &k, out);
	return e == STORE_NONE ? err_new(ERR_INTERNAL, "a caller's key is gone") : err_trace(e);
}

static struct access_role_list list_roles(struct arena *a, access_roles bits)
{
	struct access_role_list list = { ARENA_ARRAY(a, ACCESS_ROLE_MAX, enum access_role), 0 };

	for (int role = 1; list.v && role < ACCESS_ROLE_MAX; role++)
		if (bits & 1u << role)
			list.v[list.n++] = (enum access_role)role;
	return list;
}

int principals_me(struct call *call, const struct principals_me_params *params,
		  struct principals_me_result *r)
{
	struct store_role_filter f = { .limit = SEATS_SHOWN_MAX };
	const struct principal *p = call->principal;
	struct authority a;
	int64_t more;
	int e = authority_of_caller(call, &a);

	if (e)
		return err_trace(e);
	r->principal_info = (struct principal_info){
		.id = p->id,
		.kind = p->kind,
		.name = a.name,
		.access = list_roles(call->arena, p->roles),
		.scopes = a.scopes,
		.key = p->key_id,
		.expires_at = p->expires_ms,
		.has_expires_at = p->expires_ms != 0,
		.reads_per_minute = p->reads_per_minute,
		.has_reads_per_minute = p->reads_per_minute != 0,
		.writes_per_minute = p->writes_per_minute,
		.has_writes_per_minute = p->writes_per_minute != 0,
	};
	r->roles = (struct role_line_list){ ARENA_ARRAY(call->arena, 0, struct role_line), 0 };
	if (p->kind != PRINCIPAL_KIND_USER && p->kind != PRINCIPAL_KIND_AGENT)
		return 0;
	f.occupant = str_slice(p->id, str_find(p->id, ':', 0) + 1, p->id.n);
	return err_trace(store_role_page(call->tx, &f, &r->roles, &more));
}

/* Of another's key only org_admin may ask. */
static int find_asked(struct call *c, struct str id, struct authority *out)
{
	struct store_key k;
	int e;

	if (!id.p || (c->principal->key_id.n && str_eq(id, c->principal->key_id)))
		return authority_of_caller(c, out);
	if (!(c->principal->roles & 1u << ACCESS_ROLE_ORG_ADMIN))
		return call_fail_field(c, ERROR_DENIED, "key", "only org_admin asks for others");
	e = store_key_find(c->tx, id, &k);
	if (!e)
		e = authority_of_key(c->tx, &k, out);
	return e == STORE_NONE ? call_not_found(c, "key", "key", id) : err_trace(e);
}

static int refuse_verb(struct call *c, struct str name)
{
	struct str near = verb_nearest(name);

	c->failure.hint = near.p ? str_fmt(c->arena, "did you mean %.*s?", STR_ARG(near))
				 : STR("verbs.list names all verbs");
	if (near.p)
		call_data_str(c, "nearest", near);
	return call_not_found(c, "verb", "verb", name);
}

/* As mailboxes.create takes it: itself, or an agent, person or role. */
static int find_owner(struct call *c, const struct principal *who, struct str target,
		      struct str *out)
{
	struct party owner = { .name = STR_NONE };
	int e = party_named(c, "target", target, &owner);

	*out = owner.id;
	if (e || owner.name.p || str_eq(owner.id, who->id))
		return e;
	return call_not_found(c, "agent, person or role", "target", target);
}

/* What the call would be about. */
static int find_target(struct call *c, struct authority_question *q, struct str target)
{
	const struct verb *v = q->verb;

	q->target = target;
	if (target.p && !authority_is_about(v)) {
		c->failure.hint = STR("ask without target; the call itself looks at the rest");
		return call_fail_field(c, ERROR_INVALID_PARAMS, "target",
				       "no rule of %.*s is about one target", STR_ARG(v->name));
	}
	return target.p && authority_is_about_owner(v) ? find_owner(c, q->who, target, &q->target)
						       : 0;
}

int system_why_denied(struct call *call, const struct system_why_denied_params *p,
		      struct system_why_denied_result *r)
{
	const struct verb *v = verb_find(p->verb);
	struct authority a = { .agent = NULL };
	struct authority_question q = { call->tx, &a.principal, v, STR_NONE };
	int e = find_asked(call, p->key, &a);

	if (e)
		return e;
	if (!v)
		return refuse_verb(call, p->verb);
	e = find_target(call, &q, p->target);
	if (e)
		return e;
	e = authority_explain(&q, call->principal, &r->items);
	if (e == STORE_NONE)
		return call_fail_field(call, ERROR_NOT_FOUND, "target", "no %.*s '%.*s'",
				       STR_ARG(v->target_type), STR_ARG(p->target));
	r->principal = a.principal.id;
	r->allowed = r->items.n == 0;
	return err_trace(e);
}
