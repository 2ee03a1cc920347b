/* SPDX-License-Identifier: Apache-2.0 */
/* Control characters are C0, DEL and C1 (0xc2 0x80 to 0xc2 0x9f in UTF-8). Eight bytes are looked
 * at at a time; only a word that may hold one is looked at closely. */
#include "schemas/shape_text.h"

#define EACH(byte) (0x0101010101010101u * (byte))

/* Does a byte of the word equal zero? (May name a wrong byte above a right one, never misses.) */
static uint64_t has_zero(uint64_t word)
{
	return (word - EACH(0x01)) & ~word & EACH(0x80);
}

/* May the word hold a control character: a byte below 0x20, DEL, or 0xc2? */
static bool is_suspect(uint64_t word)
{
	uint64_t below = (word - EACH(0x20)) & ~word & EACH(0x80);

	return (below | has_zero(word ^ EACH(0x7f)) | has_zero(word ^ EACH(0xc2))) != 0;
}

static bool is_control(struct str s, size_t i)
{
	unsigned char c = (unsigned char)s.p[i];

	if (c < 0x20 || c == 0x7f)
		return true;
	return c == 0xc2 && i + 1 < s.n && (unsigned char)s.p[i + 1] < 0xa0;
}

static bool is_line_end_or_tab(char c)
{
	return c == '\n' || c == '\t' || c == '\r';
}

static bool has_control(struct str s, bool is_text)
{
	for (size_t i = 0; i < s.n; i++) {
		uint64_t word;
		while (i + sizeof(word) <= s.n) {
			memcpy(&word, s.p + i, sizeof(word));
			if (is_suspect(word))
				break;
			i += sizeof(word);
		}
		if (i < s.n && is_control(s, i) && !(is_text && is_line_end_or_tab(s.p[i])))
			return true;
	}
	return false;
}

static bool is_id_char(char c)
{
	static const bool is_one[256] = { ['a' ... 'z'] = true,
					  ['A' ... 'Z'] = true,
					  ['0' ... '9'] = true,
					  ['_'] = true,
					  ['-'] = true };

	return is_one[(unsigned char)c];
}

static bool is_id(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_id_char(s.p[i]))
			return false;
	return s.n != 0;
}

bool shape_text_is_valid(enum shape_format format, struct str s)
{
	switch (format) {
	case SHAPE_ID:
		return is_id(s);
	case SHAPE_NAME:
		return s.n != 0 && s.p[0] != ' ' && s.p[s.n - 1] != ' ' && !has_control(s, false);
	default:
		return !has_control(s, format == SHAPE_TEXT);
	}
}
