/* SPDX-License-Identifier: Apache-2.0 */
#include "server/channel.h"

#include <assert.h>

#include "base/err.h"
#include "server/dispatch.h"
#include "server/quota.h"
#include "server/request.h"
#include "server/scheduler.h"
#include "server/server.h"

/* The account's texts live as long as the channel and its calls. */
void channel_become(struct channel *c, const struct principal *who, struct quota_user *user)
{
	c->user = user;
	c->principal = *who;
	c->principal.id = user->who.id;
	c->principal.key_id = user->who.key_id;
}

int channel_init(struct channel *c, struct server *s, enum channel_kind kind,
		 const struct channel_ops *ops, const struct principal *principal)
{
	struct quota_user *user = quota_join(s->quota, principal);

	if (!user)
		return err_nomem();
	*c = (struct channel){ .server = s, .kind = kind, .ops = ops };
	channel_become(c, principal, user);
	if (charge_take(&c->charge, &user->account, CHARGE_CONNS, 1)) {
		c->user = quota_unref(user);
		return CHANNEL_TOO_MANY;
	}
	if (kind == CHANNEL_LINES)
		c->serial = ++s->next_serial;
	list_init(&c->requests);
	list_init(&c->held);
	list_push_back(&s->channels, &c->link);
	s->n_channels++;
	return 0;
}

void channel_gone(struct channel *c)
{
	struct list *l;

	c->is_gone = true;
	while ((l = list_pop_front(&c->requests))) {
		struct request *r = container_of(l, struct request, link);

		r->channel = NULL;
		dispatch_left(r);
	}
	if (c->has_worker)
		scheduler_connection_gone(c->server->scheduler, c->serial);
	if (c->mcp)
		mcp_channel_gone(c);
}

static void cancel_all(struct channel *c, bool is_revoked)
{
	bool has_hit;

	do { /* what is cancelled may free others of the list: begin again */
		has_hit = false;
		list_for_each (it, tmp, &c->requests) {
			struct request *r = container_of(it, struct request, link);

			if (r->is_cancelled || r->is_over)
				continue;
			r->is_revoked = is_revoked;
			dispatch_cancel(r);
			has_hit = true;
			break;
		}
	} while (has_hit);
}

void channel_cancel_all(struct channel *c)
{
	cancel_all(c, false);
}

/* An exchange of /rpc ends with the answer that its calls just got. */
void channel_cut(struct channel *c)
{
	c->is_cut = true;
	cancel_all(c, true);
	if (c->kind != CHANNEL_HTTP_RPC)
		c->ops->close(c);
}

void channel_deinit(struct channel *c)
{
	assert(list_is_empty(&c->requests) && list_is_empty(&c->held));
	list_unlink(&c->link);
	c->server->n_channels--;
	c->server->last_client_ms = clock_boot_ms(&c->server->clock);
	charge_release(&c->charge);
	c->user = quota_unref(c->user);
}
