/* SPDX-License-Identifier: Apache-2.0 */
/* What is written, and that reading it gives the same struct again. */
#include "base/err.h"
#include "tests/unit/schemas/fill.h"
#include "tests/unit/schemas/sample.h"
#include "tests/unit/test.h"
#include "verbs.gen.h"

static void check_encoded(const struct sample *s, const char *text)
{
	CLEANUP(buf_deinit) struct buf out = { 0 };
	struct json_out w = json_out(&out);

	shape_encode(&sample_shape, s, &w);
	CHECK_STR(buf_str(&out), text);
}

TEST(encode_writes_in_the_order_of_the_table)
{
	struct str labels[] = { STR("a"), STR("b\n") };
	enum colour colours[] = { COLOUR_RED, COLOUR_BLUE };
	struct repo repo = { .url = STR("u"), .depth = 2, .has_depth = true };
	struct repo repos[] = { { .url = STR("v") }, { .url = STR("w"), .base = STR("m") } };
	struct sample s = {
		.subject = STR("s"),
		.body = STR(""),
		.due_at = 1500,
		.has_due_at = true,
		.limit = 3,
		.score = 0.25,
		.has_score = true,
		.colour = COLOUR_BLUE,
		.labels = { labels, 2 },
		.colours = { colours, 2 },
		.repo = &repo,
		.repos = { repos, 2 },
		.extra = STR("{ }"),
		.any = STR("null"),
	};

	check_encoded(&s,
		      "{\"subject\":\"s\",\"body\":\"\",\"due_at\":\"1970-01-01T00:00:01.500Z\","
		      "\"limit\":3,\"score\":0.25,\"is_open\":false,\"colour\":\"blue\","
		      "\"labels\":[\"a\",\"b\\n\"],\"colours\":[\"red\",\"blue\"],"
		      "\"repo\":{\"url\":\"u\",\"depth\":2},"
		      "\"repos\":[{\"url\":\"v\"},{\"url\":\"w\",\"base\":\"m\"}],"
		      "\"extra\":{ },\"any\":null}");
}

TEST(encode_leaves_out_what_is_absent_but_for_required_lists)
{
	struct sample s = { .subject = STR("s"), .colours = { (enum colour[]){ 0 }, 0 } };

	check_encoded(
	    &s, "{\"subject\":\"s\",\"limit\":0,\"is_open\":false,\"labels\":[],\"colours\":[]}");
}

TEST(encode_shows_a_required_text_that_is_absent)
{
	struct sample s = { 0 };

	check_encoded(&s, "{\"subject\":null,\"limit\":0,\"is_open\":false,\"labels\":[]}");
}

TEST(encode_that_finds_no_memory_is_seen_in_the_buffer)
{
	CLEANUP(buf_deinit) struct buf out;
	struct json_out w;

	buf_init(&out, 16);
	w = json_out(&out);
	shape_encode(&sample_shape, &(struct sample){ .subject = STR("longer than that") }, &w);
	CHECK(out.failed);
}

/* Reads what was written of a struct and compares. */
static bool comes_back(const struct shape *s, const void *in, struct arena *a)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };
	struct json_out w = json_out(&text);
	void *again = arena_zalloc(a, s->size);
	struct shape_faults faults;
	struct str difference;
	struct json json;

	shape_encode(s, in, &w);
	if (!CHECK_OK(json_parse(a, buf_str(&text), &json, NULL)))
		return false;
	if (!CHECK_INT(shape_decode(s, &json, a, again, &faults), 0))
		return CHECK_STR(faults.v[0].expected, faults.v[0].field.p), false;
	difference = fill_difference(s, in, again);
	return CHECK_STR(difference, NULL);
}

static void check_shape_comes_back(const struct shape *s, struct fill *f)
{
	for (int round = 0; round < 200; round++) {
		void *in = arena_zalloc(f->arena, s->size);
		fill_struct(f, s, in);
		if (!comes_back(s, in, f->arena)) {
			CHECK_STR(s->name, "a shape that comes back");
			return;
		}
		arena_reset(f->arena);
	}
}

TEST(decode_of_encode_is_the_same_struct)
{
	struct arena a;
	struct fill f = { .state = 0x9e3779b97f4a7c15, .arena = &a };

	arena_init(&a, 0);
	check_shape_comes_back(&sample_shape, &f);
	arena_deinit(&a);
}

TEST(decode_of_encode_is_the_same_struct_for_every_verb)
{
	struct arena a;
	struct fill f = { .state = 0x2545f4914f6cdd1d, .arena = &a };

	arena_init(&a, 0);
	for (int id = 0; id < VERB_MAX; id++) {
		check_shape_comes_back(verb_table[id].params, &f);
		check_shape_comes_back(verb_table[id].result, &f);
	}
	arena_deinit(&a);
}
