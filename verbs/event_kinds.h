/* SPDX-License-Identifier: Apache-2.0 */
/* Which kinds of events there are. */
#pragma once

#include "verbs/call.h"

/* A kind that a caller may fire: of the right form, and none of the runtime's own. */
int event_kind_check(struct call *c, const char *field, struct str kind) must_check;
/* A kind that the runtime would have to fire and does not is a slip, and never comes. */
int event_kind_check_filter(struct call *c, struct str glob) must_check;
/* The same of a subscription's pattern, whose stars keep to words (base/glob.h): refused when no
 * kind can match. *warning: what may be a slip, or NONE. */
int event_kind_check_pattern(struct call *c, const char *field, struct str pattern,
			     struct str *warning) must_check;
/* The short id of a quest or task stands for its id; another text for itself. */
int event_find_subject(struct call *c, struct str *subject) must_check;
