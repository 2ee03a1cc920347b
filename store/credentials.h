/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials as rows, and the data keys that seal them. What is sealed stays so here: this folder
 * knows no cipher and sees no value. */
#pragma once

#include "store/store.h"
#include "types.gen.h"

#define STORE_CREDENTIALS_MAX 1000

struct store_credential {
	struct credential credential; /* provider, owner NONE where there is none */
	int64_t n;
	struct str sealed;
};

/* ---- data keys: numbered upwards, the newest one seals ---- */

struct store_data_key {
	int64_t n, created_at;
	struct str sealed;
};
struct store_data_key_list {
	struct store_data_key *v;
	size_t n;
};
/* STORE_NONE. */
int store_data_key_newest(struct store_tx *tx, struct store_data_key *out) must_check;
int store_data_key_get(struct store_tx *tx, int64_t n, struct str *out_sealed) must_check;
int store_data_key_add(struct store_tx *tx, struct str sealed, int64_t *out_n) must_check;
int store_data_key_set(struct store_tx *tx, int64_t n, struct str sealed) must_check;
/* The first `max` behind `after`. */
int store_data_key_page(struct store_tx *tx, int64_t after, size_t max,
			struct store_data_key_list *out) must_check;
/* Unless something is sealed by it, or it is the newest: *out says whether it went. */
int store_data_key_drop(struct store_tx *tx, int64_t n, bool *out) must_check;

/* ---- credentials ---- */

/* STORE_NONE. */
int store_credential_find(struct store_tx *tx, struct str id,
			  struct store_credential *out) must_check;
/* Where one may lie: the name, and whose it is. */
struct store_credential_place {
	struct str name;
	enum credential_scope scope;
	struct str owner;    /* NONE: the entity's */
	struct str provider; /* NONE: whichever there is */
};
/* STORE_NONE; STORE_TOO_MANY: of several providers. */
int store_credential_at(struct store_tx *tx, const struct store_credential_place *place,
			struct store_credential *out) must_check;
/* Its provider is the place's exactly, NONE being one of its own. STORE_NONE. */
int store_credential_exact(struct store_tx *tx, const struct store_credential_place *place,
			   struct store_credential *out) must_check;
/* Fills in n and times; the caller made the id, to which the value is sealed. STORE_TOO_MANY: there
 * are STORE_CREDENTIALS_MAX. */
int store_credential_add(struct store_tx *tx, struct store_credential *c) must_check;
/* Kind, source, version, data key and what is sealed. */
int store_credential_set(struct store_tx *tx, struct store_credential *c) must_check;
/* Sealed anew, its value being the same. */
int store_credential_reseal(struct store_tx *tx, const struct store_credential *c) must_check;
int store_credential_used(struct store_tx *tx, int64_t n) must_check;
int store_credential_delete(struct store_tx *tx, int64_t n) must_check;

struct store_credential_list {
	struct store_credential *v;
	size_t n;
};
struct store_credential_filter {
	struct str owner; /* NONE = any */
	int64_t data_key; /* 0 = any */
	int64_t after;    /* n */
	size_t limit;
};
/* *out_after: where the next page begins, 0 when there is none. */
int store_credential_page(struct store_tx *tx, const struct store_credential_filter *f,
			  struct store_credential_list *out, int64_t *out_after) must_check;

/* Whom a task says it is for: the members `agent` and `role` of its payload; NONE where it has
 * none. */
int store_credential_task(struct store_tx *tx, int64_t task, struct str *agent,
			  struct str *role) must_check;
