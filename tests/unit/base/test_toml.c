/* SPDX-License-Identifier: Apache-2.0 */
#include "base/toml.h"

#include "base/buf.h"
#include "tests/unit/alloc.h"
#include "tests/unit/test.h"

static const struct toml_entry *find(const struct toml *t, const char *section, const char *key)
{
	for (size_t i = 0; i < t->n; i++)
		if (str_eq(t->v[i].section, str_from(section)) &&
		    str_eq(t->v[i].key, str_from(key)))
			return &t->v[i];
	return NULL;
}

TEST(toml_reads_every_kind_of_line)
{
	struct str text = STR("# comment \xc3\xa9\r\n"
			      "top = 1 # one\n"
			      "\n"
			      "[http]\n"
			      "  listen\t= \"127.0.0.1:8420\"\n"
			      "literal = 'C:\\x' \n"
			      "escaped = \"\\t\\\"\\\\\\u00e9\\U0001F600\"\n"
			      "on = true\n"
			      "off = false\n"
			      "big = -9_223_372_036_854_775_808\n"
			      "plus = +5\n"
			      "zero = 0\n"
			      "empty = []\n"
			      "hosts = [ \"a\", 'b' ,\"c\", ]\n"
			      "many = ['1','2','3','4','5','6','7','8','9']\n"
			      "[other-1]\n"
			      "listen = ''");
	struct toml_error error;
	struct arena a;
	struct toml t;

	arena_init(&a, 0);
	if (!CHECK_INT(toml_parse(&a, text, &t, &error), 0)) {
		CHECK_CSTR(error.text, NULL);
		return;
	}
	CHECK_INT(t.n, 13);
	CHECK_INT(find(&t, "", "top")->i, 1);
	CHECK_INT(find(&t, "", "top")->line, 2);
	CHECK_STR(find(&t, "http", "listen")->s, "127.0.0.1:8420");
	CHECK_INT(find(&t, "http", "listen")->type, TOML_STRING);
	CHECK_STR(find(&t, "http", "literal")->s, "C:\\x");
	CHECK_STR(find(&t, "http", "escaped")->s, "\t\"\\\xc3\xa9\xf0\x9f\x98\x80");
	CHECK(find(&t, "http", "on")->b);
	CHECK(!find(&t, "http", "off")->b);
	CHECK_INT(find(&t, "http", "off")->type, TOML_BOOL);
	CHECK_INT(find(&t, "http", "big")->i, INT64_MIN);
	CHECK_INT(find(&t, "http", "plus")->i, 5);
	CHECK_INT(find(&t, "http", "zero")->i, 0);
	CHECK_INT(find(&t, "http", "empty")->type, TOML_STRINGS);
	CHECK_INT(find(&t, "http", "empty")->list.n, 0);
	CHECK_INT(find(&t, "http", "hosts")->list.n, 3);
	CHECK_STR(find(&t, "http", "hosts")->list.v[1], "b");
	CHECK_STR(find(&t, "http", "many")->list.v[8], "9");
	CHECK_STR(find(&t, "other-1", "listen")->s, "");
	CHECK_INT(find(&t, "other-1", "listen")->line, 17);
	arena_deinit(&a);
}

TEST(toml_of_nothing_is_nothing)
{
	struct toml_error error;
	struct arena a;
	struct toml t;

	arena_init(&a, 0);
	CHECK_INT(toml_parse(&a, STR(""), &t, &error), 0);
	CHECK_INT(t.n, 0);
	CHECK_INT(toml_parse(&a, STR_NONE, &t, &error), 0);
	CHECK_INT(toml_parse(&a, STR("\n\n  # only\n"), &t, &error), 0);
	CHECK_INT(t.n, 0);
	arena_deinit(&a);
}

