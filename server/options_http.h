/* SPDX-License-Identifier: Apache-2.0 */
/* Where HTTP listens, and whether that is allowed. */
#pragma once

#include <stddef.h>

#include "base/macros.h"
#include "server/options.h"

/* Fills what follows from o->http. 0, OPTIONS_BAD with the text, or negative. */
int options_http(struct options *o, char *text, size_t cap) must_check;
