/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include "base/arena.h"
#include "tests/unit/test.h"

TEST(str_none_is_absent_and_empty_is_not)
{
	CHECK(str_from(NULL).p == NULL);
	CHECK(str_from("").p != NULL);
	CHECK(str_eq(STR_NONE, STR("")));
	CHECK_STR(str_slice(STR_NONE, 0, 5), NULL);
}

TEST(str_compares)
{
	CHECK(str_eq_nocase(STR("Content-Length"), STR("content-LENGTH")));
	CHECK(!str_eq_nocase(STR("a"), STR("ab")));
	CHECK(!str_eq_nocase(STR("["), STR("{")));
	CHECK(str_starts(STR("quests.get"), STR("quests.")));
	CHECK(!str_starts(STR("q"), STR("quests.")));
	CHECK(str_ends(STR("a.db"), STR(".db")));
	CHECK(!str_ends(STR("b"), STR(".db")));
	CHECK(str_cmp(STR("a"), STR("b")) < 0);
	CHECK(str_cmp(STR("ab"), STR("a")) > 0);
	CHECK_INT(str_cmp(STR("a"), STR("a")), 0);
	CHECK(str_cmp(STR("\xff"), STR("a")) > 0);
	CHECK_INT(str_cmp(STR_NONE, STR("")), 0);
}

static char folded(int c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* At every place of a text of every length up to two words and a half. */
TEST(str_eq_nocase_folds_letters_of_ascii_and_nothing_else)
{
	char a[20], b[20];

	memset(a, 'x', sizeof(a));
	memset(b, 'X', sizeof(b));
	for (size_t n = 1; n <= sizeof(a); n++)
		for (int c = 0; c < 256 * 256; c++) {
			size_t at = (size_t)c % n;
			bool is_same;

			a[at] = (char)(c & 255);
			b[at] = (char)(c >> 8);
			is_same = str_eq_nocase((struct str){ a, n }, (struct str){ b, n });
			CHECK_INT(is_same, folded(c & 255) == folded(c >> 8));
			a[at] = 'x';
			b[at] = 'X';
		}
}

TEST(str_finds_and_cuts)
{
	struct str s = STR("a=b=c");

	CHECK_INT(str_find(s, '=', 0), 1);
	CHECK_INT(str_find(s, '=', 2), 3);
	CHECK_INT(str_find(s, '=', 4), 5);
	CHECK_INT(str_find(s, 'x', 99), 5);
	CHECK(str_contains(s, STR("b=")));
	CHECK(str_contains(s, STR_NONE));
	CHECK(!str_contains(s, STR("a=b=c=")));
	CHECK_STR(str_cut(&s, '='), "a");
	CHECK_STR(s, "b=c");
	CHECK_STR(str_cut(&s, '='), "b");
	CHECK_STR(str_cut(&s, '='), "c");
	CHECK_STR(s, NULL);
	CHECK_STR(str_slice(STR("abcdef"), 2, 4), "cd");
	CHECK_STR(str_slice(STR("abc"), 2, 99), "c");
	CHECK_STR(str_slice(STR("abc"), 3, 1), "");
	CHECK_STR(str_trim(STR(" \t a b \r\n")), "a b");
	CHECK_STR(str_trim(STR("  ")), "");
}

TEST(str_copies_end_with_a_nul)
{
	struct arena a, none;
	struct str s;

	arena_init(&a, 0);
	arena_init(&none, 1);
	s = str_dup(&a, STR("abc"));
	CHECK_INT(s.p[s.n], 0);
	CHECK_STR(s, "abc");
	CHECK_STR(str_dup(&a, STR_NONE), NULL);
	CHECK_CSTR(str_cstr(&a, STR("path")), "path");
	CHECK_CSTR(str_cstr(&a, STR_NONE), "");
	CHECK(str_cstr(&a, STR("a\0b")) == NULL);
	CHECK_STR(str_fmt(&a, "%s-%d", "q", 12), "q-12");
	CHECK_STR(str_dup(&none, STR("abc")), NULL);
	CHECK(str_cstr(&none, STR("abc")) == NULL);
	CHECK_STR(str_fmt(&none, "abc"), NULL);
	arena_deinit(&a);
	arena_deinit(&none);
}

TEST(str_reads_whole_numbers_and_nothing_else)
{
	static const struct {
		const char *text;
		int64_t v;
	} good[] = {
		{ "0", 0 },
		{ "-1", -1 },
		{ "007", 7 },
		{ "9223372036854775807", INT64_MAX },
		{ "-9223372036854775808", INT64_MIN },
	};
	static const char *const bad[] = { "",
					   "-",
					   "+1",
					   " 1",
					   "1 ",
					   "1.0",
					   "a",
					   "1a",
					   "9223372036854775808",
					   "-9223372036854775809",
					   "99999999999999999999999",
					   "--1",
					   "0x1" };
	int64_t v = 77;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (!CHECK(!str_to_i64(str_from(bad[i]), &v)))
			CHECK_CSTR(bad[i], NULL);
	CHECK_INT(v, 77);
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		CHECK(str_to_i64(str_from(good[i].text), &v));
		CHECK_INT(v, good[i].v);
	}
}

