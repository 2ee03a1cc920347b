/* SPDX-License-Identifier: Apache-2.0 */
/* credentials.ingest, list, delete: what is kept, and never shown. */
#include "handlers.gen.h"
#include "verbs/agents_common.h"
#include "verbs/credentials_common.h"
#include "verbs/people_common.h"

#define VALUE_MAX 8192 /* characters, as in the schema */
#define WORD_MAX  16   /* a value of letters alone up to this long may well be a word */

static int tell(struct call *c, const char *kind, const struct credential *k)
{
	struct call_field fields[] = {
		{ "name", k->name, 0 },
		{ "scope", credential_scope_text(k->scope), 0 },
		{ "owner", k->owner.p ? k->owner : STR(""), 0 },
	};

	return err_trace(call_event(c, kind, k->id, fields, ARRAY_LEN(fields)));
}

int credential_refuse_agent(struct call *c)
{
	if (c->principal->kind != PRINCIPAL_KIND_AGENT)
		return 0;
	c->failure.hint = STR(
	    "an agent never sees secrets; whoever runs it hands them to its tools");
	return call_fail(c, ERROR_DENIED, "%.*s is an agent", STR_ARG(c->principal->id));
}

/* ---- names that are known ---- */

static const struct {
	struct str name, provider;
	enum credential_kind kind;
} known[] = {
	{ STR("OPENROUTER_API_KEY"), STR("openrouter"), CREDENTIAL_KIND_API_KEY },
	{ STR("ANTHROPIC_API_KEY"), STR("anthropic"), CREDENTIAL_KIND_API_KEY },
	{ STR("OPENAI_API_KEY"), STR("openai"), CREDENTIAL_KIND_API_KEY },
	{ STR("GEMINI_API_KEY"), STR("google"), CREDENTIAL_KIND_API_KEY },
	{ STR("GITHUB_TOKEN"), STR("github"), CREDENTIAL_KIND_TOKEN },
	{ STR("OLLAMA_HOST"), STR("ollama"), CREDENTIAL_KIND_SETTING },
};

void credential_name_says(struct str name, struct str *provider, enum credential_kind *kind)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (!str_eq(known[i].name, name))
			continue;
		if (!provider->p)
			*provider = known[i].provider;
		if (kind && !*kind)
			*kind = known[i].kind;
	}
	if (kind && !*kind)
		*kind = CREDENTIAL_KIND_OTHER;
}

/* ---- whose ---- */

int credential_owner(struct call *c, struct str agent, struct str role,
		     struct store_credential_place *out)
{
	struct store_agent a;
	struct store_role r;
	int e;

	out->scope = CREDENTIAL_SCOPE_ENTITY;
	if (agent.p) {
		e = agent_named(c, "agent", agent, &a);
		if (e)
			return e;
		out->scope = CREDENTIAL_SCOPE_AGENT;
		out->owner = a.agent.id;
		if (a.agent.status == AGENT_STATUS_RETIRED)
			return call_fail_field(c, ERROR_CONFLICT, "agent", "'%.*s' is retired",
					       STR_ARG(a.agent.name));
	} else if (role.p) {
		e = role_named(c, "role", role, &r);
		if (e)
			return e;
		out->scope = CREDENTIAL_SCOPE_ROLE;
		out->owner = r.role.id;
	}
	return 0;
}

/* ---- credentials.ingest ---- */

static bool is_text(struct str s)
{
	if (!s.n || !str_is_utf8(s) || str_n_chars(s) > VALUE_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 && s.p[i] != '\n' && s.p[i] != '\r' &&
		    s.p[i] != '\t')
			return false;
	return true;
}

static int value_of(struct call *c, const struct credentials_ingest_params *p, struct str *out)
{
	int e;

	*out = p->value;
	if (!p->sealed.p)
		return 0;
	e = c->server->vault.unbox(c->server->data, c, p->sealed, out);
	if (e || is_text(*out))
		return err_trace(e);
	return call_fail_field(c, ERROR_CONFLICT, "sealed",
			       "what was sealed is no text of 1 to %d characters", VALUE_MAX);
}

