/* SPDX-License-Identifier: Apache-2.0 */
#include "server/quota.h"

#include "tests/unit/test.h"
#include "verbs.gen.h"

static const struct principal owner = { .id = { "uid:1", 5 }, .is_owner = true };
static const struct principal guest = { .id = { "key:7", 5 } };

static struct clock fake(void)
{
	return (struct clock){ .is_fake = true, .fake_boot_us = 5000000 };
}

TEST(quota_is_one_account_a_principal)
{
	struct clock clock = fake();
	struct quota *q = NULL;
	struct quota_user *a, *b, *c;

	CHECK_OK(quota_new(&clock, &q));
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
	struct clock clock = fake();
	struct quota *q = NULL;
	struct quota_user *g, *o;
	int n_guest = 0, n = 0;

	CHECK_OK(quota_new(&clock, &q));
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

static const struct principal limited = {
	.id = { "worker:ci", 9 },
	.key = 7,
	.key_id = { "0000000a", 8 },
	.reads_per_minute = 600,
	.writes_per_minute = 120,
};

/* How many go through at once. */
static int64_t admitted(struct quota_user *u, enum verb_id verb, struct quota_refusal *refusal)
{
	int64_t n = 0;

	while (n < 100000 && quota_admit(u, &verb_table[verb], refusal))
		n++;
	return n;
}

TEST(t4_each_limit_lets_n_through_and_refuses_the_next_by_name)
{
	static const struct {
		enum verb_id verb;
		int64_t n;
		const char *quota;
	} limits[] = {
		{ VERB_QUESTS_GET, 600, "reads_per_minute" },
		{ VERB_QUESTS_CREATE, 60, "quests_per_minute" },
		{ VERB_QUESTS_UPDATE, 60, "writes_per_minute" }, /* with the sixty before */
	};
	struct clock clock = fake();
	struct quota_refusal refusal;
	struct quota *q = NULL;
	struct quota_user *u;

	CHECK_OK(quota_new(&clock, &q));
	u = quota_join(q, &limited);
	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		CHECK_INT(admitted(u, limits[i].verb, &refusal), limits[i].n);
		CHECK_CSTR(refusal.quota, limits[i].quota);
		CHECK(refusal.limit >= 60);
	}
	CHECK_INT(refusal.limit, 120);
	quota_unref(u);
	quota_free(q);
}

TEST(t5_who_comes_again_when_told_is_let_in_and_not_before)
{
	struct clock clock = fake();
	struct quota_refusal refusal = { 0 };
	struct quota *q = NULL;
	struct quota_user *u;

	CHECK_OK(quota_new(&clock, &q));
	u = quota_join(q, &limited);
	CHECK_INT(admitted(u, VERB_QUESTS_UPDATE, &refusal), 120);
	CHECK_INT(refusal.retry_after_ms, 500);
	clock_advance(&clock, refusal.retry_after_ms - 1);
	CHECK(!quota_admit(u, &verb_table[VERB_QUESTS_UPDATE], &refusal));
	clock_advance(&clock, 1);
	CHECK_INT(admitted(u, VERB_QUESTS_UPDATE, &refusal), 1);
	quota_unref(u);
	quota_free(q);
}

TEST(t5_leaving_and_coming_back_gives_no_new_share)
{
	struct clock clock = fake();
	struct quota_refusal refusal;
	struct quota *q = NULL;
	struct quota_user *u;

	CHECK_OK(quota_new(&clock, &q));
	u = quota_join(q, &limited);
	CHECK_INT(admitted(u, VERB_QUESTS_UPDATE, &refusal), 120);
	quota_unref(u);
	u = quota_join(q, &limited);
	CHECK_INT(admitted(u, VERB_QUESTS_UPDATE, &refusal), 0);
	quota_unref(u);
	clock_advance(&clock, 60000);
	u = quota_join(q, &limited);
	CHECK_INT(admitted(u, VERB_QUESTS_UPDATE, &refusal), 120);
	quota_unref(u);
	quota_free(q);
}

TEST(quota_of_the_owner_has_no_minutes)
{
	struct clock clock = fake();
	struct quota_refusal refusal;
	struct quota *q = NULL;
	struct quota_user *u;

	CHECK_OK(quota_new(&clock, &q));
	u = quota_join(q, &owner);
	CHECK_INT(admitted(u, VERB_QUESTS_CREATE, &refusal), 100000);
	quota_unref(u);
	quota_free(q);
}

TEST(quota_hands_out_what_was_counted_once)
{
	struct clock clock = fake();
	struct quota *q = NULL;
	struct quota_user *u;
	int64_t n = 0;

	CHECK_OK(quota_new(&clock, &q));
	u = quota_join(q, &owner);
	quota_count(u, true);
	quota_count(u, true);
	quota_count(u, false);
	quota_unref(u); /* what it counted outlives its connections */
	u = quota_take_counted(q, &n);
	CHECK(u != NULL);
	CHECK_INT(n, 2);
	CHECK(quota_take_counted(q, &n) == NULL);
	quota_free(q);
}

static int take_calls(struct quota_user *u, struct charge *charges, int *n, int64_t now_ms)
{
	int begun = *n;

	while (quota_take_call(u, &charges[*n], now_ms) == 0)
		(*n)++;
	return *n - begun;
}

TEST(quota_of_who_filled_it_is_narrow_for_a_second_and_then_whole)
{
	struct charge charges[1100] = { 0 };
	struct clock clock = fake();
	struct quota *q = NULL;
	struct quota_user *o;
	int n = 0;

	CHECK_OK(quota_new(&clock, &q));
	o = quota_join(q, &owner);
	CHECK_INT(take_calls(o, charges, &n, 5000), 960);
	while (n > 100)
		charge_release(&charges[--n]);
	CHECK_INT(take_calls(o, charges, &n, 5999), 156);
	while (n > 250)
		charge_release(&charges[--n]);
	/* what is refused while it is narrow does not keep it so */
	CHECK_INT(take_calls(o, charges, &n, 5999), 6);
	CHECK_INT(take_calls(o, charges, &n, 6000), 704);
	while (n)
		charge_release(&charges[--n]);
	CHECK(o->account.n_refused == 4);
	quota_unref(o);
	quota_free(q);
}
