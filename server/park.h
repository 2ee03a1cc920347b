/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that wait for something to happen (CALL_WAIT), by the subject they wait for. Loop thread.
 */
#pragma once

#include <stddef.h>

#include "base/macros.h"
#include "base/str.h"

struct park;
struct request;
struct server;

int park_new(struct server *s, struct park **out) must_check;
struct park *park_free(struct park *p); /* must be empty */
/* By r->call.wait; woken by its subject or when its time is over. Negative when memory is out. */
int park_add(struct park *p, struct request *r) must_check;
/* Takes it out; harmless when it is not in. */
void park_remove(struct park *p, struct request *r);
/* Something happened to the subject: marks who waits for it, and those who wait for anything. */
void park_wake(struct park *p, struct str subject);
/* Runs again all that were marked. */
void park_run(struct park *p);
/* Ends all with `shutting_down`. */
void park_drain(struct park *p);
size_t park_n(const struct park *p);
