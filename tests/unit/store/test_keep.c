/* SPDX-License-Identifier: Apache-2.0 */
/* Full and read-only disks, the log's length, older copies, migrations. */
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "store/db.h"
#include "tests/unit/store/world.h"
#include "tests/unit/sys.h"

/* The writer's connection, borrowed from a transaction. */
static struct db *writer_of(struct world *w)
{
	struct store_tx tx;

	CHECK_OK(world_write_begin(w, &tx));
	store_rollback(w->store);
	return tx.db;
}

static enum store_state state_of(struct world *w)
{
	struct store_stats stats;

	store_stats(w->store, &stats);
	CHECK_INT(stats.is_degraded, stats.state != STORE_OK);
	return stats.state;
}

TEST(f_06_a_full_store_refuses_writes_serves_reads_and_comes_back)
{
	WORLD_OPEN(w);
	struct db *db = writer_of(&w);
	struct store_tx tx;
	int64_t next, max;

	CHECK_OK(world_fill(&w, 20, 1000));
	CHECK_OK(db_exec_i64(db, "pragma page_count", &max));
	CHECK_OK(
	    db_exec_i64(db, str_fmt(&w.arena, "pragma max_page_count = %lld", (long long)max + 3).p,
			&max));
	CHECK_FAULT(world_fill(&w, 1000, 1000), ERR_FULL);
	CHECK_INT(state_of(&w), STORE_FULL);
	CHECK_FAULT(world_write_begin(&w, &tx), ERR_FULL);
	CHECK_INT(world_head(&w), 20);

	CHECK_OK(db_exec_i64(db, "pragma max_page_count = 1000000", &max));
	clock_advance(&w.clock, 1000);
	CHECK_OK(store_housekeep(w.store, &next));
	CHECK_INT(state_of(&w), STORE_OK);
	CHECK_OK(world_fill(&w, 1000, 1000));
	CHECK_INT(world_head(&w), 1020);
}

TEST(f_06_a_call_that_fills_the_disk_takes_its_batch_along_and_says_so)
{
	WORLD_OPEN(w);
	struct store_event_new event = { STR("a.b"), STR("test"), STR_NONE, STR("{}") };
	struct db *db = writer_of(&w);
	struct store_tx tx;
	char big[9000];
	int64_t max;
	int e = 0;

	memset(big, 'x', sizeof(big));
	CHECK_OK(db_exec_i64(db, "pragma page_count", &max));
	CHECK_OK(
	    db_exec_i64(db, str_fmt(&w.arena, "pragma max_page_count = %lld", (long long)max + 3).p,
			&max));
	CHECK_OK(store_begin(w.store));
	CHECK_OK(store_call_begin(w.store, &w.arena, 1, &tx));
	CHECK_OK(store_event_add(&tx, &event, NULL));
	CHECK_OK(store_call_keep(w.store));
	CHECK_OK(store_call_begin(w.store, &w.arena, 1, &tx));
	event.payload = (struct str){ big, sizeof(big) };
	for (int i = 0; i < 10 && !e; i++)
		e = store_event_add(&tx, &event, NULL);
	CHECK_FAULT(e, ERR_FULL);
	e = store_call_undo(w.store);
	/* Either SQLite kept the rest of the batch, or it says that all is gone. */
	if (e) {
		CHECK_FAULT(e, ERR_FULL);
		store_rollback(w.store);
		CHECK_INT(world_head(&w), 0);
	} else {
		CHECK_OK(store_commit(w.store));
		CHECK_INT(world_head(&w), 1);
	}
}

TEST(store_the_reserve_is_there_given_up_and_taken_back)
{
	WORLD(w);
	const char *reserve = test_path("questd.ballast");
	struct stat st;
	int64_t next, max;
	struct db *db;

	w.o.ballast_bytes = 2 << 20;
	if (!CHECK_INT(world_open(&w), 0))
		return;
	CHECK(stat(reserve, &st) == 0 && st.st_size == 2 << 20 && st.st_blocks * 512 >= 2 << 20);
	db = writer_of(&w);
	CHECK_OK(db_exec_i64(db, "pragma max_page_count = 1", &max)); /* none beyond what is used */
	CHECK_FAULT(world_fill(&w, 1000, 1000), ERR_FULL);
	CHECK_OK(db_exec_i64(db, "pragma max_page_count = 100000", &max));
	CHECK_OK(store_housekeep(w.store, &next));
	CHECK_INT(state_of(&w), STORE_OK);
	CHECK(stat(reserve, &st) == 0 && st.st_size == 2 << 20);
}

TEST(store_the_log_is_moved_and_begins_anew)
{
	WORLD_OPEN(w);
	struct store_stats stats;
	int64_t next, biggest = 0;

	for (int i = 0; i < 60; i++) {
		CHECK_OK(world_fill(&w, 200, 4000));
		CHECK(world_head(&w) > 0); /* a reader that keeps its snapshot */
		CHECK_OK(store_housekeep(w.store, &next));
		store_stats(w.store, &stats);
		biggest = MAX(biggest, stats.wal_bytes);
	}
	CHECK(stats.database_bytes > 40 << 20);
	CHECK(biggest < 24 << 20);
	if (biggest >= 24 << 20)
		printf("the log grew to %lld bytes\n", (long long)biggest);
}

