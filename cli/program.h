/* SPDX-License-Identifier: Apache-2.0 */
/* Asking questd-server what only it can tell: whether its settings and the database are sound. */
#pragma once

#include <stdint.h>

#include "base/arena.h"

enum { PROGRAM_NONE = -1, PROGRAM_SLOW = -2 };

struct program_said {
	int code;        /* its exit code, or one of the above */
	char said[2048]; /* the first line it wrote, without the name before it */
};

/* questd-server on this data directory with further arguments (NULL-terminated, at most 64), ended
 * when it takes longer. */
void program_ask(struct arena *a, const char *data_dir, char *const *args, int64_t patience_ms,
		 struct program_said *out);
