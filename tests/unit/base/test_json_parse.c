/* SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "tests/unit/alloc.h"
#include "tests/unit/test.h"

/* The fault of a text, 0 when it is JSON. */
static int fault_of(struct str text, struct json_error *error)
{
	struct arena a;
	struct json v;
	int e;

	arena_init(&a, 0);
	e = json_parse(&a, text, &v, error);
	arena_deinit(&a);
	return e;
}

static void check_fault(const char *text, enum json_fault want, size_t at)
{
	struct json_error error = { 0 };
	bool held = CHECK_INT(fault_of(str_from(text), &error), want);

	if (want)
		held = held && CHECK_INT(error.fault, want) && CHECK_INT(error.at, at) &&
		       CHECK(error.text != NULL);
	if (!held)
		CHECK_CSTR(text, NULL); /* shows the text */
}

/* n times a, then n times b. */
static struct str nested(struct buf *b, size_t n, const char *open, const char *close)
{
	buf_clear(b);
	for (size_t i = 0; i < n; i++)
		buf_put_str(b, str_from(open));
	for (size_t i = 0; i < n; i++)
		buf_put_str(b, str_from(close));
	return buf_str(b);
}

TEST(json_parse_reads_every_type)
{
	struct str text = STR(" {\"n\":null,\"t\":true,\"f\":false,\"i\":-42,\"d\":2.5,\"s\":\"x\","
			      "\"a\":[1,2],\"o\":{}} ");
	struct json v;
	struct arena a;

	arena_init(&a, 0);
	if (!CHECK_OK(json_parse(&a, text, &v, NULL)))
		return;
	CHECK_INT(v.type, JSON_OBJECT);
	CHECK_INT(v.n, 8);
	CHECK_INT(json_get(&v, STR("n"))->type, JSON_NULL);
	CHECK(json_get(&v, STR("t"))->b);
	CHECK(!json_get(&v, STR("f"))->b);
	CHECK_INT(json_get(&v, STR("f"))->type, JSON_BOOL);
	CHECK_INT(json_get(&v, STR("i"))->i, -42);
	CHECK(json_get(&v, STR("d"))->d == 2.5);
	CHECK_STR(json_get_str(&v, STR("s")), "x");
	CHECK_INT(json_get(&v, STR("a"))->items[1].i, 2);
	CHECK_INT(json_get(&v, STR("o"))->n, 0);
	CHECK(json_get(&v, STR("missing")) == NULL);
	CHECK(json_get(json_get(&v, STR("a")), STR("n")) == NULL);
	CHECK(json_get(NULL, STR("n")) == NULL);
	CHECK_STR(json_get_str(&v, STR("i")), NULL);
	arena_deinit(&a);
}

TEST(json_parse_keeps_each_values_source_text)
{
	struct str text = STR(" { \"a\" : [ 1 , 2.50 ] , \"s\" : \"\\u0041\" } ");
	struct json v;
	struct arena a;

	arena_init(&a, 0);
	if (!CHECK_OK(json_parse(&a, text, &v, NULL)))
		return;
	CHECK_STR_EQ(v.raw, str_trim(text));
	CHECK_STR(json_get(&v, STR("a"))->raw, "[ 1 , 2.50 ]");
	CHECK_STR(json_get(&v, STR("a"))->items[1].raw, "2.50");
	CHECK_STR(json_get(&v, STR("s"))->raw, "\"\\u0041\"");
	CHECK_STR(json_get_str(&v, STR("s")), "A");
	arena_deinit(&a);
}

TEST(json_parse_plain_strings_are_views_into_the_source)
{
	struct str text = STR("[\"plain \xc3\xa9\",\"\"]");
	struct json v;
	struct arena a;

	arena_init(&a, 0);
	if (!CHECK_OK(json_parse(&a, text, &v, NULL)))
		return;
	CHECK(v.items[0].s.p == text.p + 2);
	CHECK_INT(v.items[0].s.n, 8);
	CHECK(v.items[1].s.p != NULL);
	arena_deinit(&a);
}

