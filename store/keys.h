/* SPDX-License-Identifier: Apache-2.0 */
/* Keys as rows: what they may and until when; of their text only a hash. */
#pragma once

#include "store/store.h"
#include "types.gen.h"

struct store_key {
	struct key key; /* status as it is now */
	int64_t n;
	struct str hash;
	uint32_t access; /* bits of access_role */
};

/* STORE_NONE. */
int store_key_find(struct store_tx *tx, struct str id, struct store_key *out) must_check;
/* Fills in n, status, access's list and created_at. STORE_KEY_TAKEN: another has the id. */
enum { STORE_KEY_TAKEN = 2 };
int store_key_add(struct store_tx *tx, struct store_key *k) must_check;
/* Does nothing to one that is revoked. */
int store_key_revoke(struct store_tx *tx, int64_t n) must_check;
int store_keys_revoke_of(struct store_tx *tx, struct str owner, int64_t *out_n) must_check;
/* It ends at `end_ms`, `next` being in its place. STORE_NONE: it had been rotated. */
int store_key_end(struct store_tx *tx, int64_t n, int64_t end_ms, struct str next) must_check;
int store_key_used(struct store_tx *tx, int64_t n, int64_t at_ms) must_check;
/* Neither ended nor revoked. */
int store_key_is_live(struct store_tx *tx, int64_t n, bool *out) must_check;

struct store_key_filter {
	struct str owner; /* NONE = any */
	int64_t after;    /* n */
	size_t limit;
};
/* By n. *out_after is where the next page begins, 0 when there is none. */
int store_key_page(struct store_tx *tx, const struct store_key_filter *f, struct key_list *out,
		   int64_t *out_after) must_check;
