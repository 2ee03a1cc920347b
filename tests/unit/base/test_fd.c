/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/alloc.h"
#include "tests/unit/test.h"

static int n_entries(const char *folder)
{
	DIR *d = opendir(folder);
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n - 2; /* . and .. */
}

TEST(fd_write_file_replaces_as_a_whole_and_leaves_no_temp_file)
{
	const char *path = test_path("token");
	mode_t old = umask(077);
	struct stat st;
	struct buf b;

	buf_init(&b, 0);
	CHECK_OK(fd_write_file(path, STR("first, longer"), 0600));
	CHECK_OK(fd_write_file(path, STR("second"), 0644));
	umask(old);
	CHECK_OK(fd_read_file(path, 100, &b));
	CHECK_STR(buf_str(&b), "second");
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_mode & 0777, 0644);
	CHECK_INT(n_entries(test_dir()), 1);
	buf_deinit(&b);
}

TEST(fd_write_file_that_fails_keeps_the_old_one)
{
	const char *folder = test_path("folder"), *inside = test_path("folder/x");
	struct buf b;

	buf_init(&b, 0);
	CHECK_OK(fd_mkdir_all(folder, 0700));
	CHECK_OK(fd_write_file(inside, STR("kept"), 0600));
	/* a file cannot take the place of a folder that is not empty */
	CHECK_FAULT(fd_write_file(folder, STR("new"), 0600), ERR_SYS);
	CHECK_INT(n_entries(test_dir()), 1);
	CHECK_OK(fd_read_file(inside, 100, &b));
	CHECK_STR(buf_str(&b), "kept");
	CHECK_FAULT(fd_write_file(test_path("missing/x"), STR("x"), 0600), ERR_SYS);
	buf_deinit(&b);
}

TEST(fd_write_says_full_when_the_disk_is)
{
	if (access("/dev/full", W_OK) < 0)
		TEST_SKIP("no /dev/full here");
	CLEANUP(fd_close) int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	CHECK_FAULT(fd_write_all(fd, "x", 1), ERR_FULL);
}

TEST(fd_read_file_tells_missing_from_too_large)
{
	const char *path = test_path("x");
	struct buf b;

	buf_init(&b, 0);
	CHECK_INT(fd_read_file(path, 100, &b), FD_NOT_FOUND);
	CHECK_OK(fd_write_file(path, STR("12345"), 0600));
	CHECK_OK(fd_read_file(path, 5, &b));
	CHECK_STR(buf_str(&b), "12345");
	buf_clear(&b);
	CHECK_FAULT(fd_read_file(path, 4, &b), ERR_INTERNAL);
	CHECK_FAULT(fd_read_file(test_dir(), 4, &b), ERR_SYS);
	buf_deinit(&b);
	alloc_fail_at(1);
	CHECK_FAULT(fd_read_file(path, 5, &b), ERR_NOMEM);
	alloc_fail_at(0);
	buf_deinit(&b);
}

TEST(fd_read_file_takes_more_than_one_step)
{
	const char *path = test_path("x");
	struct buf in, out;

	buf_init(&in, 0);
	buf_init(&out, 0);
	for (int i = 0; i < 20000; i++)
		buf_put_i64(&in, i);
	CHECK_OK(fd_write_file(path, buf_str(&in), 0600));
	CHECK_OK(fd_read_file(path, buf_len(&in), &out));
	CHECK(str_eq(buf_str(&in), buf_str(&out)));
	buf_deinit(&in);
	buf_deinit(&out);
}

TEST(fd_write_file_without_a_folder_writes_here)
{
	char back[4096];
	struct buf b;

	buf_init(&b, 0);
	if (!CHECK(getcwd(back, sizeof(back))) || !CHECK_INT(chdir(test_dir()), 0))
		return;
	CHECK_OK(fd_write_file("x", STR("here"), 0600));
	CHECK_INT(chdir(back), 0);
	CHECK_OK(fd_read_file(test_path("x"), 10, &b));
	CHECK_STR(buf_str(&b), "here");
	buf_deinit(&b);
}

TEST(fd_mkdir_all_makes_parents_and_accepts_what_is_there)
{
	const char *deep = test_path("a/b//c/"), *file = test_path("file");
	char longer[5000];
	struct stat st;

	CHECK_OK(fd_mkdir_all(deep, 0700));
	CHECK_OK(fd_mkdir_all(deep, 0700));
	CHECK_INT(stat(deep, &st), 0);
	CHECK_INT(st.st_mode & 0777, 0700);
	CHECK_OK(fd_mkdir_all("/", 0700));
	CHECK_OK(fd_write_file(file, STR("x"), 0600));
	CHECK_FAULT(fd_mkdir_all(file, 0700), ERR_SYS);
	CHECK_FAULT(fd_mkdir_all(test_path("file/below"), 0700), ERR_SYS);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	CHECK_FAULT(fd_mkdir_all(longer, 0700), ERR_SYS);
	CHECK_FAULT(fd_write_file(longer, STR("x"), 0600), ERR_SYS);
}

TEST(fd_close_forgets_the_descriptor)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), none = -1;

	fd_close(&fd);
	CHECK_INT(fd, -1);
	fd_close(&fd);
	fd_close(&none);
}

TEST(fd_nonblock_is_switched_on_and_off)
{
	CLEANUP(fd_close) int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	CHECK_OK(fd_set_nonblock(fd, true));
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK_OK(fd_set_nonblock(fd, false));
	CHECK(!(fcntl(fd, F_GETFL) & O_NONBLOCK));
	CHECK_FAULT(fd_set_nonblock(-1, true), ERR_SYS);
	CHECK_FAULT(fd_sync_dir("/does/not/exist"), ERR_SYS);
}

TEST(fd_raise_limit_reaches_the_hard_one)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	CHECK_INT(fd_raise_limit(), limit.rlim_max);
	getrlimit(RLIMIT_NOFILE, &limit);
	CHECK_INT(limit.rlim_cur, limit.rlim_max);
}

TEST(fd_make_file_makes_one_whole_or_leaves_the_one_that_is_there)
{
	const char *path = test_path("key"), *missing = test_path("folder/key");
	mode_t old = umask(077);
	struct stat st;
	struct buf b;

	buf_init(&b, 0);
	CHECK_OK(fd_make_file(path, STR("first"), 0400));
	CHECK_INT(fd_make_file(path, STR("second"), 0600), FD_EXISTS);
	CHECK_FAULT(fd_make_file(missing, STR("x"), 0400), ERR_SYS);
	umask(old);
	CHECK_OK(fd_read_file(path, 100, &b));
	CHECK_STR(buf_str(&b), "first");
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_mode & 0777, 0400);
	CHECK_INT(n_entries(test_dir()), 1);
	buf_deinit(&b);
}
