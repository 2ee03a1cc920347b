/* SPDX-License-Identifier: Apache-2.0 */
/* Holding events against subscriptions: at the end of the writer's batch, in its transaction, each
 * event that concerns any is met by those that it may concern, in order, and leaves their firings.
 * What does not fit in a batch is left in the table and goes on in the next. Writer thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

struct run_writer;

/* At most so many subscriptions are looked at. 0: all is done; MATCHING_MORE; MATCHING_STUCK: as
 * many firings wait as may, or the store cannot do it now. Negative when the transaction is beyond
 * help. */
enum { MATCHING_MORE = 1, MATCHING_STUCK };
int matching_run(struct run_writer *w, int64_t now_ms, size_t max) must_check;
