/* SPDX-License-Identifier: Apache-2.0 */
/* F-09: files that are not a sound database of ours are refused with the reason, and stay as they
 * are. */
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/map.h"
#include "store/db.h"
#include "tests/unit/store/world.h"

static int64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

/* A store with some hundred pages, closed. */
static bool make_one(struct world *w)
{
	if (!CHECK_INT(world_open(w), 0) || !CHECK_OK(world_fill(w, 200, 2000)))
		return false;
	world_close(w);
	return true;
}

/* Bytes of a file, to see that nothing touched it. */
static uint64_t digest(const char *path)
{
	struct buf b;
	uint64_t seed[2] = { 1, 2 }, h;

	buf_init(&b, 0);
	CHECK_INT(fd_read_file(path, 64 << 20, &b), 0);
	h = b.failed ? 0 : map_hash(seed, buf_str(&b));
	buf_deinit(&b);
	return h;
}

static void refused(struct world *w, enum store_problem_kind kind, const char *part)
{
	uint64_t before = digest(w->o.database);

	CHECK_INT(world_open(w), kind);
	CHECK_HAS(str_from(w->problem.text), part);
	CHECK(digest(w->o.database) == before);
}

TEST(f_09_a_scribbled_header_is_damaged)
{
	WORLD(w);

	if (!make_one(&w))
		return;
	world_scribble(w.o.database, 0, "garbage garbage garbage garbage", 31);
	refused(&w, STORE_DAMAGED, "first bytes are not a database's");
}

TEST(f_09_a_scribbled_page_is_damaged)
{
	WORLD(w);
	char junk[4096];

	if (!make_one(&w))
		return;
	memset(junk, 0x5a, sizeof(junk));
	for (int page = 1; page < 12; page++)
		world_scribble(w.o.database, page * 4096, junk, sizeof(junk));
	refused(&w, STORE_DAMAGED, "is damaged");
}

TEST(f_09_a_scribbled_page_size_is_damaged)
{
	WORLD(w);

	if (!make_one(&w))
		return;
	world_scribble(w.o.database, 16, "\x03\x01", 2);
	refused(&w, STORE_DAMAGED, "is damaged");
}

TEST(f_09_a_truncated_file_is_damaged)
{
	WORLD(w);

	if (!make_one(&w))
		return;
	CHECK(truncate(w.o.database, size_of(w.o.database) / 2 / 4096 * 4096) == 0);
	refused(&w, STORE_DAMAGED, "cut short");
	CHECK(truncate(w.o.database, 50) == 0); /* within the header */
	refused(&w, STORE_DAMAGED, "its first bytes");
}

TEST(f_09_a_size_that_the_header_does_not_vouch_for_is_no_damage)
{
	enum { AT_VALID_FOR = 92 };
	WORLD(w);

	if (!make_one(&w))
		return;
	world_scribble(w.o.database, 28, "\x7f\xff\xff\xff",
		       4); /* pages, by an old SQLite's leave */
	world_scribble(w.o.database, AT_VALID_FOR, "\0\0\0\0", 4);
	CHECK_INT(world_open(&w), 0);
	CHECK_INT(world_head(&w), 200);
}

TEST(f_09_an_empty_file_is_refused)
{
	WORLD(w);

	if (!make_one(&w))
		return;
	CHECK(truncate(w.o.database, 0) == 0);
	refused(&w, STORE_DAMAGED, "empty");
}

TEST(f_09_a_text_file_is_foreign)
{
	WORLD(w);

	CHECK_OK(fd_write_file(w.o.database, STR("Dear diary,\n"), 0600));
	refused(&w, STORE_FOREIGN, "not a questd database");
}

TEST(f_09_another_programs_database_is_foreign)
{
	WORLD(w);
	struct db *db = NULL;

	CHECK_OK(db_open(w.o.database, DB_WRITER | DB_CREATE | DB_PLAIN, &db));
	CHECK_OK(db_exec(db, "pragma application_id = 1234; create table t (x)"));
	db_close(db);
	refused(&w, STORE_FOREIGN, "another program's database");
}

TEST(f_09_a_newer_schema_is_refused)
{
	WORLD(w);
	struct db *db = NULL;

	if (!make_one(&w))
		return;
	CHECK_OK(db_open(w.o.database, DB_WRITER | DB_PLAIN, &db));
	CHECK_OK(db_exec(db, "pragma user_version = 9999"));
	CHECK_OK(db_fold_log(db));
	db_close(db);
	refused(&w, STORE_NEWER, "schema 9999");
}

TEST(f_09_a_folder_in_its_place_is_foreign)
{
	WORLD(w);

	CHECK(mkdir(w.o.database, 0700) == 0);
	CHECK_INT(world_open(&w), STORE_FOREIGN);
	CHECK_HAS(str_from(w.problem.text), "is not a file");
}

TEST(f_09_the_newest_backup_is_named)
{
	WORLD_OPEN(w);

	CHECK_OK(fd_mkdir_all(w.o.backups, 0700));
	world_close(&w);
	CHECK_OK(fd_write_file(test_path("backups/before.db"), STR("x"), 0600));
	world_scribble(w.o.database, 0, "garbage", 7);
	CHECK_INT(world_open(&w), STORE_DAMAGED);
	CHECK_HAS(str_from(w.problem.text), "backups/before.db");
}

TEST(f_10_a_log_without_its_database_is_refused)
{
	WORLD(w);

	CHECK_OK(fd_write_file(test_path("questd.db-wal"), STR("frames"), 0600));
	CHECK_INT(world_open(&w), STORE_DAMAGED);
	CHECK_HAS(str_from(w.problem.text), "missing");
	CHECK(!world_has(w.o.database));
}
