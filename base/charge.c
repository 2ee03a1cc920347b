/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts of what callers use: checked up the chain of parents first, then taken from all. */
#include "base/charge.h"

#include <assert.h>

void charge_account_init(struct charge_account *a, struct charge_account *parent)
{
	*a = (struct charge_account){ .parent = parent };
}

void charge_account_deinit(struct charge_account *a)
{
	for (int kind = 0; kind < CHARGE_KIND_MAX; kind++)
		assert(a->used[kind] == 0);
	a->parent = NULL;
}

static bool has_room(const struct charge_account *a, enum charge_kind kind, int64_t n)
{
	int64_t max = a->max[kind] ? a->max[kind] : INT64_MAX;

	return a->used[kind] <= max && n <= max - a->used[kind];
}

static int take(struct charge_account *a, enum charge_kind kind, int64_t n)
{
	if (!has_room(a, kind, n)) {
		a->n_refused++;
		return CHARGE_OVER_OWN;
	}
	for (struct charge_account *up = a->parent; up; up = up->parent) {
		if (has_room(up, kind, n))
			continue;
		a->n_refused++;
		up->n_refused++;
		return CHARGE_OVER_PARENT;
	}
	for (struct charge_account *up = a; up; up = up->parent)
		up->used[kind] += n;
	return 0;
}

int charge_take(struct charge *c, struct charge_account *a, enum charge_kind kind, int64_t n)
{
	int e;

	assert(!c->account && n >= 0);
	e = take(a, kind, n);
	if (e)
		return e;
	*c = (struct charge){ .account = a, .kind = kind, .n = n };
	return 0;
}

int charge_more(struct charge *c, int64_t n)
{
	int e;

	assert(c->account && n >= 0);
	e = take(c->account, c->kind, n);
	if (e)
		return e;
	c->n += n;
	return 0;
}

void charge_release(struct charge *c)
{
	for (struct charge_account *up = c->account; up; up = up->parent) {
		assert(up->used[c->kind] >= c->n);
		up->used[c->kind] -= c->n;
	}
	c->account = NULL;
	c->n = 0;
}
