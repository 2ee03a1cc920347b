/* SPDX-License-Identifier: Apache-2.0 */
/* Who a caller is, and what it may do: principals are made here and nowhere else, and the one gate
 * that every call passes is here. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/macros.h"
#include "base/str.h"
#include "verbs/call.h"

struct access;
struct access_keys;
struct loop;

/* Reads the token file; makes one (mode 0600) when it is missing and `may_create`. */
int access_new(const char *token_path, const struct clock *clock, bool may_create,
	       struct access **out) must_check;
struct access *access_free(struct access *a);

/* From here on bearers of a key are let in too. */
void access_let_keys_in(struct access *a, struct access_keys *keys);

/* Calls fn from the loop when the token has become another one, or none, as soon as its file says
 * so. Negative when files cannot be watched: it is called after the next bearer then. */
typedef void access_changed_fn(void *data);
int access_watch(struct access *a, struct loop *l, access_changed_fn *fn, void *data) must_check;
/* Is what a principal came by (`token`) still the token? True for who came by none. */
bool access_is_current(const struct access *a, uint64_t token);

/* The Unix socket's peer: false when it may not connect (another user). The id's text lives as long
 * as the access. */
bool access_peer(struct access *a, uid_t uid, struct principal *out);
/* --no-auth. */
struct principal access_anonymous(void);

/* The texts of *out live until the next call of the loop. `bearer` is what follows "Bearer " (NONE
 * when there was none); `peer` the address, for counting failures: more than 10 a minute from one
 * are refused without a look (TM-AUTHZ-05). A token file that changed is read again. */
enum { ACCESS_UNKNOWN = 1, ACCESS_TOO_MANY, ACCESS_NO_SCOPE };
struct access_found {
	struct principal who;
	const char *why; /* of an unknown one, where more may be said; or NULL */
};
int access_bearer(struct access *a, struct str bearer, struct str peer,
		  struct access_found *out) must_check;
