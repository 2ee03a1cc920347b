/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "store/db.h"
#include "tests/unit/store/world.h"

/* Runs a backup to its end; every `every` steps an event is written in between. 0 or the error. */
static int back_up(struct world *w, const char *path, int every)
{
	struct store_job *job;
	int64_t done = 0, all = 0;
	int e = store_backup_new(w->store, path, &job);

	for (int i = 1; !e; i++) {
		e = store_backup_step(job, &done, &all);
		if (e != STORE_MORE)
			break;
		e = 0;
		if (every && i % every == 0 && i < 1000 && done < all)
			CHECK(world_fire(w, "meanwhile") > 0);
	}
	if (!e) {
		CHECK(all > 0);
		CHECK_INT(done, all);
	}
	store_backup_free(job);
	return e;
}

/* Of the whole, and table by table: each finds it. */
static struct str first_problem(struct world *w, bool is_quick)
{
	struct store_check in_parts;
	struct str_list problems;
	struct store_tx tx;
	struct str first = STR("sound");
	int e = STORE_MORE;

	CHECK_OK(world_read_begin(w, &tx));
	if (CHECK_OK(store_check(&tx, is_quick, &problems)) && problems.n > 0)
		first = problems.v[0];
	CHECK_OK(store_check_begin(&tx, is_quick, 0, &in_parts));
	while (e == STORE_MORE)
		e = store_check_step(&tx, &in_parts);
	CHECK_OK(e);
	CHECK_INT(in_parts.problems.n > 0, problems.n > 0);
	world_read_end(w);
	return first;
}

TEST(f_25_a_backup_while_writing_restores_to_a_sound_store)
{
	WORLD_OPEN(w);
	const char *path = test_path("copy.db");
	struct str generation = str_dup(&w.arena, store_generation(w.store));
	struct str instance = str_dup(&w.arena, store_instance(w.store));
	int64_t head;
	struct stat st;

	CHECK_OK(world_fill(&w, 3000, 1000));
	CHECK_OK(back_up(&w, path, 2));
	CHECK(!world_has(test_path("copy.db.part")));
	CHECK(!world_has(test_path("copy.db-wal")));
	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	head = world_head(&w);
	CHECK(head > 3000);
	CHECK_INT(world_fire(&w, "after.the.backup"), head + 1);

	world_close(&w);
	CHECK_INT(store_restore(&w.o, path, &w.problem), 0);
	if (!CHECK_INT(world_open(&w), 0))
		return;
	CHECK_INT(store_warnings(w.store).n, 0);
	CHECK_INT(world_head(&w), head);
	CHECK(!str_eq(store_generation(w.store), generation));
	CHECK_STR_EQ(store_instance(w.store), instance);
	CHECK_STR(first_problem(&w, false), "sound");
	CHECK_INT(world_fire(&w, "goes.on"), head + 1);
}

/* Steps until all pages are copied, with `n` events of `size` bytes written before each. */
static int64_t steps_beside(struct world *w, int n, size_t size, int64_t max)
{
	struct store_job *job;
	int64_t steps = 0, done = 0, all = 1;

	if (!CHECK_OK(store_backup_new(w->store, test_path("paced.db"), &job)))
		return -1;
	while (done < all && steps++ < max) {
		if (n)
			CHECK_OK(world_fill(w, n, size));
		CHECK_INT(store_backup_step(job, &done, &all), STORE_MORE);
	}
	CHECK_INT(done, all);
	store_backup_free(job);
	CHECK(unlink(test_path("paced.db")) == 0);
	return steps;
}

TEST(f_25_a_backup_takes_a_share_beside_writers_and_all_when_alone)
{
	WORLD_OPEN(w);
	int64_t alone, beside;

	CHECK_OK(world_fill(&w, 3000, 1000));
	alone = steps_beside(&w, 0, 0, 1000);
	beside = steps_beside(&w, 1, 10, 1000);
	CHECK(alone >= 5);
	CHECK(beside >= 7 * alone);
	CHECK(beside <= 9 * alone);
}

