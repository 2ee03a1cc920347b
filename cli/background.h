/* SPDX-License-Identifier: Apache-2.0 */
/* `questd start`, `stop`, `restart`: a server in the background, its log in DIR/questd.log. */
#pragma once

#include "cli/command.h"

extern const struct args_option background_start_options[];
extern const size_t background_n_start_options;

int background_start(struct cli *c, struct args *a);
int background_stop(struct cli *c, struct args *a);
int background_restart(struct cli *c, struct args *a);
