/* SPDX-License-Identifier: Apache-2.0 */
/* The driver for SQLite: statements, values, transactions, and what its result codes mean to us.
 * Opening is in db_sqlite_open.c, copying in db_sqlite_backup.c. */
#include "store/db_sqlite.h"

#include <assert.h>
#include <stdio.h>

#include "base/failpoint.h"

#define ROLLBACK_TRIES 8

/* A failed commit does not keep the system's error in the connection; the log's file has it. */
static int errno_of(struct db *db)
{
	sqlite3_file *log = NULL;
	int n = 0;

	int rc = sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);

	/* A journal in memory, as copies have, has no controls. */
	if (rc == SQLITE_OK && log && log->pMethods && log->pMethods->xFileControl)
		(void)log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &n); /* else 0 */
	return n ? n : sqlite3_system_errno(db->handle);
}

/* The system's reason decides before SQLite's: a full quota comes as SQLITE_IOERR_WRITE, a full
 * disk as CANTOPEN for a side file. */
static enum err_class class_of_errno(struct db *db)
{
	switch (errno_of(db)) {
	case ENOSPC:
	case EDQUOT:
		return ERR_FULL;
	case EROFS:
		return ERR_READONLY;
	case ENOMEM:
		return ERR_NOMEM;
	default:
		return ERR_SYS;
	}
}

static enum err_class class_of(struct db *db, int rc)
{
	switch (rc) {
	case SQLITE_IOERR_FSYNC:
	case SQLITE_IOERR_DIR_FSYNC:
		return ERR_SYS;
	case SQLITE_IOERR_NOMEM:
		return ERR_NOMEM;
	case SQLITE_IOERR_CORRUPTFS:
		return ERR_CORRUPT;
	case SQLITE_IOERR_BLOCKED:
	case SQLITE_IOERR_LOCK:
		return ERR_BUSY;
	}
	switch (rc & 0xff) {
	case SQLITE_NOMEM:
		return ERR_NOMEM;
	case SQLITE_FULL:
		return ERR_FULL;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return ERR_READONLY;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return ERR_BUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ERR_CORRUPT;
	case SQLITE_INTERRUPT:
		return ERR_INTERRUPT;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return class_of_errno(db);
	default:
		return ERR_INTERNAL;
	}
}

/* Which of two faults matters more to the store's state. */
static int gravity(enum err_class class)
{
	switch (class) {
	case ERR_CORRUPT:
		return 5;
	case ERR_SYS:
		return 4;
	case ERR_FULL:
		return 3;
	case ERR_READONLY:
		return 2;
	case ERR_NOMEM: /* says why a transaction has gone, and nothing of the store */
		return 1;
	default:
		return 0;
	}
}

int db_sqlite_fault(struct db *db, int rc, const char *what)
{
	enum err_class class = class_of(db, rc);

	if (gravity(class) > gravity(db->fault))
		db->fault = class;
	if (rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC)
		db->is_lost = true;
	if (class == ERR_NOMEM)
		(void)err_nomem(); /* it is the class that is returned */
	else
		(void)err_new(class, "%s: %s (sqlite %d)", what, sqlite3_errmsg(db->handle), rc);
	return -(int)class;
}

/* "UNIQUE constraint failed: quests.name" tells "quests.name"; a trigger's text stays as it is. */
static void keep_reason(struct db *db)
{
	struct str text = str_from(sqlite3_errmsg(db->handle));
	struct str mark = STR(" constraint failed: ");

	for (size_t i = 0; i + mark.n <= text.n; i++)
		if (memcmp(text.p + i, mark.p, mark.n) == 0) {
			text = str_slice(text, i + mark.n, text.n);
			break;
		}
	(void)snprintf(db->reason, sizeof(db->reason), "%.*s", STR_ARG(text)); /* cut is fine */
}

int db_stmt(struct db *db, enum sql_id id, struct db_stmt **out)
{
	struct db_stmt *s = &db->stmts[id];
	int rc, e = FAIL_POINT("db_stmt");

	if (e)
		return e;
	if (!s->handle) {
		s->db = db;
		rc = sqlite3_prepare_v3(db->handle, sql_table[id].text, -1,
					SQLITE_PREPARE_PERSISTENT, &s->handle, NULL);
		if (rc != SQLITE_OK)
			return db_sqlite_fault(db, rc, sql_table[id].name);
	} else {
		db_reset(s);
		(void)sqlite3_clear_bindings(s->handle); /* always OK */
	}
	s->bind_rc = SQLITE_OK;
	*out = s;
	return 0;
}

