/* SPDX-License-Identifier: Apache-2.0 */
/* What each principal, and all together, may have in flight. Calls are charged while they wait for
 * a lane or in it (an inline read is over before it could count), bytes with them, streams and
 * parked calls as streams, connections as connections. */
#pragma once

#include <stdint.h>

#include "base/charge.h"
#include "base/macros.h"
#include "base/map.h"
#include "base/str.h"
#include "verbs/call.h"

struct quota;

/* One principal's account, shared by its connections and calls. */
struct quota_user {
	struct map_node node;
	struct quota *quota;
	struct charge_account account;
	uint32_t n_refs;
	char id[]; /* NUL-terminated */
};

int quota_new(struct quota **out) must_check;
struct quota *quota_free(struct quota *q);
struct charge_account *quota_everybody(struct quota *q);

/* The principal's account, made at need. NULL when memory is out. */
struct quota_user *quota_join(struct quota *q, const struct principal *p);
struct quota_user *quota_ref(struct quota_user *u);
struct quota_user *quota_unref(struct quota_user *u);
