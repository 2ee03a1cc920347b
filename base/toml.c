/* SPDX-License-Identifier: Apache-2.0 */
/* Line by line; a line is nothing, a section, or a key and its value. Entries are counted before
 * they are kept, and compared each with each for repetition: a configuration is small, and its size
 * is bounded. */
#include "base/toml.h"

#include <stdio.h>

#include "base/err.h"

#define ENTRIES_MAX  500
#define SECTIONS_MAX 100
#define ITEMS_MAX    1000

struct reader {
	struct arena *arena;
	struct toml_error *error;
	struct str text;
	size_t at, line_start;
	int line;
	struct str section;
	struct str sections[SECTIONS_MAX];
	size_t n_sections;
	struct toml_entry *entries;
	size_t n_entries;
};

static int bad_at(struct reader *r, size_t at, const char *what)
{
	struct str before = str_slice(r->text, r->line_start, at);

	r->error->line = r->line;
	r->error->column = (int)str_n_chars(before) + 1;
	snprintf(r->error->text, sizeof(r->error->text), "%s", what);
	return TOML_BAD;
}

static int bad(struct reader *r, const char *what)
{
	return bad_at(r, r->at, what);
}

/* The byte at the cursor, '\n' at the end of the text. */
static char peek(const struct reader *r)
{
	return r->at < r->text.n ? r->text.p[r->at] : '\n';
}

static bool is_line_end(const struct reader *r)
{
	return peek(r) == '\n' ||
	       (peek(r) == '\r' && r->at + 1 < r->text.n && r->text.p[r->at + 1] == '\n');
}

static void skip_blanks(struct reader *r)
{
	while (peek(r) == ' ' || peek(r) == '\t')
		r->at++;
}

static bool is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

static struct str read_word(struct reader *r)
{
	size_t from = r->at;

	while (is_word_char(peek(r)))
		r->at++;
	return str_slice(r->text, from, r->at);
}

static bool is_control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

/* Blanks, a comment, and the end of the line. */
static int end_line(struct reader *r)
{
	skip_blanks(r);
	if (peek(r) == '#')
		while (!is_line_end(r) && !is_control(peek(r)))
			r->at++;
	if (!is_line_end(r))
		return bad(r, is_control(peek(r)) ? "control character"
						  : "expected the end of the line");
	r->at += peek(r) == '\r' ? 2 : 1;
	r->line++;
	r->line_start = r->at;
	return 0;
}

/* ---- strings ---- */

