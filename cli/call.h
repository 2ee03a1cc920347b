/* SPDX-License-Identifier: Apache-2.0 */
/* `questd call METHOD [JSON | - | key=value …]`: any method, as a script wants it. */
#pragma once

#include "cli/command.h"

int call_run(struct cli *c, struct args *a);
