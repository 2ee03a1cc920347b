/* SPDX-License-Identifier: Apache-2.0 */
/* The audit as rows. The hashes are the caller's to work out: over store_audit_text() and the hash
 * of the row before. */
#pragma once

#include "store/store.h"
#include "types.gen.h"

/* The newest row: seq 0 and an empty hash when there is none. */
struct store_audit_head {
	int64_t seq;
	struct str hash;
};
int store_audit_head(struct store_tx *tx, struct store_audit_head *out) must_check;
/* What the first row that is kept hangs on: seq 0 and an empty hash while all are. */
int store_audit_floor(struct store_tx *tx, struct store_audit_head *out) must_check;
/* All that the hash of a row stands for, no two rows giving the same; NONE when memory is out. */
struct str store_audit_text(struct arena *a, const struct audit_entry *e);
int store_audit_add(struct store_tx *tx, const struct audit_entry *e) must_check;

struct store_audit_filter {
	struct str principal;       /* NONE = any */
	enum audit_outcome outcome; /* 0 = any */
	int64_t since_ms;
	int64_t after; /* seq */
	size_t limit;
};
/* By seq. *out_after is where the next page begins, 0 when there is none. */
int store_audit_page(struct store_tx *tx, const struct store_audit_filter *f,
		     struct audit_entry_list *out, int64_t *out_after) must_check;

#define STORE_DAY_MS INT64_C(86400000)
int store_audit_reads_add(struct store_tx *tx, int64_t day, struct str principal,
			  int64_t n) must_check;
/* By day and principal, from behind (day, principal) on; `limit` at most. */
int store_audit_reads_page(struct store_tx *tx, int64_t day, struct str principal, size_t limit,
			   struct audit_entry_list *out) must_check;
