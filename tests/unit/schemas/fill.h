/* SPDX-License-Identifier: Apache-2.0 */
/* Structs of any shape with made-up content, and their comparison: for tests of properties. */
#pragma once

#include "schemas/shape.h"

struct fill {
	uint64_t state; /* of the generator: the seed, not 0 */
	struct arena *arena;
};

uint64_t fill_random(struct fill *f, uint64_t below);
/* Fills the zeroed struct with values that the shape allows. */
void fill_struct(struct fill *f, const struct shape *s, void *out);
/* The name of the first field that differs, or NONE. */
struct str fill_difference(const struct shape *s, const void *a, const void *b);
