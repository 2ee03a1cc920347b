/* SPDX-License-Identifier: Apache-2.0 */
/* What a command is given on stdin. */
#pragma once

#include "cli/command.h"

/* All of it, up to 16 MiB: 0, or an exit code (said). */
int input_read(struct cli *c, struct str *out);
