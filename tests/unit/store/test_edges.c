/* SPDX-License-Identifier: Apache-2.0 */
/* Corners of opening, keeping, checking and restoring that no other test comes by. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/failpoint.h"
#include "base/fd.h"
#include "store/store_state.h"
#include "tests/crashvfs/crashvfs.h"
#include "tests/unit/store/world.h"
#include "tests/unit/sys.h"

TEST(store_without_backups_and_instance_file_all_is_kept_inside)
{
	WORLD(w);
	struct str instance;

	w.o.backups = w.o.instance = NULL;
	if (!CHECK_INT(world_open(&w), 0))
		return;
	instance = str_dup(&w.arena, store_instance(w.store));
	CHECK_INT(instance.n, ID_LEN);
	CHECK_INT(world_open(&w), 0);
	CHECK_STR_EQ(store_instance(w.store), instance);
	CHECK(!world_has(test_path("instance")));
	for (int64_t next, hour = 0; hour < 2; hour++) {
		CHECK_OK(store_housekeep(w.store, &next));
		clock_advance(&w.clock, 3600000);
	}
	world_close(&w);
	world_scribble(w.o.database, 0, "no database", 11);
	CHECK_INT(world_open(&w), STORE_DAMAGED);
	CHECK_HAS(str_from(w.problem.text), "there is no backup");
}

TEST(store_defaults_are_what_the_page_says)
{
	struct store_options o;

	store_options_init(&o);
	CHECK_INT(o.ballast_bytes, 64 << 20);
	CHECK_INT(o.keep_events_ms, 30LL * 86400000);
	CHECK_INT(o.keep_replies_ms, 86400000);
	CHECK_INT(o.keep_backups, 7);
	CHECK_INT(o.check_bytes, 64 << 20);
}

TEST(store_a_relative_path_is_served)
{
	WORLD(w);
	int before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK(chdir(test_dir()) == 0);
	w.o.database = "questd.db";
	w.o.lock = "questd.lock";
	w.o.backups = "backups";
	w.o.instance = NULL;
	if (CHECK_INT(world_open(&w), 0)) {
		struct store_job *job;
		int64_t done, all;
		int e = store_backup_new(w.store, "copy.db", &job);

		if (CHECK_OK(e)) {
			while ((e = store_backup_step(job, &done, &all)) == STORE_MORE)
				;
			CHECK_OK(e);
			store_backup_free(job);
		}
		CHECK(world_has(test_path("copy.db")));
	}
	world_close(&w);
	CHECK(fchdir(before) == 0);
	fd_close(&before);
}

TEST(store_the_files_odd_names_are_corrected)
{
	WORLD_OPEN(w);
	struct str instance = str_dup(&w.arena, store_instance(w.store));

	world_close(&w);
	CHECK_OK(fd_write_file(w.o.instance, STR("no name/at all"), 0600));
	CHECK_INT(world_open(&w), 0);
	CHECK_STR_EQ(str_trim(world_text(w.o.instance)), instance);
	CHECK_INT(store_warnings(w.store).n, 0);
}

TEST(store_a_spoiled_sidecar_counts_as_missing)
{
	static const char long_name[] =
	    "names-of-more-than-63-bytes-are-none-of-ours-and-so-the-file-is-none 1 open\n";
	static const char *const texts[] = { "",
					     "only\n",
					     "bad/name 1 open\n",
					     "name one open\n",
					     "n 99999999999999999999 open\n",
					     long_name };
	WORLD_OPEN(w);

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		world_close(&w);
		CHECK_OK(fd_write_file(test_path("questd.generation"), str_from(texts[i]), 0600));
		CHECK_INT(world_open(&w), 0);
		CHECK_INT(store_warnings(w.store).n, 0);
	}
}

TEST(f_10_another_generation_is_told)
{
	WORLD_OPEN(w);

	world_close(&w);
	CHECK_OK(fd_write_file(test_path("questd.generation"), STR("other 1 closed\n"), 0600));
	CHECK_INT(world_open(&w), 0);
	if (CHECK_INT(store_warnings(w.store).n, 1))
		CHECK_HAS(store_warnings(w.store).v[0], "another generation");
}

static void spoil_meta(struct world *w, const char *sql)
{
	struct db *db = NULL;

	world_close(w);
	CHECK_OK(db_open(w->o.database, DB_WRITER, &db));
	CHECK_OK(db_exec(db, sql));
	CHECK_OK(db_fold_log(db));
	db_close(db);
}

TEST(store_a_database_without_its_generation_is_damaged)
{
	WORLD_OPEN(w);

	spoil_meta(&w, "delete from meta where key = 'generation'");
	CHECK_INT(world_open(&w), STORE_DAMAGED);
	CHECK_HAS(str_from(w.problem.text), "generation");
	spoil_meta(&w, "insert into meta values ('generation', 'no/name')");
	CHECK_INT(world_open(&w), STORE_DAMAGED);
	spoil_meta(&w, "update meta set value = 'fresh' where key = 'generation'");
	spoil_meta(&w, "delete from meta where key = 'counter'");
	CHECK_INT(world_open(&w), 0);
}

TEST(store_read_only_of_an_older_schema_says_what_to_do)
{
	WORLD_OPEN(w);

	spoil_meta(&w, "pragma user_version = 1");
	w.o.read_only = true;
	CHECK_INT(world_open(&w), STORE_NO_ACCESS);
	CHECK_HAS(str_from(w.problem.text), "--read-only");
	w.o.read_only = false;
	spoil_meta(&w, "pragma user_version = 0");
	CHECK_INT(world_open(&w), STORE_FOREIGN);
}

TEST(store_read_only_is_refused_beside_a_server)
{
	WORLD_OPEN(w);
	struct store_options o = w.o;
	struct store *second = NULL;
	struct store_problem problem;

	o.read_only = true;
	CHECK_INT(store_open(&o, &second, &problem), STORE_LOCKED);
	CHECK_INT(problem.pid, getpid());
}

TEST(f_26_a_lock_held_by_who_left_no_pid_is_told_all_the_same)
{
	WORLD(w);
	int fd = open(w.o.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && flock(fd, LOCK_EX) == 0 && write(fd, "nobody", 6) == 6);
	CHECK_INT(world_open(&w), STORE_LOCKED);
	CHECK_INT(w.problem.pid, 0);
	CHECK_HAS(str_from(w.problem.text), "another questd-server");
	CHECK(ftruncate(fd, 0) == 0); /* it has not written it yet */
	CHECK_INT(world_open(&w), STORE_LOCKED);
	CHECK_INT(w.problem.pid, 0);
	fd_close(&fd);
}

