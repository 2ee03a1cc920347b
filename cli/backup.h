/* SPDX-License-Identifier: Apache-2.0 */
/* `questd backup FILE` while the server runs, `questd restore FILE` while none does. */
#pragma once

#include "cli/command.h"

int backup_run(struct cli *c, struct args *a);
int restore_run(struct cli *c, struct args *a);
