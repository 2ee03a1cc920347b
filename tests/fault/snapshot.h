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
	/* rows of the audit, apart from the rest: a call that failed is on record */
	int64_t n_audit;
	int64_t n_tried_again; /* firings' attempts that failed: not in n_rows, nor in n_audit */
};

/* A connection of its own, with a statement for each table. */
struct snapshot_reader {
	struct sqlite3 *db;
	struct sqlite3_stmt *tables[SNAPSHOT_TABLES], *audit, *waiting;
	int n_tables;
};

/* Of DIR/questd.db, whose server is to be closed after it. `meta`, where the store keeps its own
 * notes, and the tally of reads are left out. Prints why not. */
bool snapshot_open(struct snapshot_reader *r, const char *folder);
void snapshot_close(struct snapshot_reader *r);
/* What is committed now, beside the running server. Prints why not. */
bool snapshot_take(struct snapshot_reader *r, struct snapshot *out);
/* Has the server still something of its own to do: events to match, firings to run? */
bool snapshot_has_more_to_come(struct snapshot_reader *r);
bool snapshot_is_same(const struct snapshot *a, const struct snapshot *b);
/* Did `a` become `b` by the same numbers of rows as `c` became `d`? */
bool snapshot_is_same_change(const struct snapshot *a, const struct snapshot *b,
			     const struct snapshot *c, const struct snapshot *d);
