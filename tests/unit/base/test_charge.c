/* SPDX-License-Identifier: Apache-2.0 */
#include "base/charge.h"

#include "tests/unit/test.h"

TEST(charge_tells_own_limit_from_the_limit_of_all)
{
	struct charge_account all, one, two;
	struct charge a = { 0 }, b = { 0 }, c = { 0 };

	charge_account_init(&all, NULL);
	charge_account_init(&one, &all);
	charge_account_init(&two, &all);
	all.max[CHARGE_BYTES] = 100;
	one.max[CHARGE_BYTES] = 80;
	CHECK_OK(charge_take(&a, &one, CHARGE_BYTES, 60));
	CHECK_INT(charge_more(&a, 21), CHARGE_OVER_OWN);
	CHECK_INT(charge_take(&b, &two, CHARGE_BYTES, 41), CHARGE_OVER_PARENT);
	CHECK_OK(charge_take(&b, &two, CHARGE_BYTES, 40));
	CHECK_INT(charge_take(&c, &one, CHARGE_BYTES, 1), CHARGE_OVER_PARENT);
	CHECK_INT(all.used[CHARGE_BYTES], 100);
	CHECK_INT(one.n_refused, 2);
	CHECK_INT(two.n_refused, 1);
	charge_release(&a);
	CHECK_OK(charge_more(&b, 60));
	charge_release(&b);
	charge_release(&b);
	charge_release(&c);
	CHECK_INT(all.used[CHARGE_BYTES], 0);
	charge_account_deinit(&one);
	charge_account_deinit(&two);
	charge_account_deinit(&all);
}

TEST(charge_kinds_do_not_share_a_limit)
{
	struct charge_account a;
	struct charge calls = { 0 }, bytes = { 0 };

	charge_account_init(&a, NULL);
	a.max[CHARGE_CALLS] = 1;
	CHECK_OK(charge_take(&bytes, &a, CHARGE_BYTES, INT64_MAX));
	CHECK_OK(charge_take(&calls, &a, CHARGE_CALLS, 1));
	CHECK_INT(charge_more(&calls, 1), CHARGE_OVER_OWN);
	CHECK_INT(charge_more(&bytes, 1), CHARGE_OVER_OWN);
	charge_release(&calls);
	charge_release(&bytes);
	charge_account_deinit(&a);
}
