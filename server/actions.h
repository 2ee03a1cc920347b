/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that are written down to be made later: what can be known of them now is checked now. */
#pragma once

#include "base/macros.h"
#include "verbs/call.h"

/* For call_server.check_actions: are these calls that may be made later by whoever calls now? Each
 * verb is there, neither waits nor runs long, is the caller's to call; its parameters are right as
 * far as they are not filled in later, and what they are filled in with can be there. Refuses with
 * all that is wrong. Any thread. */
int actions_check(void *data, struct call *c, const char *field,
		  const struct action_list *actions) must_check;
