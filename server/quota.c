/* SPDX-License-Identifier: Apache-2.0 */
/* One account a principal, all below the account of everybody. An account lives as long as a
 * connection or call of its principal. */
#include "server/quota.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

struct quota {
	struct charge_account everybody;
	struct map users;
};

#define MIB ((int64_t)1024 * 1024)

/* clang-format off */
static const int64_t everybody_max[CHARGE_KIND_MAX] = {
	[CHARGE_BYTES] = 128 * MIB, [CHARGE_CALLS] = 1024,
	[CHARGE_STREAMS] = 2000,    [CHARGE_CONNS] = 12000,
};
/* The one who runs the server: alone with it, as a rule, so nearly all that there is; one other
 * caller's share of calls always stays free. */
static const int64_t owner_max[CHARGE_KIND_MAX] = {
	[CHARGE_BYTES] = 128 * MIB, [CHARGE_CALLS] = 960,
	[CHARGE_STREAMS] = 2000,    [CHARGE_CONNS] = 12000,
};
static const int64_t caller_max[CHARGE_KIND_MAX] = {
	[CHARGE_BYTES] = 16 * MIB, [CHARGE_CALLS] = 64,
	[CHARGE_STREAMS] = 16,    [CHARGE_CONNS] = 64,
};
/* clang-format on */

int quota_new(struct quota **out)
{
	struct quota *q = calloc(1, sizeof(*q));

	if (!q)
		return err_nomem();
	charge_account_init(&q->everybody, NULL);
	memcpy(q->everybody.max, everybody_max, sizeof(everybody_max));
	map_init(&q->users);
	*out = q;
	return 0;
}

struct quota *quota_free(struct quota *q)
{
	if (!q)
		return NULL;
	map_deinit(&q->users);
	charge_account_deinit(&q->everybody);
	free(q);
	return NULL;
}

struct charge_account *quota_everybody(struct quota *q)
{
	return &q->everybody;
}

struct quota_user *quota_join(struct quota *q, const struct principal *p)
{
	struct map_node *node = map_find(&q->users, p->id);
	struct quota_user *u;

	if (node)
		return quota_ref(container_of(node, struct quota_user, node));
	u = calloc(1, sizeof(*u) + p->id.n + 1);
	if (!u)
		return NULL;
	u->quota = q;
	u->n_refs = 1;
	if (p->id.n)
		memcpy(u->id, p->id.p, p->id.n);
	charge_account_init(&u->account, &q->everybody);
	memcpy(u->account.max, p->is_owner ? owner_max : caller_max, sizeof(owner_max));
	if (map_add(&q->users, &u->node, (struct str){ u->id, p->id.n })) {
		err_forget();
		free(u);
		return NULL;
	}
	return u;
}

struct quota_user *quota_ref(struct quota_user *u)
{
	u->n_refs++;
	return u;
}

struct quota_user *quota_unref(struct quota_user *u)
{
	if (!u || --u->n_refs)
		return NULL;
	map_remove(&u->quota->users, &u->node);
	charge_account_deinit(&u->account);
	free(u);
	return NULL;
}
