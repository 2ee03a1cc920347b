/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a server in the background. */
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "cli/log_file.h"
#include "tests/unit/test.h"

static int64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -1 : (int64_t)st.st_size;
}

TEST(log_file_and_the_one_before_stay_below_twice_the_cap)
{
	const char *path = test_path("log"), *old = test_path("log.1");
	struct log_file f;

	log_file_init(&f, path, 100);
	for (int i = 0; i < 50; i++)
		log_file_write(&f, "0123456789012345678\n", 20);
	CHECK_INT(size_of(path), 100);
	CHECK_INT(size_of(old), 100);
	log_file_deinit(&f);
	log_file_init(&f, path, 100);
	log_file_write(&f, "one more\n", 9);
	CHECK_INT(size_of(path), 9);
	log_file_deinit(&f);
}

TEST(log_file_that_cannot_be_opened_drops_lines)
{
	struct log_file f;

	log_file_init(&f, test_dir(), 100);
	log_file_write(&f, "lost\n", 5);
	CHECK_INT(f.fd, -1);
	log_file_deinit(&f);
}
