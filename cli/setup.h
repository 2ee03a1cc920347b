/* SPDX-License-Identifier: Apache-2.0 */
/* `questd setup`: data directory, key file, token, and the lines to paste. Again and again gives
 * the same; nothing that is there is replaced, but for the token with --rotate-token. */
#pragma once

#include "cli/command.h"

extern const struct args_option setup_options[];
extern const size_t setup_n_options;

int setup_run(struct cli *c, struct args *a);
