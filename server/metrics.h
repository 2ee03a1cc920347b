/* SPDX-License-Identifier: Apache-2.0 */
/* Counters, and their Prometheus text (format 0.0.4). Loop thread. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/macros.h"
#include "types.gen.h"

struct metrics;
struct request;
struct server;

int metrics_new(struct metrics **out) must_check;
struct metrics *metrics_free(struct metrics *m);
/* A call is over; `us` since it began. */
void metrics_call(struct metrics *m, const struct request *r, int64_t us);
/* Something was refused before it became a call of a verb. */
void metrics_refused(struct metrics *m, enum error_code why);
/* The whole page, as /metrics answers it. */
void metrics_write(struct server *s, struct buf *b);
