/* SPDX-License-Identifier: Apache-2.0 */
/* Making the calls of firings. A firing is claimed, its calls are made with the authority that its
 * maker has now, and it is completed, all in one savepoint of the writer's batch: whatever is
 * killed when, they happen once. When one of them fails all of them are undone, and that is put on
 * record. One whose calls end the server would end it again at each start: those that answer an
 * event from before the start are made one a commit, each put down as begun in the commit before,
 * and what was begun three times without an end fails. Writer thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"

struct request;
struct run_writer;

struct firings_care {
	int64_t through; /* seq of the newest event at the start */
	int64_t begun;   /* the firing whose beginning has been committed; 0 = none */
	int64_t begins;  /* the one that the present transaction puts down as begun */
};

/* The next firing, with `child` for its calls. 0; FIRINGS_NONE: there is none; FIRINGS_LATER: the
 * store cannot do it now, nothing was changed; FIRINGS_BEGUN: it is made when this transaction has
 * been committed. Negative when the transaction is beyond help. */
enum { FIRINGS_NONE = 1, FIRINGS_LATER, FIRINGS_BEGUN };
int firings_run_next(struct request *round, struct request *child, struct run_writer *w,
		     struct firings_care *care) must_check;
