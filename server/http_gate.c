/* SPDX-License-Identifier: Apache-2.0 */
/* Who may come in over HTTP. A web page in somebody's browser can reach a loopback port, under our
 * address or under a name of its own that resolves to it (DNS rebinding), so Host must be one of
 * our names and Origin, when there is one, one of those allowed, before anything else is looked at;
 * both are exact lists (TM-HTTP-01). Then comes the token (TM-AUTHZ-05). */
#include "server/http_call.h"

#include "base/err.h"
#include "server/access.h"
#include "server/access_keys.h"
#include "server/access_tokens.h"
#include "server/metrics.h"
#include "server/server.h"

static const struct str loopback_names[] = { STR("127.0.0.1"), STR("localhost"), STR("[::1]") };

#define PREFLIGHT_HEADERS                                                                   \
	"content-type, authorization, accept, mcp-protocol-version, mcp-method, mcp-name, " \
	"mcp-session-id, last-event-id"
#define PARAM_HEADERS_MAX 512

/* "name:port"; the port may be left out only where it is HTTP's own. */
static bool is_name_with_port(struct str host, struct str name, uint16_t port)
{
	int64_t n;

	if (host.n < name.n || !str_eq_nocase(str_slice(host, 0, name.n), name))
		return false;
	host = str_slice(host, name.n, host.n);
	if (!host.n)
		return port == 80;
	return host.n > 1 && host.p[0] == ':' && host.p[1] >= '1' && host.p[1] <= '9' &&
	       str_to_i64(str_slice(host, 1, host.n), &n) && n == port;
}

/* A configured name may stand for itself alone: a proxy in front has a port of its own. */
static bool is_configured_host(const struct options *o, struct str host, uint16_t port)
{
	for (size_t i = 0; i < o->hosts.n; i++)
		if (str_eq_nocase(host, o->hosts.v[i]) ||
		    is_name_with_port(host, o->hosts.v[i], port))
			return true;
	return false;
}

static bool is_our_host(const struct server *s, struct str host, uint16_t port)
{
	for (size_t i = 0; i < ARRAY_LEN(loopback_names); i++)
		if (is_name_with_port(host, loopback_names[i], port))
			return true;
	return is_configured_host(&s->options, host, port);
}

static bool is_allowed_origin(const struct server *s, struct str origin, uint16_t port)
{
	const struct str scheme = STR("http://");
	const struct str_list *more = &s->options.origins;

	for (size_t i = 0; i < more->n; i++)
		if (str_eq_nocase(origin, more->v[i]))
			return true;
	if (!str_starts(origin, scheme))
		return false;
	origin = str_slice(origin, scheme.n, origin.n);
	for (size_t i = 0; i < ARRAY_LEN(loopback_names); i++)
		if (is_name_with_port(origin, loopback_names[i], port))
			return true;
	return false;
}

/* ---- browsers ---- */

static void allow_origin(struct http_call *c, struct str origin)
{
	c->cors[0] = (struct http_header){ STR("Access-Control-Allow-Origin"), origin };
	c->cors[1] = (struct http_header){ STR("Vary"), STR("Origin") };
	c->cors[2] = (struct http_header){ STR("Access-Control-Expose-Headers"),
					   STR("Mcp-Session-Id, WWW-Authenticate, Retry-After") };
	http_set_common_headers(c->x, c->cors, ARRAY_LEN(c->cors));
}

/* The names that MCP makes of parameters are not known beforehand: those asked for are allowed. */
static void put_param_headers(struct buf *b, struct str asked)
{
	while (asked.p) {
		struct str name = str_trim(str_cut(&asked, ','));

		if (!str_eq_nocase(str_slice(name, 0, 10), STR("mcp-param-")) ||
		    buf_len(b) + name.n > PARAM_HEADERS_MAX)
			continue;
		BUF_LIT(b, ", ");
		buf_put_str(b, name);
	}
}

static void answer_preflight(struct http_call *c, const struct http_request *r)
{
	struct http_header headers[] = {
		{ STR("Access-Control-Allow-Methods"), STR("GET, POST, DELETE, OPTIONS") },
		{ STR("Access-Control-Max-Age"), STR("600") },
		{ STR("Access-Control-Allow-Headers"), STR(PREFLIGHT_HEADERS) },
	};
	struct http_answer a = { .status = 204,
				 .headers = headers,
				 .n_headers = ARRAY_LEN(headers) };
	CLEANUP(buf_deinit) struct buf b;

	buf_init(&b, 0);
	BUF_LIT(&b, PREFLIGHT_HEADERS);
	put_param_headers(&b, http_header(r, STR("access-control-request-headers")));
	if (!b.failed)
		headers[2].value = buf_str(&b);
	if (http_reply(c->x, &a) < 0)
		err_forget(); /* memory is out: the exchange stays open until the client gives up */
}

