/* SPDX-License-Identifier: Apache-2.0 */
/* keys.*: what lets somebody in who is not the owner. A key is never allowed more than whoever
 * makes it. keys.use is the server's own. */
#include "store/keys.h"

#include "handlers.gen.h"
#include "verbs.gen.h"
#include "verbs/agents_common.h"
#include "verbs/authority.h"
#include "verbs/people_common.h"

static int tell(struct call *c, const char *kind, const struct key *k)
{
	struct call_field fields[] = { { "name", k->name, 0 }, { "owner", k->owner, 0 } };

	return err_trace(call_event(c, kind, k->id, fields, ARRAY_LEN(fields)));
}

static int key_named(struct call *c, struct str id, struct store_key *out)
{
	int e = store_key_find(c->tx, id, out);

	return e == STORE_NONE ? call_not_found(c, "key", "id", id) : err_trace(e);
}

/* ---- keys.create ---- */

/* The owner as it is kept: an id where there is one. */
static int find_owner(struct call *c, struct key *k)
{
	struct store_agent agent;
	struct store_user user;
	int e = 0;

	if (k->owner_kind == KEY_OWNER_USER) {
		e = user_named(c, "owner", k->owner, &user);
		k->owner = e ? k->owner : user.user.id;
	} else if (k->owner_kind == KEY_OWNER_AGENT) {
		e = agent_named(c, "owner", k->owner, &agent);
		if (e == 0 && agent.agent.status == AGENT_STATUS_RETIRED)
			return call_fail_field(c, ERROR_CONFLICT, "owner", "'%.*s' is retired",
					       STR_ARG(agent.agent.name));
		k->owner = e ? k->owner : agent.agent.id;
	}
	return e;
}

static uint32_t bits_of(const struct access_role_list *list)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < list->n; i++)
		bits |= 1u << list->v[i];
	return bits;
}

/* The first verb that it might ever be let call, and the caller is not: an agent that is paused, or
 * has few grants, may be set to work or given more later. */
static const struct verb *beyond(const struct principal *caller, const struct principal *p)
{
	for (size_t i = 0; i < VERB_MAX; i++)
		if (authority_might(p, &verb_table[i]) && !authority_has(caller, &verb_table[i]))
			return &verb_table[i];
	return NULL;
}

static int check_rights(struct call *c, const struct store_key *k)
{
	const struct verb *v;
	struct authority a;
	int e;

	if (k->key.owner_kind == KEY_OWNER_AGENT && k->access & 1u << ACCESS_ROLE_ORG_ADMIN)
		return call_fail_field(c, ERROR_DENIED, "access", "an agent is never org_admin");
	e = authority_of_key(c->tx, k, &a);
	if (e)
		return e < 0 ? err_trace(e) : call_not_found(c, "owner", "owner", k->key.owner);
	v = c->principal->is_owner ? NULL : beyond(c->principal, &a.principal);
	if (!v)
		return 0;
	c->failure.hint = STR("give it fewer access roles, or narrower scopes");
	return call_fail_field(c, ERROR_DENIED, "access", "it might call %.*s, which you may not",
			       STR_ARG(v->name));
}

static bool names_any(struct str scope)
{
	for (size_t i = 0; i < VERB_MAX; i++)
		if (authority_names(scope, &verb_table[i]))
			return true;
	return false;
}

/* "quests.*" for "quest.*", "quests.get" for "quests.gett" */
static struct str nearest_scope(struct arena *a, struct str scope)
{
	struct str patterns[VERB_MAX], near;

	if (!str_ends(scope, STR("*")))
		return verb_nearest(scope);
	for (size_t i = 0; i < VERB_MAX; i++)
		patterns[i] = str_slice(verb_table[i].name, 0,
					str_find(verb_table[i].name, '.', 0));
	near = str_nearest(str_slice(scope, 0, str_find(scope, '.', 0)), patterns, VERB_MAX);
	return near.p ? str_fmt(a, "%.*s.*", STR_ARG(near)) : STR_NONE;
}

/* Whoever mistyped one should not have to find out by what is denied. */
static int check_scopes(struct call *c, const struct str_list *scopes)
{
	struct str_list unknown = { ARENA_ARRAY(c->arena, scopes->n, struct str), 0 };
	struct str near;

	if (!scopes->v)
		return 0;
	if (!unknown.v)
		return err_nomem();
	for (size_t i = 0; i < scopes->n; i++)
		if (!names_any(scopes->v[i]))
			unknown.v[unknown.n++] = scopes->v[i];
	if (scopes->n && !unknown.n)
		return 0;
	if (!scopes->n)
		return call_fail_field(c, ERROR_INVALID_PARAMS, "scopes",
				       "scopes that name no verb leave nothing to call; without "
				       "the field all are left");
	near = nearest_scope(c->arena, unknown.v[0]);
	call_data_strs(c, "unknown", unknown);
	if (near.p)
		call_data_str(c, "nearest", near);
	c->failure.hint =
	    near.p ? str_fmt(c->arena, "did you mean %.*s?", STR_ARG(near))
		   : STR("verbs.list names all verbs; quests.* stands for all of quests");
	return call_fail_field(c, ERROR_INVALID_PARAMS, "scopes", "no verb is named by %.*s",
			       STR_ARG(call_listed(c->arena, unknown, unknown.n)));
}

