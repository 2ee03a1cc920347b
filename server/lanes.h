/* SPDX-License-Identifier: Apache-2.0 */
/* The threads beside the loop, as the loop sees them: one that writes, two that scan. Whole
 * requests go to them through bounded queues and come back through one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

struct lanes;
struct request;
struct server;

int lanes_new(struct server *s, struct lanes **out) must_check;
/* Everything must have come back. Joins the threads. */
struct lanes *lanes_free(struct lanes *l);

/* Gathered until the end of the loop's turn, then handed over together; a lone caller's call goes
 * at once. The request is the lane's then. */
void lanes_write(struct lanes *l, struct request *r);
void lanes_scan(struct lanes *l, struct request *r);
/* r->is_cancelled was set: takes it back when it is not in a thread yet (true: it is the caller's
 * again), or interrupts its scan. */
bool lanes_cancel(struct lanes *l, struct request *r);
struct lanes_stats {
	size_t n_writes, n_scans; /* waiting or running */
	uint64_t n_batches, n_batched;
};
void lanes_stats(const struct lanes *l, struct lanes_stats *out);
/* The store is lost (a failed fsync, a directory that went away): the server must end at once. */
bool lanes_is_fatal(const struct lanes *l);
