/* SPDX-License-Identifier: Apache-2.0 */
/* A line that is typed and not shown. */
#pragma once

#include "base/buf.h"
#include "cli/command.h"

/* What stands before it is said on stderr. 0, or an exit code (said); the terminal is as it was,
 * also after a signal, which is then given its way. */
int hidden_read(struct cli *c, const char *prompt, struct buf *out);
