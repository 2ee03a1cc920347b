/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fault/snapshot.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define TABLES                                                                                  \
	"select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'"      \
	" and name not in ('meta', 'audit', 'audit_reads') and sql not like 'create virtual%' " \
	"order by name"

/* A firing that failed and was tried again has left a line of the audit, and rows_of_trial(). */
#define AUDIT                                                                               \
	"select (select count(*) from audit) - n, n from (select coalesce(sum(tries), 0) n" \
	" from tasks where queue = (select n from queues where name = 'reactions'))"
#define WAITING                                                                                  \
	"select (select coalesce(sum(ready + pending), 0) from queues where name = 'reactions')" \
	" + (select count(*) from events_to_match)"

static void add(uint64_t *digest, const void *p, size_t n)
{
	const unsigned char *bytes = p;

	for (size_t i = 0; i < n; i++)
		*digest = (*digest ^ bytes[i]) * 0x100000001b3ULL;
}

static bool add_table(sqlite3_stmt *s, int64_t *n_rows, uint64_t *digest)
{
	int rc;

	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		++*n_rows;
		for (int i = 0; i < sqlite3_column_count(s); i++) {
			const void *p = sqlite3_column_blob(s, i);

			/* of a key: noted every few seconds, whatever is called */
			if (!strcmp(sqlite3_column_name(s, i), "used_at"))
				continue;
			add(digest, "|", 1);
			if (p)
				add(digest, p, (size_t)sqlite3_column_bytes(s, i));
		}
	}
	sqlite3_reset(s);
	return rc == SQLITE_DONE;
}

static int rows_of_trial(const char *sql)
{
	if (strstr(sql, "\"events\""))
		return 2; /* it is to be tried again, it is ready again */
	return strstr(sql, "\"task_attempts\"") ? 1 : 0;
}

static bool count_audit(sqlite3_stmt *s, struct snapshot *out)
{
	bool is_good = sqlite3_step(s) == SQLITE_ROW;

	if (is_good) {
		out->n_audit = sqlite3_column_int64(s, 0);
		out->n_tried_again = sqlite3_column_int64(s, 1);
	}
	sqlite3_reset(s);
	return is_good;
}

/* ---- the reader ---- */

static bool prepare_table(struct snapshot_reader *r, const char *name)
{
	char sql[256];

	snprintf(sql, sizeof(sql), "select * from \"%s\"", name);
	return r->n_tables < SNAPSHOT_TABLES &&
	       sqlite3_prepare_v2(r->db, sql, -1, &r->tables[r->n_tables++], NULL) == SQLITE_OK;
}

static bool prepare_all(struct snapshot_reader *r)
{
	sqlite3_stmt *s = NULL;
	bool is_good = sqlite3_prepare_v2(r->db, AUDIT, -1, &r->audit, NULL) == SQLITE_OK &&
		       sqlite3_prepare_v2(r->db, WAITING, -1, &r->waiting, NULL) == SQLITE_OK &&
		       sqlite3_prepare_v2(r->db, TABLES, -1, &s, NULL) == SQLITE_OK;

	while (is_good && sqlite3_step(s) == SQLITE_ROW)
		is_good = prepare_table(r, (const char *)sqlite3_column_text(s, 0));
	sqlite3_finalize(s);
	return is_good;
}

bool snapshot_open(struct snapshot_reader *r, const char *folder)
{
	char path[300];

	*r = (struct snapshot_reader){ 0 };
	snprintf(path, sizeof(path), "%s/questd.db", folder);
	if (sqlite3_open_v2(path, &r->db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
	    prepare_all(r))
		return true;
	printf("snapshot: %s\n", sqlite3_errmsg(r->db));
	snapshot_close(r);
	return false;
}

void snapshot_close(struct snapshot_reader *r)
{
	for (int i = 0; i < r->n_tables; i++)
		sqlite3_finalize(r->tables[i]);
	sqlite3_finalize(r->audit);
	sqlite3_finalize(r->waiting);
	sqlite3_close(r->db);
	*r = (struct snapshot_reader){ 0 };
}

bool snapshot_take(struct snapshot_reader *r, struct snapshot *out)
{
	bool is_good;

	*out = (struct snapshot){ .digest = 0xcbf29ce484222325ULL };
	is_good = sqlite3_exec(r->db, "begin", NULL, NULL, NULL) == SQLITE_OK &&
		  count_audit(r->audit, out);
	for (; is_good && out->n_tables < r->n_tables; out->n_tables++) {
		const char *name = sqlite3_sql(r->tables[out->n_tables]);

		add(&out->digest, name, strlen(name));
		is_good = add_table(r->tables[out->n_tables], &out->n_rows[out->n_tables],
				    &out->digest);
		out->n_rows[out->n_tables] -= rows_of_trial(name) * out->n_tried_again;
	}
	if (sqlite3_exec(r->db, "rollback", NULL, NULL, NULL) != SQLITE_OK || !is_good) {
		printf("snapshot: %s\n", sqlite3_errmsg(r->db));
		return false;
	}
	return true;
}

bool snapshot_has_more_to_come(struct snapshot_reader *r)
{
	bool has_more = sqlite3_step(r->waiting) == SQLITE_ROW &&
			sqlite3_column_int64(r->waiting, 0) > 0;

	sqlite3_reset(r->waiting);
	return has_more;
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
