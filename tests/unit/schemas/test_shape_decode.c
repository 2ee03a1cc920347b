/* SPDX-License-Identifier: Apache-2.0 */
/* What is decoded, and what each wrong input is told. */
#include "base/err.h"
#include "tests/unit/schemas/sample.h"
#include "tests/unit/test.h"

struct tried {
	struct arena arena;
	struct json json;
	struct sample out;
	struct shape_faults faults;
	int result;
};

static void tried_deinit(struct tried *t)
{
	arena_deinit(&t->arena);
}

/* Decodes source as a sample. */
static void try(struct tried *t, const char *source)
{
	arena_init(&t->arena, 0);
	t->out = (struct sample){ 0 };
	CHECK_OK(json_parse(&t->arena, str_from(source), &t->json, NULL));
	t->result = shape_decode(&sample_shape, &t->json, &t->arena, &t->out, &t->faults);
}

/* The input has one fault, and these are its words. */
static void check_fault(const char *source, const char *field, const char *expected,
			const char *got)
{
	CLEANUP(tried_deinit) struct tried t = { 0 };

	try(&t, source);
	CHECK_INT(t.result, SHAPE_BAD);
	if (!CHECK_INT(t.faults.n, 1))
		return;
	CHECK_STR(t.faults.v[0].field, field);
	CHECK_STR(t.faults.v[0].expected, expected);
	CHECK_STR(t.faults.v[0].got, got);
}

TEST(decode_fills_every_kind_of_field)
{
	CLEANUP(tried_deinit) struct tried t = { 0 };

	try(&t,
	    "{\"subject\":\"Fix it\",\"body\":\"a\\n\\tb\",\"id\":\"q-12\",\"cursor\":\"x:y\","
	    "\"due_at\":\"1970-01-01T00:00:01.500Z\",\"limit\":7,\"score\":0.5,\"is_open\":false,"
	    "\"colour\":\"blue\",\"labels\":[\"a\",\"b\"],\"colours\":[\"red\",\"blue\"],"
	    "\"repo\":{\"url\":\"u\",\"depth\":3},\"repos\":[{\"url\":\"v\",\"base\":\"main\"}],"
	    "\"extra\":{ \"k\" : 1 },\"any\":[1, 2]}");
	CHECK_INT(t.result, 0);
	CHECK_STR(t.out.subject, "Fix it");
	CHECK_STR(t.out.body, "a\n\tb");
	CHECK_STR(t.out.id, "q-12");
	CHECK_STR(t.out.cursor, "x:y");
	CHECK(t.out.has_due_at);
	CHECK_INT(t.out.due_at, 1500);
	CHECK_INT(t.out.limit, 7);
	CHECK(t.out.has_score && t.out.score == 0.5);
	CHECK(!t.out.is_open);
	CHECK_INT(t.out.colour, COLOUR_BLUE);
	if (CHECK_INT(t.out.labels.n, 2))
		CHECK_STR(t.out.labels.v[1], "b");
	if (CHECK_INT(t.out.colours.n, 2))
		CHECK_INT(t.out.colours.v[1], COLOUR_BLUE);
	if (CHECK(t.out.repo != NULL)) {
		CHECK_STR(t.out.repo->url, "u");
		CHECK(t.out.repo->has_depth && t.out.repo->depth == 3);
		CHECK(t.out.repo->base.p == NULL);
	}
	if (CHECK_INT(t.out.repos.n, 1))
		CHECK_STR(t.out.repos.v[0].base, "main");
	CHECK_STR(t.out.extra, "{ \"k\" : 1 }");
	CHECK_STR(t.out.any, "[1, 2]");
}

TEST(decode_tells_absent_from_empty_and_fills_in_defaults)
{
	CLEANUP(tried_deinit) struct tried t = { 0 };

	try(&t, "{\"subject\":\"s\",\"labels\":[],\"colours\":[],\"body\":\"\"}");
	CHECK_INT(t.result, 0);
	CHECK(t.out.labels.v != NULL && t.out.labels.n == 0);
	CHECK(t.out.colours.v != NULL);
	CHECK(t.out.body.p != NULL && t.out.body.n == 0);
	CHECK(t.out.id.p == NULL && t.out.repos.v == NULL && t.out.repo == NULL);
	CHECK(!t.out.has_due_at && !t.out.has_score);
	CHECK_INT(t.out.limit, 20);
	CHECK_INT(t.out.colour, COLOUR_GREEN);
	CHECK(t.out.is_open);
}