TEST(json_parse_unescapes)
{
	struct str text = STR(
	    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC\\uD83D\\uDE00\\u0000z\"");
	struct json v;
	struct arena a;

	arena_init(&a, 0);
	if (!CHECK_OK(json_parse(&a, text, &v, NULL)))
		return;
	CHECK_STR_EQ(v.s, STR("\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\0z"));
	arena_deinit(&a);
}

TEST(tm_rpc_02_json_syntax_is_strict)
{
	static const struct {
		const char *text;
		size_t at;
	} bad[] = {
		{ "", 0 },
		{ "  ", 2 },
		{ "{", 1 },
		{ "[", 1 },
		{ "]", 0 },
		{ "}", 0 },
		{ "[1,]", 3 },
		{ "[,1]", 1 },
		{ "[1 2]", 3 },
		{ "{\"a\":1,}", 7 },
		{ "{\"a\"}", 4 },
		{ "{\"a\":}", 5 },
		{ "{a:1}", 1 },
		{ "{'a':1}", 1 },
		{ "{1:1}", 1 },
		{ "{\"a\" 1}", 5 },
		{ "{\"a\":1 \"b\":2}", 7 },
		{ "nul", 0 },
		{ "nulll", 4 },
		{ "True", 0 },
		{ "truefalse", 4 },
		{ "NaN", 0 },
		{ "Infinity", 0 },
		{ "-Infinity", 1 },
		{ "-", 1 },
		{ "+1", 0 },
		{ "01", 0 },
		{ "-01", 1 },
		{ "1.", 2 },
		{ ".5", 0 },
		{ "1e", 2 },
		{ "1e+", 3 },
		{ "1.e5", 2 },
		{ "0x10", 1 },
		{ "1_000", 1 },
		{ "\"", 1 },
		{ "\"abc", 4 },
		{ "\"\\", 2 },
		{ "\"\\\"", 3 },
		{ "\"\\x41\"", 1 },
		{ "\"\\u12\"", 1 },
		{ "\"\\u12g4\"", 1 },
		{ "\"a\nb\"", 2 },
		{ "\"\x01\"", 1 },
		{ "\"\\u\xc3\xa9 \"", 1 },
		{ "1 2", 2 },
		{ "{} []", 3 },
		{ "[] x", 3 },
		{ "\xef\xbb\xbf{}", 0 },
		{ "/**/1", 0 },
		{ "1//x", 1 },
		{ "\xc2\xa0"
		  "1",
		  0 },
		{ "[1,\v2]", 3 },
		{ "{\"a\":1]", 6 },
		{ "[1}", 2 },
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		check_fault(bad[i].text, JSON_SYNTAX, bad[i].at);
	CHECK_INT(fault_of(STR("[1]\0"), NULL), JSON_SYNTAX);
	CHECK_INT(fault_of(STR("\"a\0b\""), NULL), JSON_SYNTAX);
	CHECK_INT(fault_of(STR_NONE, NULL), JSON_SYNTAX);
}

TEST(tm_rpc_02_invalid_utf8_and_lone_surrogates_are_refused)
{
	static const char *const bad[] = {
		"\"\x80\"",
		"\"\xc3\"",
		"\"\xc3(\"",
		"\"\xc0\x80\"",
		"\"\xc1\xbf\"",
		"\"\xe0\x80\x80\"",
		"\"\xe2\x82\"",
		"\"\xed\xa0\x80\"",
		"\"\xed\xbf\xbf\"",
		"\"\xf0\x80\x80\x80\"",
		"\"\xf4\x90\x80\x80\"",
		"\"\xf5\x80\x80\x80\"",
		"\"\xf8\x88\x80\x80\x80\"",
		"\"\xff\"",
		"\"\\ud800\"",
		"\"\\udc00\"",
		"\"\\udbff\\ud800\"",
		"\"\\ud800x\"",
		"\"\\ud800\\n\"",
		"\"\\ude00\\ud83d\"",
		"\"\\ud83d\\u0041\"",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		check_fault(bad[i], JSON_UTF8, 1);
	check_fault("{\"\xff\":1}", JSON_UTF8, 2);
	check_fault("\"12345678\xff\"", JSON_UTF8, 9);
	CHECK_INT(fault_of(STR("\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\""), NULL), 0);
}

TEST(tm_rpc_02_depth_is_limited)
{
	struct json_error error;
	struct buf b;

	buf_init(&b, 0);
	CHECK_INT(fault_of(nested(&b, JSON_DEPTH_MAX, "[", "]"), NULL), 0);
	CHECK_INT(fault_of(nested(&b, JSON_DEPTH_MAX + 1, "[", "]"), &error), JSON_TOO_DEEP);
	CHECK_INT(error.at, JSON_DEPTH_MAX);
	CHECK_INT(fault_of(nested(&b, JSON_DEPTH_MAX + 1, "{\"a\":", "}"), NULL), JSON_TOO_DEEP);
	CHECK_INT(fault_of(nested(&b, 1000000, "[", "]"), NULL), JSON_TOO_DEEP);
	CHECK_INT(fault_of(nested(&b, 1000000, "[{\"a\":", "}]"), NULL), JSON_TOO_DEEP);
	buf_deinit(&b);
}

static struct str wide(struct buf *b, size_t n)
{
	buf_clear(b);
	buf_put_char(b, '[');
	for (size_t i = 0; i + 1 < n; i++)
		buf_put(b, "0,", 2);
	BUF_LIT(b, "0]");
	return buf_str(b);
}

TEST(tm_rpc_02_width_is_limited)
{
	struct buf b;

	buf_init(&b, 0);
	CHECK_INT(fault_of(wide(&b, JSON_NODES_MAX - 1), NULL), 0); /* and the array itself */
	CHECK_INT(fault_of(wide(&b, JSON_NODES_MAX), NULL), JSON_TOO_MANY);
	CHECK_INT(fault_of(wide(&b, 2000000), NULL), JSON_TOO_MANY);
	buf_deinit(&b);
}

TEST(tm_rpc_02_numbers_that_do_not_fit_are_refused)
{
	static const char *const bad[] = {
		"9223372036854775808",
		"-9223372036854775809",
		"18446744073709551616",
		"99999999999999999999",
		"1e999999",
		"-1e999999",
		"1e309",
		"1.8e308",
		"1e99999999999999999999",
		"0.00000000000000000000000000000000000000000000000000000000000000001",
		"12345678901234567890123456789012345678901234567890123456789012345",
	};
	struct json_error error;
	struct buf b;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		check_fault(bad[i], JSON_NUMBER_RANGE, 0);
	buf_init(&b, 0);
	CHECK_INT(fault_of(nested(&b, 500000, "1", "2"), &error), JSON_NUMBER_RANGE);
	CHECK_INT(error.at, 0);
	buf_clear(&b);
	BUF_LIT(&b, "[0.");
	for (int i = 0; i < 1000000; i++)
		buf_put_char(&b, '3');
	buf_put_char(&b, ']');
	CHECK_INT(fault_of(buf_str(&b), &error), JSON_NUMBER_RANGE);
	CHECK_INT(error.at, 1);
	buf_deinit(&b);
}

TEST(json_of_a_number_out_of_range_all_else_is_there)
{
	struct arena a;
	struct json v;

	arena_init(&a, 0);
	CHECK_INT(json_parse(&a, STR("{\"a\":[1e400,2],\"b\":99999999999999999999,\"c\":3}"), &v,
			     NULL),
		  JSON_NUMBER_RANGE);
	CHECK_INT(json_get(&v, STR("a"))->items[0].type, JSON_NONE);
	CHECK_INT(json_get(&v, STR("a"))->items[1].i, 2);
	CHECK_INT(json_get(&v, STR("b"))->type, JSON_NONE);
	CHECK_INT(json_get(&v, STR("c"))->i, 3);
	arena_deinit(&a);
}

TEST(json_numbers_at_the_edge_are_read_exactly)
{
	static const struct {
		const char *text;
		int64_t i;
	} whole[] = {
		{ "0", 0 },
		{ "-0", 0 },
		{ "9223372036854775807", INT64_MAX },
		{ "-9223372036854775808", INT64_MIN },
		{ "999999999999999999", 999999999999999999 },
		{ "1000000000000000000", 1000000000000000000 },
	};
	static const struct {
		const char *text;
		double d;
	} real[] = {
		{ "0.0", 0 },
		{ "1e0", 1 },
		{ "0.1", 0.1 },
		{ "1E22", 1e22 },
		{ "1e23", 1e23 },
		{ "1e-7", 1e-7 },
		{ "1.7976931348623157e308", DBL_MAX },
		{ "2.2250738585072014e-308", DBL_MIN },
		{ "4.9e-324", 4.9e-324 },
		{ "1e-999999", 0 },
		{ "123456789012345678.5", 123456789012345678.5 },
		{ "9007199254740993.0", 9007199254740993.0 },
		{ "8.5e-23", 8.5e-23 },
		{ "18446744073709551616.0", 0x1p64 },
	};
	struct arena a;
	struct json v;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
		CHECK_OK(json_parse(&a, str_from(whole[i].text), &v, NULL));
		CHECK_INT(v.type, JSON_INT);
		CHECK_INT(v.i, whole[i].i);
	}
	for (size_t i = 0; i < ARRAY_LEN(real); i++) {
		CHECK_OK(json_parse(&a, str_from(real[i].text), &v, NULL));
		CHECK_INT(v.type, JSON_DOUBLE);
		if (!CHECK(v.d == real[i].d))
			CHECK_CSTR(real[i].text, NULL);
	}
	arena_deinit(&a);
}

/* {"k0":0,"k1":0,…}, the last key again when asked for. */
static struct str keys(struct buf *b, int n, bool has_again)
{
	buf_clear(b);
	buf_put_char(b, '{');
	for (int i = 0; i < n; i++)
		buf_fmt(b, "%s\"k%d\":0", i ? "," : "", i);
	if (has_again)
		BUF_LIT(b, ",\"\\u006b0\":1");
	buf_put_char(b, '}');
	return buf_str(b);
}

TEST(tm_rpc_02_duplicate_keys_are_refused)
{
	static const int counts[] = { 1, 2, 15, 16, 17, 63, 64, 65, 1000 };
	struct json_error error = { 0 };
	struct buf b;

	check_fault("{\"a\":1,\"a\":2}", JSON_DUPLICATE_KEY, 11);
	check_fault("{\"a\":1,\"\\u0061\":2}", JSON_DUPLICATE_KEY, 16);
	check_fault("[{\"\":1,\"\":2}]", JSON_DUPLICATE_KEY, 10);
	check_fault("{\"a\":{\"a\":1},\"b\":{\"a\":2}}", 0, 0);
	CHECK_INT(fault_of(STR("{\"x\":0,\"s\\u0061\":1,\"sa\":2}"), &error), JSON_DUPLICATE_KEY);
	CHECK_HAS(error.key, "sa");
	buf_init(&b, 0);
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		CHECK_INT(fault_of(keys(&b, counts[i], false), NULL), 0);
		CHECK_INT(fault_of(keys(&b, counts[i], true), NULL), JSON_DUPLICATE_KEY);
	}
	buf_deinit(&b);
}

