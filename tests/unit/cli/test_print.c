/* SPDX-License-Identifier: Apache-2.0 */
/* Answers as people see them. */
#include "base/arena.h"
#include "base/log.h"
#include "cli/print.h"
#include "cli/width.h"
#include "tests/unit/test.h"

struct world {
	struct print print;
	struct arena arena;
	struct buf out;
};

static void world_init(struct world *w, size_t width)
{
	arena_init(&w->arena, 0);
	buf_init(&w->out, 0);
	w->print = (struct print){ .arena = &w->arena, .width = width, .now_ms = 1700000000000 };
}

static void world_deinit(struct world *w)
{
	buf_deinit(&w->out);
	arena_deinit(&w->arena);
}

typedef void print_fn(const struct print *p, const struct json *v, struct buf *out);

static struct str shown(struct world *w, print_fn *fn, const char *text)
{
	struct json v;

	buf_clear(&w->out);
	if (CHECK_OK(json_parse(&w->arena, str_from(text), &v, NULL)))
		fn(&w->print, &v, &w->out);
	return buf_str(&w->out);
}

TEST(print_lists_are_aligned_tables)
{
	struct world w;

	world_init(&w, 80);
	CHECK_STR(shown(&w, print_value,
			"{\"items\":[{\"id\":\"a\",\"n\":5,\"name\":\"x\",\"gone\":null},"
			"{\"id\":\"bcd\",\"n\":15,\"name\":\"\xe6\x9d\xb1\xe4\xba\xac\"}],\"next_"
			"cursor\":\"c1\"}"),
		  "ID    N  NAME\n"
		  "a     5  x\n"
		  "bcd  15  \xe6\x9d\xb1\xe4\xba\xac\n"
		  "more: --cursor c1\n");
	CHECK_STR(shown(&w, print_value, "{\"items\":[]}"), "nothing found\n");
	world_deinit(&w);
}

TEST(print_tables_name_who_has_a_name)
{
	struct world w;

	world_init(&w, 80);
	CHECK_STR(shown(&w, print_value,
			"{\"items\":[{\"short_id\":\"r-1\",\"occupant\":\"x\",\"occupant_name\":"
			"\"ann\"},{\"short_id\":\"r-2\"}],\"cut\":false}"),
		  "SHORT ID  OCCUPANT NAME\n"
		  "r-1       ann\n"
		  "r-2\n");
	CHECK_STR(shown(&w, print_value,
			"{\"items\":[{\"occupant\":\"x\",\"occupant_name\":null}],\"cut\":true}"),
		  "OCCUPANT\n"
		  "x\n"
		  "cut  yes\n");
	world_deinit(&w);
}

TEST(print_tables_fit_the_terminal)
{
	struct world w;
	struct str s;

	world_init(&w, 40);
	s = shown(&w, print_value,
		  "{\"items\":[{\"short_id\":\"q-1\",\"id\":\"x\",\"subject\":\"a very long "
		  "subject that does not "
		  "fit in here at all\",\"status\":\"pending\",\"created_by\":\"uid:1000\"}]}");
	while (s.n > 0)
		CHECK(width_of(str_cut(&s, '\n')) <= 40);
	world_deinit(&w);
}

TEST(print_objects_are_keys_and_values)
{
	struct world w;

	world_init(&w, 80);
	CHECK_STR(
	    shown(&w, print_value,
		  "{\"id\":\"q\",\"text\":\"a\\nb\\n\",\"tags\":[\"x\",\"y\"],\"is_on\":true,"
		  "\"none\":[],"
		  "\"in\":{\"k\":1},\"at\":\"2023-11-14T22:10:20.000Z\",\"next\":\"call it\"}"),
	    "id     q\n"
	    "text\n  a\n  b\n"
	    "tags   x, y\n"
	    "is_on  yes\n"
	    "in\n  k  1\n"
	    "at     2023-11-14T22:10:20.000Z (3 min ago)\n"
	    "\nnext: call it\n");
	world_deinit(&w);
}

TEST(tm_llm_03_nothing_a_terminal_obeys_is_printed)
{
	const char *evil = "{\"items\":[{\"na\\u001bme\":\"\\u001b]52;c;eA==\\u0007\","
			   "\"bidi\":\"a\xe2\x80\xae"
			   "b\",\"c1\":\"\xc2\x9b"
			   "31m\"}],\"x\\u001b[2J\":\"\\u0007\",\"next\":\"\\u001b[31m\"}";
	struct world w;

	world_init(&w, 80);
	for (int i = 0; i < 2; i++) {
		struct str s = shown(&w, i ? print_json : print_value, evil);

		CHECK(!memchr(s.p, 0x1b, s.n));
		CHECK(!memchr(s.p, 0x07, s.n));
		CHECK(!str_contains(s, STR("\xc2\x9b")));
		CHECK(!str_contains(s, STR("\xe2\x80\xae")));
	}
	world_deinit(&w);
}

TEST(emoji_of_several_are_printed_as_one)
{
	const char *text = "{\"items\":[{\"name\":\"👩\u200d💻\",\"odd\":\"a\u200db\"}]}";
	struct world w;

	world_init(&w, 80);
	CHECK_HAS(shown(&w, print_value, text), "👩\u200d💻");
	CHECK_HAS(shown(&w, print_value, text), "a\\u{200d}b");
	CHECK_HAS(shown(&w, print_json, text), "👩\u200d💻");
	CHECK_HAS(shown(&w, print_json, text), "a\\u200db");
	world_deinit(&w);
}

TEST(print_json_stays_the_same_json)
{
	const char *text = "{\"a\":[1,{\"b\":\"x\\\"\\\\\\n\\u001b\xf0\x9f\x98\x80\"}],\"c\":{},"
			   "\"d\":[],\"e\":-1.50}";
	struct buf before, after;
	struct json v;
	struct world w;

	world_init(&w, 80);
	buf_init(&before, 0);
	buf_init(&after, 0);
	struct str s = shown(&w, print_json, text);

	if (CHECK_OK(json_parse(&w.arena, s, &v, NULL)))
		CHECK_OK(json_canonical(&w.arena, &v, &after));
	if (CHECK_OK(json_parse(&w.arena, str_from(text), &v, NULL)))
		CHECK_OK(json_canonical(&w.arena, &v, &before));
	CHECK_STR_EQ(buf_str(&after), buf_str(&before));
	buf_deinit(&before);
	buf_deinit(&after);
	world_deinit(&w);
}

TEST(width_counts_columns_not_bytes)
{
	CHECK_INT(width_of(STR("abc")), 3);
	CHECK_INT(width_of(STR("\xe6\x9d\xb1\xe4\xba\xac")), 4);
	CHECK_INT(width_of(STR("e\xcc\x81")), 1);
	CHECK_STR(width_cut(STR("a\xe6\x9d\xb1\xe4\xba\xac"), 4), "a\xe6\x9d\xb1");
	CHECK_STR(width_cut(STR("abc"), 9), "abc");
	/* two pictures joined: as wide as both where the terminal does not join them */
	CHECK_INT(width_of(STR("👩\u200d💻")), 4);
	CHECK_STR(width_cut(STR("👩\u200d💻"), 3), "👩");
}
