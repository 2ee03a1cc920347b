/* SPDX-License-Identifier: Apache-2.0 */
/* Which spellings are one name. */
#include "store/fold.h"
#include "tests/unit/test.h"

static struct str key_of(struct arena *a, const char *text)
{
	struct str key = STR_NONE;

	CHECK_OK(fold_key(a, str_from(text), &key));
	return key;
}

TEST(names_that_differ_in_case_or_encoding_have_one_key)
{
	static const char *const same[][2] = {
		{ "Voice", "vOICE" },
		{ "", "" },
		{ "Caf\u00e9", "CAFE\u0301" },
		{ "stra\u00dfe", "STRASSE" },
		{ "STRA\u1e9eE", "strasse" },
		{ "\u039f\u0394\u039f\u03a3", "\u03bf\u03b4\u03bf\u03c2" }, /* final sigma */
		{ "o\ufb03ce", "OFFICE" },
		{ "\u212bngstr\u00f6m", "\u00e5ngstro\u0308m" },
		{ "\u0130", "i\u0307" },
		{ "\ud55c\uae00", "\u1112\u1161\u11ab\u1100\u1173\u11af" },
		{ "\u304c", "\u304b\u3099" },
		{ "\u1ed9", "o\u0323\u0302" },
		{ "o\u0302\u0323", "o\u0323\u0302" }, /* canonical order */
		{ "\u1fb4", "\u03b1\u0345\u0301" },   /* iota below is a mark at first */
		{ "\u1fb4", "\u0391\u0301\u0399" },   /* and a letter at last */
		{ "\U00010400", "\U00010428" },
	};
	struct arena a;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		CHECK_STR_EQ(key_of(&a, same[i][0]), key_of(&a, same[i][1]));
	arena_deinit(&a);
}

TEST(other_names_have_other_keys)
{
	static const char *const other[][2] = {
		{ "cafe", "caf\u00e9" },
		{ "a b", "ab" },
		{ "\u0131", "i" }, /* dotless: a letter of its own */
		{ "o\u0301\u0302", "o\u0302\u0301" },
		{ "\u6771\u4eac", "\u4eac\u6771" },
		{ "\uff21", "a" },
	};
	struct arena a;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(other); i++)
		CHECK(!str_eq(key_of(&a, other[i][0]), key_of(&a, other[i][1])));
	arena_deinit(&a);
}

TEST(a_key_is_its_own_key_for_every_code_point)
{
	struct arena a;
	char text[5] = "";

	arena_init(&a, 0);
	for (uint32_t code = 1; code < 0x110000; code++) {
		struct str key;

		if (code >= 0xd800 && code < 0xe000)
			continue;
		text[str_utf8_put(text, code)] = '\0';
		key = key_of(&a, text);
		if (!CHECK(str_is_utf8(key)))
			break;
		if (key.n != strlen(text) || memcmp(key.p, text, key.n) != 0)
			CHECK_STR_EQ(key_of(&a, str_cstr(&a, key)), key);
		arena_reset(&a);
	}
	arena_deinit(&a);
}
