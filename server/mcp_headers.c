/* SPDX-License-Identifier: Apache-2.0 */
/* MCP-Protocol-Version, Mcp-Method, Mcp-Name and Mcp-Param-*: names without regard to case, values
 * with it, blanks around them cut, `=?base64?…?=` decoded strictly. */
#include "server/mcp_headers.h"

#include "server/mcp_extra.h"

static struct str header(const struct http_request *r, struct str name)
{
	struct str v = http_header(r, name);

	return v.p ? str_trim(v) : v;
}

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Padding and alphabet as RFC 4648 §4 has them, unused bits zero, UTF-8 inside. */
static bool base64(struct arena *a, struct str in, struct str *out)
{
	size_t pad = 0, n = 0;
	uint32_t bits = 0;
	char *p;

	while (pad < 2 && pad < in.n && in.p[in.n - 1 - pad] == '=')
		pad++;
	p = arena_alloc(a, in.n + 1);
	if (in.n % 4 || !p)
		return false;
	for (size_t i = 0; i < in.n - pad; i++) {
		int d = digit(in.p[i]);

		if (d < 0)
			return false;
		bits = bits << 6 | (uint32_t)d;
		if (i % 4) {
			unsigned shift = 6 - 2 * (unsigned)(i % 4);

			p[n++] = (char)(bits >> shift);
			bits &= (1u << shift) - 1;
		}
	}
	*out = (struct str){ p, n };
	return !bits && str_is_utf8(*out);
}

/* A value as it is meant; false: a sentinel with broken content. */
static bool decode(struct arena *a, struct str *v)
{
	struct str begin = STR("=?base64?"), end = STR("?=");

	if (v->n < begin.n + end.n || !str_starts(*v, begin) || !str_ends(*v, end))
		return true;
	return base64(a, str_slice(*v, begin.n, v->n - end.n), v);
}

static const char *check_name(struct arena *a, const struct http_request *r,
			      const struct json *params, const char *mirrored)
{
	struct str said = header(r, STR("mcp-name")),
		   meant = json_get_str(params, str_from(mirrored));

	if (!said.p)
		return "the Mcp-Name header is missing";
	if (!decode(a, &said))
		return "the Mcp-Name header is not valid base64";
	return meant.p && !str_eq(said, meant) ? "the Mcp-Name header differs from the body" : NULL;
}

static bool same(const struct json *v, struct str said)
{
	int64_t i;

	switch (v->type) {
	case JSON_STRING:
		return str_eq(v->s, said);
	case JSON_INT:
		return str_to_i64(said, &i) && i == v->i;
	case JSON_BOOL:
		return str_eq(said, v->b ? STR("true") : STR("false"));
	default:
		return false;
	}
}

/* A mirrored argument's header is there exactly when the argument is, and says the same. */
static const char *check_param(struct arena *a, const struct http_request *r,
			       const struct json *arguments, const struct mcp_extra_mirror *m)
{
	struct str said = header(r, str_fmt(a, "mcp-param-%.*s", STR_ARG(m->header)));
	const struct json *v = arguments ? json_get(arguments, m->argument) : NULL;

	if (v && v->type == JSON_NULL)
		v = NULL;
	if (!v && !said.p)
		return NULL;
	if (!v)
		return "a Mcp-Param header has no argument in the body";
	if (!said.p)
		return "an argument lacks its Mcp-Param header";
	if (v->type == JSON_STRING && !decode(a, &said))
		return "a Mcp-Param header is not valid base64";
	return same(v, said) ? NULL : "a Mcp-Param header differs from its argument";
}

static const char *check_params(struct arena *a, const struct http_request *r,
				const struct json *params)
{
	const struct mcp_extra_tool *t = mcp_extra_tool_find(json_get_str(params, STR("name")));
	const char *e = NULL;

	for (size_t i = 0; t && !e && i < t->n_mirrors; i++)
		e = check_param(a, r, json_get(params, STR("arguments")), &t->mirrors[i]);
	return e;
}

const char *mcp_headers_check(struct arena *a, const struct http_request *r,
			      const struct json *message, const struct mcp_route *route)
{
	struct str claim = json_get_str(route->meta, MCP_META_VERSION),
		   version = header(r, STR("mcp-protocol-version"));
	struct str said = header(r, STR("mcp-method"));
	const struct mcp_method *method = route->method;
	const char *e;

	if (claim.p && !version.p)
		return "the MCP-Protocol-Version header is missing";
	if (claim.p && !str_eq(claim, version))
		return "the MCP-Protocol-Version header differs from the body";
	if (!said.p)
		return route->id ? "the Mcp-Method header is missing" : NULL;
	if (!str_eq(said, json_get_str(message, STR("method"))))
		return "the Mcp-Method header differs from the body";
	if (!method || !route->params || !route->id)
		return NULL;
	e = method->mirrored ? check_name(a, r, route->params, method->mirrored) : NULL;
	if (!e && str_eq(method->name, STR("tools/call")))
		e = check_params(a, r, route->params);
	return e;
}
