/* SPDX-License-Identifier: Apache-2.0 */
/* Help: of questd, of a command, of a noun, of a verb with its fields, errors and examples. */
#pragma once

#include "cli/command.h"

int help_run(struct cli *c, struct args *a);
/* The overview, or help for what the words name; to stdout. Returns the exit code. */
int help_about(struct cli *c, const char *const *words, int n);