TEST(decode_finds_fields_in_any_order)
{
	CLEANUP(tried_deinit) struct tried t = { 0 };

	try(&t, "{\"any\":1,\"labels\":[\"z\"],\"limit\":3,\"subject\":\"s\",\"id\":\"i\"}");
	CHECK_INT(t.result, 0);
	CHECK_STR(t.out.subject, "s");
	CHECK_STR(t.out.id, "i");
	CHECK_STR(t.out.any, "1");
	CHECK_INT(t.out.limit, 3);
}

TEST(decode_takes_whole_numbers_with_a_fraction_of_zero)
{
	CLEANUP(tried_deinit) struct tried t = { 0 };

	try(&t, "{\"subject\":\"s\",\"labels\":[],\"limit\":3.0,\"score\":1}");
	CHECK_INT(t.result, 0);
	CHECK_INT(t.out.limit, 3);
	CHECK(t.out.score == 1.0);
}

TEST(decode_of_nothing_is_decode_of_an_empty_object)
{
	CLEANUP(tried_deinit) struct tried t = { 0 };

	arena_init(&t.arena, 0);
	CHECK_INT(shape_decode(&sample_shape, NULL, &t.arena, &t.out, &t.faults), SHAPE_BAD);
	CHECK_INT(t.faults.n, 2);
	CHECK_INT(shape_decode(&sample_shape, &t.json, &t.arena, &t.out, &t.faults), SHAPE_BAD);
	CHECK_INT(t.faults.n, 2);
	CHECK_STR(t.faults.v[0].field, "subject");
	CHECK(t.faults.v[0].is_missing && !t.faults.v[0].is_unknown);
	CHECK_STR(t.faults.v[0].got, "nothing");
	CHECK_STR(t.faults.v[1].field, "labels");
}

TEST(decode_names_all_faults_at_once)
{
	CLEANUP(tried_deinit) struct tried t = { 0 };

	try(&t, "{\"subjct\":\"s\",\"limit\":0,\"colour\":\"gren\",\"labels\":[\"a\",5,\"\"],"
		"\"repo\":{\"bse\":\"m\"},\"due_at\":\"tomorrow\"}");
	CHECK_INT(t.result, SHAPE_BAD);
	if (!CHECK_INT(t.faults.n, 9))
		return;
	CHECK_INT(t.faults.n_all, 9);
	CHECK_STR(t.faults.v[0].field, "subjct");
	CHECK(t.faults.v[0].is_unknown);
	CHECK_STR(t.faults.v[0].nearest, "subject");
	CHECK_STR(t.faults.v[1].field, "limit");
	CHECK_STR(t.faults.v[2].field, "colour");
	CHECK_STR(t.faults.v[2].expected, "one of red, green, blue");
	CHECK_STR(t.faults.v[2].nearest, "green");
	CHECK_STR(t.faults.v[3].field, "labels[1]");
	CHECK_STR(t.faults.v[4].field, "labels[2]");
	CHECK_STR(t.faults.v[5].field, "repo.bse");
	CHECK_STR(t.faults.v[5].nearest, "base");
	CHECK_STR(t.faults.v[6].field, "repo.url");
	CHECK(t.faults.v[6].is_missing);
	CHECK_STR(t.faults.v[7].field, "due_at");
	CHECK_STR(t.faults.v[8].field, "subject");
}

#define WITH(rest) "{\"subject\":\"s\",\"labels\":[]," rest "}"

