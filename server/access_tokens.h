/* SPDX-License-Identifier: Apache-2.0 */
/* Who comes with a token of an authorization server: an OAuth 2.1 resource server, as MCP has it.
 * The server asks nobody: the issuer's keys lie in a file. Loop thread. */
#pragma once

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"
#include "verbs/call.h"

struct access_tokens;
struct buf;
struct server;

/* With options auth.*; *out is NULL when they name no issuer. */
int access_tokens_new(struct server *s, struct access_tokens **out) must_check;
struct access_tokens *access_tokens_free(struct access_tokens *t);

/* `hash` names the token. 0, ACCESS_UNKNOWN with *why, ACCESS_NO_SCOPE, or negative. */
int access_tokens_find(struct access_tokens *t, struct arena *a, struct str text, struct str hash,
		       struct principal *out, const char **why) must_check;
/* Is he whom the token stands for still one of us? */
int access_tokens_recheck(struct access_tokens *t, struct arena *a,
			  const struct principal *p) must_check;

/* The parameters of a challenge behind `Bearer realm="questd"`; error and why may be NULL. */
struct str access_tokens_challenge(const struct access_tokens *t, struct arena *a,
				   const char *error, const char *why);
/* Of a call that was denied because no scope of its token is an access role that may: the roles
 * that would do; else 0. */
access_roles access_tokens_lacking(const struct principal *p, const struct call_failure *f,
				   const struct verb *v);
/* The challenge of such a call: what its token has, and the least that would do. */
struct str access_tokens_step_up(const struct access_tokens *t, struct arena *a, access_roles has,
				 access_roles would_do);
/* What says where tokens come from (RFC 9728); false where `path` is not its place. */
bool access_tokens_metadata(const struct access_tokens *t, struct str path, struct buf *out);
