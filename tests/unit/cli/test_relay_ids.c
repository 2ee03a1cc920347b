/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's scan finds what the parser finds: the parser is its oracle over thousands of lines,
 * valid and broken. */
#include "base/arena.h"
#include "base/json.h"
#include "cli/relay_ids.h"
#include "tests/unit/test.h"

#define N_LINES 20000

static struct str scan_one(struct arena *a, const char *line, struct relay_message *m)
{
	struct relay_scan s;

	relay_scan_begin(&s, str_from(line), a);
	return relay_scan_next(&s, m) ? m->id : STR_NONE;
}

TEST(relay_scan_finds_the_id_wherever_it_stands)
{
	struct relay_message m;
	struct arena a;

	arena_init(&a, 0);
	CHECK_STR(scan_one(&a, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"x.y\"}", &m), "7");
	CHECK_STR(m.method, "x.y");
	CHECK_STR(scan_one(&a,
			   "{\"method\":\"a\",\"params\":{\"id\":1,\"s\":\"}\\\"]\"},\"id\":\"z\"}",
			   &m),
		  "\"z\"");
	CHECK_STR(m.method, "a");
	CHECK_STR(scan_one(&a, " {\"id\" : -1.5e3 , \"result\" : [] } ", &m), "-1.5e3");
	CHECK(!m.method.p);
	arena_deinit(&a);
}

TEST(relay_scan_reads_names_behind_escapes)
{
	struct relay_message m;
	struct arena a;

	arena_init(&a, 0);
	CHECK_STR(scan_one(&a, "{\"\\u0069d\":4,\"method\":\"logging\\/setLevel\"}", &m), "4");
	CHECK_STR(m.method, "logging/setLevel");
	arena_deinit(&a);
}

TEST(relay_scan_takes_no_id_that_nobody_can_answer)
{
	static const char *const lines[] = {
		"{\"id\":null,\"method\":\"x\"}",
		"{\"id\":{},\"method\":\"x\"}",
		"{\"id\":[1],\"method\":\"x\"}",
		"{\"id\":true,\"method\":\"x\"}",
		"{\"method\":\"x\"}",
		"7",
		"",
		"{",
		"{\"id\"",
		"{\"id\":",
		"{\"id\":\"",
		"[",
	};
	struct relay_message m;
	struct arena a;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		CHECK(!scan_one(&a, lines[i], &m).p);
	arena_deinit(&a);
}

TEST(relay_scan_walks_over_a_batch)
{
	const char *line =
	    "[{\"id\":1,\"method\":\"a\"},7,\"x\",{\"method\":\"b\"},{\"id\":2,\"result\":{}}]";
	struct relay_message m;
	struct relay_scan s;
	struct arena a;

	arena_init(&a, 0);
	relay_scan_begin(&s, str_from(line), &a);
	CHECK(s.is_batch);
	CHECK(relay_scan_next(&s, &m));
	CHECK_STR(m.id, "1");
	CHECK_STR(m.text, "{\"id\":1,\"method\":\"a\"}");
	CHECK(relay_scan_next(&s, &m));
	CHECK(!m.id.p);
	CHECK_STR(m.method, "b");
	CHECK(relay_scan_next(&s, &m));
	CHECK_STR(m.id, "2");
	CHECK(!m.method.p);
	CHECK(!relay_scan_next(&s, &m));
	arena_deinit(&a);
}

/* ---- the oracle ---- */

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static const char *pick(uint64_t *state, const char *const *from, size_t n)
{
	return from[next_random(state) % n];
}

