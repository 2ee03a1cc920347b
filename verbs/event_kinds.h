/* SPDX-License-Identifier: Apache-2.0 */
/* Which kinds of events there are. */
#pragma once

#include "verbs/call.h"

/* A kind that a caller may fire: of the right form, and none of the runtime's own. */
int event_kind_check(struct call *c, const char *field, struct str kind) must_check;
/* A kind that the runtime would have to fire and does not is a slip, and never comes. */
int event_kind_check_filter(struct call *c, struct str glob) must_check;