TEST(f_33_the_log_stays_short_also_when_nobody_keeps_house)
{
	WORLD_OPEN(w);
	struct store_stats stats;

	for (int i = 0; i < 40; i++)
		CHECK_OK(world_fill(&w, 200, 4000));
	store_stats(w.store, &stats);
	CHECK(stats.database_bytes > 20 << 20);
	CHECK(stats.wal_bytes < 8 << 20);
}

/* Batches of some 100 pages by store_begin_soon() until the log has been moved; its longest. */
static int64_t longest_log_put_off(struct world *w)
{
	struct db *db = writer_of(w);
	int64_t longest = 0;
	bool is_moved = false;

	for (int i = 0; i < 100 && !is_moved; i++) {
		CHECK_OK(store_begin_soon(w->store));
		is_moved = db_wal_pending(db) < longest;
		CHECK_OK(db_exec(db, "create table if not exists big (x blob);"
				     "insert into big values (zeroblob(400000));"));
		CHECK_OK(store_commit(w->store));
		longest = MAX(longest, db_wal_pending(db));
	}
	return longest;
}

TEST(store_who_is_pressed_finds_the_log_moved_late_but_moved)
{
	WORLD_OPEN(w);
	int64_t longest = longest_log_put_off(&w);

	CHECK(longest >= 3000 && longest < 3300);
	CHECK_OK(world_fill(&w, 1, 10));
	CHECK(db_wal_pending(writer_of(&w)) < 3000);
}

TEST(f_33_a_reader_that_stays_away_holds_the_log_no_longer_than_its_age)
{
	WORLD_OPEN(w);
	struct store_reader *stuck;
	struct store_stats stats;
	struct store_tx tx;
	int64_t next, n;

	CHECK_OK(world_fill(&w, 100, 100));
	CHECK_OK(store_reader_new(w.store, false, &stuck));
	store_reader_take_steps(stuck, true); /* long work too */
	CHECK_OK(store_read_begin(stuck, &w.arena, 0, &tx));
	for (int i = 0; i < 25; i++) {
		CHECK_OK(world_fill(&w, 200, 4000));
		CHECK_OK(store_housekeep(w.store, &next));
	}
	store_stats(w.store, &stats);
	CHECK(stats.wal_bytes > 16 << 20); /* held */
	clock_advance(&w.clock, 2001);     /* long before 30 s: the log is long */
	CHECK_FAULT(
	    db_exec_i64(
		tx.db,
		"with recursive c(n) as (select 1 union all select n + 1 from c limit 100000) "
		"select count(*) from c",
		&n),
	    ERR_INTERRUPT);
	store_read_end(stuck);
	CHECK_OK(store_housekeep(w.store, &next));
	store_stats(w.store, &stats);
	CHECK(stats.wal_bytes <= 16 << 20);
	store_reader_free(stuck);
}

static void let_go(void *reader)
{
	store_read_end(reader);
}

TEST(f_33_the_writer_waits_for_a_reader_before_the_log_grows_without_end)
{
	WORLD_OPEN(w);
	struct store_stats stats = { 0 };
	struct store_reader *slow;
	struct store_tx tx;

	CHECK_OK(store_reader_new(w.store, false, &slow));
	CHECK_OK(store_read_begin(slow, &w.arena, 0, &tx));
	while (stats.wal_bytes < 42 << 20) {
		CHECK_OK(world_fill(&w, 500, 8000));
		store_stats(w.store, &stats);
	}
	CHECK_INT(store_reader_age_ms(w.store, false), 50);
	sys_at_sleep(let_go, slow); /* it reads on until the writer waits */
	CHECK_OK(world_fill(&w, 1, 10));
	sys_at_sleep(NULL, NULL);
	store_stats(w.store, &stats);
	CHECK(stats.wal_bytes < 1 << 20);
	CHECK_INT(store_reader_age_ms(w.store, false), 30000);
	store_reader_free(slow);
}

TEST(f_32_a_stranger_who_holds_the_file_makes_an_inline_reader_busy_not_wait)
{
	WORLD_OPEN(w);
	struct db *stranger = NULL;

	CHECK_OK(db_open(w.o.database, DB_WRITER | DB_PLAIN | DB_NO_WAIT, &stranger));
	CHECK_OK(db_begin(stranger, true));
	CHECK_INT(world_head(&w), 0); /* a writer is in no reader's way */
	db_rollback(stranger);
	db_close(stranger);
}

TEST(f_10_a_missing_log_after_a_crash_is_told)
{
	WORLD(w);
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (world_open(&w) != 0 || world_fire(&w, "lost") != 1)
			_exit(1);
		_exit(0); /* without closing */
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(unlink(test_path("questd.db-wal")) == 0);
	if (!CHECK_INT(world_open(&w), 0))
		return;
	if (CHECK_INT(store_warnings(w.store).n, 1))
		CHECK_HAS(store_warnings(w.store).v[0], "possible rollback");
}