static double cpu_seconds(struct str text, int want)
{
	clock_t begun = clock();

	CHECK_INT(fault_of(text, NULL), want);
	return (double)(clock() - begun) / CLOCKS_PER_SEC;
}

/* Were it quadratic, sixteen times the keys would cost 256 times the time, not near 16. */
TEST(tm_rpc_02_many_keys_are_not_quadratic)
{
	struct buf few, many;
	double base;

	buf_init(&few, 0);
	buf_init(&many, 0);
	keys(&few, 12000, true);
	keys(&many, 192000, true);
	cpu_seconds(buf_str(&few), JSON_DUPLICATE_KEY);
	base = cpu_seconds(buf_str(&few), JSON_DUPLICATE_KEY);
	CHECK(cpu_seconds(buf_str(&many), JSON_DUPLICATE_KEY) < 100 * base + 0.05);
	buf_deinit(&few);
	buf_deinit(&many);
}

TEST(json_parse_of_many_values_fills_the_arena_exactly)
{
	struct arena a;
	struct json v;
	struct buf b;

	buf_init(&b, 0);
	arena_init(&a, 0);
	wide(&b, 100000);
	if (CHECK_OK(json_parse(&a, buf_str(&b), &v, NULL))) {
		CHECK_INT(v.n, 100000);
		CHECK_STR(v.items[99999].raw, "0");
		CHECK(a.n_bytes < 100000 * sizeof(struct json) + 65536);
	}
	arena_deinit(&a);
	buf_deinit(&b);
}

