/* SPDX-License-Identifier: Apache-2.0 */
/* Two threads that read what takes longer than the loop can wait. A scan that goes on for too long
 * is cut short, so that it does not keep the log from being cut. */
#pragma once

#include <stdbool.h>

#include "base/list.h"
#include "base/macros.h"

struct queue;
struct request;
struct scanners;
struct server;

/* What was run goes to `done`. */
int scanners_new(struct server *s, struct queue *done, struct scanners **out) must_check;
/* Everything must have come back. Joins the threads. */
struct scanners *scanners_free(struct scanners *t);
/* 0, or QUEUE_FULL: the request stays the caller's. */
int scanners_put(struct scanners *t, struct list *item) must_check;
/* Interrupts the scan, where one has begun it. */
void scanners_cancel(struct scanners *t, const struct request *r);
/* Interrupts those that have gone on for too long. Look as often as every 200 ms. */
void scanners_look(struct scanners *t);