static void keep_bind(struct db_stmt *s, int rc)
{
	if (s->bind_rc == SQLITE_OK)
		s->bind_rc = rc;
}

void db_bind_str(struct db_stmt *s, int i, struct str v)
{
	if (v.p)
		keep_bind(s,
			  sqlite3_bind_text64(s->handle, i, v.p, v.n, SQLITE_STATIC, SQLITE_UTF8));
	else
		db_bind_null(s, i);
}

void db_bind_i64(struct db_stmt *s, int i, int64_t v)
{
	keep_bind(s, sqlite3_bind_int64(s->handle, i, v));
}

void db_bind_double(struct db_stmt *s, int i, double v)
{
	keep_bind(s, sqlite3_bind_double(s->handle, i, v));
}

void db_bind_null(struct db_stmt *s, int i)
{
	keep_bind(s, sqlite3_bind_null(s->handle, i));
}

void db_bind_blob(struct db_stmt *s, int i, struct str v)
{
	if (v.p)
		keep_bind(s, sqlite3_bind_blob64(s->handle, i, v.p, v.n, SQLITE_STATIC));
	else
		db_bind_null(s, i);
}

static void set_active(struct db_stmt *s, bool is_active)
{
	if (s->is_active != is_active)
		s->db->n_active += is_active ? 1 : -1U;
	s->is_active = is_active;
}

int db_step(struct db_stmt *s)
{
	struct db *db = s->db;
	int rc, e = FAIL_POINT("db_step");

	if (e) {
		db_reset(s);
		return err_trace(e);
	}
	rc = s->bind_rc != SQLITE_OK ? s->bind_rc : sqlite3_step(s->handle);

	if (rc == SQLITE_ROW) {
		set_active(s, true);
		return DB_ROW;
	}
	if ((rc & 0xff) == SQLITE_CONSTRAINT) {
		keep_reason(db);
		e = DB_CONSTRAINT;
	} else if (rc != SQLITE_DONE) {
		e = db_sqlite_fault(db, rc, sql_table[s - db->stmts].name);
	}
	(void)sqlite3_reset(s->handle); /* repeats what step has told */
	set_active(s, false);
	return e;
}

int db_run(struct db_stmt *s)
{
	int e;

	do
		e = db_step(s);
	while (e == DB_ROW);
	return e;
}

int db_run_sure(struct db_stmt *s)
{
	int e = db_run(s);

	if (e == DB_CONSTRAINT)
		return err_new(ERR_INTERNAL, "%s: %s", sql_table[s - s->db->stmts].name,
			       s->db->reason);
	return err_trace(e);
}

void db_reset(struct db_stmt *s)
{
	(void)sqlite3_reset(s->handle); /* repeats what step has told */
	set_active(s, false);
}

/* A statement that still holds a row would hold its snapshot and locks too. */
void db_reset_all(struct db *db)
{
	for (size_t i = 0; db->n_active > 0 && i < SQL_ID_MAX; i++)
		if (db->stmts[i].is_active)
			db_reset(&db->stmts[i]);
}

bool db_is_null(struct db_stmt *s, int col)
{
	return sqlite3_column_type(s->handle, col) == SQLITE_NULL;
}

int64_t db_i64(struct db_stmt *s, int col)
{
	return sqlite3_column_int64(s->handle, col);
}

double db_double(struct db_stmt *s, int col)
{
	return sqlite3_column_double(s->handle, col);
}

/* Text is kept as UTF-8, so its bytes are there without a conversion that could fail. */
struct str db_str(struct db_stmt *s, int col)
{
	/* asked once for the value: what asks for a column finds it anew each time */
	sqlite3_value *v = sqlite3_column_value(s->handle, col);
	const char *p = sqlite3_value_blob(v);

	if (p)
		return (struct str){ p, (size_t)sqlite3_value_bytes(v) };
	/* SQLite has no pointer for either */
	return sqlite3_value_type(v) == SQLITE_NULL ? STR_NONE : STR("");
}

struct str db_str_dup(struct db_stmt *s, int col, struct arena *a)
{
	return str_dup(a, db_str(s, col));
}

int64_t db_all_changes(struct db *db)
{
	return sqlite3_total_changes64(db->handle);
}

int64_t db_changes(struct db *db)
{
	return sqlite3_changes64(db->handle);
}

int64_t db_last_rowid(struct db *db)
{
	return sqlite3_last_insert_rowid(db->handle);
}

struct str db_reason(struct db *db)
{
	return str_from(db->reason);
}

