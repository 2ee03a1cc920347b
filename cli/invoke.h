/* SPDX-License-Identifier: Apache-2.0 */
/* Calling a verb for somebody at a command line: confirmation, the call, its answer printed. */
#pragma once

#include "cli/command.h"

struct verb;

/* `verb` is NULL when nobody here knows the method. Returns the exit code. */
int invoke(struct cli *c, const struct verb *verb, struct str method, struct str params);
