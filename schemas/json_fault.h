/* SPDX-License-Identifier: Apache-2.0 */
/* How a message is refused that is no JSON, or none that is taken (TM-RPC-02): the server does it,
 * and the relay where no server can be had. */
#pragma once

#include <stdint.h>

#include "base/str.h"
#include "types.gen.h"

struct arena;
struct json_error;

struct json_fault_info {
	enum error_code code;
	int64_t limit;   /* 0 = not one of size */
	struct str hint; /* NONE: the code's */
};

/* Of a positive result of json_parse(). */
const struct json_fault_info *json_fault_of(int fault);
/* What was wrong and where, in words. NONE when memory is out. */
struct str json_fault_text(struct arena *a, const struct json_error *error);
