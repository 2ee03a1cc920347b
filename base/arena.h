/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that lives as long as one call: bump allocation, nothing is freed singly.
 *
 * An arena has a limit. Reaching it, or malloc failing, yields NULL and sets `is_out`, which stays
 * set until reset; callers return err_nomem(). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks; /* the one in use first */
	char *at, *end;
	size_t n_bytes; /* in all chunks */
	size_t limit;   /* of n_bytes; 0 = none */
	bool is_out;
};

void arena_init(struct arena *a, size_t limit);
void arena_deinit(struct arena *a);
/* Forgets all allocations; keeps one small chunk so that the next call costs no malloc. */
void arena_reset(struct arena *a);
/* The same, and what they held is overwritten. */
void arena_wipe(struct arena *a);

/* Aligned for any type, not zeroed. NULL when out. n == 0 gives a valid pointer. */
void *arena_alloc(struct arena *a, size_t n) must_check;
void *arena_zalloc(struct arena *a, size_t n) must_check;
/* n elements, overflow checked, zeroed. */
void *arena_array(struct arena *a, size_t n, size_t size) must_check;
void *arena_dup(struct arena *a, const void *p, size_t n) must_check;

#define ARENA_NEW(a, type)      ((type *)arena_zalloc((a), sizeof(type)))
#define ARENA_ARRAY(a, n, type) ((type *)arena_array((a), (n), sizeof(type)))