TEST(f_25_a_moments_pause_of_the_writers_makes_no_large_step)
{
	WORLD_OPEN(w);
	struct store_job *job;
	int64_t done = 0, all = 1, before, largest = 0;

	CHECK_OK(world_fill(&w, 3000, 1000));
	if (!CHECK_OK(store_backup_new(w.store, test_path("paced.db"), &job)))
		return;
	for (int i = 0; done < all && i < 1000; i++) {
		if (i % 10 == 0) /* after nine steps without */
			CHECK(world_fire(&w, "one.more") > 0);
		before = done;
		CHECK_INT(store_backup_step(job, &done, &all), STORE_MORE);
		largest = MAX(largest, done - before);
	}
	CHECK_INT(done, all);
	CHECK(largest < 50);
	store_backup_free(job);
}

TEST(f_25_a_backup_catches_up_with_writers_who_add_more_than_a_step)
{
	WORLD_OPEN(w);

	CHECK_OK(world_fill(&w, 600, 1000)); /* with the tables' own pages 400, or nearly */
	CHECK(steps_beside(&w, 250, 2000, 60) < 60);
}

TEST(store_restore_keeps_what_it_replaces)
{
	WORLD_OPEN(w);
	const char *path = test_path("copy.db");
	const char *aside = test_path("questd.db.replaced-20261121T100000000Z");

	CHECK_OK(back_up(&w, path, 0));
	CHECK_INT(world_fire(&w, "only.in.the.replaced"), 1);
	world_close(&w);
	CHECK_INT(store_restore(&w.o, path, &w.problem), 0);
	CHECK_INT(world_open(&w), 0);
	CHECK_INT(world_head(&w), 0);
	world_close(&w);
	if (!CHECK(world_has(aside)))
		return;
	w.clock.fake_wall_ms += 5000;
	CHECK_INT(store_restore(&w.o, aside, &w.problem), 0);
	CHECK_INT(world_open(&w), 0);
	CHECK_INT(world_head(&w), 1);
}

TEST(store_restore_replaces_a_damaged_database)
{
	WORLD_OPEN(w);
	const char *path = test_path("copy.db");

	CHECK_INT(world_fire(&w, "kept"), 1);
	CHECK_OK(back_up(&w, path, 0));
	world_close(&w);
	world_scribble(w.o.database, 0, "garbage", 7);
	CHECK_OK(fd_write_file(test_path("questd.db-wal"), STR("old frames"), 0600));
	CHECK_INT(world_open(&w), STORE_DAMAGED);
	CHECK_INT(store_restore(&w.o, path, &w.problem), 0);
	CHECK_INT(world_open(&w), 0);
	CHECK_INT(world_head(&w), 1);
}

