/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that is full, read-only or broken, and the reserve for the first of these. */
#include <errno.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "store/store_state.h"
#include "tests/crashvfs/crashvfs.h"
#include "tests/unit/store/world.h"

/* A whole commit on a full, a read-only and a broken file; what the store says of itself then. */
static void commit_fails(int code, int error, enum err_class class, enum store_state state,
			 bool is_lost)
{
	WORLD_OPEN(w);
	struct store_stats stats;
	struct store_tx tx;
	int64_t next;

	CHECK_OK(world_fill(&w, 3, 10));
	world_close(&w);
	crashvfs_reset(test_dir());
	CHECK_INT(world_open(&w), 0);
	CHECK_OK(world_write_begin(&w, &tx));
	CHECK_OK(store_meta_set(&tx, STR("k"), STR("v")));
	CHECK_OK(store_call_keep(w.store));
	crashvfs_fail(CRASHVFS_ON, 1, false);
	crashvfs_fail_as(code, error);
	CHECK_FAULT(store_commit(w.store), class);
	crashvfs_fail(CRASHVFS_NONE, 0, false);
	store_stats(w.store, &stats);
	CHECK_INT(stats.state, state);
	CHECK(stats.is_degraded);
	CHECK_INT(store_is_lost(w.store), is_lost);
	CHECK_INT(world_head(&w), 3);
	CHECK_FAULT(store_begin(w.store), class);
	clock_advance(&w.clock, 2000);
	if (is_lost) {
		CHECK_FAULT(store_housekeep(w.store, &next), ERR_SYS);
	} else {
		CHECK_OK(store_housekeep(w.store, &next));
		store_stats(w.store, &stats);
		CHECK_INT(stats.state, STORE_OK);
		CHECK_INT(world_fire(&w, "again"), 4);
	}
	world_close(&w);
	crashvfs_reset("");
	CHECK_INT(world_open(&w), 0);
	CHECK_INT(world_head(&w), is_lost ? 3 : 4);
}

TEST(f_06_a_commit_on_a_full_disk_is_refused_and_comes_back)
{
	commit_fails(SQLITE_FULL, ENOSPC, ERR_FULL, STORE_FULL, false);
}

TEST(f_06_a_commit_beyond_the_quota_is_refused_and_comes_back)
{
	commit_fails(SQLITE_IOERR_WRITE, EDQUOT, ERR_FULL, STORE_FULL, false);
}

TEST(f_07_a_commit_on_a_read_only_disk_is_refused_and_comes_back)
{
	commit_fails(SQLITE_IOERR_WRITE, EROFS, ERR_READONLY, STORE_READ_ONLY, false);
}

TEST(f_08_a_commit_that_cannot_be_written_is_fatal)
{
	commit_fails(SQLITE_IOERR_WRITE, EIO, ERR_SYS, STORE_IO_ERROR, true);
}

TEST(f_08_a_failed_fsync_is_fatal)
{
	commit_fails(SQLITE_IOERR_FSYNC, EIO, ERR_SYS, STORE_IO_ERROR, true);
}

TEST(f_08_a_failed_fsync_of_a_checkpoint_is_fatal)
{
	WORLD_OPEN(w);
	int64_t next;

	world_close(&w);
	crashvfs_reset(test_dir());
	CHECK_INT(world_open(&w), 0);
	CHECK_OK(world_fill(&w, 1000, 4000));
	crashvfs_fail(CRASHVFS_ON, 1, false);
	crashvfs_fail_as(SQLITE_IOERR_FSYNC, EIO);
	CHECK_FAULT(store_housekeep(w.store, &next), ERR_SYS);
	CHECK(store_is_lost(w.store));
	world_close(&w);
	crashvfs_reset("");
	CHECK_INT(world_open(&w), 0);
	CHECK_INT(world_head(&w), 1000);
}

TEST(f_06_a_full_disk_at_the_start_gives_up_the_reserve)
{
	WORLD(w);
	struct stat st;

	w.o.ballast_bytes = 1 << 20;
	CHECK_INT(world_open(&w), 0);
	CHECK_OK(world_fill(&w, 3, 10));
	world_close(&w);
	crashvfs_reset(test_dir());
	crashvfs_fail(CRASHVFS_ONCE, 1, true);
	/* the first write of the opening finds no room; the second try has it */
	for (int64_t n = 1; !crashvfs_has_failed() && n < 300; n++) {
		world_close(&w);
		crashvfs_fail(CRASHVFS_ONCE, n, true);
		CHECK_INT(world_open(&w), 0);
	}
	CHECK(crashvfs_has_failed());
	crashvfs_reset("");
	CHECK_INT(world_head(&w), 3);
	CHECK(stat(test_path("questd.ballast"), &st) == 0 && st.st_size == 1 << 20);
}

TEST(f_06_no_room_for_the_reserve_is_told)
{
	WORLD(w);

	w.o.ballast_bytes = 2 << 20;
	CHECK(mkdir(test_path("questd.ballast"), 0700) == 0); /* in its way */
	CHECK_INT(world_open(&w), 0);
	if (CHECK_INT(store_warnings(w.store).n, 1))
		CHECK_HAS(store_warnings(w.store).v[0], "reserve");

	/* Once the way is free it is made, within the hour. */
	int64_t next;

	CHECK(rmdir(test_path("questd.ballast")) == 0);
	CHECK_OK(store_housekeep(w.store, &next));
	CHECK(world_has(test_path("questd.ballast")));
	world_close(&w);
	CHECK(unlink(test_path("questd.ballast")) == 0);
	CHECK(mkfifo(test_path("questd.ballast"), 0600) == 0); /* no file, and never waited for */
	CHECK_INT(world_open(&w), 0);
	if (CHECK_INT(store_warnings(w.store).n, 1))
		CHECK_HAS(store_warnings(w.store).v[0], "reserve");
}

TEST(f_06_a_larger_reserve_than_wanted_is_left_and_a_smaller_one_grows)
{
	WORLD(w);
	struct stat st;
	int64_t next;

	w.o.ballast_bytes = 2 << 20;
	CHECK_INT(world_open(&w), 0);
	world_close(&w);
	CHECK(truncate(test_path("questd.ballast"), 1000) == 0);
	w.o.ballast_bytes = 2 << 20;
	CHECK_INT(world_open(&w), 0);
	CHECK(stat(test_path("questd.ballast"), &st) == 0 && st.st_size == 2 << 20);
	CHECK_OK(store_housekeep(w.store, &next));
	CHECK_OK(store_housekeep(w.store, &next)); /* at once: nothing is due */
	world_close(&w);
	w.o.ballast_bytes = 1 << 20;
	CHECK_INT(world_open(&w), 0);
	CHECK(stat(test_path("questd.ballast"), &st) == 0 && st.st_size == 2 << 20);
}
