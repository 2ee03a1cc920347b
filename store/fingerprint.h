/* SPDX-License-Identifier: Apache-2.0 */
/* Fingerprints of texts (MinHash over runs of three words): the share of equal numbers in two of
 * them estimates how much two texts have in common. Texts worth comparing share a band (8 bands of
 * 4), so an index of bands finds them without reading the others. */
#pragma once

#include <stdint.h>

#include "base/str.h"

enum { FINGERPRINT_N = 32, FINGERPRINT_BANDS = 8 };
#define FINGERPRINT_BYTES (FINGERPRINT_N * 4)

struct fingerprint {
	uint32_t v[FINGERPRINT_N];
};

/* Case, blanks and punctuation do not count. */
void fingerprint_make(struct str text, struct fingerprint *out);
int64_t fingerprint_band(const struct fingerprint *f, unsigned band);
/* 0 to 1. */
double fingerprint_similarity(const struct fingerprint *a, const struct fingerprint *b);
