/* SPDX-License-Identifier: Apache-2.0 */
/* When the calls of firings are made: rounds in the writer's batch, as long as there are firings
 * that are ready. Without any nothing is looked at. Loop thread. */
#pragma once

#include "base/macros.h"

struct reactions;
struct server;
struct store_news;

/* Goes on with what is there from before. */
int reactions_new(struct server *s, struct reactions **out) must_check;
struct reactions *reactions_free(struct reactions *c); /* its round must be over */
/* What a batch left. */
void reactions_tell(struct reactions *c, const struct store_news *news);
/* No round begins any more. Harmless for NULL. */
void reactions_stop(struct reactions *c);
