/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of a story, each of which fails in every way before it is taken. */
#pragma once

#include "tests/unit/verbs/world.h"

/* In params "$3" stands for the id of the third step's result, "#3" for its token or receipt. */
struct step {
	const char *verb, *params;
};

enum { FAULT_POINTS = 3, FAULT_SWALLOWED = 1000 /* something failed, and nothing was said */ };
extern const char *const fault_points[FAULT_POINTS]; /* a statement, a row, a piece of memory */

/* Before each step every hit of each point fails once: the call says so, and is undone. */
void faults_each(struct world *w, const struct step *steps, size_t n);
