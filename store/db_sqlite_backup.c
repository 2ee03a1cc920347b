/* SPDX-License-Identifier: Apache-2.0 */
/* Copying the whole database with SQLite's backup API, some pages a step. The source is the
 * writer's own connection, so what it writes between two steps goes into the copy by itself. */
#include "store/db_sqlite.h"

#include <stdlib.h>

struct db_backup {
	struct db *from, *copy;
	sqlite3_backup *handle;
};

/* The copy is thrown away unless it becomes whole, and synced by its owner: no journal on disk, no
 * syncs. */
static int start(struct db_backup *b, const char *path)
{
	int e = db_open(path, DB_WRITER | DB_CREATE | DB_PLAIN, &b->copy);

	if (!e)
		e = db_exec(b->copy, "pragma journal_mode = memory; pragma synchronous = off;");
	if (e)
		return err_trace(e);
	b->handle = sqlite3_backup_init(b->copy->handle, "main", b->from->handle, "main");
	if (!b->handle)
		return db_sqlite_fault(b->copy, sqlite3_extended_errcode(b->copy->handle),
				       "backup");
	return 0;
}

int db_backup_new(struct db *db, const char *path, struct db_backup **out)
{
	struct db_backup *b = calloc(1, sizeof(*b));
	int e;

	if (!b)
		return err_nomem();
	b->from = db;
	e = start(b, path);
	if (e) {
		db_backup_free(b);
		return err_trace(e);
	}
	*out = b;
	return 0;
}

static int finish(struct db_backup *b)
{
	int rc = sqlite3_backup_finish(TAKE_PTR(b->handle));

	if (rc != SQLITE_OK)
		return db_sqlite_fault(b->copy, rc, "backup");
	/* The source's header says WAL; a copy is one plain file that any medium can hold. */
	return err_trace(db_exec(b->copy, "pragma journal_mode = delete;"));
}

int db_backup_step(struct db_backup *b, int n_pages, int64_t *done, int64_t *all)
{
	int rc = sqlite3_backup_step(b->handle, n_pages);

	*all = sqlite3_backup_pagecount(b->handle);
	*done = *all - sqlite3_backup_remaining(b->handle);
	if (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
		return DB_BACKUP_MORE;
	if (rc != SQLITE_DONE)
		return db_sqlite_fault(b->copy, rc, "backup");
	return err_trace(finish(b));
}

struct db *db_backup_copy(struct db_backup *b)
{
	return b->copy;
}

struct db_backup *db_backup_free(struct db_backup *b)
{
	if (!b)
		return NULL;
	if (b->handle)
		(void)sqlite3_backup_finish(b->handle); /* given up: what it says does not matter */
	db_close(b->copy);
	free(b);
	return NULL;
}
