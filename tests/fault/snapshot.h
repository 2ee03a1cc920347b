/* SPDX-License-Identifier: Apache-2.0 */
/* What is in a database, in few words: rows by table, and a digest of all of them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { SNAPSHOT_TABLES = 64 };

struct snapshot {
	int64_t n_rows[SNAPSHOT_TABLES];
	uint64_t digest;
	int n_tables;
	int64_t
	    n_audit; /* rows of the audit, apart from the rest: a call that failed is on record */
};

/* Of DIR/questd.db, beside a running server. Prints why not. `meta`, where the store keeps its own
 * notes, and the tally of reads are left out. */
bool snapshot_take(const char *folder, struct snapshot *out);
bool snapshot_is_same(const struct snapshot *a, const struct snapshot *b);
/* Did `a` become `b` by the same numbers of rows as `c` became `d`? */
bool snapshot_is_same_change(const struct snapshot *a, const struct snapshot *b,
			     const struct snapshot *c, const struct snapshot *d);
