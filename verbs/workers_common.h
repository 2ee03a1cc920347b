/* SPDX-License-Identifier: Apache-2.0 */
/* The states of a worker, and what it holds when it goes. */
#pragma once

#include "verbs/tasks_common.h"

/* A sign of life: as it stands while it is there. Kept by store_worker_set. */
void worker_alive(struct call *c, struct store_worker *w);
/* Its connection or its beats are gone: its claims stay until its grace is over. */
int worker_lost(struct call *c, struct store_worker *w) must_check;
/* All that it holds is made ready for others; how many. */
int worker_release_all(struct call *c, const struct store_worker *w, enum task_reason why,
		       int64_t *out_n) must_check;
int worker_event(struct call *c, const char *kind, const struct store_worker *w) must_check;
