/* SPDX-License-Identifier: Apache-2.0 */
/* Whose tokens let people in. */
#pragma once

#include <stddef.h>

#include "base/macros.h"
#include "server/options.h"

/* 0, or OPTIONS_BAD with the text. */
int options_auth(const struct options *o, char *text, size_t cap) must_check;
