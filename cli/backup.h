/* SPDX-License-Identifier: Apache-2.0 */
/* `questd backup FILE` while the server runs, `questd restore FILE` while none does. */
#pragma once

#include "cli/command.h"

int backup_run(struct cli *c, struct args *a);
int restore_run(struct cli *c, struct args *a);
/* Is --restore FILE among the flags that a server is to have? It is then no server that is wanted,
 * but the command restore, which asks; no other flag goes with it. */
bool restore_is_meant(const struct args *a);
int restore_run_flag(struct cli *c, struct args *a);
