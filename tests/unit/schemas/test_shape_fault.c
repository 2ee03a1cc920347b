/* SPDX-License-Identifier: Apache-2.0 */
/* The words for each kind of bound: one field a shape, made here. */
#include "tests/unit/schemas/sample.h"
#include "tests/unit/test.h"

#include <float.h>
#include <stdio.h>

/* What is said of `value` for a field of this kind and these bounds. */
static void check_words(struct shape_field f, const char *value, const char *expected,
			const char *got)
{
	struct shape s = { STR("one"), sizeof(struct str), &f, 1 };
	struct shape_faults faults;
	struct arena a;
	struct json json;
	struct str source, out = STR_NONE;

	arena_init(&a, 0);
	f.name = STR("x");
	source = str_fmt(&a, "{\"x\":%s}", value);
	CHECK_OK(json_parse(&a, source, &json, NULL));
	CHECK_INT(shape_decode(&s, &json, &a, &out, &faults), SHAPE_BAD);
	CHECK_STR(faults.v[0].field, "x");
	CHECK_STR(faults.v[0].expected, expected);
	CHECK_STR(faults.v[0].got, got);
	arena_deinit(&a);
}

static struct shape_field integer(int64_t min, int64_t max)
{
	return (struct shape_field){ .kind = SHAPE_INT, .min = min, .max = max };
}

static struct shape_field number(double min, double max)
{
	return (struct shape_field){ .kind = SHAPE_NUMBER, .number_min = min, .number_max = max };
}

TEST(fault_says_the_bounds_of_integers)
{
	check_words(integer(INT64_MIN, INT64_MAX), "null", "an integer", "null");
	check_words(integer(0, 9), "10", "an integer, 0 to 9", "the number 10");
	check_words(integer(-5, INT64_MAX), "-6", "an integer, at least -5", "the number -6");
	check_words(integer(3, INT64_MAX), "1", "an integer, at least 3", "the number 1");
	check_words(integer(INT64_MIN, 7), "8", "an integer, at most 7", "the number 8");
	check_words(integer(7, 7), "8", "an integer, 7", "the number 8");
}

TEST(fault_says_the_bounds_of_numbers)
{
	check_words(number(-DBL_MAX, DBL_MAX), "false", "a number", "false");
	check_words(number(0.5, DBL_MAX), "0.25", "a number of at least 0.5", "the number 0.25");
	check_words(number(-DBL_MAX, 2), "3", "a number of at most 2", "the number 3");
}

TEST(fault_says_the_bounds_of_texts_and_values)
{
	struct shape_field text = { .kind = SHAPE_STRING, .min = 3, .max = 3 };
	struct shape_field any = { .kind = SHAPE_RAW_ANY, .max = 4 };
	struct shape_field object = { .kind = SHAPE_RAW, .max = 4 };
	struct shape_field line = { .kind = SHAPE_STRING, .max = 9 };

	check_words(text, "\"ab\"", "3 characters", "2 characters");
	check_words(text, "[]", "text, 3 characters", "an array of 0 elements");
	check_words(any, "\"abc\"", "any value of at most 4 bytes", "3 characters");
	check_words(any, "[1,2]", "any value of at most 4 bytes", "2 elements");
	check_words(object, "{\"a\":1}", "an object of at most 4 bytes", "7 bytes");
	check_words(line, "\"a\\tb\"", "one line of text without control characters", "\"a?b\"");
}

TEST(fault_says_the_formats_of_elements)
{
	struct shape_field ids = { .kind = SHAPE_STRINGS, .format = SHAPE_ID, .max = 3 };
	struct shape_faults faults;
	struct shape s = { STR("one"), sizeof(struct str_list), &ids, 1 };
	struct str_list out = { 0 };
	struct arena a;
	struct json json;

	ids.name = STR("ids");
	ids.item_min = 1;
	ids.item_max = 64;
	arena_init(&a, 0);
	CHECK_OK(json_parse(&a, STR("{\"ids\":[\"a b\",7]}"), &json, NULL));
	CHECK_INT(shape_decode(&s, &json, &a, &out, &faults), SHAPE_BAD);
	CHECK_INT(faults.n, 2);
	CHECK_STR(faults.v[0].field, "ids[0]");
	CHECK_STR(faults.v[0].expected, "an id: 1 to 64 of a-z A-Z 0-9 _ -");
	CHECK_STR(faults.v[1].got, "the number 7");
	arena_deinit(&a);
}

/* Every mark that could turn a line around or break it is shown as '?'. */
TEST(fault_shows_no_mark_that_confuses)
{
	struct shape_field f = { .kind = SHAPE_INT, .max = 9 };

	check_words(f, "\"a\\u0085b\\u00e9\"", "an integer, 0 to 9", "\"a??bé\"");
	check_words(f, "\"\\u200e\\u200f\\u2028\\u202e\"", "an integer, 0 to 9",
		    "\"????????????\"");
	check_words(f, "\"\\u2066\\u2069\\u2065\\u2027\"", "an integer, 0 to 9",
		    "\"??????\xe2\x81\xa5\xe2\x80\xa7\"");
	check_words(f, "\"\\u00a0\"", "an integer, 0 to 9", "\"\xc2\xa0\"");
}

TEST(fault_lists_only_some_of_many_fields)
{
	struct shape_field fields[40];
	struct shape s = { STR("many"), 8 * 40, fields, 40 };
	struct shape_faults faults;
	struct arena a;
	struct json json;
	char names[40][24], out[8 * 40] = { 0 };

	for (int i = 0; i < 40; i++) {
		snprintf(names[i], sizeof(names[i]), "field_no_%02d", i);
		fields[i] = integer(0, 9);
		fields[i].name = str_from(names[i]);
		fields[i].offset = (uint32_t)(8 * i);
	}
	arena_init(&a, 0);
	CHECK_OK(json_parse(&a, STR("{\"nothing_like_it\":1}"), &json, NULL));
	CHECK_INT(shape_decode(&s, &json, &a, out, &faults), SHAPE_BAD);
	CHECK(str_starts(faults.v[0].expected, STR("one of field_no_00, field_no_01")));
	CHECK(str_ends(faults.v[0].expected, STR(", …")));
	CHECK(faults.v[0].expected.n < 260);
	CHECK_STR(faults.v[0].nearest, NULL);
	arena_deinit(&a);
}

TEST(fault_of_a_shape_without_fields)
{
	struct shape s = { STR("none"), 1, NULL, 0 };
	struct shape_faults faults;
	struct arena a;
	struct json json;
	char out;

	arena_init(&a, 0);
	CHECK_OK(json_parse(&a, STR("{\"x\":1}"), &json, NULL));
	CHECK_INT(shape_decode(&s, &json, &a, &out, &faults), SHAPE_BAD);
	CHECK_STR(faults.v[0].expected, "no fields");
	CHECK_STR(faults.v[0].nearest, NULL);
	CHECK_STR(faults.v[0].got, "the number 1");
	arena_deinit(&a);
}
