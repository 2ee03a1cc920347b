/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting text into words, queries that are safe, snippets, fingerprints. */
#include "base/arena.h"
#include "base/buf.h"
#include "store/fingerprint.h"
#include "store/words.h"
#include "tests/unit/alloc.h"
#include "tests/unit/test.h"

static struct str expression(struct arena *a, const char *text)
{
	struct words_query q;

	return CHECK_OK(words_query(a, str_from(text), &q)) ? q.all : STR("failed");
}

TEST(words_of_a_query_are_quoted_and_each_is_asked_once)
{
	CLEANUP(arena_deinit) struct arena a;
	struct words_query q;

	arena_init(&a, 0);
	CHECK_OK(words_query(&a, STR("how do we, How? release v2"), &q));
	CHECK_STR(q.all, "\"how\" AND \"do\" AND \"we\" AND \"release\" AND \"v2\"");
	CHECK_STR(q.any, "\"how\" OR \"do\" OR \"we\" OR \"release\" OR \"v2\"");
	CHECK_INT(q.words.n, 5);
}

TEST(words_operators_and_quotes_of_the_index_mean_nothing_in_a_query)
{
	CLEANUP(arena_deinit) struct arena a;

	arena_init(&a, 0);
	CHECK_STR(
	    expression(&a, "\"a\" OR name:b* ^c -d {e} (f"),
	    "\"a\" AND \"OR\" AND \"name\" AND \"b\" AND \"c\" AND \"d\" AND \"e\" AND \"f\"");
	CHECK(!expression(&a, "\" * ( ) - : ^ \xf0\x9f\x99\x82 \xe3\x80\x82").p);
	CHECK(!expression(&a, "").p);
}

TEST(words_without_blanks_become_a_phrase_of_their_code_points)
{
	CLEANUP(arena_deinit) struct arena a;
	struct str cut;

	arena_init(&a, 0);
	CHECK_STR(expression(&a, "東京"), "\" 東  京 \"");
	CHECK_OK(words_cut(&a, STR("go 東京 now"), &cut));
	CHECK_STR(cut, "go  東  京  now");
	CHECK_OK(words_cut(&a, STR("plain words"), &cut));
	CHECK_STR(cut, "plain words");
}

TEST(words_a_letter_that_folds_to_several_is_written_as_these)
{
	struct words_query q;
	struct arena a;
	struct str cut;

	arena_init(&a, 0);
	CHECK_OK(words_cut(&a, STR("Straße, eﬃcient, Köln, ςα"), &cut));
	CHECK_STR(cut, "Strasse, efficient, Köln, ςα");
	CHECK_OK(words_query(&a, STR("ﬂuß"), &q));
	CHECK_STR(q.all, "\"fluss\"");
	CHECK_STR(q.words.v[0], "ﬂuß");
	arena_deinit(&a);
}

TEST(words_beyond_64_are_not_looked_for)
{
	CLEANUP(arena_deinit) struct arena a;
	CLEANUP(buf_deinit) struct buf b;
	struct words_query q;

	arena_init(&a, 0);
	buf_init(&b, 0);
	for (int i = 0; i < 100; i++)
		buf_fmt(&b, "w%d ", i);
	CHECK_OK(words_query(&a, buf_str(&b), &q));
	CHECK_INT(q.words.n, WORDS_MAX);
}

TEST(words_of_damaged_text_end)
{
	CLEANUP(arena_deinit) struct arena a;
	struct str word = STR("z"), cut;
	struct str_list words = { &word, 1 };

	arena_init(&a, 0);
	CHECK_STR(expression(&a, "a\xff\xfe z"), "\"a\" AND \"z\"");
	CHECK_OK(words_cut(&a, STR("\xe6\x9d"), &cut));
	CHECK_OK(words_snippet(&a, STR("\x80\x80\x80\x80z"), &words, 6, &cut));
	CHECK_STR(cut, "\x80\x80\x80\x80z");
}

