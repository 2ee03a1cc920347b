/* SPDX-License-Identifier: Apache-2.0 */
/* The inner loop of the JSON codec, for both directions: how far does text go that is the same
 * inside and outside of quotes? Eight bytes at a time; sixteen, where the machine has them, for
 * JSON in JSON, in which every few bytes are a quote. */
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Marks the bytes of the word that are a quote, a backslash, a control or not ASCII. The lowest
 * mark is right; those above it may be there through its borrow. */
static inline uint64_t json_scan_marks(uint64_t word)
{
	const uint64_t ones = 0x0101010101010101ULL, high = 0x8080808080808080ULL;
	uint64_t quote = word ^ (ones * '"'), backslash = word ^ (ones * '\\');

	return (word | (word - ones * 0x20) | (quote - ones) | (backslash - ones)) & high;
}

/* Eight bytes, the first one lowest. */
static inline uint64_t json_scan_word(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return le64toh(word);
}

static inline bool json_scan_is_plain(char c)
{
	return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

/* The first byte from p on that is not plain, or end. */
static inline const char *json_scan_plain(const char *p, const char *end)
{
	for (; end - p >= (ptrdiff_t)sizeof(uint64_t); p += sizeof(uint64_t)) {
		uint64_t marks = json_scan_marks(json_scan_word(p));

		if (marks)
			return p + __builtin_ctzll(marks) / 8;
	}
	while (p < end && json_scan_is_plain(*p))
		p++;
	return p;
}

/* Copies n bytes up to the first that is not plain; how many there were. */
static inline size_t json_scan_copy(char *to, const char *from, size_t n)
{
	size_t i = 0;

	for (; n - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
		uint64_t marks = json_scan_marks(json_scan_word(from + i));

		memcpy(to + i, from + i, sizeof(uint64_t));
		if (marks)
			return i + (size_t)__builtin_ctzll(marks) / 8;
	}
	for (; i < n && json_scan_is_plain(from[i]); i++)
		to[i] = from[i];
	return i;
}

/* Copies plain bytes and quotes, these with a backslash before them, as far as whole steps go and
 * nothing else comes; how many were read. `*to` moves, with room for twice as many. */
static inline size_t json_scan_copy_quotes(char **to, const char *from, size_t n)
{
	size_t i = 0;
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
	const __m128i space = _mm_set1_epi8(' ');
	char *p = *to;

	for (; n - i >= 2 * sizeof(__m128i); i += sizeof(__m128i)) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(from + i));
		/* as signed bytes what is not ASCII lies below the space too */
		__m128i other = _mm_or_si128(_mm_cmpeq_epi8(v, backslash),
					     _mm_cmplt_epi8(v, space));
		unsigned quotes = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, quote));

		if (_mm_movemask_epi8(other))
			break;
		_mm_storeu_si128((__m128i *)(void *)p, v);
		for (; quotes; quotes &= quotes - 1, p++) { /* what follows moves by one */
			unsigned at = (unsigned)__builtin_ctz(quotes);

			p[at] = '\\';
			memcpy(p + at + 1, from + i + at, sizeof(v));
		}
		p += sizeof(v);
	}
	*to = p;
#endif
	return i;
}