/* All that was counted is in the file, but what came after is lost with the log. */
TEST(f_10_a_log_that_is_missing_behind_a_moved_one_is_told)
{
	WORLD(w);
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (world_open(&w) != 0 || db_checkpoint(writer_of(&w), true) ||
		    world_fire(&w, "lost") != 1)
			_exit(1);
		_exit(0); /* without closing */
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(unlink(test_path("questd.db-wal")) == 0);
	if (!CHECK_INT(world_open(&w), 0))
		return;
	if (CHECK_INT(store_warnings(w.store).n, 1))
		CHECK_HAS(store_warnings(w.store).v[0], "its log (-wal) is missing");
}

TEST(store_a_crash_loses_nothing_and_warns_of_nothing)
{
	WORLD(w);
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (world_open(&w) != 0 || world_fire(&w, "kept") != 1)
			_exit(1);
		_exit(0); /* without closing */
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	if (!CHECK_INT(world_open(&w), 0))
		return;
	CHECK_INT(store_warnings(w.store).n, 0);
	CHECK_INT(world_head(&w), 1);
}

TEST(store_read_only_serves_reads_and_changes_no_file)
{
	WORLD_OPEN(w);
	struct store_tx tx;
	int64_t next;
	struct stat before, after;

	CHECK_INT(world_fire(&w, "one"), 1);
	world_close(&w);
	CHECK(stat(w.o.database, &before) == 0);
	CHECK(chmod(test_dir(), 0500) == 0);
	w.o.read_only = true;
	if (CHECK_INT(world_open(&w), 0)) {
		CHECK_INT(world_head(&w), 1);
		CHECK_FAULT(world_write_begin(&w, &tx), ERR_READONLY);
		CHECK_OK(store_housekeep(w.store, &next));
	}
	world_close(&w);
	CHECK(chmod(test_dir(), 0700) == 0);
	CHECK(stat(w.o.database, &after) == 0);
	CHECK_INT(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
	CHECK(!world_has(test_path("questd.db-wal")));
	w.o.read_only = false;
	CHECK_INT(world_open(&w), 0);
	CHECK_INT(store_warnings(w.store).n, 0);
}

TEST(store_read_only_reads_what_a_crash_left_in_the_log)
{
	WORLD(w);
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (world_open(&w) != 0 || world_fire(&w, "kept") != 1)
			_exit(1);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	w.o.read_only = true;
	if (!CHECK_INT(world_open(&w), 0))
		return;
	CHECK_INT(world_head(&w), 1);
}

TEST(store_read_only_without_a_database_is_no_access)
{
	WORLD(w);

	w.o.read_only = true;
	CHECK_INT(world_open(&w), STORE_NO_ACCESS);
	CHECK(!world_has(w.o.database));
}

TEST(store_automatic_backups_are_kept_by_number)
{
	WORLD_OPEN(w);
	int64_t next;

	CHECK_OK(fd_mkdir_all(w.o.backups, 0700));
	for (int i = 0; i < 12; i++)
		CHECK_OK(
		    fd_write_file(str_fmt(&w.arena, "%s/auto-2026110%XT000000000Z-before-v2.db",
					  w.o.backups, i)
				      .p,
				  STR("x"), 0600));
	CHECK_OK(fd_write_file(str_fmt(&w.arena, "%s/mine.db", w.o.backups).p, STR("x"), 0600));
	CHECK_OK(fd_write_file(str_fmt(&w.arena, "%s/auto-notes", w.o.backups).p, STR("x"), 0600));
	CHECK_OK(store_housekeep(w.store, &next));
	CHECK(!world_has(
	    str_fmt(&w.arena, "%s/auto-20261104T000000000Z-before-v2.db", w.o.backups).p));
	CHECK(world_has(
	    str_fmt(&w.arena, "%s/auto-20261105T000000000Z-before-v2.db", w.o.backups).p));
	CHECK(world_has(
	    str_fmt(&w.arena, "%s/auto-2026110BT000000000Z-before-v2.db", w.o.backups).p));
	CHECK(world_has(str_fmt(&w.arena, "%s/mine.db", w.o.backups).p));
	CHECK(world_has(str_fmt(&w.arena, "%s/auto-notes", w.o.backups).p));
}

/* A power loss while pages are moved into the file: its first sector is garbage, the log has it. */
TEST(f_02_a_header_half_moved_is_made_whole_by_the_log)
{
	WORLD(w);
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (world_open(&w) != 0 || world_fill(&w, 100, 1000) != 0)
			_exit(1);
		_exit(0); /* without closing */
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	world_scribble(w.o.database, 0, "garbage garbage garbage garbage", 31);
	if (!CHECK_INT(world_open(&w), 0))
		return;
	CHECK_INT(world_head(&w), 100);
}
