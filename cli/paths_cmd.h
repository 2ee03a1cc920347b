/* SPDX-License-Identifier: Apache-2.0 */
/* `questd paths`: where everything lies. */
#pragma once

#include "cli/command.h"

int paths_run(struct cli *c, struct args *a);
