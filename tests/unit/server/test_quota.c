/* SPDX-License-Identifier: Apache-2.0 */
#include "server/quota.h"

#include "tests/unit/test.h"

static const struct principal owner = { .id = { "uid:1", 5 }, .is_owner = true };
static const struct principal guest = { .id = { "key:7", 5 } };

TEST(quota_is_one_account_a_principal)
{
	struct quota *q = NULL;
	struct quota_user *a, *b, *c;

	CHECK_OK(quota_new(&q));
	a = quota_join(q, &guest);
	b = quota_join(q, &guest);
	c = quota_join(q, &owner);
	CHECK(a == b && a != c);
	quota_unref(a);
	CHECK(quota_join(q, &guest) == b);
	quota_unref(b);
	quota_unref(b);
	quota_unref(c);
	quota_free(q);
}

TEST(quota_of_a_guest_is_64_calls_and_the_owner_leaves_as_many)
{
	struct charge charges[1100] = { 0 };
	struct quota *q = NULL;
	struct quota_user *g, *o;
	int n_guest = 0, n = 0;

	CHECK_OK(quota_new(&q));
	g = quota_join(q, &guest);
	o = quota_join(q, &owner);
	while (charge_take(&charges[n], &g->account, CHARGE_CALLS, 1) == 0)
		n++;
	n_guest = n;
	CHECK_INT(n_guest, 64);
	CHECK_INT(charge_take(&charges[n], &g->account, CHARGE_CALLS, 1), CHARGE_OVER_OWN);
	while (charge_take(&charges[n], &o->account, CHARGE_CALLS, 1) == 0)
		n++;
	CHECK_INT(n, 1024);
	CHECK_INT(charge_take(&charges[n], &o->account, CHARGE_CALLS, 1), CHARGE_OVER_OWN);
	while (n)
		charge_release(&charges[--n]);
	CHECK_INT(quota_everybody(q)->used[CHARGE_CALLS], 0);
	quota_unref(g);
	quota_unref(o);
	quota_free(q);
}
