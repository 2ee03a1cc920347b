/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include "tests/unit/alloc.h"
#include "tests/unit/test.h"

TEST(buf_puts_at_the_tail_and_eats_from_the_head)
{
	struct buf b;

	buf_init(&b, 0);
	CHECK_STR(buf_str(&b), "");
	BUF_LIT(&b, "abc");
	buf_put_str(&b, STR("def"));
	buf_put_char(&b, '!');
	buf_put_i64(&b, -9223372036854775807 - 1);
	buf_fmt(&b, " %s=%d", "n", 5);
	buf_put_str(&b, STR_NONE);
	CHECK_STR(buf_str(&b), "abcdef!-9223372036854775808 n=5");
	buf_eat(&b, 4);
	CHECK_STR(buf_str(&b), "ef!-9223372036854775808 n=5");
	buf_truncate(&b, 3);
	CHECK_STR(buf_str(&b), "ef!");
	buf_eat(&b, 3);
	CHECK_INT(b.head, 0);
	buf_put_i64(&b, 0);
	CHECK_STR(buf_str(&b), "0");
	buf_deinit(&b);
}

TEST(buf_as_a_queue_stays_small_and_keeps_order)
{
	unsigned char want = 0, next = 0;
	struct buf b;

	buf_init(&b, 0);
	for (int i = 0; i < 100000; i++) {
		for (int k = 0; k < 3; k++)
			buf_put_char(&b, (char)next++);
		for (int k = 0; k < 3 && buf_len(&b) > 50; k++) {
			if (!CHECK((unsigned char)buf_str(&b).p[0] == want++))
				return;
			buf_eat(&b, 1);
		}
	}
	CHECK(b.cap <= 256);
	buf_deinit(&b);
}

TEST(buf_remembers_that_it_reached_its_limit)
{
	struct buf b;

	buf_init(&b, 10);
	BUF_LIT(&b, "0123456789");
	CHECK(!b.failed);
	buf_put_char(&b, 'x');
	CHECK(b.failed);
	CHECK(b.is_over);
	buf_eat(&b, 5);
	buf_put_char(&b, 'x');
	CHECK_STR(buf_str(&b), "56789");
	buf_truncate(&b, 2);
	CHECK(!b.failed);
	BUF_LIT(&b, "error");
	CHECK_STR(buf_str(&b), "56error");
	CHECK(buf_reserve(&b, SIZE_MAX) == NULL);
	CHECK(b.failed);
	CHECK(b.is_over);
	buf_clear(&b);
	CHECK(!b.failed);
	buf_deinit(&b);
}

TEST(buf_clear_gives_large_memory_back)
{
	struct buf b;

	buf_init(&b, 0);
	CHECK(buf_reserve(&b, 60000) != NULL);
	buf_clear(&b);
	CHECK(b.cap >= 60000);
	CHECK(buf_reserve(&b, 1000000) != NULL);
	buf_clear(&b);
	CHECK_INT(b.cap, 0);
	BUF_LIT(&b, "x");
	CHECK_STR(buf_str(&b), "x");
	buf_deinit(&b);
}

TEST(buf_a_failed_one_ignores_every_put)
{
	struct buf b;

	buf_init(&b, 3);
	buf_put(&b, "abcd", 4);
	CHECK(b.failed);
	buf_put_char(&b, 'x');
	buf_put_i64(&b, 1);
	buf_fmt(&b, "%d", 1);
	buf_put_str(&b, STR("x"));
	CHECK_INT(buf_len(&b), 0);
	buf_clear(&b);
	buf_fmt(&b, "%s", "abc");
	CHECK_STR(buf_str(&b), "abc");
	buf_deinit(&b);
}

TEST(buf_survives_any_failed_allocation_with_what_it_had)
{
	struct buf b;

	for (unsigned n = 1; n < 4; n++) {
		buf_init(&b, 0);
		alloc_fail_at(n);
		for (int i = 0; i < 600 && !b.failed; i++) {
			buf_put_char(&b, 'x');
			if (i == 100)
				buf_eat(&b, 1);
		}
		alloc_fail_at(0);
		CHECK(b.failed);
		for (size_t i = 0; i < buf_len(&b); i++)
			CHECK(buf_str(&b).p[i] == 'x');
		buf_deinit(&b);
	}
}

TEST(buf_wipe_leaves_nothing_of_what_it_held)
{
	struct buf b;

	buf_init(&b, 0);
	buf_wipe(&b);
	BUF_LIT(&b, "secret");
	buf_wipe(&b);
	CHECK_INT(buf_len(&b), 0);
	CHECK(memcmp(b.p, "\0\0\0\0\0\0", 6) == 0);
	buf_deinit(&b);
}
