/* SPDX-License-Identifier: Apache-2.0 */
/* Making the calls of firings. A firing is claimed, its calls are made with the authority that its
 * maker has now, and it is completed, all in one savepoint of the writer's batch: whatever is
 * killed when, they happen once. When one of them fails all of them are undone, and that is put on
 * record. Writer thread. */
#pragma once

#include <stdbool.h>

#include "base/macros.h"

struct request;
struct run_writer;

/* The next firing, with `child` for its calls. 0; FIRINGS_NONE: there is none; FIRINGS_LATER: the
 * store cannot do it now, nothing was changed. Negative when the transaction is beyond help. */
enum { FIRINGS_NONE = 1, FIRINGS_LATER };
int firings_run_next(struct request *round, struct request *child, struct run_writer *w) must_check;
