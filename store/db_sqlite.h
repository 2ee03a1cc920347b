/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the SQLite driver share. */
#pragma once

#include <sqlite3.h>

#include "store/db.h"

struct db_stmt {
	sqlite3_stmt *handle; /* NULL until first used */
	struct db *db;
	int bind_rc; /* the first failure of a bind */
	bool is_active;
};

struct db {
	sqlite3 *handle;
	struct db_stmt stmts[SQL_ID_MAX];
	unsigned n_active;           /* statements that hold a row */
	int64_t wal_pages, wal_done; /* in the log; of them in the database file */
	enum err_class fault;
	bool is_lost;
	const struct clock *clock; /* with the next two: the age limit */
	int64_t begun_ms;
	const _Atomic int64_t *max_age_ms;
	char reason[256];
};

enum { DB_BUSY_MS = 5000 };

/* Makes the error of a result code: class, SQLite's text, the fault kept for db_take_fault(). */
int db_sqlite_fault(struct db *db, int rc, const char *what) must_check;
/* The functions that migrations may call. */
int db_sqlite_text(struct db *db) must_check;
