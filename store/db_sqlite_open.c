/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing a connection: which pragmas hold, and the few helpers for statements outside
 * the table. The log is moved into the file by db_checkpoint() alone, called by the store: SQLite's
 * automatic checkpoint would do it inside a commit and swallow a failed fsync. */
#include "store/db_sqlite.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"

static int on_commit(void *data, sqlite3 *handle, const char *schema, int n_pages)
{
	struct db *db = data;

	if (n_pages <= db->wal_pages)
		db->wal_done = 0; /* the log began anew */
	db->wal_pages = n_pages;
	return SQLITE_OK;
}

/* "file:…?immutable=1", percent-encoded. */
static int uri_of(const char *path, struct buf *b)
{
	static const char hex[] = "0123456789ABCDEF";

	BUF_LIT(b, "file:");
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;

		if (c > ' ' && c < 127 && c != '?' && c != '#' && c != '%') {
			buf_put_char(b, (char)c);
		} else {
			buf_put_char(b, '%');
			buf_put_char(b, hex[c >> 4]);
			buf_put_char(b, hex[c & 15]);
		}
	}
	BUF_LIT(b, "?immutable=1");
	buf_put_char(b, '\0');
	return b->failed ? err_nomem() : 0;
}

/* SQLite would create it as the umask allows; its side files take their mode from it. */
static int create_private(const char *path)
{
	CLEANUP(fd_close) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	return fd < 0 ? err_sys("cannot create '%s'", path) : 0;
}

static int open_handle(struct db *db, const char *path, unsigned flags)
{
	CLEANUP(buf_deinit) struct buf uri = { 0 };
	int mode = flags & DB_WRITER ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
	int e, rc;

	buf_init(&uri, 0);
	mode |= SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	if (flags & DB_CREATE) {
		e = create_private(path);
		if (e)
			return err_trace(e);
	}
	if (flags & DB_IMMUTABLE) {
		e = uri_of(path, &uri);
		if (e)
			return err_trace(e);
		mode |= SQLITE_OPEN_URI;
		path = uri.p;
	}
	/* Its counters cost a mutex in each allocation; too late is fine: another connection is
	 * open. */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	rc = sqlite3_open_v2(path, &db->handle, mode, NULL);
	if (!db->handle)
		return err_nomem();
	return rc == SQLITE_OK ? 0 : db_sqlite_fault(db, rc, "cannot open the database");
}

static void keep_log(struct db *db, bool is_kept)
{
	(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, is_kept,
				NULL); /* known */
}

