/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks as rows, with their secrets sealed, and what was delivered to them. */
#pragma once

#include "store/agents.h"

struct store_hook {
	struct hook hook; /* old_secret_until only while it lasts */
	int64_t n;
	struct str secret, old_secret; /* sealed; the old one NONE when its time is over */
};

/* By id or name. STORE_NONE. */
int store_hook_find(struct store_tx *tx, struct str who, struct store_hook *out) must_check;
int store_hook_get(struct store_tx *tx, struct str id, struct store_hook *out) must_check;
/* Fills in n and times; the id is given. STORE_NAME_TAKEN. */
int store_hook_add(struct store_tx *tx, struct store_hook *h) must_check;
/* Secrets. */
int store_hook_rotate(struct store_tx *tx, struct store_hook *h) must_check;
int store_hook_delete(struct store_tx *tx, int64_t n) must_check;
/* By name. *out_after is where the next page begins, NONE when there is none. */
int store_hook_page(struct store_tx *tx, struct str after, size_t limit, struct hook_list *out,
		    struct str *out_after) must_check;
int store_hook_any(struct store_tx *tx, bool *out) must_check;

/* The event that a delivery of this key became. STORE_NONE: there was none. */
int store_hook_delivery(struct store_tx *tx, int64_t hook, struct str key,
			int64_t *out_event) must_check;
/* It became this event, under each of the keys; counted. */
int store_hook_delivered(struct store_tx *tx, int64_t hook, struct str_list keys,
			 int64_t event) must_check;
