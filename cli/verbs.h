/* SPDX-License-Identifier: Apache-2.0 */
/* `questd verbs`: what there is to call, without a server. */
#pragma once

#include "cli/command.h"

int verbs_run(struct cli *c, struct args *a);