TEST(f_27_a_replaced_database_is_fatal)
{
	WORLD_OPEN(w);
	int64_t next;

	CHECK(rename(w.o.database, test_path("old.db")) == 0);
	CHECK_OK(fd_write_file(w.o.database, STR("another"), 0600));
	CHECK_FAULT(store_housekeep(w.store, &next), ERR_SYS);
	CHECK(store_is_lost(w.store));
}

TEST(f_27_a_replaced_lock_file_is_fatal)
{
	WORLD_OPEN(w);
	int64_t next;

	CHECK(rename(w.o.lock, test_path("old.lock")) == 0);
	CHECK_OK(fd_write_file(w.o.lock, STR("1\n"), 0600));
	CHECK_FAULT(store_housekeep(w.store, &next), ERR_SYS);
	CHECK(store_is_lost(w.store));
	CHECK_FAULT(store_housekeep(w.store, &next), ERR_SYS);
}

TEST(store_nothing_is_pruned_when_all_is_kept)
{
	WORLD(w);
	int64_t next;

	w.o.keep_events_ms = w.o.keep_replies_ms = 0;
	CHECK_INT(world_open(&w), 0);
	CHECK_INT(world_fire(&w, "old"), 1);
	clock_advance(&w.clock, (int64_t)400 * 86400000);
	CHECK_OK(store_housekeep(w.store, &next));
	CHECK_INT(world_floor(&w), 1);
}

TEST(store_stats_count)
{
	WORLD_OPEN(w);
	struct store_stats stats;

	CHECK_OK(world_fill(&w, 100, 1000));
	CHECK_INT(world_fire(&w, "a"), 101);
	store_stats(w.store, &stats);
	CHECK_INT(stats.n_commits, 2);
	CHECK_INT(stats.n_calls, 2);
	CHECK(stats.database_bytes > 0);
	CHECK(stats.wal_bytes > 100000);
	CHECK(stats.free_bytes > 0);
	CHECK_INT(stats.state, STORE_OK);
	CHECK(!stats.is_degraded);
	CHECK(store_clock(w.store) == &w.clock);
}

