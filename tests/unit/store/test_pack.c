/* SPDX-License-Identifier: Apache-2.0 */
/* Values in one column: what is not as it was written, and what does not fit into memory. */
#include "base/err.h"
#include "store/pack.h"
#include "tests/unit/alloc.h"
#include "tests/unit/test.h"
#include "types.gen.h"

TEST(pack_texts_are_the_same_by_what_they_mean)
{
	static const struct {
		const char *x, *y;
		bool is_same;
	} pairs[] = {
		{ "{\"a\":1,\"b\":2}", "{ \"b\": 2, \"a\": 1 }", true },
		{ "[1,2]", "[2,1]", false },
		{ NULL, NULL, true },
		{ "1", NULL, false },
		{ NULL, "1", false },
	};
	CLEANUP(arena_deinit) struct arena a;
	bool is_same;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		CHECK_OK(pack_is_same(&a, str_from(pairs[i].x), str_from(pairs[i].y), &is_same));
		CHECK_INT(is_same, pairs[i].is_same);
	}
}

TEST(pack_a_stored_text_that_is_no_value_is_a_fault)
{
	CLEANUP(arena_deinit) struct arena a;
	void *grants;
	bool is_same;

	arena_init(&a, 0);
	CHECK_FAULT(pack_is_same(&a, STR("{"), STR("1"), &is_same), ERR_CORRUPT);
	CHECK_FAULT(pack_is_same(&a, STR("1"), STR("{"), &is_same), ERR_CORRUPT);
	CHECK_FAULT(unpack_object(&a, &agent_grants_shape, STR("{"), &grants), ERR_CORRUPT);
	CHECK_FAULT(unpack_object(&a, &agent_grants_shape, STR("[]"), &grants), ERR_CORRUPT);
}

/* Each piece of memory missing once. */
TEST(pack_says_when_memory_is_out)
{
	struct agent_grants grants = { .may_spawn = true, .has_may_spawn = true };
	bool is_out = true;

	for (unsigned n = 1; is_out && CHECK(n < 100); n++) {
		CLEANUP(arena_deinit) struct arena a;
		struct str packed;
		bool is_same;
		int e;

		arena_init(&a, 0);
		alloc_fail_at(n);
		e = pack_object(&a, &agent_grants_shape, &grants, &packed);
		if (!e)
			e = pack_is_same(&a, STR("{\"a\":[1]}"), STR("{\"a\":[2]}"), &is_same);
		is_out = alloc_n() >= n;
		alloc_fail_at(0);
		if (is_out)
			CHECK_FAULT(e, ERR_NOMEM);
		else
			CHECK_OK(e);
	}
}
