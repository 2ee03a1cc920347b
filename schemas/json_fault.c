/* SPDX-License-Identifier: Apache-2.0 */
/* What the grammar allows and we do not is no request; the rest is no JSON, and a number that
 * cannot be held is as good as none. */
#include "schemas/json_fault.h"

#include "base/arena.h"
#include "base/json.h"

#define KEY_SHOWN 64

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

struct str json_fault_text(struct arena *a, const struct json_error *error)
{
	if (!error->key.p)
		return str_fmt(a, "%s at byte %zu", error->text, error->at);
	return str_fmt(a, "%s '%.*s' at byte %zu", error->text,
		       STR_ARG(str_utf8_prefix(error->key, KEY_SHOWN)), error->at);
}