TEST(words_snippet_shows_the_place_and_says_where_it_was_cut)
{
	CLEANUP(arena_deinit) struct arena a;
	struct str words[] = { STR("needle") }, out;
	struct str_list list = { words, 1 };

	arena_init(&a, 0);
	CHECK_OK(words_snippet(&a, STR("a needle"), &list, 40, &out));
	CHECK_STR(out, "a needle");
	CHECK_OK(
	    words_snippet(&a,
			  STR("much hay before and then a NEEDLE and much hay behind it as well"),
			  &list, 30, &out));
	CHECK_HAS(out, "NEEDLE");
	CHECK(str_starts(out, STR("…")) && str_ends(out, STR("…")));
	CHECK_OK(words_snippet(&a, STR("日本語日本語日本語日本語"), &list, 10, &out));
	CHECK_STR(out, "日本語…");
	CHECK(str_is_utf8(out));
}

TEST(words_snippet_begins_at_a_blank_or_a_whole_code_point)
{
	CLEANUP(arena_deinit) struct arena a;
	struct str words[] = { STR("needle"), STR("absent") }, out;
	struct str_list list = { words, 2 };

	arena_init(&a, 0);
	CHECK_OK(words_snippet(&a, STR("much hay before it\nthen needle"), &list, 18, &out));
	CHECK_STR(out, "…then needle");
	CHECK_OK(words_snippet(&a, STR("日本語日本語日本語needle日本語日本語"), &list, 20, &out));
	CHECK_STR(out, "…本語needle日本…");
	CHECK_OK(words_snippet(&a, STR("nothing of it in here"), &list, 9, &out));
	CHECK_STR(out, "nothing o…");
	list.n = 0;
	CHECK_OK(words_snippet(&a, STR(""), &list, 9, &out));
	CHECK_STR(out, "");
}

static double alike(const char *a, const char *b)
{
	struct fingerprint x, y;

	fingerprint_make(str_from(a), &x);
	fingerprint_make(str_from(b), &y);
	return fingerprint_similarity(&x, &y);
}

TEST(fingerprint_case_and_punctuation_do_not_count)
{
	CHECK(alike("Backups run every hour, and are kept.",
		    "backups RUN every hour and are kept") == 1);
	CHECK(alike("東京へ行く予定", "東京へ行く予定") == 1);
	CHECK(alike("one", "ONE!") == 1);
}

TEST(fingerprint_tells_alike_from_unlike)
{
	const char *text =
	    "the release is cut on thursdays from the main branch after the long tests have passed "
	    "and two people have looked at the notes";
	const char *edited =
	    "the release is cut on thursdays from the main branch after the long tests have passed "
	    "and two people have read through the notes";

	CHECK(alike(text, edited) > 0.6);
	CHECK(alike(text, "lunch is served at noon in the small kitchen on the second floor next "
			  "to the lift") < 0.1);
	CHECK(alike("one two", "three four") < 0.1);
}

TEST(fingerprint_bands_of_equal_texts_are_equal)
{
	struct fingerprint x, y;

	fingerprint_make(STR("the same words here"), &x);
	fingerprint_make(STR("The same, words: here!"), &y);
	for (unsigned i = 0; i < FINGERPRINT_BANDS; i++)
		CHECK(fingerprint_band(&x, i) == fingerprint_band(&y, i) &&
		      fingerprint_band(&x, i) >= 0);
}

/* Each piece of memory missing once. */
TEST(words_say_when_memory_is_out)
{
	struct str word = STR("stone");
	struct str_list words = { &word, 1 };
	bool is_out = true;

	for (unsigned n = 1; is_out && CHECK(n < 100); n++) {
		CLEANUP(arena_deinit) struct arena a;
		struct words_query q;
		struct str cut, snippet;
		int e;

		arena_init(&a, 0);
		alloc_fail_at(n);
		e = words_cut(&a, STR("go 東京 now"), &cut);
		if (!e)
			e = words_query(&a, STR("東京 stone"), &q);
		if (!e)
			e = words_snippet(&a, STR("a house of stone"), &words, 6, &snippet);
		is_out = alloc_n() >= n;
		alloc_fail_at(0);
		if (is_out)
			CHECK_FAULT(e, ERR_NOMEM);
		else
			CHECK_OK(e);
	}
}