static int run_id(struct db *db, enum sql_id id)
{
	struct db_stmt *s = NULL;
	int e = db_stmt(db, id, &s);

	if (e)
		return err_trace(e);
	assert(s);
	return err_trace(db_run_sure(s));
}

/* What ends a transaction is prepared before it begins: it must not need memory then. */
static int prepare(struct db *db, enum sql_id id)
{
	struct db_stmt *s;

	return db->stmts[id].handle ? 0 : err_trace(db_stmt(db, id, &s));
}

int db_begin(struct db *db, bool is_write)
{
	int e = prepare(db, SQL_ROLLBACK);

	if (e)
		return err_trace(e);
	return err_trace(run_id(db, is_write ? SQL_BEGIN_WRITE : SQL_BEGIN_READ));
}

int db_commit(struct db *db)
{
	int e;

	db_reset_all(db);
	e = run_id(db, SQL_COMMIT);
	if (!e)
		return 0;
	if (err_class(e) == ERR_SYS)
		db->is_lost = true;
	db_rollback(db);
	return err_trace(e);
}

void db_rollback(struct db *db)
{
	db_reset_all(db);
	if (sqlite3_get_autocommit(db->handle))
		return; /* SQLite has rolled back by itself, or there was nothing */
	assert(db->stmts[SQL_ROLLBACK].handle);
	/* An interrupt that was meant for the statement before may end this one: then again. What
	 * led here is what is to be told. */
	for (int i = 0; i < ROLLBACK_TRIES && !sqlite3_get_autocommit(db->handle); i++) {
		(void)sqlite3_step(db->stmts[SQL_ROLLBACK].handle);
		(void)sqlite3_reset(db->stmts[SQL_ROLLBACK].handle);
	}
}

int db_savepoint(struct db *db)
{
	int e = prepare(db, SQL_ROLLBACK_TO);

	if (!e)
		e = prepare(db, SQL_RELEASE);
	return e ? err_trace(e) : err_trace(run_id(db, SQL_SAVEPOINT));
}

int db_release(struct db *db)
{
	db_reset_all(db);
	return err_trace(run_id(db, SQL_RELEASE));
}

int db_go_on(struct db *db)
{
	db_reset_all(db);
	if (sqlite3_get_autocommit(db->handle))
		return err_new(
		    db->fault ? db->fault : ERR_INTERNAL,
		    "the transaction was rolled back by the failure of one of its calls");
	return 0;
}

int db_rollback_to(struct db *db)
{
	int e = db_go_on(db);

	if (!e)
		e = run_id(db, SQL_ROLLBACK_TO);
	if (e)
		return err_trace(e);
	return err_trace(run_id(db, SQL_RELEASE));
}

void db_interrupt(struct db *db)
{
	sqlite3_interrupt(db->handle);
}

static int is_too_old(void *data)
{
	struct db *db = data;
	int64_t now_ms = clock_boot_ms(db->clock);

	if (!db->begun_ms)
		db->begun_ms = now_ms;
	return now_ms > db->begun_ms + atomic_load(db->max_age_ms);
}

void db_limit_age(struct db *db, const struct clock *clock, int64_t begun_ms,
		  const _Atomic int64_t *max_age_ms)
{
	enum { N_STEPS = 4000 }; /* of its virtual machine: well below a millisecond */
	bool is_set = db->clock != NULL;

	db->clock = clock;
	db->begun_ms = begun_ms;
	db->max_age_ms = max_age_ms;
	if (!is_set)
		sqlite3_progress_handler(db->handle, N_STEPS, is_too_old, db);
}

enum err_class db_take_fault(struct db *db)
{
	return TAKE(db->fault, ERR_NONE);
}

bool db_is_lost(const struct db *db)
{
	return db->is_lost;
}

int64_t db_wal_pages(const struct db *db)
{
	return db->wal_pages;
}

int64_t db_wal_pending(const struct db *db)
{
	return db->wal_pages - db->wal_done;
}

int db_checkpoint(struct db *db, bool truncate)
{
	int n_log = 0, n_done = 0;
	int mode = truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
	int rc;

	(void)sqlite3_busy_timeout(db->handle, 0); /* always OK, as below */
	rc = sqlite3_wal_checkpoint_v2(db->handle, "main", mode, &n_log, &n_done);
	(void)sqlite3_busy_timeout(db->handle, DB_BUSY_MS);
	if (rc != SQLITE_OK && rc != SQLITE_BUSY)
		return db_sqlite_fault(db, rc, "checkpoint");
	if (n_log >= 0) {
		db->wal_pages = n_log;
		db->wal_done = n_done;
	}
	return 0;
}
