/* SPDX-License-Identifier: Apache-2.0 */
/* The driver: values, constraints, and what each of SQLite's failures is to us. */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "store/db.h"
#include "tests/crashvfs/crashvfs.h"
#include "tests/unit/store/world.h"

struct spot {
	struct db *db;
	struct arena arena;
};

static void spot_close(struct spot *s)
{
	crashvfs_reset("");
	db_close(s->db);
	arena_deinit(&s->arena);
}

/* A database of the test's own with the core tables. */
#define SPOT(name)                                                                       \
	CLEANUP(spot_close) struct spot name = { 0 };                                    \
	arena_init(&name.arena, 0);                                                      \
	if (!CHECK_OK(db_open(test_path("spot.db"), DB_WRITER | DB_CREATE, &name.db)) || \
	    !CHECK_OK(db_exec(name.db, sql_migrations[0].text)))                         \
	return

TEST(db_values_go_in_and_come_out)
{
	SPOT(s);
	struct db_stmt *q;

	/* affinity apart, a column holds what was bound */
	CHECK_OK(
	    db_exec(s.db,
		    "drop table meta; create table meta (key, value);"
		    "insert into meta values ('d', 0.25), ('b', x'00ff'), ('n', null), ('e', ''),"
		    "('i', -9223372036854775808)"));
	CHECK_OK(db_stmt(s.db, SQL_META_GET, &q));
	db_bind_str(q, 1, STR("d"));
	CHECK_INT(db_step(q), DB_ROW);
	CHECK(db_double(q, 0) == 0.25);
	CHECK(!db_is_null(q, 0));
	CHECK_OK(db_stmt(s.db, SQL_META_GET, &q));
	db_bind_str(q, 1, STR("b"));
	CHECK_INT(db_step(q), DB_ROW);
	CHECK_STR_EQ(db_str(q, 0), ((struct str){ "\0\xff", 2 }));
	CHECK_OK(db_stmt(s.db, SQL_META_GET, &q));
	db_bind_str(q, 1, STR("n"));
	CHECK_INT(db_step(q), DB_ROW);
	CHECK(db_is_null(q, 0));
	CHECK(!db_str_dup(q, 0, &s.arena).p);
	CHECK(!s.arena.is_out);
	CHECK_OK(db_stmt(s.db, SQL_META_GET, &q));
	db_bind_str(q, 1, STR("e"));
	CHECK_INT(db_step(q), DB_ROW);
	CHECK_STR_EQ(db_str_dup(q, 0, &s.arena), STR(""));
	CHECK_OK(db_stmt(s.db, SQL_META_GET, &q));
	db_bind_blob(q, 1, STR_NONE);
	CHECK_INT(db_step(q), 0);
	CHECK_OK(db_stmt(s.db, SQL_META_GET, &q));
	db_bind_blob(q, 1, STR("i")); /* a blob is no text */
	CHECK_INT(db_step(q), 0);
	CHECK_OK(db_stmt(s.db, SQL_META_GET, &q));
	db_bind_double(q, 1, 1.5);
	CHECK_INT(db_step(q), 0);
	CHECK_OK(db_stmt(s.db, SQL_META_GET, &q));
	db_bind_str(q, 1, STR("i"));
	CHECK_INT(db_step(q), DB_ROW);
	CHECK_INT(db_i64(q, 0), INT64_MIN);
	db_reset(q);
}

TEST(db_a_failed_bind_comes_out_of_the_step)
{
	SPOT(s);
	struct db_stmt *q;

	CHECK_OK(db_stmt(s.db, SQL_META_GET, &q));
	db_bind_i64(q, 9, 1);
	db_bind_i64(q, 10, 1);
	db_bind_str(q, 1, STR("k"));
	CHECK_FAULT(db_step(q), ERR_INTERNAL);
}

TEST(db_a_constraint_where_none_may_refuse_is_internal)
{
	SPOT(s);
	struct db_stmt *q;

	CHECK_OK(db_stmt(s.db, SQL_META_SET, &q));
	CHECK_FAULT(db_run_sure(q), ERR_INTERNAL);
	CHECK_OK(db_stmt(s.db, SQL_META_SET, &q));
	CHECK_INT(db_run(q), DB_CONSTRAINT);
	CHECK_STR(db_reason(s.db), "meta.key");
}

