/* SPDX-License-Identifier: Apache-2.0 */
/* The database driver under the store: prepared statements by id, values in, values out. Nothing
 * above it knows which database it is; nothing but a driver's db_*.c includes a database's header.
 *
 * Statements are the named ones of sql/ and are prepared once per connection and cached. A
 * connection belongs to one thread; only db_interrupt() may be called from another. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/macros.h"
#include "base/str.h"
#include "sql.gen.h" /* enum sql_id */

struct db;
struct db_stmt;
struct db_backup;

enum db_open_flags {
	DB_WRITER = 1,
	DB_READER = 2,
	DB_CREATE = 4,     /* with DB_WRITER: makes the file when it is missing */
	DB_NO_WAIT = 8,    /* busy at once instead of after 5 s */
	DB_IMMUTABLE = 16, /* with DB_READER: a file nobody can write, no locks, no side files */
	DB_PLAIN = 32,     /* with DB_WRITER: the journal mode stays as the file has it */
};

/* Positive results. */
enum {
	DB_ROW = 1,    /* of db_step: a row is there */
	DB_CONSTRAINT, /* a unique, check, foreign key or trigger refused it; db_reason() says which
			*/
};

int db_open(const char *path, unsigned flags, struct db **out) must_check;
struct db *db_close(struct db *db);

/* Runs statements that are not in the table (pragmas, migrations). */
int db_exec(struct db *db, const char *sql) must_check;
/* The first column of the first row, 0 when there is none. */
int db_exec_i64(struct db *db, const char *sql, int64_t *out) must_check;
/* Statement by statement, with `between` behind each, whose error ends it. */
int db_exec_each(struct db *db, const char *sql, int (*between)(void)) must_check;
/* The columns of each row joined by blanks, at most max lines, in the arena. */
int db_exec_lines(struct db *db, const char *sql, struct arena *a, size_t max,
		  struct str_list *out) must_check;

/* The cached statement, reset, its parameters unbound. Do not nest uses of one id. */
int db_stmt(struct db *db, enum sql_id id, struct db_stmt **out) must_check;
/* Parameters count from 1. Text is not copied: it must live until the statement is reset. Failures
 * are kept and come out of db_step. */
void db_bind_str(struct db_stmt *s, int i, struct str v); /* absent binds null */
void db_bind_i64(struct db_stmt *s, int i, int64_t v);
void db_bind_double(struct db_stmt *s, int i, double v);
void db_bind_null(struct db_stmt *s, int i);
void db_bind_blob(struct db_stmt *s, int i, struct str v);

/* DB_ROW, 0 (no more rows; the statement is reset), DB_CONSTRAINT, or negative. */
int db_step(struct db_stmt *s) must_check;
/* Steps to the end: 0, DB_CONSTRAINT, or negative. */
int db_run(struct db_stmt *s) must_check;
/* The same where nothing may refuse: a constraint that does is ERR_INTERNAL. */
int db_run_sure(struct db_stmt *s) must_check;
/* Gives the row and locks back; needed after a DB_ROW that is not followed by another step. */
void db_reset(struct db_stmt *s);
void db_reset_all(struct db *db); /* at the end of a call */

/* Columns count from 0. Views live until the next step or reset; *_dup live in the arena. */
bool db_is_null(struct db_stmt *s, int col);
int64_t db_i64(struct db_stmt *s, int col);
double db_double(struct db_stmt *s, int col);
struct str db_str(struct db_stmt *s, int col);
struct str db_str_dup(struct db_stmt *s, int col,
		      struct arena *a); /* NONE for null; a->is_out set when memory is out */

int64_t db_all_changes(struct db *db); /* rows since it was opened */
int64_t db_changes(struct db *db);     /* rows of the last insert, update, delete */
int64_t db_last_rowid(struct db *db);  /* of the last insert */
/* What refused: a trigger's or constraint's text, e.g. "quests.name". Valid until the next call. */
struct str db_reason(struct db *db);

int db_begin(struct db *db, bool is_write) must_check; /* write: begin immediate */
int db_commit(struct db *db) must_check;               /* negative: it was rolled back */
void db_rollback(struct db *db);                       /* harmless without a transaction */
int db_savepoint(struct db *db) must_check;            /* one level */
int db_release(struct db *db) must_check;
/* At the end of a call without one. Negative when the whole transaction has gone. */
int db_go_on(struct db *db) must_check;
/* Undoes and ends the savepoint. Negative when the whole transaction has gone. */
int db_rollback_to(struct db *db) must_check;
/* May be called from another thread: the running statement ends with ERR_INTERRUPT. */
void db_interrupt(struct db *db);
/* Statements end with ERR_INTERRUPT once clock_boot_ms(clock) > begun_ms + *max_age_ms. */
void db_limit_age(struct db *db, const struct clock *clock, int64_t begun_ms,
		  const _Atomic int64_t *max_age_ms);

/* ---- the writer's upkeep ---- */
/* The gravest fault since this was last asked; ERR_NONE when there was none. */
enum err_class db_take_fault(struct db *db);
/* An fsync failed, or a commit ended with an I/O error: what is on disk is not known any more. */
bool db_is_lost(const struct db *db);
/* Pages in the log; those of them that are not in the database file yet. */
int64_t db_wal_pages(const struct db *db);
int64_t db_wal_pending(const struct db *db);
/* Moves what no reader needs from the log into the database file. With `truncate` the log becomes
 * empty, when no reader holds it. Never waits; readers in the way are no error. */
int db_checkpoint(struct db *db, bool truncate) must_check;
/* The file alone is whole now, and closing the connection removes the log; without this, closing a
 * writer leaves the log as it is. */
int db_fold_log(struct db *db) must_check;

/* ---- copying the whole database, in steps ---- */
/* From db into a new file at path (mode 0600), a single plain file when it is done. */
int db_backup_new(struct db *db, const char *path, struct db_backup **out) must_check;
enum { DB_BACKUP_MORE = 1 };
int db_backup_step(struct db_backup *b, int n_pages, int64_t *done, int64_t *all) must_check;
/* The copy is complete: its connection, for checks. The backup keeps owning it. */
struct db *db_backup_copy(struct db_backup *b);
struct db_backup *db_backup_free(struct db_backup *b); /* closes the copy; the file stays */
