/* SPDX-License-Identifier: Apache-2.0 */
/* Text as pointer and length: comparing, cutting, copying, and reading numbers. UTF-8 and "did you
 * mean" are in str_utf8.c and str_near.c. */
#include "base/str.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Are eight bytes the same but for case? They may differ in bit 5, where they are letters: bit 7 of
 * each sum says whether the byte is from 'a', and beyond 'z', on. */
static bool is_same_word(const char *p, const char *q)
{
	const uint64_t ones = 0x0101010101010101ULL, high = ones * 0x80, bit5 = ones * 0x20;
	uint64_t a, b, low, is_letter;

	memcpy(&a, p, sizeof(a));
	memcpy(&b, q, sizeof(b));
	if (a == b)
		return true;
	low = (a | bit5) & ~high;
	is_letter = (low + ones * (0x80 - 'a')) & ~(low + ones * (0x7f - 'z')) & ~a & high;
	return ((a ^ b) & ~(is_letter >> 2)) == 0;
}

bool str_eq_nocase(struct str a, struct str b)
{
	const size_t step = sizeof(uint64_t);
	size_t i;

	if (a.n != b.n)
		return false;
	if (a.n < step) {
		for (i = 0; i < a.n && lower(a.p[i]) == lower(b.p[i]);)
			i++;
		return i == a.n;
	}
	for (i = 0; a.n - i > step; i += step)
		if (!is_same_word(a.p + i, b.p + i))
			return false;
	return is_same_word(a.p + a.n - step, b.p + a.n - step); /* some bytes twice, perhaps */
}

bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n &&
	       (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

int str_cmp(struct str a, struct str b)
{
	size_t n = MIN(a.n, b.n);
	int d = n ? memcmp(a.p, b.p, n) : 0;

	if (d)
		return d;
	return (a.n > b.n) - (a.n < b.n);
}

size_t str_find(struct str s, char c, size_t from)
{
	const char *at;

	if (from >= s.n)
		return s.n;
	at = memchr(s.p + from, c, s.n - from);
	return at ? (size_t)(at - s.p) : s.n;
}

bool str_contains(struct str s, struct str part)
{
	if (part.n == 0)
		return true;
	return s.n >= part.n && memmem(s.p, s.n, part.p, part.n) != NULL;
}

struct str str_trim(struct str s)
{
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	while (s.n && is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	return s;
}

struct str str_cut(struct str *s, char sep)
{
	size_t at = str_find(*s, sep, 0);
	struct str head = { s->p, at };

	if (at == s->n)
		*s = STR_NONE;
	else
		*s = (struct str){ s->p + at + 1, s->n - at - 1 };
	return head;
}

struct str str_dup(struct arena *a, struct str s)
{
	char *p;

	if (!s.p)
		return STR_NONE;
	p = arena_alloc(a, s.n + 1);
	if (!p)
		return STR_NONE;
	memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return (struct str){ p, s.n };
}

char *str_cstr(struct arena *a, struct str s)
{
	char *p;

	if (s.n && memchr(s.p, '\0', s.n))
		return NULL;
	p = arena_alloc(a, s.n + 1);
	if (!p)
		return NULL;
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

struct str str_fmt(struct arena *a, const char *fmt, ...)
{
	char brief[256]; /* most texts are, and formatting costs more than copying */
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(brief, sizeof(brief), fmt, ap);
	va_end(ap);
	if (n < 0)
		return STR_NONE;
	if ((size_t)n < sizeof(brief))
		return str_dup(a, (struct str){ brief, (size_t)n });
	p = arena_alloc(a, (size_t)n + 1);
	if (!p)
		return STR_NONE;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return (struct str){ p, (size_t)n };
}

bool str_to_i64(struct str s, int64_t *out)
{
	bool is_negative = s.n && s.p[0] == '-';
	uint64_t limit = is_negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
	uint64_t v = 0;

	if (s.n == (size_t)is_negative)
		return false;
	for (size_t i = is_negative; i < s.n; i++) {
		uint64_t digit = (uint64_t)(s.p[i] - '0');

		if (!is_digit(s.p[i]) || v > (limit - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*out = is_negative ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

/* A decimal's parts: value = mantissa × 10^exponent, exact unless `is_long`. */
struct decimal {
	uint64_t mantissa;
	int exponent;
	bool is_negative, is_long;
};

static size_t read_digits(struct str s, size_t i, struct decimal *d, int step)
{
	for (; i < s.n && is_digit(s.p[i]); i++) {
		if (d->mantissa > (UINT64_MAX - 9) / 10)
			d->is_long = true;
		else
			d->mantissa = d->mantissa * 10 + (uint64_t)(s.p[i] - '0');
		d->exponent += step;
	}
	return i;
}

/* -?digits[.digits][(e|E)[+-]digits]; false when s is anything else. */
static bool read_decimal(struct str s, struct decimal *d)
{
	size_t i = 0, from;
	bool is_minus;
	int e = 0;

	d->is_negative = s.n && s.p[0] == '-';
	from = i = d->is_negative;
	i = read_digits(s, i, d, 0);
	if (i == from)
		return false;
	if (i < s.n && s.p[i] == '.') {
		from = ++i;
		i = read_digits(s, i, d, -1);
		if (i == from)
			return false;
	}
	if (i == s.n)
		return true;
	if (s.p[i] != 'e' && s.p[i] != 'E')
		return false;
	i++;
	is_minus = i < s.n && s.p[i] == '-';
	if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
		i++;
	for (from = i; i < s.n && is_digit(s.p[i]); i++)
		e = MIN(e * 10 + (s.p[i] - '0'), 1000000);
	d->exponent += is_minus ? -e : e;
	return i == s.n && i > from;
}

#define DOUBLE_TEXT_MAX 400

bool str_to_double(struct str s, double *out)
{
	static const double powers[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
					 1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
					 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
	struct decimal d = { 0 };
	char text[DOUBLE_TEXT_MAX];
	double v;

	if (s.n >= sizeof(text) || !read_decimal(s, &d))
		return false;
	/* Both factors are exact, so one operation rounds once and correctly (Clinger 1990). */
	if (FLT_EVAL_METHOD == 0 && !d.is_long && d.mantissa < (1ULL << 53) && d.exponent >= -22 &&
	    d.exponent <= 22) {
		v = (double)d.mantissa;
		v = d.exponent < 0 ? v / powers[-d.exponent] : v * powers[d.exponent];
		*out = d.is_negative ? -v : v;
		return true;
	}
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	v = strtod(text, NULL); /* the programs never leave the C locale */
	if (!isfinite(v))
		return false;
	*out = v;
	return true;
}
