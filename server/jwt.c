/* SPDX-License-Identifier: Apache-2.0 */
#include "server/jwt.h"

#include "base/err.h"
#include "server/seal.h"
#include "types.gen.h"

#define LEEWAY_S    60 /* clocks differ */
#define AGE_S       86400
#define SECONDS_MAX INT64_C(100000000000)
#define NAME_MAX    200

static const struct {
	struct str name;
	enum jwt_algorithm algorithm;
} algorithms[] = {
	{ STR("RS256"), JWT_RS256 },
	{ STR("ES256"), JWT_ES256 },
	{ STR("EdDSA"), JWT_EDDSA },
};

static const struct str types[] = { STR("at+jwt"), STR("application/at+jwt"), STR("JWT") };

bool jwt_is_one(struct str text)
{
	size_t first = str_find(text, '.', 0), second = str_find(text, '.', first + 1);

	return second < text.n && str_find(text, '.', second + 1) == text.n;
}

/* ---- the header ---- */

static int decode_part(struct arena *a, struct str part, struct json *out)
{
	struct str text;
	int e = seal_unbase64(a, part, &text);

	if (!e)
		e = json_parse(a, text, out, NULL);
	if (e < 0)
		return err_trace(e);
	return e || out->type != JSON_OBJECT ? JWT_MALFORMED : 0;
}

static enum jwt_algorithm algorithm_of(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++)
		if (str_eq(name, algorithms[i].name))
			return algorithms[i].algorithm;
	return 0;
}

static bool is_access_token(struct str type)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (str_eq_nocase(type, types[i]))
			return true;
	return false;
}

/* A key that the token brings along (jwk, jku, x5c, x5u) is not looked at. */
static int read_header(const struct json *header, struct jwt *out)
{
	out->algorithm = algorithm_of(json_get_str(header, STR("alg")));
	if (!out->algorithm)
		return JWT_ALGORITHM;
	if (json_get(header, STR("crit")))
		return JWT_CRITICAL;
	if (!is_access_token(json_get_str(header, STR("typ"))))
		return JWT_TYPE;
	out->kid = json_get_str(header, STR("kid"));
	return out->kid.n && out->kid.n <= NAME_MAX ? 0 : JWT_KEY;
}

int jwt_parse(struct arena *a, struct str text, struct jwt *out)
{
	struct str rest = text, header = str_cut(&rest, '.'), claims = str_cut(&rest, '.');
	struct json first;
	int e;

	*out = (struct jwt){ .signed_text = str_slice(text, 0, header.n + 1 + claims.n) };
	if (text.n > JWT_TEXT_MAX || !rest.n)
		return JWT_MALFORMED;
	e = decode_part(a, header, &first);
	if (!e)
		e = read_header(&first, out);
	if (!e)
		e = decode_part(a, claims, &out->claims);
	if (e)
		return e < 0 ? err_trace(e) : e;
	e = seal_unbase64(a, rest, &out->signature);
	return e < 0 ? err_trace(e) : e ? JWT_MALFORMED : 0;
}

/* ---- the claims ---- */

/* NumericDate: seconds, maybe with a fraction. False when it is there and none. */
static bool read_seconds(const struct json *claims, struct str name, bool *is_there, int64_t *out)
{
	const struct json *v = json_get(claims, name);

	*is_there = v != NULL;
	*out = 0;
	if (!v)
		return true;
	if (v->type == JSON_INT)
		*out = v->i;
	else if (v->type == JSON_DOUBLE && v->d >= 0 && v->d <= (double)SECONDS_MAX)
		*out = (int64_t)v->d;
	else
		return false;
	return *out >= 0 && *out <= SECONDS_MAX;
}

static bool is_for(const struct json *aud, struct str audience)
{
	if (!aud)
		return false;
	if (aud->type == JSON_STRING)
		return str_eq(aud->s, audience);
	for (uint32_t i = 0; aud->type == JSON_ARRAY && i < aud->n; i++)
		if (aud->items[i].type == JSON_STRING && str_eq(aud->items[i].s, audience))
			return true;
	return false;
}

static int check_times(const struct json *claims, int64_t now_s, int64_t *out_end)
{
	bool has_end, has_start, has_issue;
	int64_t end, start, issue;

	if (!read_seconds(claims, STR("exp"), &has_end, &end) || !has_end ||
	    !read_seconds(claims, STR("nbf"), &has_start, &start) ||
	    !read_seconds(claims, STR("iat"), &has_issue, &issue) || !has_issue)
		return JWT_MALFORMED;
	if (now_s >= end + LEEWAY_S)
		return JWT_EXPIRED;
	if (now_s < issue - LEEWAY_S || (has_start && now_s < start - LEEWAY_S))
		return JWT_EARLY;
	if (now_s - issue > AGE_S)
		return JWT_OLD;
	*out_end = end + LEEWAY_S;
	return 0;
}

static access_roles roles_of(struct str scope)
{
	const struct str prefix = STR(JWT_SCOPE_PREFIX);
	access_roles roles = 0;

	while (scope.p) {
		struct str word = str_cut(&scope, ' ');

		for (int role = 1; str_starts(word, prefix) && role < ACCESS_ROLE_MAX; role++)
			if (str_eq(str_slice(word, prefix.n, word.n),
				   access_role_text((enum access_role)role)))
				roles |= 1u << role;
	}
	return roles;
}

int jwt_check(const struct jwt *t, const struct jwt_rules *rules, int64_t now_ms,
	      struct jwt_claims *out)
{
	int64_t end_s = 0;
	int e;

	if (!str_eq(json_get_str(&t->claims, STR("iss")), rules->issuer))
		return JWT_ISSUER;
	if (!is_for(json_get(&t->claims, STR("aud")), rules->audience))
		return JWT_AUDIENCE;
	e = check_times(&t->claims, now_ms / 1000, &end_s);
	if (e)
		return e;
	*out = (struct jwt_claims){ .person = json_get_str(&t->claims, rules->claim),
				    .roles = roles_of(json_get_str(&t->claims, STR("scope"))),
				    .expires_ms = end_s * 1000 };
	return out->person.n && out->person.n <= NAME_MAX ? 0 : JWT_PERSON;
}

const char *jwt_fault_text(enum jwt_fault fault)
{
	static const char *const texts[JWT_FAULT_MAX] = {
		[JWT_MALFORMED] = "the token is malformed",
		[JWT_ALGORITHM] = "the token is signed with an algorithm that is not taken",
		[JWT_TYPE] = "the token is no access token",
		[JWT_CRITICAL] = "the token demands an extension",
		[JWT_KEY] = "the key that signed the token is not known",
		[JWT_SIGNATURE] = "the signature of the token is wrong",
		[JWT_ISSUER] = "the token is of another issuer",
		[JWT_AUDIENCE] = "the token is for another resource",
		[JWT_EXPIRED] = "the token has expired",
		[JWT_EARLY] = "the token is not valid yet",
		[JWT_OLD] = "the token was issued more than a day ago",
		[JWT_PERSON] = "the token is of nobody who is known here",
	};

	return texts[fault];
}
