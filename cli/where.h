/* SPDX-License-Identifier: Apache-2.0 */
/* Where the server and its files are, by the global options. */
#pragma once

#include "base/paths.h"
#include "cli/command.h"

/* 0, or an exit code (said). */
int where_paths(struct cli *c, struct paths *out) must_check;
