/* SPDX-License-Identifier: Apache-2.0 */
/* What the grammar allows and we do not is no request; the rest is no JSON, and a number that
 * cannot be held is as good as none. */
#include "schemas/json_fault.h"

#include "base/json.h"

/* clang-format off */
static const struct json_fault_info faults[] = {
	[JSON_SYNTAX]        = { ERROR_PARSE_ERROR, 0, { NULL, 0 } },
	[JSON_UTF8]          = { ERROR_PARSE_ERROR, 0, { NULL, 0 } },
	[JSON_DUPLICATE_KEY] = { ERROR_INVALID_REQUEST, 0,
				 STR("an object names each of its members once") },
	[JSON_TOO_DEEP]      = { ERROR_INVALID_REQUEST, JSON_DEPTH_MAX,
				 STR("nest it less, or send the inner parts as text") },
	[JSON_TOO_MANY]      = { ERROR_INVALID_REQUEST, JSON_NODES_MAX,
				 STR("send it in parts") },
	[JSON_NUMBER_RANGE]  = { ERROR_PARSE_ERROR, 0,
				 STR("a number is an integer of 64 bits or a double, in at most 64 "
				     "characters; send another one as text") },
};
/* clang-format on */

const struct json_fault_info *json_fault_of(int fault)
{
	return &faults[fault];
}