static int read_code(struct reader *r, size_t n_digits, uint32_t *out)
{
	uint32_t code = 0;

	for (size_t i = 0; i < n_digits; i++, r->at++) {
		char c = peek(r);

		if (c >= '0' && c <= '9')
			code = code << 4 | (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			code = code << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return bad(r, "expected a hex digit");
	}
	if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return bad_at(r, r->at - n_digits, "no such character");
	*out = code;
	return 0;
}

/* Behind a backslash. */
static int read_escape(struct reader *r, char **to)
{
	static const char letters[] = "btnfr\"\\", values[] = "\b\t\n\f\r\"\\";
	char c = peek(r);
	const char *known = c ? strchr(letters, c) : NULL;
	uint32_t code;
	int e;

	if (known) {
		*(*to)++ = values[known - letters];
		r->at++;
		return 0;
	}
	if (c != 'u' && c != 'U')
		return bad_at(r, r->at - 1, "unknown escape");
	r->at++;
	e = read_code(r, c == 'u' ? 4 : 8, &code);
	if (e)
		return e;
	*to += str_utf8_put(*to, code);
	return 0;
}

static int read_string(struct reader *r, struct str *out)
{
	char quote = peek(r);
	size_t line_end = str_find(r->text, '\n', r->at), opening = r->at++;
	char *text, *to;
	int e;

	if (peek(r) == quote && r->at + 1 < line_end && r->text.p[r->at + 1] == quote)
		return bad_at(r, opening, "strings of more than one line are not supported");
	text = to = arena_alloc(r->arena, line_end - opening);
	if (!text)
		return err_nomem();
	while (peek(r) != quote) {
		if (is_line_end(r))
			return bad_at(r, opening, "string without a closing quote");
		if (is_control(peek(r)))
			return bad(r, "control character in a string");
		if (quote == '"' && peek(r) == '\\') {
			r->at++;
			e = read_escape(r, &to);
			if (e)
				return e;
			continue;
		}
		*to++ = r->text.p[r->at++];
	}
	r->at++;
	*out = (struct str){ text, (size_t)(to - text) };
	return 0;
}

/* ---- values ---- */

static int read_strings(struct reader *r, struct str_list *out)
{
	struct str *v = ARENA_ARRAY(r->arena, 8, struct str);
	size_t n = 0, cap = 8;
	int e;

	if (!v)
		return err_nomem();
	r->at++;
	for (;;) {
		skip_blanks(r);
		if (peek(r) == ']')
			break;
		if (peek(r) != '"' && peek(r) != '\'')
			return bad(r, is_line_end(r) ? "an array must end on its line"
						     : "expected a string");
		if (n == ITEMS_MAX)
			return bad(r, "more than 1000 strings in an array");
		if (n == cap) {
			struct str *more = ARENA_ARRAY(r->arena, cap * 2, struct str);

			if (!more)
				return err_nomem();
			memcpy(more, v, n * sizeof(*v));
			v = more;
			cap *= 2;
		}
		e = read_string(r, &v[n++]);
		if (e)
			return e;
		skip_blanks(r);
		if (peek(r) == ',')
			r->at++;
		else if (peek(r) != ']')
			return bad(r, is_line_end(r) ? "an array must end on its line"
						     : "expected ',' or ']'");
	}
	r->at++;
	*out = (struct str_list){ v, n };
	return 0;
}

/* Decimal, underscores between digits. */
static int read_int(struct reader *r, int64_t *out)
{
	size_t from = r->at, n = 0;
	char digits[24];
	bool is_digit_before = false;

	if (peek(r) == '+')
		r->at++;
	else if (peek(r) == '-')
		digits[n++] = r->text.p[r->at++];
	if (peek(r) == '0' && r->at + 1 < r->text.n && is_word_char(r->text.p[r->at + 1]))
		return bad_at(r, from, "expected a decimal integer without leading zeros");
	for (; is_word_char(peek(r)); r->at++) {
		char c = peek(r);
		bool is_digit = c >= '0' && c <= '9';

		if (!is_digit && !(c == '_' && is_digit_before))
			return bad_at(r, from, "expected an integer");
		if (is_digit && n == sizeof(digits))
			return bad_at(r, from, "integer does not fit 64 bits");
		if (is_digit)
			digits[n++] = c;
		is_digit_before = is_digit;
	}
	if (!is_digit_before)
		return bad_at(r, from, "expected a value");
	if (!str_to_i64((struct str){ digits, n }, out))
		return bad_at(r, from, "integer does not fit 64 bits");
	return 0;
}

/* off, /run/x.sock or 127.0.0.1:8400 where a value stands: a text without its quotes, or NONE. */
static struct str bare_text(const struct reader *r)
{
	struct str rest = str_slice(r->text, r->at, r->text.n), word;
	size_t n = 0;
	char c = peek(r);

	while (n < rest.n && (unsigned char)rest.p[n] > ' ' && rest.p[n] != '#' && rest.p[n] != ',')
		n++;
	word = str_slice(rest, 0, n);
	if (str_eq(word, STR("true")) || str_eq(word, STR("false")))
		return STR_NONE;
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' || c == '.' || c == '~')
		return word;
	return c >= '0' && c <= '9' &&
		       (str_contains(word, STR(":")) || str_contains(word, STR("/")))
		   ? word
		   : STR_NONE;
}

static int read_value(struct reader *r, struct toml_entry *out)
{
	struct str word = bare_text(r);

	if (word.p) {
		char what[160];

		snprintf(what, sizeof(what),
			 "a text stands in quotes (\"%.*s\"); else true, false or a whole number",
			 STR_ARG(str_utf8_prefix(word, 64)));
		return bad(r, what);
	}
	switch (peek(r)) {
	case '"':
	case '\'':
		out->type = TOML_STRING;
		return read_string(r, &out->s);
	case '[':
		out->type = TOML_STRINGS;
		return read_strings(r, &out->list);
	case 't':
	case 'f':
		out->type = TOML_BOOL;
		out->b = str_eq(read_word(r), STR("true"));
		return 0;
	default:
		out->type = TOML_INT;
		return read_int(r, &out->i);
	}
}

/* ---- lines ---- */

static int read_section(struct reader *r)
{
	size_t from;
	struct str name;

	r->at++;
	skip_blanks(r);
	from = r->at;
	name = read_word(r);
	if (!name.n)
		return bad(r, "expected a section's name of letters, digits, '_' and '-'");
	skip_blanks(r);
	if (peek(r) != ']')
		return bad(r, "expected ']'");
	r->at++;
	for (size_t i = 0; i < r->n_sections; i++)
		if (str_eq(r->sections[i], name))
			return bad_at(r, from, "section is there twice");
	if (r->n_sections == SECTIONS_MAX)
		return bad_at(r, from, "more than 100 sections");
	r->sections[r->n_sections++] = name;
	r->section = name;
	return end_line(r);
}

static int read_entry(struct reader *r)
{
	size_t from = r->at;
	struct toml_entry entry = { .section = r->section, .line = r->line };
	int e;

	entry.key = read_word(r);
	if (!entry.key.n)
		return bad(r, "expected a key, a [section] or a comment");
	skip_blanks(r);
	if (peek(r) != '=')
		return bad(r, "expected '='");
	r->at++;
	skip_blanks(r);
	for (size_t i = 0; i < r->n_entries; i++)
		if (str_eq(r->entries[i].key, entry.key) &&
		    str_eq(r->entries[i].section, entry.section))
			return bad_at(r, from, "key is there twice");
	if (r->n_entries == ENTRIES_MAX)
		return bad_at(r, from, "more than 500 keys");
	e = read_value(r, &entry);
	if (e)
		return e;
	r->entries[r->n_entries++] = entry;
	return end_line(r);
}

static int read_line(struct reader *r)
{
	skip_blanks(r);
	if (peek(r) == '[')
		return read_section(r);
	if (peek(r) == '#' || is_line_end(r))
		return end_line(r);
	return read_entry(r);
}

/* Finds the place of the first malformed sequence, for the message. */
static int bad_utf8(struct reader *r)
{
	uint32_t code;
	size_t n;

	while ((n = str_utf8_at(r->text, r->at, &code))) {
		if (code == '\n') {
			r->line++;
			r->line_start = r->at + 1;
		}
		r->at += n;
	}
	return bad(r, "invalid UTF-8");
}

int toml_parse(struct arena *a, struct str text, struct toml *out, struct toml_error *error)
{
	struct reader r = { .arena = a, .error = error, .text = text, .line = 1 };
	int e;

	r.section = STR("");
	if (!str_is_utf8(text))
		return bad_utf8(&r);
	r.entries = ARENA_ARRAY(a, MIN(str_n_chars(text) / 3 + 1, ENTRIES_MAX), struct toml_entry);
	if (!r.entries)
		return err_nomem();
	while (r.at < text.n) {
		e = read_line(&r);
		if (e)
			return e < 0 ? err_trace(e) : e;
	}
	*out = (struct toml){ r.entries, r.n_entries };
	return 0;
}
