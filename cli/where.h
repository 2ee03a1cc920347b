/* SPDX-License-Identifier: Apache-2.0 */
/* Where the server and its files are, by the global options. */
#pragma once

#include "base/paths.h"
#include "cli/command.h"

/* 0, or an exit code (said). */
int where_paths(struct cli *c, struct paths *out) must_check;
/* Likewise, for what starts a server or writes: the data directory must not be another user's. What
 * root makes there would lock its owner out. */
int where_own_paths(struct cli *c, struct paths *out) must_check;