TEST(db_changes_and_the_last_row_are_told)
{
	SPOT(s);
	struct db_stmt *q;

	CHECK_OK(db_exec(s.db, "alter table events add column firing integer"));
	for (int i = 1; i <= 3; i++) {
		CHECK_OK(db_stmt(s.db, SQL_EVENT_ADD, &q));
		db_bind_i64(q, 1, 5);
		db_bind_str(q, 2, STR("k"));
		db_bind_str(q, 3, STR("s"));
		db_bind_str(q, 5, STR("{}"));
		CHECK_OK(db_run(q));
		CHECK_INT(db_last_rowid(s.db), i);
		CHECK_INT(db_changes(s.db), 1);
	}
	CHECK_OK(db_stmt(s.db, SQL_EVENT_PRUNE, &q));
	db_bind_i64(q, 1, 2);
	CHECK_OK(db_run(q));
	CHECK_INT(db_changes(s.db), 2);
}

TEST(db_statements_outside_the_table)
{
	SPOT(s);
	struct str_list lines;
	int64_t n = 7;

	CHECK_OK(db_exec_i64(s.db, "select 5 where 0", &n));
	CHECK_INT(n, 0);
	CHECK_FAULT(db_exec_i64(s.db, "select nothing", &n), ERR_INTERNAL);
	CHECK_FAULT(db_exec_i64(s.db, "select abs(-9223372036854775808)", &n), ERR_INTERNAL);
	CHECK_FAULT(db_exec(s.db, "select nothing"), ERR_INTERNAL);
	CHECK_FAULT(db_exec_lines(s.db, "select nothing", &s.arena, 3, &lines), ERR_INTERNAL);
	CHECK_FAULT(db_exec_lines(s.db, "select abs(-9223372036854775808)", &s.arena, 3, &lines),
		    ERR_INTERNAL);
	CHECK_OK(db_exec_lines(s.db, "values (1, 'a'), (null, 2.5), (3, 3), (4, 4)", &s.arena, 3,
			       &lines));
	if (CHECK_INT(lines.n, 3)) {
		CHECK_STR(lines.v[0], "1 a");
		CHECK_STR(lines.v[1], "null 2.5");
	}
}

TEST(db_rollback_without_a_transaction_is_harmless)
{
	SPOT(s);

	db_rollback(s.db);
	CHECK_FAULT(db_rollback_to(s.db), ERR_INTERNAL);
	CHECK_FAULT(db_commit(s.db), ERR_INTERNAL);
	CHECK_OK(db_begin(s.db, true));
	db_rollback(s.db);
	db_rollback(s.db);
}

TEST(db_a_row_that_was_left_is_given_back_with_the_transaction)
{
	SPOT(s);
	struct db_stmt *q;

	CHECK_OK(db_begin(s.db, true));
	CHECK_OK(db_stmt(s.db, SQL_META_SET, &q));
	db_bind_str(q, 1, STR("k"));
	db_bind_str(q, 2, STR("v"));
	CHECK_OK(db_run(q));
	CHECK_OK(db_stmt(s.db, SQL_META_GET, &q));
	db_bind_str(q, 1, STR("k"));
	CHECK_INT(db_step(q), DB_ROW);
	CHECK_OK(db_commit(s.db));
	CHECK_OK(db_checkpoint(s.db, true)); /* nothing holds the log */
	CHECK_INT(db_wal_pages(s.db), 0);
}

TEST(db_a_log_held_by_another_is_not_folded)
{
	SPOT(s);
	struct db *other = NULL;
	int64_t n;

	CHECK_OK(db_open(test_path("spot.db"), DB_READER, &other));
	CHECK_OK(db_begin(other, false));
	CHECK_OK(db_exec_i64(other, "select count(*) from meta", &n));
	CHECK_OK(db_exec(s.db, "insert into meta values ('a', 'b')"));
	CHECK_FAULT(db_fold_log(s.db), ERR_BUSY);
	CHECK(db_wal_pages(s.db) > 0);
	db_rollback(other);
	db_close(other);
	CHECK_OK(db_fold_log(s.db));
}

TEST(db_a_second_writer_is_busy)
{
	SPOT(s);
	struct db *other = NULL;

	CHECK_OK(db_begin(s.db, true));
	CHECK_OK(db_open(test_path("spot.db"), DB_WRITER | DB_PLAIN | DB_NO_WAIT, &other));
	CHECK_FAULT(db_begin(other, true), ERR_BUSY);
	db_rollback(s.db);
	CHECK_OK(db_begin(other, true));
	db_rollback(other);
	db_close(other);
}

