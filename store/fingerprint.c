/* SPDX-License-Identifier: Apache-2.0 */
/* MinHash: each of 32 hash functions keeps its least value over all runs of three words. */
#include "store/fingerprint.h"

#include <stdbool.h>

static uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ (x >> 33);
}

static void add(struct fingerprint *f, uint64_t run)
{
	uint64_t a = mix(run), b = mix(run ^ 0x9e3779b97f4a7c15ULL) | 1;

	for (unsigned i = 0; i < FINGERPRINT_N; i++) {
		uint32_t value = (uint32_t)((a + i * b) >> 32);

		if (value < f->v[i])
			f->v[i] = value;
	}
}

static bool is_blank(unsigned char c)
{
	return c < 0x80 && !((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z'));
}

/* The next word as a number: bytes of ASCII words are folded and taken together, bytes beyond ASCII
 * make a word a code point. 0 at the end. */
static uint64_t next_word(struct str text, size_t *at)
{
	uint64_t word = 0xcbf29ce484222325ULL;
	size_t i = *at;

	while (i < text.n && is_blank((unsigned char)text.p[i]))
		i++;
	if (i == text.n) {
		*at = i;
		return 0;
	}
	if ((unsigned char)text.p[i] >= 0x80) {
		do
			word = (word ^ (unsigned char)text.p[i++]) * 0x100000001b3ULL;
		while (i < text.n && ((unsigned char)text.p[i] & 0xc0) == 0x80);
	} else {
		do {
			unsigned char c = (unsigned char)text.p[i++];

			word = (word ^ (c >= 'A' && c <= 'Z' ? c | 32u : c)) * 0x100000001b3ULL;
		} while (i < text.n && (unsigned char)text.p[i] < 0x80 &&
			 !is_blank((unsigned char)text.p[i]));
	}
	*at = i;
	return word | 1;
}

void fingerprint_make(struct str text, struct fingerprint *out)
{
	uint64_t word, before = 0, before_that = 0;
	size_t at = 0, n = 0;

	for (unsigned i = 0; i < FINGERPRINT_N; i++)
		out->v[i] = UINT32_MAX;
	for (; (word = next_word(text, &at)); n++) {
		if (n >= 2)
			add(out, before_that * 3 + before * 5 + word * 7);
		before_that = before;
		before = word;
	}
	if (n == 1 || n == 2) /* too short for a run of three: the words together are the run */
		add(out, before_that * 3 + before * 5);
}

int64_t fingerprint_band(const struct fingerprint *f, unsigned band)
{
	const uint32_t *v = f->v + band * (FINGERPRINT_N / FINGERPRINT_BANDS);
	uint64_t h = band + 1;

	for (unsigned i = 0; i < FINGERPRINT_N / FINGERPRINT_BANDS; i++)
		h = mix(h ^ v[i]) * 31;
	return (int64_t)(h >> 1);
}

double fingerprint_similarity(const struct fingerprint *a, const struct fingerprint *b)
{
	unsigned n = 0;

	for (unsigned i = 0; i < FINGERPRINT_N; i++)
		n += a->v[i] == b->v[i];
	return (double)n / FINGERPRINT_N;
}
