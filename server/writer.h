/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that writes. It takes what is queued and never waits for more; its batch is one
 * transaction and comes back with one wake-up. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/macros.h"

struct queue;
struct server;
struct writer;

/* What was run goes to `done`; that is closed when the writer ends. */
int writer_new(struct server *s, struct queue *done, struct writer **out) must_check;
/* Everything must have come back. Joins the thread. */
struct writer *writer_free(struct writer *w);
void writer_put(struct writer *w, struct list *items);
/* Before all that waits: its caller has nothing else under way, so there is no order to keep. */
void writer_put_lone(struct writer *w, struct list *item);
/* For want of memory: then everybody who waits looks. Asking answers for it. */
bool writer_has_lost_news(struct writer *w);
/* The store is lost: what the last batch came to is not known. */
bool writer_is_fatal(const struct writer *w);
void writer_count(const struct writer *w, uint64_t *out_batches, uint64_t *out_batched);
