/* SPDX-License-Identifier: Apache-2.0 */
/* What time does to schedules: exactly one run a due time, whatever the clock does. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "verbs/call.h"

/* Runs what is due, at most `max` schedules; in the server's own transaction. */
int schedules_tick(struct call *c, size_t max, bool *has_more) must_check;
/* Was the clock set back behind due times that have been dealt with? Then the next schedules_tick
 * looks at all schedules again, by and by. */
int schedules_are_ahead(struct store_tx *tx, bool *out) must_check;