TEST(json_parse_stops_at_the_arenas_limit)
{
	struct arena a;
	struct json v;
	struct buf b;

	buf_init(&b, 0);
	arena_init(&a, 65536);
	CHECK_FAULT(json_parse(&a, wide(&b, 100000), &v, NULL), ERR_NOMEM);
	CHECK(a.is_out);
	CHECK(a.n_bytes <= 65536);
	arena_reset(&a);
	CHECK_OK(json_parse(&a, STR("[1]"), &v, NULL));
	arena_deinit(&a);
	buf_deinit(&b);
}

TEST(json_parse_survives_any_failed_allocation)
{
	struct arena a;
	struct json v;
	struct buf b;
	unsigned n = 0;
	int e;

	buf_init(&b, 0);
	BUF_LIT(&b, "[\"\\n\",");
	for (int i = 0; i < 300; i++)
		buf_fmt(&b, "{\"k\":[%d]},", i);
	buf_put_char(&b, '{');
	for (int i = 0; i < 40; i++)
		buf_fmt(&b, "\"k%d\":{},", i);
	BUF_LIT(&b, "\"z\":0}]");
	do {
		arena_init(&a, 0);
		alloc_fail_at(++n);
		e = json_parse(&a, buf_str(&b), &v, NULL);
		alloc_fail_at(0);
		if (e)
			CHECK_FAULT(e, ERR_NOMEM);
		arena_deinit(&a);
	} while (e && n < 1000);
	CHECK_INT(e, 0);
	CHECK(n > 5);
	buf_deinit(&b);
}

TEST(json_a_path_leads_through_members_and_items)
{
	static const struct {
		const char *path, *raw;
	} rows[] = {
		{ "a", "[{\"b\":1},2]" }, { "a.0.b", "1" },  { "a.1", "2" },
		{ "a.2", NULL },          { "a.-1", NULL },  { "a.b", NULL },
		{ "a.0.c", NULL },        { "a.1.x", NULL }, { "", NULL },
		{ "a.", NULL },           { "0", NULL },
	};
	struct arena a;
	struct json v;

	arena_init(&a, 0);
	if (CHECK_OK(json_parse(&a, STR("{\"a\":[{\"b\":1},2]}"), &v, NULL))) {
		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			const struct json *at = json_at(&v, str_from(rows[i].path));

			CHECK(rows[i].raw ? at && str_eq(at->raw, str_from(rows[i].raw)) : !at);
		}
		CHECK(json_at(&v, STR_NONE) == &v);
		CHECK(!json_at(NULL, STR("a")));
	}
	arena_deinit(&a);
}
