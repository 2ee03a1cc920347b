/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a subscription. */
#include "verbs/subscriptions_common.h"

int subscription_named(struct call *c, const char *field, struct str who,
		       struct store_subscription *out)
{
	int e = store_subscription_find(c->tx, who, out);

	return e == STORE_NONE ? call_not_found(c, "subscription", field, who) : err_trace(e);
}

int subscription_event(struct call *c, const char *kind, const struct store_subscription *s)
{
	const struct subscription *u = &s->subscription;
	struct call_field fields[5] = { { "subscription", u->short_id, 0 },
					{ "kind", u->kind, 0 },
					{ "by", u->created_by, 0 } };
	size_t n = 3;

	if (u->name.p)
		fields[n++] = (struct call_field){ "name", u->name, 0 };
	if (u->stop_reason.p)
		fields[n++] = (struct call_field){ "reason", u->stop_reason, 0 };
	return err_trace(call_event(c, kind, u->id, fields, n));
}

int subscription_stop(struct call *c, const struct store_subscription *s, struct str reason)
{
	struct store_subscription stopped = *s;
	int e;

	if (s->subscription.state == SUBSCRIPTION_STATE_STOPPED)
		return 0;
	stopped.subscription.stop_reason = str_utf8_prefix(reason, 500);
	e = store_subscription_stop(c->tx, s->n, stopped.subscription.stop_reason);
	return e ? err_trace(e)
		 : err_trace(subscription_event(c, "subscription.stopped", &stopped));
}

int subscription_firing_failed(struct call *c, struct str id, struct str error,
			       struct str stop_reason)
{
	struct store_subscription s;
	int e = store_subscription_find(c->tx, id, &s);

	if (e)
		return e == STORE_NONE ? 0 : err_trace(e);
	e = store_subscription_failed(c->tx, s.n, error);
	if (e || !stop_reason.p)
		return err_trace(e);
	return err_trace(subscription_stop(c, &s,
					   str_fmt(c->arena, "%.*s: %.*s", STR_ARG(stop_reason),
						   STR_ARG(error))));
}