TEST(store_an_interrupted_reader_goes_on_with_its_next_call)
{
	WORLD_OPEN(w);

	CHECK_INT(world_head(&w), 0);
	store_reader_interrupt(w.reader); /* nothing runs: nothing happens */
	CHECK_INT(world_head(&w), 0);
	CHECK(!store_reader_free(NULL));
	CHECK(!store_close(NULL));
	CHECK(!store_backup_free(NULL));
}

TEST(store_check_finds_a_broken_reference)
{
	WORLD_OPEN(w);
	struct str_list problems = { 0 };
	struct store_tx tx;

	spoil_meta(&w,
		   "pragma foreign_keys = off;"
		   "create table p (id integer primary key) strict;"
		   "create table c (p integer references p (id)) strict; insert into c values (7)");
	CHECK_INT(world_open(&w), 0);
	CHECK_OK(world_read_begin(&w, &tx));
	CHECK_OK(store_check(&tx, true, &problems));
	world_read_end(&w);
	if (CHECK_INT(problems.n, 1))
		CHECK_STR(problems.v[0], "row 1 of c refers to a missing row of p");
}

TEST(store_check_stops_at_a_hundred_findings)
{
	WORLD_OPEN(w);
	struct str_list problems = { 0 };
	struct store_tx tx;

	spoil_meta(&w, "pragma foreign_keys = off;"
		       "create table p (id integer primary key) strict;"
		       "create table c (p integer references p (id)) strict;"
		       "with recursive n(i) as (select 1 union all select i + 1 from n limit 150)"
		       " insert into c select i from n");
	CHECK_INT(world_open(&w), 0);
	CHECK_OK(world_read_begin(&w, &tx));
	CHECK_OK(store_check(&tx, false, &problems));
	world_read_end(&w);
	CHECK_INT(problems.n, 100);
}

TEST(store_restore_into_an_empty_folder_makes_the_store)
{
	WORLD_OPEN(w);
	struct store_job *job;
	int64_t done, all;
	int e;

	CHECK_INT(world_fire(&w, "kept"), 1);
	CHECK_OK(store_backup_new(w.store, test_path("copy.db"), &job));
	while ((e = store_backup_step(job, &done, &all)) == STORE_MORE)
		;
	CHECK_OK(e);
	store_backup_free(job);
	world_close(&w);
	w.o.database = test_path("new/questd.db");
	w.o.lock = test_path("new/questd.lock");
	w.o.instance = NULL;
	CHECK_INT(store_restore(&w.o, test_path("copy.db"), &w.problem), 0);
	CHECK_INT(world_open(&w), 0);
	CHECK_INT(world_head(&w), 1);
}

TEST(store_restore_takes_a_copy_with_its_log)
{
	WORLD_OPEN(w);

	CHECK_INT(world_fire(&w, "kept"), 1);
	CHECK(link(w.o.database, test_path("copy.db")) == 0);
	CHECK(link(test_path("questd.db-wal"), test_path("copy.db-wal")) == 0);
	world_close(&w);
	CHECK_INT(store_restore(&w.o, test_path("copy.db"), &w.problem), 0);
	CHECK_INT(world_open(&w), 0);
	CHECK_INT(world_head(&w), 1);
}

TEST(store_the_newest_of_several_backups_is_named)
{
	WORLD(w);
	const struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } },
			      new[2] = { { 1000, 5 }, { 1000, 5 } };

	CHECK_OK(fd_mkdir_all(test_path("backups/folder.db"), 0700));
	CHECK_OK(fd_write_file(test_path("backups/b.db"), STR("x"), 0600));
	CHECK_OK(fd_write_file(test_path("backups/a.db"), STR("x"), 0600));
	CHECK_OK(fd_write_file(test_path("backups/c.db"), STR("x"), 0600));
	CHECK_OK(fd_write_file(test_path("backups/notes.txt"), STR("x"), 0600));
	CHECK(utimensat(AT_FDCWD, test_path("backups/a.db"), old, 0) == 0);
	CHECK(utimensat(AT_FDCWD, test_path("backups/b.db"), new, 0) == 0);
	CHECK(utimensat(AT_FDCWD, test_path("backups/c.db"), old, 0) == 0);
	for (int i = 0; i < 8; i++) { /* in whatever order a folder lists them */
		const char *path = str_fmt(&w.arena, "%s/%d.db", w.o.backups, i * 7 % 8).p;
		const struct timespec older[2] = { { 100 + i, 0 }, { 100 + i, 0 } };

		CHECK_OK(fd_write_file(path, STR("x"), 0600));
		CHECK(utimensat(AT_FDCWD, path, older, 0) == 0);
	}
	CHECK(symlink("gone", test_path("backups/z.db")) == 0);
	CHECK_STR_EQ(store_file_newest(&w.arena, w.o.backups), str_from(test_path("backups/b.db")));
	CHECK(!store_file_newest(&w.arena, test_path("nowhere")).p);
}

