/* SPDX-License-Identifier: Apache-2.0 */
/* `questd completion SHELL` prints the script that completes questd's words there; the script asks
 * `questd complete-ids TYPE` for the ids of live objects. */
#pragma once

#include "cli/command.h"

int completion_run(struct cli *c, struct args *a);
int completion_ids_run(struct cli *c, struct args *a);
