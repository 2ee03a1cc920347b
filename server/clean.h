/* SPDX-License-Identifier: Apache-2.0 */
/* The values of credentials are taken out where texts come in, so that nothing that is kept holds
 * one, and where they go out, for what was kept before the value was known. */
#pragma once

#include <stdbool.h>

#include "base/json.h"
#include "server/redact.h"
#include "server/request.h"

/* A call's parameters without the values; those that are secrets themselves (SHAPE_SECRET) stay.
 * *out is `params` where there is nothing to take out. False: refused. */
bool clean_params(struct request *r, const struct json *params, const struct json **out);
/* The same of one value: 0, REDACT_FOUND with *out, or negative. */
int clean_value(struct request *r, const struct json *v, struct json *out) must_check;
/* Does the message hold something that must not be guessed from a hash of it? */
bool clean_is_secret(const struct request *r);
/* A text as it may be kept. NONE: memory. */
struct str clean_kept(struct request *r, enum redact_kind kind, struct arena *a, struct str text);
/* At most so many bytes of what somebody said, as it may be said back: half a value would not be
 * found any more. NONE: memory. */
struct str clean_shown(struct server *s, struct arena *a, struct str text, size_t max);

/* What a channel says: as its ops, but without the values. */
int channel_send(struct channel *c, struct str message);
int channel_answer(struct channel *c, struct str message, int status);
/* The same for an answer that holds a value and is meant to. */
int channel_answer_with(struct channel *c, const struct request *r, struct str message, int status);
