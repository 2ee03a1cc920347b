/* SPDX-License-Identifier: Apache-2.0 */
#include "server/options_auth.h"

#include <stdio.h>

#define URL_MAX 500

static bool is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '"' || s.p[i] == '\\' ||
		    s.p[i] == '#' || s.p[i] == '?')
			return false;
	return s.n > 0 && s.n <= URL_MAX;
}

/* https, or http to this machine. */
static bool is_url(struct str s)
{
	static const struct str starts[] = { STR("https://"), STR("http://127.0.0.1"),
					     STR("http://localhost"), STR("http://[::1]") };

	for (size_t i = 0; i < ARRAY_LEN(starts); i++)
		if (str_starts(s, starts[i]) && s.n > starts[i].n)
			return is_plain(s);
	return false;
}

int options_auth(const struct options *o, char *text, size_t cap)
{
	bool has_any = o->auth_issuer.p || o->auth_resource.p || o->auth_keys.p;

	if (!has_any)
		return 0;
	if (!o->auth_issuer.p || !o->auth_resource.p || !o->auth_keys.p)
		snprintf(text, cap,
			 "auth: issuer, resource and keys are needed together; auth.%s is missing",
			 !o->auth_issuer.p     ? "issuer"
			 : !o->auth_resource.p ? "resource"
					       : "keys");
	else if (!is_url(o->auth_issuer))
		snprintf(text, cap,
			 "auth.issuer: must be an https:// URL, as tokens say it in iss");
	else if (!is_url(o->auth_resource))
		snprintf(text, cap,
			 "auth.resource: must be an https:// URL, as tokens say it in aud");
	else if (o->auth_keys.p[0] != '/')
		snprintf(text, cap, "auth.keys: must be a path that begins with /");
	else if (!o->auth_claim.n)
		snprintf(text, cap, "auth.claim: must name a claim");
	else
		return 0;
	return OPTIONS_BAD;
}
