/* SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "tests/unit/alloc.h"
#include "tests/unit/test.h"

static void put_sample(struct json_out *w)
{
	json_begin_object(w);
	JSON_KV_STR(w, "a", STR("x"));
	JSON_KV_INT(w, "b", -5);
	json_key(w, STR("c"));
	json_begin_array(w);
	json_null(w);
	json_bool(w, true);
	json_begin_object(w);
	json_end_object(w);
	json_begin_array(w);
	json_end_array(w);
	json_raw(w, STR("{\"ready\": 1}"));
	json_end_array(w);
	JSON_KV_BOOL(w, "d", false);
	JSON_KV_STR(w, "e", STR_NONE);
	json_key(w, STR("f"));
	json_time(w, 1795255200123);
	json_key(w, STR("g"));
	json_double(w, 0.5);
	json_end_object(w);
}

TEST(json_out_puts_commas_by_itself)
{
	struct buf b;
	struct json_out w;

	buf_init(&b, 0);
	w = json_out(&b);
	put_sample(&w);
	CHECK_STR(buf_str(&b),
		  "{\"a\":\"x\",\"b\":-5,\"c\":[null,true,{},[],{\"ready\": 1}],\"d\":false,"
		  "\"e\":null,\"f\":\"2026-11-21T10:00:00.123Z\",\"g\":0.5}");
	buf_deinit(&b);
}

/* Byte by byte, as the writer's fast ways must come to. */
static void put_naively(struct buf *b, struct str s)
{
	buf_put_char(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_put_char(b, '\\');
		if (s.p[i] == '\n')
			BUF_LIT(b, "\\n");
		else
			buf_put_char(b, s.p[i]);
	}
	buf_put_char(b, '"');
}

TEST(json_out_escapes_wherever_it_stands)
{
	static const struct str odd[] = { STR("\""), STR("\\"), STR("\n"), STR("\xc3\xa9"),
					  STR("\"\"\"") };
	struct buf text, want, got;

	buf_init(&text, 0);
	buf_init(&want, 0);
	buf_init(&got, 0);
	for (size_t i = 0; i < 100 * 100 * ARRAY_LEN(odd); i++) {
		size_t first = i % 100, second = i / 100 % 100;
		struct str last = STR(
		    "a tail without anything in it, long enough for a step or two");

		buf_clear(&text);
		for (size_t k = 0; k < first + second; k++) {
			if (k == first)
				buf_put_str(&text, odd[i / 10000]);
			buf_put_char(&text, k % 7 ? 'a' : '"');
		}
		buf_put_str(&text, odd[i / 10000]);
		buf_put_str(&text, str_slice(last, 0, i % (last.n + 1)));
		buf_clear(&want);
		buf_clear(&got);
		put_naively(&want, buf_str(&text));
		json_put_quoted(&got, buf_str(&text));
		buf_put_char(&want, '\0');
		CHECK_STR(buf_str(&got), want.p);
	}
	buf_deinit(&text);
	buf_deinit(&want);
	buf_deinit(&got);
}

TEST(json_out_of_one_value_needs_no_container)
{
	struct buf b;
	struct json_out w;

	buf_init(&b, 0);
	w = json_out(&b);
	json_int(&w, INT64_MIN);
	CHECK_STR(buf_str(&b), "-9223372036854775808");
	buf_deinit(&b);
}

TEST(json_strings_are_escaped_and_repaired)
{
	static const struct {
		struct str in;
		const char *out;
	} table[] = {
		{ { "", 0 }, "\"\"" },
		{ { "a\"b\\c/", 6 }, "\"a\\\"b\\\\c/\"" },
		{ { "\b\f\n\r\t", 5 }, "\"\\b\\f\\n\\r\\t\"" },
		{ { "\0\x01\x1f\x7f", 4 }, "\"\\u0000\\u0001\\u001f\x7f\"" },
		{ { "\xc3\xa9\xf0\x9f\x98\x80", 6 }, "\"\xc3\xa9\xf0\x9f\x98\x80\"" },
		{ { "a\xff"
		    "b",
		    3 },
		  "\"a\xef\xbf\xbd"
		  "b\"" },
		{ { "\xed\xa0\x80", 3 }, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ { "\xe2\x82", 2 }, "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ { "0123456789abcde\n0123456789abcdef", 32 },
		  "\"0123456789abcde\\n0123456789abcdef\"" },
	};
	struct buf b;

	buf_init(&b, 0);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		buf_clear(&b);
		json_put_quoted(&b, table[i].in);
		CHECK_STR(buf_str(&b), table[i].out);
	}
	buf_deinit(&b);
}

