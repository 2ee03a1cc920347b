/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration files. What is refused is refused at a line and column of the text, in words; what
 * is accepted is well-formed, and, written again plainly, reads as the same. */
#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(const struct toml_error *error, size_t size)
{
	assert(error->line >= 1 && (size_t)error->line <= size + 1);
	assert(error->column >= 1 && (size_t)error->column <= size + 1);
	assert(error->text[0] && memchr(error->text, '\0', sizeof(error->text)));
}

static void put_string(struct buf *b, struct str s)
{
	assert(s.p && str_is_utf8(s));
	buf_put_char(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c == 0x7f || c == '"' || c == '\\')
			buf_fmt(b, "\\u%04x", c);
		else
			buf_put_char(b, (char)c);
	}
	buf_put_char(b, '"');
}

static void put_value(struct buf *b, const struct toml_entry *entry)
{
	switch (entry->type) {
	case TOML_STRING:
		put_string(b, entry->s);
		return;
	case TOML_INT:
		buf_put_i64(b, entry->i);
		return;
	case TOML_BOOL:
		buf_put_str(b, entry->b ? STR("true") : STR("false"));
		return;
	case TOML_STRINGS:
		buf_put_char(b, '[');
		for (size_t i = 0; i < entry->list.n; i++) {
			put_string(b, entry->list.v[i]);
			buf_put_char(b, ',');
		}
		buf_put_char(b, ']');
		return;
	}
	assert(!"a type of value that is not known");
}

static void put(struct buf *b, const struct toml *t)
{
	struct str section = STR("");

	for (size_t i = 0; i < t->n; i++) {
		if (!str_eq(section, t->v[i].section)) {
			section = t->v[i].section;
			buf_fmt(b, "[%.*s]\n", STR_ARG(section));
		}
		buf_fmt(b, "%.*s = ", STR_ARG(t->v[i].key));
		put_value(b, &t->v[i]);
		buf_put_char(b, '\n');
	}
	assert(!b->failed);
}

static void round_trip(struct str text, struct arena *a, struct buf *once, struct buf *twice)
{
	struct toml_error error = { 0 };
	struct toml t;
	int e = toml_parse(a, text, &t, &error);

	assert(e >= 0);
	if (e) {
		check_error(&error, text.n);
		return;
	}
	put(once, &t);
	e = toml_parse(a, buf_str(once), &t, &error);
	assert(e == 0);
	put(twice, &t);
	assert(str_eq(buf_str(once), buf_str(twice)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once = { 0 }, twice = { 0 };
	struct arena a;

	arena_init(&a, 0);
	round_trip((struct str){ (const char *)data, size }, &a, &once, &twice);
	buf_deinit(&once);
	buf_deinit(&twice);
	arena_deinit(&a);
	return 0;
}
