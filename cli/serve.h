/* SPDX-License-Identifier: Apache-2.0 */
/* `questd serve`: becomes questd-server, in the foreground. */
#pragma once

#include "cli/command.h"

int serve_run(struct cli *c, struct args *a);
