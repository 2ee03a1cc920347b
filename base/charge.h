/* SPDX-License-Identifier: Apache-2.0 */
/* What a caller makes grow is charged to the caller: bytes, calls in flight, streams, claims that
 * wait, descriptors. An account has a limit per kind and a parent whose limit holds for all its
 * children together (dbus-broker's user accounting). Charges are embedded in what they pay for. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"

enum charge_kind {
	CHARGE_BYTES,
	CHARGE_CALLS,
	CHARGE_STREAMS,
	CHARGE_WAITS,
	CHARGE_CONNS,
	CHARGE_KIND_MAX
};

enum { CHARGE_OVER_OWN = 1, CHARGE_OVER_PARENT };

struct charge_account {
	struct charge_account *parent;
	int64_t used[CHARGE_KIND_MAX];
	int64_t max[CHARGE_KIND_MAX]; /* 0 = no limit of its own */
	uint64_t n_refused;
};

struct charge {
	struct charge_account *account; /* NULL = nothing charged */
	enum charge_kind kind;
	int64_t n;
};

void charge_account_init(struct charge_account *a, struct charge_account *parent);
void charge_account_deinit(struct charge_account *a); /* asserts that nothing is used */
/* 0, CHARGE_OVER_OWN (the caller's share is used up) or CHARGE_OVER_PARENT (everybody's is). */
int charge_take(struct charge *c, struct charge_account *a, enum charge_kind kind,
		int64_t n) must_check;
int charge_more(struct charge *c, int64_t n) must_check;
void charge_release(struct charge *c); /* harmless when nothing is charged */
