/* SPDX-License-Identifier: Apache-2.0 */
/* Writes that wait until there is something to take (CALL_WAIT): claims for a task, receives for
 * mail. They stand by the place where it comes, oldest first, each with its offer in memory, so
 * that a task that became ready wakes one who can do it and nobody else. Loop thread. */
#pragma once

#include <stddef.h>

#include "base/macros.h"

struct claims;
struct request;
struct server;
struct store_news;

int claims_new(struct server *s, struct claims **out) must_check;
struct claims *claims_free(struct claims *c); /* must be empty */
/* By r->call.wait. Negative when memory is out. */
int claims_add(struct claims *c, struct request *r) must_check;
/* Takes it out; harmless when it is not in. */
void claims_remove(struct claims *c, struct request *r);
/* What a batch left: runs again as many as there is something for. */
void claims_tell(struct claims *c, const struct store_news *news);
/* One that was woken ended with nothing: the next behind it looks. */
void claims_pass(struct claims *c, struct request *r);
/* Ends all with `shutting_down`. */
void claims_drain(struct claims *c);
size_t claims_n(const struct claims *c);
