/* SPDX-License-Identifier: Apache-2.0 */
/* `questd status`: does a server run, which one, and how does it do. */
#pragma once

#include "cli/command.h"

int status_run(struct cli *c, struct args *a);
