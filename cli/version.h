/* SPDX-License-Identifier: Apache-2.0 */
/* `questd version`. */
#pragma once

#include "cli/command.h"

int version_run(struct cli *c, struct args *a);