TEST(json_doubles_are_short_and_read_back_the_same)
{
	static const struct {
		double v;
		const char *text;
	} table[] = {
		{ 0, "0" },
		{ -0.0, "-0.0" },
		{ 1, "1" },
		{ -3, "-3" },
		{ 0.1, "0.1" },
		{ 0.3, "0.3" },
		{ 1.0 / 3, "0.3333333333333333" },
		{ 1e15, "1e+15" },
		{ 123456789012345, "123456789012345" },
		{ 1e22, "1e+22" },
		{ 1e-7, "1e-07" },
		{ DBL_MAX, "1.7976931348623157e+308" },
		{ 5e-324, "4.94065645841247e-324" },
		{ 2.5, "2.5" },
		{ 100.25, "100.25" },
		{ 0.1 + 0.2, "0.30000000000000004" },
		{ INFINITY, "null" },
		{ -INFINITY, "null" },
		{ NAN, "null" },
	};
	struct buf b;
	struct json_out w;

	buf_init(&b, 0);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		buf_clear(&b);
		w = json_out(&b);
		json_double(&w, table[i].v);
		CHECK_STR(buf_str(&b), table[i].text);
		buf_put_char(&b, '\0');
		if (isfinite(table[i].v))
			CHECK(strtod(buf_str(&b).p, NULL) == table[i].v);
	}
	buf_deinit(&b);
}

/* Prints what it parses; the second print must equal the first. */
static void check_fixed_point(struct str text)
{
	struct buf once, twice;
	struct json_out w;
	struct arena a;
	struct json v;

	arena_init(&a, 0);
	buf_init(&once, 0);
	buf_init(&twice, 0);
	if (CHECK_OK(json_parse(&a, text, &v, NULL))) {
		w = json_out(&once);
		json_value(&w, &v);
		CHECK_OK(json_parse(&a, buf_str(&once), &v, NULL));
		w = json_out(&twice);
		json_value(&w, &v);
		CHECK_STR_EQ(buf_str(&twice), buf_str(&once));
	}
	buf_deinit(&once);
	buf_deinit(&twice);
	arena_deinit(&a);
}

TEST(json_parse_and_print_reach_a_fixed_point)
{
	check_fixed_point(STR(" [ 1.0, -0.0, -0, 1e5, 1e-5, 123e-20 ] "));
	check_fixed_point(STR(
	    "{\"a\":[],\"b\":{},\"c\":[[[]]],\"\\u0000\\u001f\\u007f\":\"\\ud83d\\ude00\\/\"}"));
	check_fixed_point(STR("\"\""));
	check_fixed_point(
	    STR("[1234567890123456789.0, 9007199254740993.0, 999999999999999.9, 1e15, 1e16]"));
}

TEST(json_value_may_be_as_deep_as_the_parser_allows)
{
	struct buf text, b;
	struct json_out w;
	struct arena a;
	struct json v;

	arena_init(&a, 0);
	buf_init(&text, 0);
	buf_init(&b, 0);
	for (int i = 0; i < JSON_DEPTH_MAX; i++)
		buf_put_char(&text, '[');
	for (int i = 0; i < JSON_DEPTH_MAX; i++)
		buf_put_char(&text, ']');
	CHECK_OK(json_parse(&a, buf_str(&text), &v, NULL));
	w = json_out(&b);
	json_begin_object(&w);
	json_key(&w, STR("echo"));
	json_value(&w, &v);
	json_end_object(&w);
	CHECK_INT(buf_len(&b), 2 * JSON_DEPTH_MAX + 9);
	buf_deinit(&text);
	buf_deinit(&b);
	arena_deinit(&a);
}