TEST(str_reads_doubles_and_nothing_else)
{
	static const char *const bad[] = {
		"",    "-",   ".",     "1.", ".5", "e5",    "1e",  "1e+",
		"inf", "nan", "0x1p3", " 1", "1 ", "1e400", "1,5", "+1"
	};
	double v = 77;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (!CHECK(!str_to_double(str_from(bad[i]), &v)))
			CHECK_CSTR(bad[i], NULL);
	CHECK(v == 77);
	CHECK(str_to_double(STR("-1.5e3"), &v) && v == -1500);
	CHECK(str_to_double(STR("0.1"), &v) && v == 0.1);
	CHECK(str_to_double(STR("123456789012345678901234567890"), &v) &&
	      v == 123456789012345678901234567890.0);
	CHECK(str_to_double(STR("1e-400"), &v) && v == 0);
}

TEST(str_utf8_is_well_formed_or_not)
{
	static const char *const good[] = { "",
					    "ascii only, more than eight",
					    "\xc2\x80",
					    "\xdf\xbf",
					    "\xe0\xa0\x80",
					    "\xed\x9f\xbf",
					    "\xee\x80\x80",
					    "\xf0\x90\x80\x80",
					    "\xf4\x8f\xbf\xbf" };
	static const char *const bad[] = { "\x80",
					   "\xc0\x80",
					   "\xc1\xbf",
					   "\xc2",
					   "\xe0\x9f\xbf",
					   "\xe2\x82",
					   "\xed\xa0\x80",
					   "\xf0\x8f\xbf\xbf",
					   "\xf4\x90\x80\x80",
					   "\xf5\x80\x80\x80",
					   "\xff",
					   "12345678\xc3",
					   "\xe2\x28\xa1",
					   "\xf0\x90\x28\x80",
					   "\xf0\x90\x80" };

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		CHECK(str_is_utf8(str_from(good[i])));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(!str_is_utf8(str_from(bad[i])));
	CHECK_INT(str_n_chars(STR("a\xc3\xa9\xe6\x9d\xb1\xf0\x9f\x98\x80")), 4);
}

TEST(str_utf8_every_code_point_comes_back)
{
	uint32_t back;
	char text[4];

	for (uint32_t code = 0; code <= 0x10ffff; code++) {
		size_t n;

		if (code == 0xd800)
			code = 0xe000;
		n = str_utf8_put(text, code);
		if (!CHECK_INT(str_utf8_at((struct str){ text, n }, 0, &back), n) ||
		    !CHECK_INT(back, code))
			return;
	}
	CHECK_INT(str_utf8_at(STR("a"), 1, &back), 0);
}

TEST(str_utf8_prefix_never_splits_a_code_point)
{
	CHECK_STR(str_utf8_prefix(STR("a\xe6\x9d\xb1"), 4), "a\xe6\x9d\xb1");
	CHECK_STR(str_utf8_prefix(STR("a\xe6\x9d\xb1"), 3), "a");
	CHECK_STR(str_utf8_prefix(STR("a\xe6\x9d\xb1"), 1), "a");
	CHECK_STR(str_utf8_prefix(STR("\xe6\x9d\xb1"), 2), "");
	CHECK_STR(str_utf8_prefix(STR("abc"), 0), "");
}

TEST(str_distance_counts_edits)
{
	CHECK_INT(str_distance(STR(""), STR("")), 0);
	CHECK_INT(str_distance(STR("abc"), STR("")), 3);
	CHECK_INT(str_distance(STR("kitten"), STR("sitting")), 3);
	CHECK_INT(str_distance(STR("ab"), STR("ba")), 1);
	CHECK_INT(str_distance(STR("priority"), STR("prioirty")), 1);
	CHECK_INT(str_distance(STR("same"), STR("same")), 0);
}

TEST(str_nearest_says_only_what_is_near)
{
	static const struct str names[] = { { "quests.create", 13 },
					    { "quests.get", 10 },
					    { "ideas.get", 9 },
					    { "id", 2 },
					    { "subject", 7 } };

	CHECK_STR(str_nearest(STR("quests.craete"), names, 5), "quests.create");
	CHECK_STR(str_nearest(STR("quests_get"), names, 5), "quests.get");
	CHECK_STR(str_nearest(STR("SUBJECT"), names, 5), "subject");
	CHECK_STR(str_nearest(STR("subjcet"), names, 5), "subject");
	CHECK_STR(str_nearest(STR("weather"), names, 5), NULL);
	CHECK_STR(str_nearest(STR("xy"), names, 5), NULL);
	CHECK_STR(str_nearest(STR(""), names, 5), NULL);
	CHECK_STR(str_nearest(STR("subject"), names, 0), NULL);
}
