/* SPDX-License-Identifier: Apache-2.0 */
/* Predicates on the payload of an event: path, op, value. Of a field that is not there none holds
 * but `exists: false`; numbers are compared as numbers, text by its bytes, other things only for
 * being the same. Any thread. */
#pragma once

#include <stdbool.h>

#include "base/json.h"
#include "base/macros.h"
#include "verbs/call.h"

/* For call_server.check_predicates. */
int predicates_check(void *data, struct call *c, const char *field,
		     const struct event_predicate_list *list, struct call_wanted *out) must_check;
/* Do all hold? */
int predicates_hold(struct arena *a, const struct event_predicate_list *list,
		    const struct json *payload, bool *out) must_check;
/* Does one? `value` NULL: none was given. */
bool predicate_holds(const struct json *payload, struct str path, enum predicate_op op,
		     const struct json *value);