static int check_one(struct call *c, const struct credentials_ingest_params *p)
{
	if (!p->value.p == !p->sealed.p)
		return call_fail_field(c, ERROR_CONFLICT, "value", "give either value or sealed");
	if (p->agent.p && p->role.p)
		return call_fail_field(c, ERROR_CONFLICT, "role",
				       "it is an agent's or a role's, not both");
	return 0;
}

static bool is_word(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] | 0x20) >= 'a' && (s.p[i] | 0x20) <= 'z') && s.p[i] != '_')
			return false;
	return s.n <= WORD_MAX;
}

static struct str note_of(struct arena *a, const struct credential *k, struct str value)
{
	if (k->kind == CREDENTIAL_KIND_SETTING)
		return STR("a setting: it is shown in texts as it is");
	if (!k->redacted)
		return STR("shorter than 8 bytes: it cannot be taken out of texts, for it would be "
			   "found everywhere");
	if (is_word(value))
		return str_fmt(a,
			       "it looks like a word: wherever that is written it becomes "
			       "[redacted:%.*s]; a longer, random one is better",
			       STR_ARG(k->name));
	return STR_NONE;
}

int credentials_ingest(struct call *call, const struct credentials_ingest_params *p,
		       struct credentials_ingest_result *r)
{
	struct store_credential_place place = { .name = p->name, .provider = p->provider };
	struct store_credential k = { .n = 0 };
	enum credential_kind kind = p->kind;
	struct str value;
	int e = credential_refuse_agent(call);

	if (!e)
		e = check_one(call, p);
	if (!e)
		e = credential_owner(call, p->agent, p->role, &place);
	if (!e)
		e = value_of(call, p, &value);
	if (e)
		return err_trace(e);
	credential_name_says(p->name, &place.provider, &kind);
	e = store_credential_exact(call->tx, &place, &k);
	if (e < 0)
		return err_trace(e);
	if (e == STORE_NONE)
		k.credential = (struct credential){ .name = p->name,
						    .provider = place.provider,
						    .scope = place.scope,
						    .owner = place.owner,
						    .created_by = call->principal->id };
	k.credential.kind = kind;
	k.credential.source = p->source     ? p->source
			      : p->sealed.p ? CREDENTIAL_SOURCE_SEALED
					    : CREDENTIAL_SOURCE_CALL;
	r->created = e == STORE_NONE;
	e = secret_put(call, &k, value);
	if (e)
		return err_trace(e);
	r->credential = k.credential;
	r->note = note_of(call->arena, &k.credential, value);
	return tell(call, r->created ? "credential.created" : "credential.updated", &k.credential);
}

/* ---- the others ---- */

int credentials_list(struct call *call, const struct credentials_list_params *p,
		     struct credentials_list_result *r)
{
	struct store_credential_filter f = { .owner = p->owner, .limit = (size_t)p->limit };
	struct store_credential_list page;
	int64_t after;
	int e = credential_refuse_agent(call);

	if (e)
		return e;
	if (p->cursor.p && !str_to_i64(p->cursor, &f.after))
		return err_new(ERR_INTERNAL, "a cursor that we gave is none");
	e = store_credential_page(call->tx, &f, &page, &after);
	if (e)
		return err_trace(e);
	r->items.v = ARENA_ARRAY(call->arena, page.n, struct credential);
	if (!r->items.v)
		return err_nomem();
	for (size_t i = 0; i < page.n; i++)
		r->items.v[r->items.n++] = page.v[i].credential;
	if (!after)
		return 0;
	r->next_cursor = str_fmt(call->arena, "%lld", (long long)after);
	return r->next_cursor.p ? 0 : err_nomem();
}

int credentials_delete(struct call *call, const struct credentials_delete_params *p,
		       struct credentials_delete_result *r)
{
	struct store_credential k;
	int e = credential_refuse_agent(call);

	if (e)
		return e;
	e = store_credential_find(call->tx, p->id, &k);
	if (e)
		return e == STORE_NONE ? call_not_found(call, "credential", "id", p->id)
				       : err_trace(e);
	e = store_credential_delete(call->tx, k.n);
	if (e)
		return err_trace(e);
	call->server->vault.retire(call->server->data, k.credential.id);
	r->credential = k.credential;
	return tell(call, "credential.deleted", &k.credential);
}