static int configure(struct db *db, unsigned flags)
{
	static const char common[] = "pragma trusted_schema = off;"
				     "pragma cell_size_check = on;"
				     "pragma mmap_size = 0;"
				     "pragma temp_store = memory;";
	static const char writer[] = "pragma synchronous = full;"
				     "pragma foreign_keys = on;"
				     "pragma journal_size_limit = 16777216;"
				     "pragma cache_size = -16384;";
	static const char reader[] = "pragma query_only = on;"
				     "pragma cache_size = -8192;";
	int e;

	(void)sqlite3_busy_timeout(db->handle, flags & DB_NO_WAIT ? 0 : DB_BUSY_MS); /* always OK */
	/* What this build does not know it cannot switch off; the table's test would show it. */
	(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	e = db_sqlite_text(db);
	if (!e)
		e = db_exec(db, common);
	if (!e)
		e = db_exec(db, flags & DB_WRITER ? writer : reader);
	if (e || !(flags & DB_WRITER) || flags & DB_PLAIN)
		return err_trace(e);
	/* Setting the mode takes away the hook, so it comes first. */
	e = db_exec(db, "pragma journal_mode = wal; pragma wal_autocheckpoint = 0;");
	if (e)
		return err_trace(e);
	(void)sqlite3_wal_hook(db->handle, on_commit, db); /* there was none */
	/* Nothing of a database that is about to be refused may be moved. */
	keep_log(db, true);
	return 0;
}

int db_open(const char *path, unsigned flags, struct db **out)
{
	struct db *db = calloc(1, sizeof(*db));
	int e;

	if (!db)
		return err_nomem();
	e = open_handle(db, path, flags);
	if (!e)
		e = configure(db, flags);
	if (e) {
		db_close(db);
		return err_trace(e);
	}
	*out = db;
	return 0;
}

int db_fold_log(struct db *db)
{
	int e = db_checkpoint(db, true);

	if (e)
		return err_trace(e);
	if (db_wal_pages(db) > 0)
		return err_new(ERR_BUSY, "the log is held by another connection");
	keep_log(db, false);
	return 0;
}

struct db *db_close(struct db *db)
{
	if (!db)
		return NULL;
	for (size_t i = 0; i < SQL_ID_MAX; i++)
		(void)sqlite3_finalize(db->stmts[i].handle); /* repeats what step has told */
	(void)sqlite3_close_v2(db->handle); /* a failed checkpoint here is done at the next start */
	free(db);
	return NULL;
}

int db_exec(struct db *db, const char *sql)
{
	int rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : db_sqlite_fault(db, rc, "cannot use the database");
}

static int prepare_once(struct db *db, const char *sql, sqlite3_stmt **out)
{
	int rc = sqlite3_prepare_v2(db->handle, sql, -1, out, NULL);

	return rc == SQLITE_OK ? 0 : db_sqlite_fault(db, rc, sql);
}

int db_exec_each(struct db *db, const char *sql, int (*between)(void))
{
	int e = 0;

	while (!e && *sql) {
		sqlite3_stmt *s = NULL;
		int rc = sqlite3_prepare_v2(db->handle, sql, -1, &s, &sql);

		while (rc == SQLITE_OK || rc == SQLITE_ROW)
			rc = s ? sqlite3_step(s) : SQLITE_DONE; /* none: blanks and comments */
		sqlite3_finalize(s);
		e = rc == SQLITE_DONE ? between() : db_sqlite_fault(db, rc, "cannot migrate");
	}
	return err_trace(e);
}

int db_exec_i64(struct db *db, const char *sql, int64_t *out)
{
	sqlite3_stmt *s;
	int rc, e = prepare_once(db, sql, &s);

	if (e)
		return err_trace(e);
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int64(s, 0);
	else if (rc == SQLITE_DONE)
		*out = 0;
	else
		e = db_sqlite_fault(db, rc, sql);
	(void)sqlite3_finalize(s); /* repeats what step has told */
	return e;
}

static struct str row_text(sqlite3_stmt *s, struct arena *a, struct buf *b)
{
	buf_clear(b);
	for (int i = 0; i < sqlite3_column_count(s); i++) {
		const char *text = (const char *)sqlite3_column_text(s, i);

		if (i > 0)
			buf_put_char(b, ' ');
		buf_put_str(b, str_from(text ? text : "null"));
	}
	return b->failed ? STR_NONE : str_dup(a, buf_str(b));
}

int db_exec_lines(struct db *db, const char *sql, struct arena *a, size_t max, struct str_list *out)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	struct str_list list = { ARENA_ARRAY(a, max, struct str), 0 };
	sqlite3_stmt *s;
	int rc, e;

	buf_init(&line, 0);
	if (!list.v)
		return err_nomem();
	e = prepare_once(db, sql, &s);
	if (e)
		return err_trace(e);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW && list.n < max) {
		list.v[list.n] = row_text(s, a, &line);
		if (!list.v[list.n++].p)
			break;
	}
	if (list.n > 0 && !list.v[list.n - 1].p)
		e = err_nomem();
	else if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		e = db_sqlite_fault(db, rc, sql);
	(void)sqlite3_finalize(s); /* repeats what step has told */
	if (!e)
		*out = list;
	return e;
}
