/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of text, without locales: the ranges that take two, and those that take none. */
#include "cli/width.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "base/log.h"

struct range {
	uint32_t from, to;
};

static const struct range wide[] = {
	{ 0x1100, 0x115f },   { 0x2e80, 0x303e },   { 0x3041, 0xa4cf },   { 0xa960, 0xa97f },
	{ 0xac00, 0xd7a3 },   { 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },   { 0xff00, 0xff60 },
	{ 0xffe0, 0xffe6 },   { 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff }, { 0x1f900, 0x1f9ff },
	{ 0x20000, 0x3fffd },
};

static const struct range without[] = {
	{ 0x300, 0x36f },   { 0x483, 0x489 },   { 0x591, 0x5bd },   { 0x610, 0x61a },
	{ 0x64b, 0x65f },   { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x200d, 0x200d },
	{ 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f }, { 0xe0100, 0xe01ef },
};

static bool is_in(const struct range *r, size_t n, uint32_t code)
{
	for (size_t i = 0; i < n && r[i].from <= code; i++)
		if (code <= r[i].to)
			return true;
	return false;
}

static size_t columns(uint32_t code)
{
	if (code < 0x300)
		return 1;
	if (is_in(without, ARRAY_LEN(without), code))
		return 0;
	return is_in(wide, ARRAY_LEN(wide), code) ? 2 : 1;
}

/* Bytes of the first `max` columns; *used is how many there are. */
static size_t measure(struct str s, size_t max, size_t *used)
{
	size_t at = 0;

	*used = 0;
	while (at < s.n) {
		uint32_t code = 0;
		size_t n = str_utf8_at(s, at, &code);
		size_t w = n ? columns(code) : 1;

		if (*used + w > max)
			break;
		*used += w;
		at += n ? n : 1;
	}
	return at;
}

size_t width_of(struct str s)
{
	size_t used;

	measure(s, SIZE_MAX, &used);
	return used;
}

struct str width_cut(struct str s, size_t max)
{
	struct str joiner = STR("\u200d"), cut;
	size_t used;

	cut = str_slice(s, 0, measure(s, max, &used));
	if (cut.n < s.n && str_ends(cut, joiner)) /* what it joined does not fit */
		cut.n -= joiner.n;
	return cut;
}

struct str width_safe(struct arena *a, struct str s)
{
	/* The longest escape of one byte: "\u{10ffff}" for three or four. */
	char *out = arena_alloc(a, 4 * s.n + 16);

	if (!out)
		return STR_NONE;
	return (struct str){ out, log_escape(out, 4 * s.n + 16, s) };
}

size_t width_of_terminal(int fd)
{
	struct winsize size;
	const char *text = getenv("COLUMNS");
	int64_t n;

	if (text && str_to_i64(str_from(text), &n) && n >= 20 && n <= 1000)
		return (size_t)n;
	return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20 ? size.ws_col : 80;
}
