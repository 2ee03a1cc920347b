/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a subscription: for its verbs and for who matches events and makes firings. */
#pragma once

#include "store/subscriptions.h"
#include "verbs/call.h"

/* By id, short id or name, or CALL_FAILED with not_found. */
int subscription_named(struct call *c, const char *field, struct str who,
		       struct store_subscription *out) must_check;
/* "subscription.<what>". */
int subscription_event(struct call *c, const char *kind,
		       const struct store_subscription *s) must_check;
/* It fires no more, for that reason. */
int subscription_stop(struct call *c, const struct store_subscription *s,
		      struct str reason) must_check;
/* A firing of the one with this id failed for good; with a reason, as when its maker may not, it is
 * stopped. Harmless when it is not there any more. */
int subscription_firing_failed(struct call *c, struct str id, struct str error,
			       struct str stop_reason) must_check;
