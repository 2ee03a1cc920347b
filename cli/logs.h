/* SPDX-License-Identifier: Apache-2.0 */
/* `questd logs`: what a server in the background has said. */
#pragma once

#include "cli/command.h"

extern const struct args_option logs_options[];
extern const size_t logs_n_options;

int logs_run(struct cli *c, struct args *a);