TEST(toml_errors_say_line_column_and_why)
{
	static const struct {
		const char *text;
		int line, column;
		const char *why;
	} table[] = {
		{ "x", 1, 2, "expected '='" },
		{ "a = 1\nx y = 1\n", 2, 3, "expected '='" },
		{ "= 1", 1, 1, "expected a key" },
		{ "a = \n", 1, 5, "expected a value" },
		{ "a = 1 2", 1, 7, "expected the end of the line" },
		{ "a = 1\n\n\nb = \"x", 4, 5, "without a closing quote" },
		{ "a = \"x\\q\"", 1, 7, "unknown escape" },
		{ "a = \"\\ud800\"", 1, 8, "no such character" },
		{ "a = \"\\u12\"", 1, 10, "expected a hex digit" },
		{ "\xc3\xa9 = 1", 1, 1, "expected a key" },
		{ "a = \"\xc3\xa9\" x", 1, 9, "expected the end of the line" },
		{ "a = \"\"\"x\"\"\"", 1, 5, "more than one line" },
		{ "a = 'it''s'", 1, 9, "expected the end of the line" },
		{ "a = 1.5", 1, 6, "expected the end of the line" },
		{ "a = 0x10", 1, 5, "leading zeros" },
		{ "a = 007", 1, 5, "leading zeros" },
		{ "a = 1__0", 1, 5, "expected an integer" },
		{ "a = 1_", 1, 5, "expected a value" },
		{ "a = 9223372036854775808", 1, 5, "64 bits" },
		{ "a = 11111111111111111111111111111", 1, 5, "64 bits" },
		{ "a = tru", 1, 5, "in quotes (\"tru\"); else true, false" },
		{ "a = True", 1, 5, "in quotes (\"True\"); else true, false" },
		{ "a = off # none", 1, 5, "in quotes (\"off\")" },
		{ "a = 127.0.0.1:8400", 1, 5, "in quotes (\"127.0.0.1:8400\")" },
		{ "a = /run/x.sock\n", 1, 5, "in quotes (\"/run/x.sock\")" },
		{ "a = true,false", 1, 9, "expected the end of the line" },
		{ "a = 2026-11-21", 1, 5, "expected an integer" },
		{ "a = [1]", 1, 6, "expected a string" },
		{ "a = [\"x\" \"y\"]", 1, 10, "expected ',' or ']'" },
		{ "a = [\"x\",\n\"y\"]", 1, 10, "end on its line" },
		{ "a = {b = 1}", 1, 5, "expected a value" },
		{ "a.b = 1", 1, 2, "expected '='" },
		{ "\"a\" = 1", 1, 1, "expected a key" },
		{ "a = 1\na = 2", 2, 1, "key is there twice" },
		{ "[s]\na = 1\n[t]\n[s]", 4, 2, "section is there twice" },
		{ "[a.b]", 1, 3, "expected ']'" },
		{ "[[a]]", 1, 2, "expected a section's name" },
		{ "[]", 1, 2, "expected a section's name" },
		{ "[a] b = 1", 1, 5, "expected the end of the line" },
		{ "a = 1 # \x01", 1, 9, "control character" },
		{ "a = 'x\x01'", 1, 7, "control character" },
		{ "a = 1\rb = 2", 1, 6, "control character" },
		{ "a = 1\nb = \"\xff\"", 2, 6, "invalid UTF-8" },
		{ "\xef\xbb\xbf"
		  "a = 1",
		  1, 1, "expected a key" },
	};
	struct toml_error error;
	struct arena a;
	struct toml t;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		bool held = CHECK_INT(toml_parse(&a, str_from(table[i].text), &t, &error),
				      TOML_BAD) &&
			    CHECK_INT(error.line, table[i].line) &&
			    CHECK_INT(error.column, table[i].column) &&
			    CHECK_HAS(str_from(error.text), table[i].why);

		if (!held)
			CHECK_CSTR(table[i].text, NULL);
	}
	CHECK_INT(toml_parse(&a, STR("a = 1\0"), &t, &error), TOML_BAD);
	arena_deinit(&a);
}

TEST(toml_is_bounded)
{
	struct toml_error error;
	struct arena a;
	struct toml t;
	struct buf b;

	arena_init(&a, 0);
	buf_init(&b, 0);
	for (int i = 0; i < 501; i++)
		buf_fmt(&b, "k%d=1\n", i);
	CHECK_INT(toml_parse(&a, buf_str(&b), &t, &error), TOML_BAD);
	CHECK_INT(error.line, 501);
	buf_clear(&b);
	for (int i = 0; i < 101; i++)
		buf_fmt(&b, "[s%d]\n", i);
	CHECK_INT(toml_parse(&a, buf_str(&b), &t, &error), TOML_BAD);
	CHECK_INT(error.line, 101);
	buf_clear(&b);
	BUF_LIT(&b, "a=[");
	for (int i = 0; i < 1001; i++)
		BUF_LIT(&b, "'',");
	BUF_LIT(&b, "]");
	CHECK_INT(toml_parse(&a, buf_str(&b), &t, &error), TOML_BAD);
	CHECK_HAS(str_from(error.text), "more than 1000");
	buf_deinit(&b);
	arena_deinit(&a);
}

TEST(toml_survives_any_failed_allocation)
{
	struct toml_error error;
	struct arena a;
	struct toml t;
	unsigned n = 0;
	struct buf b;
	int e;

	buf_init(&b, 0);
	for (int i = 0; i < 100; i++)
		buf_fmt(&b, "k%d = ['a long string in an array','b','c','d','e','f','g','h','i']\n",
			i);
	do {
		arena_init(&a, 0);
		alloc_fail_at(++n);
		e = toml_parse(&a, buf_str(&b), &t, &error);
		alloc_fail_at(0);
		if (e)
			CHECK_FAULT(e, ERR_NOMEM);
		arena_deinit(&a);
	} while (e && n < 100);
	CHECK_INT(e, 0);
	CHECK(n > 2);
	buf_deinit(&b);
}
