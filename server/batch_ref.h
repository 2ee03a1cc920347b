/* SPDX-License-Identifier: Apache-2.0 */
/* References between the calls of a batch: {"$ref": "0.items.1.id"}. */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "base/macros.h"

struct batch_ref {
	struct arena *arena;
	/* The text of the i-th result; NONE when there is none (yet). */
	struct str (*result)(const void *data, size_t i);
	const void *data;
	struct str bad;   /* out: the reference that leads nowhere */
	struct str param; /* out: the parameter it is in; NONE: it stands for all of them */
};

/* `params` with every reference replaced; the same pointer when there is none. 0, BATCH_REF_BAD, or
 * negative. */
enum { BATCH_REF_BAD = 1 };
int batch_ref_resolve(struct batch_ref *ref, const struct json *params,
		      const struct json **out) must_check;
