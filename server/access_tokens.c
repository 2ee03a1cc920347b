/* SPDX-License-Identifier: Apache-2.0 */
#include "server/access_tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "server/access.h"
#include "server/jwks.h"
#include "server/server.h"
#include "verbs.gen.h"
#include "verbs/authority.h"

#define WELL_KNOWN        "/.well-known/oauth-protected-resource"
#define READS_PER_MINUTE  600
#define WRITES_PER_MINUTE 120
#define NAMED_BY          12 /* characters of its hash */
/* What everyday work needs; more is asked for where it is needed. */
#define EVERYDAY_SCOPES "questd:viewer questd:operator"

struct access_tokens {
	struct server *server;
	struct jwks *keys;
	struct jwt_rules rules;
	struct str origin, path; /* of the resource: "https://host", "/mcp" */
};

static void split_resource(struct access_tokens *t)
{
	struct str all = t->rules.audience;
	size_t slash = str_find(all, '/', str_find(all, ':', 0) + 3);

	t->origin = str_slice(all, 0, slash);
	t->path = str_slice(all, slash, all.n);
}

int access_tokens_new(struct server *s, struct access_tokens **out)
{
	const struct options *o = &s->options;
	struct access_tokens *t;
	int e;

	*out = NULL;
	if (!o->auth_issuer.p)
		return 0;
	t = calloc(1, sizeof(*t));
	if (!t)
		return err_nomem();
	t->server = s;
	t->rules = (struct jwt_rules){ o->auth_issuer, o->auth_resource, o->auth_claim };
	split_resource(t);
	e = jwks_new(o->auth_keys.p, &t->keys);
	if (e) {
		access_tokens_free(t);
		return err_trace(e);
	}
	*out = t;
	return 0;
}

struct access_tokens *access_tokens_free(struct access_tokens *t)
{
	if (!t)
		return NULL;
	jwks_free(t->keys);
	free(t);
	return NULL;
}

/* ---- who ---- */

static int find_person(struct access_tokens *t, struct arena *a, const struct jwt_claims *c,
		       struct principal *out)
{
	struct server *s = t->server;
	struct store_tx tx;
	int e = store_read_begin(s->reader, a, clock_wall_ms(&s->clock), &tx);

	if (e)
		return err_trace(e);
	e = authority_of_person(&tx, c->person, c->roles, out);
	store_read_end(s->reader);
	return e < 0 ? err_trace(e) : e;
}

int access_tokens_find(struct access_tokens *t, struct arena *a, struct str text, struct str hash,
		       struct principal *out, const char **why)
{
	struct jwt_claims claims;
	struct jwt token;
	int e = jwt_parse(a, text, &token);

	if (!e)
		e = jwks_verify(t->keys, &token);
	if (!e)
		e = jwt_check(&token, &t->rules, clock_wall_ms(&t->server->clock), &claims);
	if (!e) {
		e = find_person(t, a, &claims, out);
		e = e == STORE_NONE ? JWT_PERSON : e;
	}
	if (e < 0)
		return err_trace(e);
	if (e) {
		*why = jwt_fault_text((enum jwt_fault)e);
		return ACCESS_UNKNOWN;
	}
	if (!claims.roles)
		return ACCESS_NO_SCOPE;
	out->key_id = str_fmt(a, "jwt-%.*s", NAMED_BY, hash.p);
	out->expires_ms = claims.expires_ms;
	out->reads_per_minute = READS_PER_MINUTE;
	out->writes_per_minute = WRITES_PER_MINUTE;
	return out->key_id.p ? 0 : err_nomem();
}

int access_tokens_recheck(struct access_tokens *t, struct arena *a, const struct principal *p)
{
	struct server *s = t->server;
	struct store_tx tx;
	bool is_live;
	int e = store_read_begin(s->reader, a, clock_wall_ms(&s->clock), &tx);

	if (e)
		return err_trace(e);
	e = authority_is_live(&tx, p, &is_live);
	store_read_end(s->reader);
	if (e)
		return err_trace(e);
	return is_live ? 0 : ACCESS_UNKNOWN;
}

/* ---- what clients are told ---- */

static struct str challenge(const struct access_tokens *t, struct arena *a, struct str fault,
			    struct str scopes)
{
	return str_fmt(
	    a,
	    "Bearer realm=\"questd\"%.*s, scope=\"%.*s\", resource_metadata=\"%.*s" WELL_KNOWN
	    "%.*s\"",
	    STR_ARG(fault), STR_ARG(scopes), STR_ARG(t->origin), STR_ARG(t->path));
}

struct str access_tokens_challenge(const struct access_tokens *t, struct arena *a,
				   const char *error, const char *why)
{
	struct str fault = error ? str_fmt(a, ", error=\"%s\", error_description=\"%s\"", error,
					   why ? why : "")
				 : STR("");

	return challenge(t, a, fault, STR(EVERYDAY_SCOPES));
}

access_roles access_tokens_lacking(const struct principal *p, const struct call_failure *f,
				   const struct verb *v)
{
	bool has_token = p->kind == PRINCIPAL_KIND_USER && !p->key && !p->is_owner;

	return f->code == ERROR_DENIED && v && has_token && !(v->access & p->roles) ? v->access : 0;
}

struct str access_tokens_step_up(const struct access_tokens *t, struct arena *a, access_roles has,
				 access_roles would_do)
{
	access_roles wanted = has | (would_do & (~would_do + 1)); /* the lowest bit */
	struct str scopes = STR("");

	for (int role = 1; role < ACCESS_ROLE_MAX; role++)
		if (wanted & 1u << role)
			scopes = str_fmt(a, "%.*s%s" JWT_SCOPE_PREFIX "%.*s", STR_ARG(scopes),
					 scopes.n ? " " : "",
					 STR_ARG(access_role_text((enum access_role)role)));
	return challenge(
	    t, a,
	    STR(", error=\"insufficient_scope\", error_description=\"the scopes of the "
		"token do not allow this call\""),
	    scopes);
}

static void put_one(struct json_out *w, const char *key, struct str value)
{
	json_key(w, str_from(key));
	json_begin_array(w);
	json_str(w, value);
	json_end_array(w);
}

bool access_tokens_metadata(const struct access_tokens *t, struct str path, struct buf *out)
{
	struct str rest = str_slice(path, strlen(WELL_KNOWN), path.n);
	struct json_out w = json_out(out);
	char scope[64];

	if (rest.n && !str_eq(rest, t->path))
		return false;
	json_begin_object(&w);
	JSON_KV_STR(&w, "resource", t->rules.audience);
	put_one(&w, "authorization_servers", t->rules.issuer);
	json_key(&w, STR("scopes_supported"));
	json_begin_array(&w);
	for (int role = 1; role < ACCESS_ROLE_MAX; role++) {
		int n = snprintf(scope, sizeof(scope), JWT_SCOPE_PREFIX "%.*s",
				 STR_ARG(access_role_text((enum access_role)role)));

		json_str(&w, (struct str){ scope, (size_t)n });
	}
	json_end_array(&w);
	put_one(&w, "bearer_methods_supported", STR("header"));
	JSON_KV_STR(&w, "resource_name", STR("questd"));
	json_end_object(&w);
	buf_put_char(out, '\n');
	return true;
}
