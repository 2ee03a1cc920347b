/* SPDX-License-Identifier: Apache-2.0 */
/* What time does to tasks, workers, mail and schedules: one timer at the earliest time that the
 * store has, one round of work in the writer's batch when it comes. Nothing is looked at in
 * between. Loop thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"

struct scheduler;
struct server;
struct store_news;

/* Looks at what is due from before. */
int scheduler_new(struct server *s, struct scheduler **out) must_check;
struct scheduler *scheduler_free(struct scheduler *c); /* its round must be over */
/* What a batch left. */
void scheduler_tell(struct scheduler *c, const struct store_news *news);
/* The workers that registered there are gone. Harmless for NULL. */
void scheduler_connection_gone(struct scheduler *c, uint64_t connection);
/* No round begins any more. Harmless for NULL. */
void scheduler_stop(struct scheduler *c);
/* Is there a task to be done, a worker, a hook or an enabled channel that is there, or a schedule
 * that will be due, so that the server must be? */
bool scheduler_has_work(const struct scheduler *c);
