/* SPDX-License-Identifier: Apache-2.0 */
/* Is a key there twice? Part of the JSON parser, a file of its own because it must not be
 * quadratic. */
#pragma once

#include "base/json.h"

enum { JSON_KEYS_AGAIN = 1 };

/* 0; JSON_KEYS_AGAIN with the later member of the pair; or negative when memory is out. */
int json_keys_check(const struct json_member *members, size_t n,
		    const struct json_member **out) must_check;
