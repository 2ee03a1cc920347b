/* SPDX-License-Identifier: Apache-2.0 */
/* People as rows. One who was deleted is not found any more; what they did keeps their id. */
#pragma once

#include "store/agents.h"

struct store_user {
	struct user user;
	int64_t n;
};

/* By id or name. STORE_NONE. */
int store_user_find(struct store_tx *tx, struct str who, struct store_user *out) must_check;
/* Fills in n, id and times. STORE_NAME_TAKEN. */
int store_user_add(struct store_tx *tx, struct store_user *u) must_check;
/* Name, addresses, about. STORE_NAME_TAKEN. */
int store_user_set(struct store_tx *tx, struct store_user *u) must_check;
int store_user_delete(struct store_tx *tx, int64_t n) must_check;
/* By name. *out_after is where the next page begins, NONE when there is none. */
int store_user_page(struct store_tx *tx, struct str after, size_t limit, struct user_line_list *out,
		    struct str *out_after) must_check;