static int check_new(struct call *c, const struct store_key *k)
{
	int e = check_scopes(c, &k->key.scopes);

	if (e)
		return e < 0 ? err_trace(e) : e;
	if (!k->access) {
		c->failure.hint = STR("name at least one: viewer reads, operator works");
		return call_fail_field(c, ERROR_CONFLICT, "access",
				       "a key without an access role may do nothing");
	}
	if (k->key.has_expires_at && k->key.expires_at <= c->now_ms) {
		c->failure.hint = STR(
		    "give a time to come, or leave it out: it works until revoked");
		return call_fail_field(c, ERROR_CONFLICT, "expires_at", "it is over already");
	}
	return check_rights(c, k);
}

/* A new id, text and hash. */
static int make(struct call *c, struct store_key *k, struct str *secret)
{
	struct call_key made;
	int e = c->server->make_key(c->server->data, c, &made);

	if (e)
		return err_trace(e);
	k->key.id = made.id;
	k->hash = made.hash;
	*secret = made.text;
	e = store_key_add(c->tx, k);
	return e == STORE_KEY_TAKEN ? err_new(ERR_INTERNAL, "a new key's id was taken")
				    : err_trace(e);
}

static struct str next_text(struct call *c, const struct key *k)
{
	return str_fmt(
	    c->arena,
	    "send it as Authorization: Bearer, or with keys.use on a line connection; "
	    "keys.revoke with id: %.*s ends it, keys.rotate replaces it when the secret is "
	    "lost",
	    STR_ARG(k->id));
}

int keys_create(struct call *call, const struct keys_create_params *p, struct keys_create_result *r)
{
	struct store_key k = { .key = { .name = p->name,
					.owner_kind = p->owner_kind,
					.owner = p->owner,
					.scopes = p->scopes,
					.expires_at = p->expires_at,
					.has_expires_at = p->has_expires_at,
					.reads_per_minute = p->reads_per_minute,
					.has_reads_per_minute = true,
					.writes_per_minute = p->writes_per_minute,
					.has_writes_per_minute = true,
					.created_by = call->principal->id },
			       .access = bits_of(&p->access) };
	int e = find_owner(call, &k.key);

	if (e == 0)
		e = check_new(call, &k);
	if (e == 0)
		e = make(call, &k, &r->secret);
	if (e == 0)
		e = tell(call, "key.created", &k.key);
	r->key = k.key;
	r->secret_shown = r->has_secret_shown = true;
	r->next = next_text(call, &k.key);
	return e;
}

/* ---- the others ---- */

int keys_list(struct call *call, const struct keys_list_params *p, struct keys_list_result *r)
{
	struct store_key_filter f = { .owner = p->owner, .limit = (size_t)p->limit };
	int64_t after;
	int e;

	if (p->cursor.p && !str_to_i64(p->cursor, &f.after))
		return err_new(ERR_INTERNAL, "a cursor that we gave is none");
	e = store_key_page(call->tx, &f, &r->items, &after);
	if (e || !after)
		return err_trace(e);
	r->next_cursor = str_fmt(call->arena, "%lld", (long long)after);
	return r->next_cursor.p ? 0 : err_nomem();
}

int keys_revoke(struct call *call, const struct keys_revoke_params *p, struct keys_revoke_result *r)
{
	struct store_key k;
	int e = key_named(call, p->id, &k);

	if (e)
		return e;
	r->key = k.key;
	if (k.key.has_revoked_at)
		return 0;
	authority_changed(call, k.key.owner_kind, k.key.owner);
	r->key.status = KEY_STATUS_REVOKED;
	r->key.revoked_at = call->now_ms;
	r->key.has_revoked_at = true;
	e = store_key_revoke(call->tx, k.n);
	return e ? err_trace(e) : tell(call, "key.revoked", &k.key);
}

static int refuse_ended(struct call *c, const struct key *k)
{
	if (k->rotated_to.p)
		call_data_str(c, "rotated_to", k->rotated_to);
	return call_fail_field(c, ERROR_CONFLICT, "id",
			       k->rotated_to.p ? "it was rotated already"
					       : "it does not work any more");
}

int keys_rotate(struct call *call, const struct keys_rotate_params *p, struct keys_rotate_result *r)
{
	struct store_key old, k;
	int64_t end_ms = call->now_ms + p->overlap_s * 1000;
	int e = key_named(call, p->id, &old);

	if (e)
		return e;
	if (old.key.status != KEY_STATUS_ACTIVE || old.key.rotated_to.p)
		return refuse_ended(call, &old.key);
	k = old;
	k.key.created_by = call->principal->id;
	k.key.has_used_at = false;
	e = check_rights(call, &k);
	if (e == 0)
		e = make(call, &k, &r->secret);
	if (e)
		return e;
	if (old.key.has_expires_at)
		end_ms = MIN(end_ms, old.key.expires_at);
	e = store_key_end(call->tx, old.n, end_ms, k.key.id);
	if (e)
		return err_trace(e);
	authority_changed(call, old.key.owner_kind, old.key.owner);
	r->key = k.key;
	r->secret_shown = r->has_secret_shown = true;
	r->next = next_text(call, &k.key);
	return tell(call, "key.rotated", &old.key);
}
