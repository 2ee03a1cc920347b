/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fault/snapshot.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define TABLES                                                                                  \
	"select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'"      \
	" and name not in ('meta', 'audit', 'audit_reads') and sql not like 'create virtual%' " \
	"order by name"

static void add(uint64_t *digest, const void *p, size_t n)
{
	const unsigned char *bytes = p;

	for (size_t i = 0; i < n; i++)
		*digest = (*digest ^ bytes[i]) * 0x100000001b3ULL;
}

static bool add_table(sqlite3 *db, const char *name, struct snapshot *out)
{
	sqlite3_stmt *s = NULL;
	char sql[256];
	int rc;

	snprintf(sql, sizeof(sql), "select * from \"%s\"", name);
	rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
	if (rc != SQLITE_OK || out->n_tables == SNAPSHOT_TABLES)
		return false;
	add(&out->digest, name, strlen(name));
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		out->n_rows[out->n_tables]++;
		for (int i = 0; i < sqlite3_column_count(s); i++) {
			const void *p = sqlite3_column_blob(s, i);

			/* of a key: noted every few seconds, whatever is called */
			if (!strcmp(sqlite3_column_name(s, i), "used_at"))
				continue;
			add(&out->digest, "|", 1);
			if (p)
				add(&out->digest, p, (size_t)sqlite3_column_bytes(s, i));
		}
	}
	out->n_tables++;
	sqlite3_finalize(s);
	return rc == SQLITE_DONE;
}

static bool count_audit(sqlite3 *db, struct snapshot *out)
{
	sqlite3_stmt *s = NULL;
	bool is_good = sqlite3_prepare_v2(db, "select count(*) from audit", -1, &s, NULL) ==
			   SQLITE_OK &&
		       sqlite3_step(s) == SQLITE_ROW;

	if (is_good)
		out->n_audit = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return is_good;
}

bool snapshot_take(const char *folder, struct snapshot *out)
{
	sqlite3_stmt *s = NULL;
	sqlite3 *db = NULL;
	char path[300];
	bool is_good = false;

	*out = (struct snapshot){ .digest = 0xcbf29ce484222325ULL };
	snprintf(path, sizeof(path), "%s/questd.db", folder);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
	    sqlite3_exec(db, "begin", NULL, NULL, NULL) == SQLITE_OK &&
	    sqlite3_prepare_v2(db, TABLES, -1, &s, NULL) == SQLITE_OK) {
		is_good = count_audit(db, out);
		while (is_good && sqlite3_step(s) == SQLITE_ROW)
			is_good = add_table(db, (const char *)sqlite3_column_text(s, 0), out);
	}
	if (!is_good)
		printf("snapshot: %s\n", sqlite3_errmsg(db));
	sqlite3_finalize(s);
	sqlite3_close(db);
	return is_good;
}

bool snapshot_is_same(const struct snapshot *a, const struct snapshot *b)
{
	return a->digest == b->digest;
}

bool snapshot_is_same_change(const struct snapshot *a, const struct snapshot *b,
			     const struct snapshot *c, const struct snapshot *d)
{
	for (int i = 0; i < SNAPSHOT_TABLES; i++)
		if (b->n_rows[i] - a->n_rows[i] != d->n_rows[i] - c->n_rows[i])
			return false;
	return true;
}