TEST(decode_says_what_was_expected_of_each_kind)
{
	check_fault(WITH("\"body\":5"), "body", "text, at most 400 characters", "the number 5");
	check_fault(WITH("\"body\":null"), "body", "text, at most 400 characters", "null");
	check_fault(WITH("\"limit\":\"7\""), "limit", "an integer, 1 to 200", "\"7\"");
	check_fault(WITH("\"limit\":201"), "limit", "an integer, 1 to 200", "the number 201");
	check_fault(WITH("\"limit\":1.5"), "limit", "an integer, 1 to 200", "the number 1.5");
	check_fault(WITH("\"limit\":1e18"), "limit", "an integer, 1 to 200", "the number 1e18");
	check_fault(WITH("\"score\":-0.5"), "score", "a number from 0 to 1", "the number -0.5");
	check_fault(WITH("\"score\":true"), "score", "a number from 0 to 1", "true");
	check_fault(WITH("\"is_open\":\"yes\""), "is_open", "true or false", "\"yes\"");
	check_fault(WITH("\"colour\":{}"), "colour", "one of red, green, blue", "an object");
	check_fault(WITH("\"due_at\":12"), "due_at", "a time such as 2026-11-21T10:00:00.000Z",
		    "the number 12");
	check_fault(WITH("\"id\":\"a b\""), "id", "an id: 1 to 64 of a-z A-Z 0-9 _ -", "\"a b\"");
	check_fault(WITH("\"extra\":[1]"), "extra", "an object of at most 60 bytes",
		    "an array of 1 element");
	check_fault(WITH("\"repo\":[]"), "repo", "an object", "an array of 0 elements");
	check_fault(WITH("\"repos\":{}"), "repos", "an array, 1 to 3 elements", "an object");
	check_fault(WITH("\"repos\":[]"), "repos", "1 to 3 elements", "0 elements");
	check_fault(WITH("\"repos\":[3]"), "repos[0]", "an object", "the number 3");
	check_fault(WITH("\"repos\":[{\"url\":\"u\"},{\"url\":\"\"}]"), "repos[1].url",
		    "1 to 40 characters", "0 characters");
	check_fault(WITH("\"colours\":[\"pink\"]"), "colours[0]", "one of red, green, blue",
		    "\"pink\"");
	check_fault("{\"subject\":\"s\",\"labels\":[\"too long it is\"]}", "labels[0]",
		    "1 to 8 characters", "14 characters");
	check_fault("{\"subject\":\"s\",\"labels\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"]}",
		    "labels", "at most 5 elements", "6 elements");
	check_fault("[1]", "", "an object: parameters are given by name", "an array of 1 element");
}

TEST(decode_counts_characters_not_bytes)
{
	CLEANUP(tried_deinit) struct tried t = { 0 };

	try(&t, "{\"subject\":\"東東東東東東東東東東東東東東東東東東東東\",\"labels\":[]}");
	CHECK_INT(t.result, 0);
	check_fault("{\"subject\":\"東東東東東東東東東東東東東東東東東東東東東\",\"labels\":[]}",
		    "subject", "1 to 20 characters", "21 characters");
}

TEST(decode_keeps_control_characters_out)
{
	check_fault("{\"subject\":\"a\\nb\",\"labels\":[]}", "subject",
		    "one line of text without control characters, or blanks at its ends",
		    "\"a?b\"");
	check_fault("{\"subject\":\" a\",\"labels\":[]}", "subject",
		    "one line of text without control characters, or blanks at its ends", "\" a\"");
	check_fault(WITH("\"body\":\"a\\u0000b\""), "body", "text without control characters",
		    "\"a?b\"");
	check_fault(WITH("\"body\":\"12345678\\u001b[2J\""), "body",
		    "text without control characters", "\"12345678?[2J\"");
	check_fault(WITH("\"body\":\"\\u009b\""), "body", "text without control characters",
		    "\"??\"");
	check_fault(WITH("\"body\":\"\\u007f\""), "body", "text without control characters",
		    "\"?\"");
	check_fault(WITH("\"cursor\":\"a\\tb\""), "cursor", "a cursor as a result gave it",
		    "\"a?b\"");
}

TEST(decode_never_repeats_more_than_64_bytes_of_a_value)
{
	CLEANUP(tried_deinit) struct tried t = { 0 };
	CLEANUP(buf_deinit) struct buf source = { 0 };

	BUF_LIT(&source, "{\"labels\":[],\"subject\":\"s\",\"colour\":\"");
	for (int i = 0; i < 1000; i++)
		BUF_LIT(&source, "\xe2\x80\xae"
				 "xé");
	BUF_LIT(&source, "\",\"");
	for (int i = 0; i < 1000; i++)
		BUF_LIT(&source, "y");
	BUF_LIT(&source, "\":1}");
	buf_put_char(&source, '\0');
	try(&t, buf_str(&source).p);
	CHECK_INT(t.faults.n, 2);
	CHECK(t.faults.v[0].got.n <= 64);
	CHECK(str_is_utf8(t.faults.v[0].got));
	CHECK(!str_contains(t.faults.v[0].got, STR("\xe2\x80\xae")));
	CHECK(t.faults.v[1].field.n <= 64);
}

TEST(decode_keeps_raw_values_on_one_line)
{
	CLEANUP(tried_deinit) struct tried t = { 0 };

	try(&t, "{\"subject\":\"x\",\"extra\":{\r\n\"k\":\"a\\n\"\n},\"any\":[1,\n2]}");
	CHECK_STR(t.out.extra, "{  \"k\":\"a\\n\" }");
	CHECK_STR(t.out.any, "[1, 2]");
}

