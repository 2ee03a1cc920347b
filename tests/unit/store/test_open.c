/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/id.h"
#include "tests/unit/store/world.h"

TEST(store_a_new_one_is_made_whole_and_private)
{
	WORLD_OPEN(w);
	struct stat st;

	CHECK(stat(w.o.database, &st) == 0);
	CHECK_INT(st.st_mode & 0777, 0600);
	CHECK_INT(world_head(&w), 0);
	CHECK_INT(world_floor(&w), 1);
	CHECK(!world_has(test_path("questd.db.new")));
	CHECK_INT(store_warnings(w.store).n, 0);
}

TEST(store_what_was_committed_is_there_after_opening_again)
{
	WORLD_OPEN(w);
	struct str generation = str_dup(&w.arena, store_generation(w.store));
	struct str instance = str_dup(&w.arena, store_instance(w.store));

	CHECK_INT(world_fire(&w, "a.b"), 1);
	CHECK_INT(world_open(&w), 0);
	CHECK_INT(world_head(&w), 1);
	CHECK_STR_EQ(store_generation(w.store), generation);
	CHECK_STR_EQ(store_instance(w.store), instance);
	CHECK_INT(store_warnings(w.store).n, 0);
}

TEST(store_closing_leaves_one_file_without_a_log)
{
	WORLD_OPEN(w);

	CHECK_INT(world_fire(&w, "a.b"), 1);
	world_close(&w);
	CHECK(!world_has(test_path("questd.db-wal")));
	CHECK(!world_has(test_path("questd.db-shm")));
	CHECK_HAS(world_text(test_path("questd.generation")), "closed");
}

TEST(store_the_instance_that_setup_wrote_is_taken)
{
	WORLD(w);

	CHECK_OK(fd_write_file(w.o.instance, STR("my-company"), 0600));
	if (!CHECK_INT(world_open(&w), 0))
		return;
	CHECK_STR(store_instance(w.store), "my-company");
}

TEST(store_the_databases_instance_corrects_the_file)
{
	WORLD_OPEN(w);
	struct str instance = str_dup(&w.arena, store_instance(w.store));

	world_close(&w);
	CHECK_OK(fd_write_file(w.o.instance, STR("other"), 0600));
	if (!CHECK_INT(world_open(&w), 0))
		return;
	CHECK_STR_EQ(str_trim(world_text(w.o.instance)), instance);
	CHECK_INT(store_warnings(w.store).n, 1);
}

TEST(f_09_a_look_tells_what_opening_would_and_changes_nothing)
{
	WORLD_OPEN(w);
	bool is_there = false;

	CHECK_INT(world_fill(&w, 200, 1000), 0);
	CHECK_INT(store_look(&w.o, &is_there, &w.problem), 0); /* beside its log and its server */
	CHECK(is_there);
	world_close(&w);
	CHECK_INT(store_look(&w.o, &is_there, &w.problem), 0);
	CHECK(!world_has(test_path("questd.db-wal")) && !world_has(test_path("questd.db-shm")));
	world_scribble(w.o.database, 60, "\x7f\xff\xff\xff", 4); /* user_version */
	CHECK_INT(store_look(&w.o, &is_there, &w.problem), STORE_NEWER);
	world_scribble(w.o.database, 20 * 4096, w.problem.text, sizeof(w.problem.text));
	world_scribble(w.o.database, 60, "\0\0\0\1", 4);
	CHECK_INT(store_look(&w.o, &is_there, &w.problem), STORE_DAMAGED);
	world_scribble(w.o.database, 68, "none", 4);
	CHECK_INT(store_look(&w.o, &is_there, &w.problem), STORE_FOREIGN);
}

TEST(store_a_look_where_nothing_is_makes_nothing)
{
	WORLD(w);
	bool is_there = true;

	CHECK_INT(store_look(&w.o, &is_there, &w.problem), 0);
	CHECK(!is_there && !world_has(w.o.database) && !world_has(w.o.lock));
}

/* Another process holds the store until its end of the pipe is closed. */
static pid_t hold_elsewhere(struct world *w, int gate[2])
{
	int ready[2];
	pid_t pid;
	char byte = 0;

	CHECK(pipe(ready) == 0 && pipe(gate) == 0);
	pid = fork();
	if (pid == 0) {
		struct store *s = NULL;
		struct store_problem p;
		bool is_open = store_open(&w->o, &s, &p) == 0;

		close(gate[1]);
		if (write(ready[1], is_open ? "y" : "n", 1) != 1 || read(gate[0], &byte, 1) < 0)
			_exit(1);
		_exit(0);
	}
	close(gate[0]);
	CHECK(read(ready[0], &byte, 1) == 1 && byte == 'y');
	close(ready[0]);
	close(ready[1]);
	return pid;
}

TEST(f_26_a_second_server_is_refused_and_told_the_pid)
{
	WORLD(w);
	int gate[2], status;
	pid_t pid = hold_elsewhere(&w, gate);

	CHECK_INT(world_open(&w), STORE_LOCKED);
	CHECK_INT(w.problem.pid, pid);
	CHECK_HAS(str_from(w.problem.text), "pid");
	close(gate[1]);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK_INT(world_open(&w), 0);
}

TEST(store_a_folder_that_cannot_be_made_is_no_access)
{
	WORLD(w);

	CHECK_OK(fd_write_file(test_path("file"), STR("x"), 0600));
	w.o.database = test_path("file/questd.db");
	w.o.lock = test_path("file/questd.lock");
	CHECK_INT(world_open(&w), STORE_NO_ACCESS);
	CHECK_HAS(str_from(w.problem.text), "file");
}

TEST(f_27_a_removed_data_directory_is_fatal)
{
	WORLD_OPEN(w);
	int64_t next;

	CHECK_OK(store_housekeep(w.store, &next));
	CHECK(next <= 1000);
	CHECK(unlink(w.o.lock) == 0);
	clock_advance(&w.clock, 1000);
	CHECK_FAULT(store_housekeep(w.store, &next), ERR_SYS);
	CHECK(store_is_lost(w.store));
	CHECK_FAULT(store_begin(w.store), ERR_SYS);
}

TEST(f_27_a_database_moved_away_is_fatal)
{
	WORLD_OPEN(w);
	int64_t next;

	CHECK(rename(w.o.database, test_path("elsewhere.db")) == 0);
	CHECK_FAULT(store_housekeep(w.store, &next), ERR_SYS);
	CHECK(store_is_lost(w.store));
}

TEST(store_a_large_database_says_that_its_check_was_left_out)
{
	WORLD_OPEN(w);

	w.o.check_bytes = 4096;
	CHECK_INT(world_open(&w), 0);
	if (CHECK_INT(store_warnings(w.store).n, 1))
		CHECK_HAS(store_warnings(w.store).v[0], "check at start was left out");
}

/* SQLite writes over the pages that its free list names. */
TEST(f_09_a_free_list_that_leads_astray_is_damage)
{
	WORLD_OPEN(w);
	struct str_list problems = { 0 };
	struct store_tx tx;

	world_close(&w);
	world_scribble(w.o.database, 32, "\0\0\0\5\0\0\0\1", 8); /* its first page, and how many */
	CHECK_INT(world_open(&w), STORE_DAMAGED);
	CHECK_HAS(str_from(w.problem.text), "freelist");
	w.o.check_bytes = 0;
	CHECK_INT(world_open(&w), 0);
	CHECK_OK(world_read_begin(&w, &tx));
	CHECK_OK(store_check(&tx, true, &problems));
	world_read_end(&w);
	if (CHECK(problems.n > 0))
		CHECK_HAS(problems.v[0], "freelist");
}