TEST(db_a_path_of_any_bytes_is_opened_immutable)
{
	const char *path = test_path("a b%?#\xc3\xa9.db");
	struct db *db = NULL;
	int64_t n = 0;

	CHECK_OK(db_open(path, DB_WRITER | DB_CREATE | DB_PLAIN, &db));
	CHECK_OK(db_exec(db, "create table t (x); insert into t values (1)"));
	db_close(db);
	db = NULL;
	CHECK_OK(db_open(path, DB_READER | DB_IMMUTABLE, &db));
	CHECK_OK(db_exec_i64(db, "select count(*) from t", &n));
	CHECK_INT(n, 1);
	CHECK_FAULT(db_exec(db, "insert into t values (2)"), ERR_READONLY);
	db_close(db);
}

TEST(db_what_is_no_database_is_corrupt_and_what_is_missing_is_not)
{
	struct db *db = NULL;

	CHECK_FAULT(db_open(test_path("missing.db"), DB_READER, &db), ERR_SYS);
	CHECK_FAULT(db_open(test_path("missing/x.db"), DB_WRITER | DB_CREATE, &db), ERR_SYS);
}

/* Each result code of the file system, as the class that callers see. */
TEST(db_every_failure_has_its_class)
{
	static const struct {
		int code, error;
		enum err_class class;
		bool is_lost;
	} cases[] = {
		{ SQLITE_IOERR_WRITE, ENOSPC, ERR_FULL, false },
		{ SQLITE_IOERR_WRITE, EDQUOT, ERR_FULL, false },
		{ SQLITE_IOERR_WRITE, EROFS, ERR_READONLY, false },
		{ SQLITE_IOERR_WRITE, ENOMEM, ERR_NOMEM, false },
		{ SQLITE_IOERR_WRITE, EIO, ERR_SYS, true },
		{ SQLITE_IOERR_FSYNC, EIO, ERR_SYS, true },
		{ SQLITE_IOERR_DIR_FSYNC, ENOSPC, ERR_SYS, true },
		{ SQLITE_IOERR_NOMEM, 0, ERR_NOMEM, false },
		{ SQLITE_IOERR_CORRUPTFS, 0, ERR_CORRUPT, false },
		{ SQLITE_IOERR_LOCK, 0, ERR_BUSY, false },
		{ SQLITE_IOERR_BLOCKED, 0, ERR_BUSY, false },
		{ SQLITE_FULL, 0, ERR_FULL, false },
		{ SQLITE_READONLY, 0, ERR_READONLY, false },
		{ SQLITE_PERM, 0, ERR_READONLY, false },
		{ SQLITE_BUSY, 0, ERR_BUSY, false },
		{ SQLITE_PROTOCOL, 0, ERR_BUSY, false },
		{ SQLITE_CORRUPT, 0, ERR_CORRUPT, false },
		{ SQLITE_NOTADB, 0, ERR_CORRUPT, false },
		{ SQLITE_INTERRUPT, 0, ERR_INTERRUPT, false },
		{ SQLITE_MISUSE, 0, ERR_INTERNAL, false },
	};

	const char *path = test_path("spot.db"), *log = test_path("spot.db-wal");

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct db *db = NULL;
		int e;

		(void)unlink(path); /* the first time there is none */
		(void)unlink(log);
		crashvfs_reset(test_dir());
		CHECK_OK(db_open(path, DB_WRITER | DB_CREATE, &db));
		CHECK_OK(db_exec(db, "create table t (x)"));
		CHECK_OK(db_begin(db, true));
		CHECK_OK(db_exec(db, "insert into t values (1)"));
		crashvfs_fail(CRASHVFS_ON, 1, false);
		crashvfs_fail_as(cases[i].code, cases[i].error);
		e = db_commit(db);
		crashvfs_fail(CRASHVFS_NONE, 0, false);
		if (!CHECK_FAULT(e, cases[i].class) || !CHECK_INT(db_is_lost(db), cases[i].is_lost))
			printf("  code %d, errno %d\n", cases[i].code, cases[i].error);
		db_close(db);
		crashvfs_reset("");
	}
}
