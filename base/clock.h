/* SPDX-License-Identifier: Apache-2.0 */
/* Time. Wall time for what people see and what is stored, boot time (goes on during suspend, never
 * jumps) for every interval and deadline. Tests put a fake clock in its place. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct buf;

struct clock {
	bool is_fake;
	int64_t fake_wall_ms, fake_boot_us;
};

/* Milliseconds since 1970, UTC. */
int64_t clock_wall_ms(const struct clock *c);
/* Microseconds, milliseconds of CLOCK_BOOTTIME. */
int64_t clock_boot_us(const struct clock *c);
int64_t clock_boot_ms(const struct clock *c);
/* Moves a fake clock; the wall goes along. */
void clock_advance(struct clock *c, int64_t ms);

/* "2026-11-21T10:00:00.000Z": always 24 bytes and the NUL, milliseconds always. Years 0001–9999;
 * outside it is clamped. */
#define CLOCK_RFC3339_MAX 25
size_t clock_format(char out[CLOCK_RFC3339_MAX], int64_t ms);
/* RFC 3339 §5.6 with any offset, `T` or space, fraction optional and cut to milliseconds. A leap
 * second counts as the next second's start. */
bool clock_parse(struct str s, int64_t *out_ms);