TEST(decode_keeps_the_first_faults_and_counts_the_others)
{
	CLEANUP(tried_deinit) struct tried t = { 0 };
	CLEANUP(buf_deinit) struct buf source = { 0 };

	BUF_LIT(&source, "{\"subject\":\"s\",\"labels\":[]");
	for (int i = 0; i < 100; i++)
		buf_fmt(&source, ",\"u%d\":1", i);
	BUF_LIT(&source, "}");
	buf_put_char(&source, '\0');
	try(&t, buf_str(&source).p);
	CHECK_INT(t.faults.n, SHAPE_FAULTS_MAX);
	CHECK_INT(t.faults.n_all, 100);
	CHECK_STR(t.faults.v[SHAPE_FAULTS_MAX - 1].field, "u31");
}

TEST(decode_of_scalars_takes_no_memory)
{
	CLEANUP(tried_deinit) struct tried t = { 0 };
	struct json json;
	size_t before;

	arena_init(&t.arena, 0);
	CHECK_OK(json_parse(&t.arena, STR("{\"subject\":\"s\",\"limit\":5,\"colour\":\"red\"}"),
			    &json, NULL));
	before = t.arena.n_bytes;
	char *at = t.arena.at;
	CHECK_INT(shape_decode(&sample_shape, &json, &t.arena, &t.out, &t.faults), SHAPE_BAD);
	CHECK_INT(t.faults.n, 1); /* labels: its words took memory */
	CHECK(t.arena.at != at);
	CHECK_OK(
	    json_parse(&t.arena, STR("{\"url\":\"s\",\"base\":\"b\",\"depth\":1}"), &json, NULL));
	at = t.arena.at;
	CHECK_OK(shape_decode(&repo_shape, &json, &t.arena, &(struct repo){ 0 }, &t.faults));
	CHECK(t.arena.at == at);
	CHECK_INT(t.arena.n_bytes, before);
}

TEST(decode_without_memory_is_a_fault_of_ours)
{
	const char *source =
	    "{\"subject\":\"s\",\"labels\":[\"a\"],\"repo\":{\"url\":\"u\"},\"nope\":1}";
	struct arena parsed;
	struct json json;
	int e, n_failed = 0;

	arena_init(&parsed, 0);
	CHECK_OK(json_parse(&parsed, str_from(source), &json, NULL));
	for (size_t limit = 1; limit < 8192; limit += 64) {
		struct sample out = { 0 };
		struct shape_faults faults;
		struct arena a;
		arena_init(&a, limit);
		e = shape_decode(&sample_shape, &json, &a, &out, &faults);
		if (e != SHAPE_BAD) {
			CHECK_FAULT(e, ERR_NOMEM);
			n_failed++;
		}
		arena_deinit(&a);
	}
	CHECK(n_failed > 0);
	arena_deinit(&parsed);
}

struct defaults {
	struct str text;
	double number;
	int64_t count;
	bool has_count;
};

TEST(decode_fills_in_defaults_of_every_scalar)
{
	struct shape_field fields[] = {
		{ .name = STR("text"), .kind = SHAPE_STRING, .flags = SHAPE_DEFAULT, .max = 9 },
		{ .name = STR("number"), .kind = SHAPE_NUMBER, .flags = SHAPE_DEFAULT },
		{ .name = STR("count"), .kind = SHAPE_INT, .flags = SHAPE_DEFAULT | SHAPE_HAS },
	};
	struct shape s = { STR("defaults"), sizeof(struct defaults), fields, 3 };
	struct shape_faults faults;
	struct defaults out = { 0 };
	struct arena a;

	fields[0].default_value = (struct json){ .type = JSON_STRING, .s = STR("abc") };
	fields[1].offset = offsetof(struct defaults, number);
	fields[1].default_value = (struct json){ .type = JSON_DOUBLE, .d = 0.5 };
	fields[2].offset = offsetof(struct defaults, count);
	fields[2].has_offset = offsetof(struct defaults, has_count);
	fields[2].default_value = (struct json){ .type = JSON_INT, .i = 4 };
	arena_init(&a, 0);
	CHECK_OK(shape_decode(&s, NULL, &a, &out, &faults));
	CHECK_STR(out.text, "abc");
	CHECK(out.number == 0.5);
	CHECK(out.has_count && out.count == 4);
	arena_deinit(&a);
}
