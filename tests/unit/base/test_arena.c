/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdint.h>
#include <string.h>

#include "tests/unit/alloc.h"
#include "tests/unit/test.h"

TEST(arena_gives_aligned_memory_that_does_not_overlap)
{
	struct arena a;
	unsigned char *p[500];

	arena_init(&a, 0);
	for (size_t i = 0; i < 500; i++) {
		p[i] = arena_alloc(&a, i);
		if (!CHECK(p[i] && (uintptr_t)p[i] % _Alignof(max_align_t) == 0))
			return;
		memset(p[i], (int)(i & 0xff), i);
	}
	for (size_t i = 1; i < 500; i++)
		CHECK(p[i][0] == (i & 0xff) && p[i][i - 1] == (i & 0xff));
	arena_deinit(&a);
	CHECK_INT(a.n_bytes, 0);
}

TEST(arena_zalloc_and_array_are_zeroed_also_after_a_reset)
{
	static const char zeros[64];
	struct arena a;

	arena_init(&a, 0);
	memset(arena_alloc(&a, 4000), 0xff, 4000);
	arena_reset(&a);
	CHECK(memcmp(arena_zalloc(&a, 64), zeros, 64) == 0);
	CHECK(memcmp(ARENA_ARRAY(&a, 8, uint64_t), zeros, 64) == 0);
	arena_deinit(&a);
}

TEST(arena_says_out_at_its_limit_until_reset)
{
	struct arena a;

	arena_init(&a, 10000);
	CHECK(arena_alloc(&a, 9000) != NULL);
	CHECK(arena_alloc(&a, 2000) == NULL);
	CHECK(a.is_out);
	CHECK(a.n_bytes <= 10000);
	CHECK(arena_alloc(&a, 100) != NULL);
	CHECK(a.is_out);
	arena_reset(&a);
	CHECK(!a.is_out);
	CHECK(arena_alloc(&a, 9000) != NULL);
	arena_deinit(&a);
}

TEST(arena_refuses_sizes_that_overflow)
{
	struct arena a;

	arena_init(&a, 0);
	CHECK(arena_alloc(&a, SIZE_MAX) == NULL);
	CHECK(arena_alloc(&a, SIZE_MAX - 20) == NULL);
	CHECK(arena_array(&a, SIZE_MAX / 2, 3) == NULL);
	CHECK(a.is_out);
	CHECK_INT(a.n_bytes, 0);
	arena_deinit(&a);
}

TEST(arena_reset_keeps_one_small_chunk_and_then_costs_no_malloc)
{
	struct arena a;

	arena_init(&a, 0);
	CHECK(arena_alloc(&a, 5000) != NULL);
	CHECK(arena_alloc(&a, 1000000) != NULL);
	arena_reset(&a);
	CHECK(a.n_bytes > 0 && a.n_bytes <= 16384);
	alloc_fail_at(0);
	CHECK(arena_alloc(&a, 3000) != NULL);
	CHECK_INT(alloc_n(), 0);
	arena_deinit(&a);
}

TEST(arena_large_allocations_do_not_waste_the_chunk_in_use)
{
	struct arena a;

	arena_init(&a, 0);
	for (int i = 0; i < 20; i++) {
		CHECK(arena_alloc(&a, 100) != NULL);
		CHECK(arena_alloc(&a, 100000) != NULL);
	}
	CHECK(a.n_bytes < 20 * 100000 + 8192);
	arena_deinit(&a);
}

TEST(arena_survives_a_failed_malloc_of_a_large_chunk)
{
	struct arena a;

	arena_init(&a, 0);
	CHECK(arena_alloc(&a, 10) != NULL);
	alloc_fail_at(1);
	CHECK(arena_alloc(&a, 100000) == NULL);
	alloc_fail_at(0);
	CHECK(a.is_out);
	CHECK(arena_alloc(&a, 10) != NULL);
	arena_deinit(&a);
}

TEST(arena_survives_a_failed_malloc)
{
	struct arena a;

	arena_init(&a, 0);
	alloc_fail_at(1);
	CHECK(arena_alloc(&a, 10) == NULL);
	alloc_fail_at(0);
	CHECK(a.is_out);
	CHECK_CSTR(arena_dup(&a, "abc", 4), "abc");
	arena_deinit(&a);
}

TEST(arena_wipe_leaves_nothing_of_what_it_held)
{
	struct arena a;
	char *p;

	arena_init(&a, 0);
	p = arena_alloc(&a, 64);
	if (!CHECK(p))
		return;
	memset(p, 'x', 64);
	arena_wipe(&a);
	CHECK(arena_alloc(&a, 64) == p);
	for (int i = 0; i < 64; i++)
		CHECK_INT(p[i], 0);
	arena_deinit(&a);
}
