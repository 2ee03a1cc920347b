/* SPDX-License-Identifier: Apache-2.0 */
/* The generated completion scripts, put into the program at build time (embed.py). */
#pragma once

#include "base/str.h"

struct script {
	const char *shell;
	struct str text;
};

extern const struct script scripts[];
extern const size_t scripts_n;
