/* SPDX-License-Identifier: Apache-2.0 */
#include "base/user.h"

#include <unistd.h>

#include "tests/unit/alloc.h"
#include "tests/unit/test.h"

TEST(a_user_is_named_by_number_and_name)
{
	struct user_text t;

	user_text(0, &t);
	CHECK_STR(str_from(t.who), "user 0 (root)");
	CHECK_STR(str_from(t.sudo), "root");
	user_text((uid_t)4000000000u, &t);
	CHECK_STR(str_from(t.who), "user 4000000000");
	CHECK_STR(str_from(t.sudo), "'#4000000000'");
}

TEST(without_memory_the_number_is_enough)
{
	struct user_text t;

	alloc_fail_at(1);
	user_text(0, &t);
	alloc_fail_at(0);
	CHECK_STR(str_from(t.who), "user 0");
	CHECK_STR(str_from(t.sudo), "'#0'");
}

TEST(what_is_ours_or_not_there_is_nobody_elses)
{
	uid_t uid = 7;

	CHECK(!user_is_another(test_path("nothing"), &uid));
	CHECK(!user_is_another(test_dir(), &uid));
	CHECK_INT(uid, 7);
	if (geteuid() != 0)
		TEST_SKIP("needs root to give a folder away");
	CHECK(!chown(test_dir(), 65534, 65534));
	CHECK(user_is_another(test_dir(), &uid));
	CHECK_INT(uid, 65534);
	CHECK(!chown(test_dir(), 0, 0));
}