TEST(store_restore_refuses_what_is_no_sound_backup_and_changes_nothing)
{
	WORLD_OPEN(w);
	const char *path = test_path("copy.db");

	CHECK_INT(world_fire(&w, "kept"), 1);
	CHECK_OK(world_fill(&w, 100, 3000));
	CHECK_OK(back_up(&w, path, 0));
	world_close(&w);

	CHECK_INT(store_restore(&w.o, test_path("nothing.db"), &w.problem), STORE_NO_ACCESS);
	CHECK_OK(fd_write_file(test_path("text.db"), STR("text"), 0600));
	CHECK(store_restore(&w.o, test_path("text.db"), &w.problem) > 0);
	for (int page = 3; page < 30; page++)
		world_scribble(path, page * 4096, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
	CHECK_INT(store_restore(&w.o, path, &w.problem), STORE_DAMAGED);
	CHECK_HAS(str_from(w.problem.text), "copy.db");

	CHECK_INT(world_open(&w), 0);
	CHECK_INT(world_head(&w), 101);
	CHECK_INT(store_warnings(w.store).n, 0);
}

TEST(store_restore_waits_for_no_server_it_refuses)
{
	WORLD_OPEN(w);
	const char *path = test_path("copy.db");

	CHECK_OK(back_up(&w, path, 0));
	CHECK_INT(store_restore(&w.o, path, &w.problem), STORE_LOCKED);
	CHECK_INT(w.problem.pid, getpid());
}

TEST(store_a_backup_never_replaces_a_file)
{
	WORLD_OPEN(w);
	struct store_job *job = NULL;
	const char *path = test_path("copy.db");

	CHECK_OK(fd_write_file(path, STR("precious"), 0600));
	CHECK_FAULT(store_backup_new(w.store, path, &job), ERR_SYS);
	CHECK_STR(world_text(path), "precious");
}

TEST(store_a_backup_given_up_leaves_nothing)
{
	WORLD_OPEN(w);
	struct store_job *job = NULL;
	const char *path = test_path("copy.db");
	int64_t done, all;

	CHECK_OK(world_fill(&w, 1000, 1000));
	CHECK_OK(store_backup_new(w.store, path, &job));
	CHECK_INT(store_backup_step(job, &done, &all), STORE_MORE);
	CHECK(done < all);
	store_backup_free(job);
	CHECK(!world_has(path));
	CHECK(!world_has(test_path("copy.db.part")));
	CHECK_INT(world_fire(&w, "goes.on"), 1001);
}

TEST(f_10_a_backup_copied_into_place_by_hand_is_told)
{
	WORLD_OPEN(w);
	const char *path = test_path("copy.db");
	struct str generation = str_dup(&w.arena, store_generation(w.store));

	CHECK_INT(world_fire(&w, "one"), 1);
	CHECK_OK(back_up(&w, path, 0));
	CHECK_INT(world_fire(&w, "two"), 2);
	world_close(&w);
	CHECK(rename(path, w.o.database) == 0);
	if (!CHECK_INT(world_open(&w), 0))
		return;
	if (CHECK_INT(store_warnings(w.store).n, 1))
		CHECK_HAS(store_warnings(w.store).v[0], "possible rollback");
	CHECK_INT(world_head(&w), 1);
	CHECK(!str_eq(store_generation(w.store), generation));
	CHECK_INT(world_open(&w), 0);
	CHECK_INT(store_warnings(w.store).n, 0);
}

TEST(store_check_is_silent_on_a_sound_store)
{
	WORLD_OPEN(w);

	CHECK_STR(first_problem(&w, true), "sound");
	CHECK_STR(first_problem(&w, false), "sound");
	CHECK_OK(world_fill(&w, 500, 500));
	CHECK_STR(first_problem(&w, true), "sound");
	CHECK_STR(first_problem(&w, false), "sound");
}

TEST(store_check_finds_a_gap_in_the_events)
{
	WORLD_OPEN(w);
	struct store_tx tx;

	CHECK_OK(world_fill(&w, 10, 10));
	CHECK_OK(world_write_begin(&w, &tx));
	CHECK_OK(db_exec(tx.db, "delete from events where seq = 5"));
	CHECK_OK(world_write_end(&w));
	CHECK_STR(first_problem(&w, true), "sound");
	CHECK_STR(first_problem(&w, false), "events: 9 rows are kept from 1 to 10");
}

/* The index on kinds loses an entry: the table is read, the index checked against it. */
TEST(store_check_finds_an_index_that_lacks_a_row)
{
	WORLD_OPEN(w);
	struct db *db = NULL;

	CHECK_OK(world_fill(&w, 10, 10));
	world_close(&w);
	CHECK_OK(db_open(w.o.database, DB_WRITER, &db));
	CHECK_OK(db_exec(db, "create table spare (kind text, seq integer)"));
	CHECK_OK(db_fold_log(db));
	db_close(db);
	/* An empty page, spare's, is put over the index's root page. */
	CHECK_OK(db_open(w.o.database, DB_READER | DB_IMMUTABLE, &db));
	int64_t root = 0;

	CHECK_OK(db_exec_i64(db, "select rootpage from sqlite_schema where name = 'events_by_kind'",
			     &root));
	db_close(db);
	world_scribble(w.o.database, (root - 1) * 4096, "\x0a\0\0\0\0\x10\0\0", 8);
	w.o.check_bytes = 0;
	CHECK_INT(world_open(&w), 0);
	CHECK_HAS(first_problem(&w, false), "events_by_kind");
}

TEST(store_check_finds_a_page_that_cannot_be_read)
{
	WORLD_OPEN(w);
	char junk[4096];
	struct db *db = NULL;
	int64_t end = 0;

	CHECK_OK(world_fill(&w, 500, 2000));
	world_close(&w);
	CHECK_OK(db_open(w.o.database, DB_READER | DB_IMMUTABLE, &db));
	CHECK_OK(db_exec_i64(db, "pragma page_count", &end));
	db_close(db);
	memset(junk, 0x77, sizeof(junk));
	for (int64_t page = end - 100; page < end - 80; page++) /* of events: all else is before */
		world_scribble(w.o.database, page * 4096, junk, sizeof(junk));
	w.o.check_bytes = 0;
	if (!CHECK_INT(world_open(&w), 0))
		return;
	CHECK(!str_eq(first_problem(&w, true), STR("sound")));
}