static void put_object(struct buf *b, uint64_t *r)
{
	static const char *const keys[] = { "\"id\"",       "\"method\"", "\"result\"",
					    "\"error\"",    "\"params\"", "\"jsonrpc\"",
					    "\"i\\u0064\"", "\"\"",       "\"me\\u0074hod\"",
					    "\"id \"",      "\"x\\\"id\"" };
	static const char *const values[] = { "1",
					      "-7",
					      "\"a\"",
					      "\"b\\\"\\\\\"",
					      "null",
					      "true",
					      "{}",
					      "[]",
					      "1.5e-3",
					      "[1,{\"id\":9}]",
					      "{\"id\":3,\"method\":\"no\"}",
					      "\"resources\\/subscribe\"",
					      "\"\\\\\"",
					      "\"}{][,:\"",
					      "\"\"" };
	static const char *const blanks[] = { "", "", "", " ", "\t", " \r " };
	uint64_t n = next_random(r) % 6;

	buf_put_char(b, '{');
	for (uint64_t i = 0; i < n; i++)
		buf_fmt(b, "%s%s%s:%s%s%s%s", i ? "," : "", pick(r, blanks, ARRAY_LEN(blanks)),
			pick(r, keys, ARRAY_LEN(keys)), pick(r, blanks, ARRAY_LEN(blanks)),
			pick(r, values, ARRAY_LEN(values)), pick(r, blanks, ARRAY_LEN(blanks)), "");
	buf_put_char(b, '}');
}

static void put_line(struct buf *b, uint64_t *r)
{
	uint64_t n = next_random(r) % 4;

	if (n != 0) {
		put_object(b, r);
		return;
	}
	buf_put_char(b, '[');
	for (n = next_random(r) % 4; n > 0; n--) {
		if (next_random(r) % 4 == 0)
			BUF_LIT(b, "7");
		else
			put_object(b, r);
		if (n > 1)
			BUF_LIT(b, ", ");
	}
	buf_put_char(b, ']');
}

static bool is_answerable(const struct json *id)
{
	return id && (id->type == JSON_STRING || id->type == JSON_INT || id->type == JSON_DOUBLE);
}

/* A line that stops early knows less of what stands behind; what it says must hold. */
static void check_message(const struct json *want, const struct relay_message *got, bool is_whole)
{
	const struct json *id = json_get(want, STR("id"));
	struct str method = json_get_str(want, STR("method"));
	bool is_answer = json_get(want, STR("result")) || json_get(want, STR("error"));

	if (is_answerable(id))
		CHECK_STR_EQ(got->id, id->raw);
	else
		CHECK(!got->id.p);
	if (is_whole || !is_answer)
		CHECK_STR_EQ(got->method, method);
}

static void check_line(struct arena *a, struct arena *scratch, struct str line)
{
	struct relay_message m;
	struct relay_scan s;
	struct json want;

	arena_reset(a);
	if (json_parse(a, line, &want, NULL)) {
		err_forget();
		/* Not JSON: anything goes, but within the line. */
		relay_scan_begin(&s, line, scratch);
		for (int n = 0; relay_scan_next(&s, &m) && CHECK(n < 4096); n++)
			CHECK(!m.id.p || m.id.n <= line.n);
		return;
	}
	relay_scan_begin(&s, line, scratch);
	if (want.type == JSON_OBJECT) {
		if (CHECK(relay_scan_next(&s, &m)))
			check_message(&want, &m, false);
	} else if (want.type == JSON_ARRAY) {
		for (uint32_t i = 0; i < want.n; i++)
			if (want.items[i].type == JSON_OBJECT && CHECK(relay_scan_next(&s, &m)))
				check_message(&want.items[i], &m, true);
	}
	CHECK(!relay_scan_next(&s, &m));
}

TEST(relay_scan_agrees_with_the_parser_on_random_lines)
{
	uint64_t state = 0x9e3779b97f4a7c15;
	struct arena a, scratch;
	struct buf b;

	arena_init(&a, 0);
	arena_init(&scratch, 0);
	buf_init(&b, 0);
	for (int i = 0; i < N_LINES; i++) {
		buf_clear(&b);
		put_line(&b, &state);
		/* Every third one is broken somewhere. */
		if (i % 3 == 0 && buf_len(&b) > 1) {
			size_t at = next_random(&state) % buf_len(&b);

			if (next_random(&state) % 2)
				b.p[b.head + at] = "\"\\{}[],:x"[next_random(&state) % 9];
			else
				buf_truncate(&b, at);
		}
		check_line(&a, &scratch, buf_str(&b));
	}
	buf_deinit(&b);
	arena_deinit(&a);
	arena_deinit(&scratch);
}
