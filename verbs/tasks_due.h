/* SPDX-License-Identifier: Apache-2.0 */
/* What time does to tasks and workers: run by the server's scheduler, in a call of its own. */
#pragma once

#include "verbs/call.h"

/* Leases, retries, schedules, limits, beats and the end of what was kept, `max` of each kind at
 * most; *has_more when there was more. */
int tasks_tick(struct call *c, size_t max, bool *has_more) must_check;
/* The workers of this connection are gone, or, for 0, those of every connection of an earlier
 * process. */
int workers_gone(struct call *c, uint64_t connection) must_check;
