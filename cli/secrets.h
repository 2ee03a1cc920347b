/* SPDX-License-Identifier: Apache-2.0 */
/* questd secrets: credentials, for people. A value comes from a terminal that does not show it, or
 * from a pipe; never from the command line, which every program on the machine may read. */
#pragma once

#include "cli/command.h"

extern const struct args_option secrets_options[];
extern const size_t secrets_n_options;

int secrets_run(struct cli *c, struct args *a);