/* ---- the token ---- */

static struct str bearer_of(const struct http_request *r)
{
	struct str value = http_header(r, STR("authorization"));
	const struct str scheme = STR("Bearer ");

	if (!str_eq_nocase(str_slice(value, 0, scheme.n), scheme))
		return STR_NONE;
	return str_trim(str_slice(value, scheme.n, value.n));
}

/* With an issuer, its clients are told where tokens come from and which are needed. */
static struct str challenge(const struct http_call *c, const char *error, const char *why)
{
	const struct access_tokens *t = access_keys_tokens(c->server->keys);
	struct str text = t ? access_tokens_challenge(t, http_arena(c->x), error, why) : STR_NONE;

	if (text.p)
		return text;
	return error ? STR("Bearer realm=\"questd\", error=\"invalid_token\"")
		     : STR("Bearer realm=\"questd\"");
}

static void refuse_scope(struct http_call *c)
{
	http_call_refuse_with(c, &(struct http_refusal){
				     .status = 403,
				     .code = ERROR_DENIED,
				     .header = { STR("WWW-Authenticate"),
						 challenge(c, "insufficient_scope",
							   "the token has no scope of ours") },
				     .text = "the token has no scope that allows anything here" });
}

static void refuse_token(struct http_call *c, int e, bool was_given, const char *why)
{
	if (e == ACCESS_NO_SCOPE) {
		refuse_scope(c);
		return;
	}
	if (e == ACCESS_TOO_MANY) {
		http_call_refuse_with(c, &(struct http_refusal){
					     .status = 429,
					     .code = ERROR_TOO_MANY_REQUESTS,
					     .retry_after_s = 60,
					     .text = "too many wrong tokens from this address" });
		return;
	}
	http_call_refuse_with(c, &(struct http_refusal){
				     .status = 401,
				     .code = ERROR_UNAUTHENTICATED,
				     .header = { STR("WWW-Authenticate"),
						 challenge(c, was_given ? "invalid_token" : NULL,
							   why) },
				     .text = why         ? why
					     : was_given ? "the token is not the right one"
							 : "a bearer token is needed" });
}

struct http_header http_step_up(struct http_exchange *x, const struct server *s,
				const struct principal *who, access_roles would_do)
{
	struct str text = access_tokens_step_up(access_keys_tokens(s->keys), http_arena(x),
						who->roles, would_do);

	return (struct http_header){ STR("WWW-Authenticate"),
				     text.p ? text : STR("Bearer error=\"insufficient_scope\"") };
}

/* They were lent for this moment. */
static bool keep_texts(struct arena *a, struct principal *p)
{
	p->id = str_dup(a, p->id);
	if (p->key_id.p)
		p->key_id = str_dup(a, p->key_id);
	return !a->is_out;
}

static bool is_let_in(struct http_call *c, const struct http_request *r)
{
	struct str bearer = bearer_of(r);
	struct access_found found;
	int e;

	if (c->server->options.no_auth) {
		c->principal = access_anonymous();
		http_mark_authenticated(c->x);
		return true;
	}
	e = access_bearer(c->server->access, bearer, r->peer, &found);
	c->principal = found.who;
	if (!e && keep_texts(http_arena(c->x), &c->principal)) {
		access_keys_expect_end(c->server->keys, c->principal.expires_ms);
		http_mark_authenticated(c->x);
		return true;
	}
	if (e <= 0) {
		err_forget();
		http_call_refuse(c, 503, ERROR_STORAGE_BUSY, "the key cannot be looked up now");
		return false;
	}
	refuse_token(c, e, bearer.p != NULL, found.why);
	return false;
}

static const struct http_refusal foreign_host = {
	.status = 403,
	.code = ERROR_DENIED,
	.text = "this Host is not served here",
	.hint = "call by the address and port of the ready line; http.hosts (--hosts) adds names",
};

static const struct http_refusal foreign_origin = {
	.status = 403,
	.code = ERROR_DENIED,
	.text = "pages of this Origin may not call",
	.hint = "http.origins (--origins) adds some",
};

bool http_gate_pass(struct http_call *c, const struct http_request *r, uint16_t port,
		    bool needs_token)
{
	struct str origin = http_header(r, STR("origin"));

	if (!is_our_host(c->server, http_header(r, STR("host")), port)) {
		http_call_refuse_with(c, &foreign_host);
		return false;
	}
	if (origin.p && !is_allowed_origin(c->server, origin, port)) {
		http_call_refuse_with(c, &foreign_origin);
		return false;
	}
	if (origin.p)
		allow_origin(c, origin);
	if (str_eq(r->method, STR("OPTIONS"))) {
		answer_preflight(c, r);
		return false;
	}
	return !needs_token || is_let_in(c, r);
}
