/* SPDX-License-Identifier: Apache-2.0 */
/* From a method's name and JSON parameters to a verb and its struct, and from its result to JSON.
 * Any thread: works on the request alone; decode_access() and decode_quota() are the loop's. */
#pragma once

#include <stdbool.h>

#include "base/macros.h"
#include "schemas/shape.h"
#include "server/request.h"

/* Finds the verb. False: refused, r->call.failure says why. */
bool decode_verb(struct request *r, struct str method) must_check;
/* May this principal? */
bool decode_allowed(struct request *r) must_check;
/* May it in this state of the server? */
bool decode_access(struct request *r) must_check;
/* One call less in this minute; false when there was none left. */
bool decode_quota(struct request *r) must_check;
/* Parameters: shape, request_id, confirmation, cursor. `scratch` is the thread's. */
bool decode_params(struct request *r, const struct json *params,
		   struct shape_faults *scratch) must_check;
/* r->result into r->out. 0, CALL_FAILED (too large) or negative. */
int encode_result(struct request *r) must_check;
/* Behind encode_result(): what of the result is kept for a call that is repeated, without secrets.
 * A view into r->out, or of `scratch`. */
int encode_kept(struct request *r, struct buf *scratch, struct str *out) must_check;
