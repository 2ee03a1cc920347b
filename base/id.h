/* SPDX-License-Identifier: Apache-2.0 */
/* UUIDv7 (RFC 9562 §5.7) as 36 bytes of lower-case text, monotonic per generator even when the
 * clock goes back: 48 bits ms, 12 bits counter, 62 bits from getrandom. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define ID_LEN 36

struct id_gen {
	int64_t last_ms;
	uint16_t counter;
};

/* Writes ID_LEN bytes and a NUL. */
void id_make(struct id_gen *g, int64_t wall_ms, char out[ID_LEN + 1]);
bool id_is_valid(struct str s); /* 8-4-4-4-12 lower-case hex */
/* n bytes from getrandom; never fails (waits for entropy at boot). */
void id_random(void *out, size_t n);
/* n random characters of [a-z0-9] without look-alikes (0 o 1 l i), NUL behind. */
void id_random_text(char *out, size_t n);
