/* SPDX-License-Identifier: Apache-2.0 */
/* Asking before what cannot be undone. */
#pragma once

#include <stdbool.h>

#include "base/macros.h"

struct cli;

/* True with --yes, or when a person at a terminal says yes. Without a terminal, or with --no-input,
 * nothing is asked and the answer is no. */
bool confirm_asked(struct cli *c, const char *fmt, ...) printf_like(2, 3);
