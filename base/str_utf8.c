/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF. */
#include "base/str.h"

static bool is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

size_t str_utf8_at(struct str s, size_t at, uint32_t *code)
{
	const unsigned char *p = (const unsigned char *)s.p + at;
	size_t n = s.n - at;
	uint32_t c;

	if (n == 0)
		return 0;
	if (p[0] < 0x80) {
		*code = p[0];
		return 1;
	}
	if (p[0] >= 0xc2 && p[0] < 0xe0 && n >= 2 && is_tail(p[1])) {
		*code = (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
		return 2;
	}
	if ((p[0] & 0xf0) == 0xe0 && n >= 3 && is_tail(p[1]) && is_tail(p[2])) {
		c = (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
		if (c < 0x800 || (c >= 0xd800 && c < 0xe000))
			return 0;
		*code = c;
		return 3;
	}
	if ((p[0] & 0xf8) == 0xf0 && n >= 4 && is_tail(p[1]) && is_tail(p[2]) && is_tail(p[3])) {
		c = (p[0] & 0x07u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 |
		    (p[3] & 0x3fu);
		if (c < 0x10000 || c > 0x10ffff)
			return 0;
		*code = c;
		return 4;
	}
	return 0;
}

size_t str_utf8_put(char out[4], uint32_t code)
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

/* Length of the ASCII run that starts at `at`, found eight bytes at a time. */
static size_t skip_ascii(struct str s, size_t at)
{
	uint64_t word;

	for (; s.n - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, s.p + at, sizeof(word));
		if (word & 0x8080808080808080ULL)
			break;
	}
	while (at < s.n && (unsigned char)s.p[at] < 0x80)
		at++;
	return at;
}

bool str_is_utf8(struct str s)
{
	uint32_t code;
	size_t n;

	for (size_t at = skip_ascii(s, 0); at < s.n; at = skip_ascii(s, at + n)) {
		n = str_utf8_at(s, at, &code);
		if (n == 0)
			return false;
	}
	return true;
}

size_t str_n_chars(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += !is_tail((unsigned char)s.p[i]);
	return n;
}

struct str str_utf8_prefix(struct str s, size_t max)
{
	if (s.n <= max)
		return s;
	while (max && is_tail((unsigned char)s.p[max]))
		max--;
	return (struct str){ s.p, max };
}