TEST(json_canonical_text_does_not_depend_on_order_or_blanks)
{
	static const char *const same[] = {
		"{\"b\":[1,2.0,{\"y\":-0.0,\"x\":null}],\"a\":\"\\u0041\",\"aa\":1e2}",
		" { \"aa\" : 100 , \"a\" : \"A\", \"b\" : [ 1.0, 2, { \"x\" : null, \"y\" : 0 } ] "
		"} ",
	};
	struct arena a;
	struct json v;
	struct buf b;

	arena_init(&a, 0);
	buf_init(&b, 0);
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		buf_clear(&b);
		CHECK_OK(json_parse(&a, str_from(same[i]), &v, NULL));
		CHECK_OK(json_canonical(&a, &v, &b));
		CHECK_STR(buf_str(&b), "{\"a\":\"A\",\"aa\":100,\"b\":[1,2,{\"x\":null,\"y\":0}]}");
	}
	buf_deinit(&b);
	arena_deinit(&a);
}

TEST(json_canonical_tells_of_a_full_buffer)
{
	struct arena a;
	struct json v;
	struct buf b;

	arena_init(&a, 0);
	buf_init(&b, 4);
	CHECK_OK(json_parse(&a, STR("{\"a\":[1,{\"b\":2}],\"c\":3}"), &v, NULL));
	CHECK_FAULT(json_canonical(&a, &v, &b), ERR_NOMEM);
	buf_deinit(&b);
	arena_deinit(&a);
}

TEST(json_canonical_survives_a_full_arena_at_any_depth)
{
	struct arena a, small;
	struct json v;
	struct buf b;
	int e = -1;

	arena_init(&a, 0);
	buf_init(&b, 0);
	CHECK_OK(json_parse(&a, STR("{\"a\":[{\"b\":{\"c\":[{}]}}]}"), &v, NULL));
	for (size_t limit = 8; e && limit < 1000; limit += 8) {
		arena_init(&small, limit);
		buf_clear(&b);
		e = json_canonical(&small, &v, &b);
		if (e)
			CHECK_FAULT(e, ERR_NOMEM);
		arena_deinit(&small);
	}
	CHECK_INT(e, 0);
	CHECK_STR(buf_str(&b), "{\"a\":[{\"b\":{\"c\":[{}]}}]}");
	buf_deinit(&b);
	arena_deinit(&a);
}

TEST(json_value_prints_every_type)
{
	struct str text = STR(
	    "[null,true,false,-5,2.5,\"x\",[],{},[{}],{\"a\":{\"b\":[1,2]},\"c\":0}]");
	struct json_out w;
	struct arena a;
	struct json v;
	struct buf b;

	arena_init(&a, 0);
	buf_init(&b, 0);
	w = json_out(&b);
	CHECK_OK(json_parse(&a, text, &v, NULL));
	json_value(&w, &v);
	CHECK_STR_EQ(buf_str(&b), text);
	buf_clear(&b);
	CHECK_OK(json_canonical(&a, &v, &b));
	CHECK_STR_EQ(buf_str(&b), text);
	buf_deinit(&b);
	arena_deinit(&a);
}

TEST(json_out_quotes_long_text_wherever_its_special_bytes_lie)
{
	static const char *const specials[] = { "\"", "\n", "\x01", "\xc3\xa4",
						"\xf0\x9f\x98\x80" };
	char text[600];
	struct arena a;
	struct json v;
	struct buf b;

	arena_init(&a, 0);
	buf_init(&b, 0);
	for (size_t at = 0; at < 590; at++) {
		const char *special = specials[at % ARRAY_LEN(specials)];

		memset(text, 'x', sizeof(text));
		memcpy(text + at, special, strlen(special));
		buf_clear(&b);
		arena_reset(&a);
		json_put_quoted(&b, (struct str){ text, sizeof(text) });
		CHECK_OK(json_parse(&a, buf_str(&b), &v, NULL));
		CHECK_STR_EQ(v.s, ((struct str){ text, sizeof(text) }));
	}
	buf_deinit(&b);
	arena_deinit(&a);
}

TEST(json_out_survives_any_failed_allocation)
{
	struct json_out w;
	unsigned n = 0;
	struct buf b;
	bool failed;

	do {
		buf_init(&b, 0);
		alloc_fail_at(++n);
		w = json_out(&b);
		for (int i = 0; i < 20; i++)
			put_sample(&w);
		alloc_fail_at(0);
		failed = b.failed;
		buf_deinit(&b);
	} while (failed && n < 100);
	CHECK(!failed);
	CHECK(n > 2);
}