TEST(store_the_folder_of_a_path)
{
	struct arena a;

	arena_init(&a, 0);
	CHECK_CSTR(store_folder_of(&a, "questd.db"), ".");
	CHECK_CSTR(store_folder_of(&a, "/questd.db"), "/");
	CHECK_CSTR(store_folder_of(&a, "a/questd.db"), "a");
	CHECK_CSTR(store_folder_of(&a, "/a/b/questd.db"), "/a/b");
	arena_deinit(&a);
}

TEST(store_warnings_are_bounded)
{
	WORLD_OPEN(w);

	for (int i = 0; i < 2 * STORE_WARNINGS_MAX; i++)
		store_warn(w.store, "warning %d", i);
	CHECK_INT(store_warnings(w.store).n, STORE_WARNINGS_MAX);
}

TEST(store_a_commit_stopped_before_it_began_leaves_nothing)
{
	WORLD_OPEN(w);

	if (!FAIL_POINTS_BUILT)
		TEST_SKIP("this build has no fail points");
	fail_points_set("store_commit_before:1*return");
	CHECK_FAULT((int)world_fire(&w, "gone"), ERR_SYS);
	CHECK_INT(world_fire(&w, "first"), 1);
	fail_points_set("store_commit_after:1*return");
	CHECK_FAULT((int)world_fire(&w, "there.all.the.same"), ERR_SYS);
	fail_points_set(NULL);
	CHECK_INT(world_head(&w), 2);
}

TEST(f_24_a_migration_that_stops_leaves_the_version_before)
{
	WORLD_OPEN(w);

	if (!FAIL_POINTS_BUILT)
		TEST_SKIP("this build has no fail points");
	world_close(&w);
	CHECK(unlink(w.o.database) == 0);
	CHECK(unlink(test_path("questd.generation")) == 0);
	fail_points_set("store_migrate_before:2*return");
	CHECK_INT(world_open(&w), STORE_NO_ACCESS);
	fail_points_set(NULL);
	CHECK(!world_has(w.o.database));
	CHECK(!world_has(test_path("questd.db.new")));
	CHECK_INT(world_open(&w), 0);
}

TEST(store_a_restore_that_stops_leaves_the_database_in_its_place)
{
	WORLD_OPEN(w);
	struct store_job *job;
	int64_t done, all;
	int e;

	if (!FAIL_POINTS_BUILT)
		TEST_SKIP("this build has no fail points");
	CHECK_OK(store_backup_new(w.store, test_path("copy.db"), &job));
	while ((e = store_backup_step(job, &done, &all)) == STORE_MORE)
		;
	CHECK_OK(e);
	store_backup_free(job);
	CHECK_INT(world_fire(&w, "kept"), 1);
	world_close(&w);
	fail_points_set("store_restore_before:1*return");
	CHECK(store_restore(&w.o, test_path("copy.db"), &w.problem) != 0);
	fail_points_set(NULL);
	err_forget();
	CHECK_INT(world_open(&w), 0);
	CHECK_INT(world_head(&w), 1);
	CHECK_INT(store_warnings(w.store).n, 0);
}

/* SQLite's check tells an unreadable page in the words of damage. */
TEST(f_08_a_page_that_cannot_be_read_is_no_damage)
{
	WORLD_OPEN(w);
	int n_faults = 0;

	CHECK_OK(world_fill(&w, 300, 1000));
	world_close(&w);
	for (int n = 1; n < 400; n += 3) {
		struct str_list problems = { 0 };
		struct store_tx tx;
		int e;

		crashvfs_reset(test_dir());
		CHECK_INT(world_open(&w), 0);
		e = world_read_begin(&w, &tx);
		crashvfs_fail(CRASHVFS_ONCE, n, false);
		if (!e)
			e = store_check(&tx, n % 2, &problems);
		if (!CHECK_INT(problems.n, 0))
			CHECK_STR(problems.v[0], "");
		CHECK(e == 0 || err_class(e) == ERR_SYS);
		n_faults += e != 0;
		err_forget();
		world_read_end(&w);
		world_close(&w);
		crashvfs_reset("");
	}
	CHECK(n_faults > 20);
}
