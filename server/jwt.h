/* SPDX-License-Identifier: Apache-2.0 */
/* An access token of an authorization server (JWT, RFC 7519 and 9068): what it says, and whether
 * that holds here. Whether its signature does is jwks.c's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/macros.h"
#include "base/str.h"
#include "verbs/call.h"

#define JWT_TEXT_MAX     8192
#define JWT_SCOPE_PREFIX "questd:" /* then the name of an access role */

enum jwt_algorithm { JWT_RS256 = 1, JWT_ES256, JWT_EDDSA };

enum jwt_fault {
	JWT_MALFORMED = 1,
	JWT_ALGORITHM,
	JWT_TYPE,
	JWT_CRITICAL,
	JWT_KEY,
	JWT_SIGNATURE,
	JWT_ISSUER,
	JWT_AUDIENCE,
	JWT_EXPIRED,
	JWT_EARLY,
	JWT_OLD,
	JWT_PERSON,
	JWT_FAULT_MAX,
};

struct jwt {
	enum jwt_algorithm algorithm;
	struct str kid, signed_text, signature;
	struct json claims;
};

struct jwt_rules {
	struct str issuer, audience; /* exactly */
	struct str claim;            /* that names the person */
};

struct jwt_claims {
	struct str person;
	access_roles roles;
	int64_t expires_ms; /* wall */
};

/* Three parts with a dot between: a key has none. */
bool jwt_is_one(struct str text);
/* 0, a jwt_fault, or negative. Nothing that it says may be believed before its signature is. */
int jwt_parse(struct arena *a, struct str text, struct jwt *out) must_check;
int jwt_check(const struct jwt *t, const struct jwt_rules *rules, int64_t now_ms,
	      struct jwt_claims *out) must_check;
/* For error_description: no quotes in it. */
const char *jwt_fault_text(enum jwt_fault fault);
