/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a message before it is a call, and under which id that is answered: the same
 * on lines, at /rpc and at /mcp. */
#pragma once

#include "base/json.h"
#include "verbs/call.h"

/* The id as it was written, when it may be repeated: text, a number or null; else NONE. */
struct str message_id(const struct json *id);
/* For an error about the message: NONE when it has no id, "null" when it cannot be repeated. */
struct str message_error_id(const struct json *message);
/* Of a message that json_parse() refused: the id when the message is a call all the same; else
 * NONE. */
struct str message_id_refused(int fault, const struct json *message);
/* What a json_fault is to the caller. Texts live in the arena. */
void message_fail(struct arena *a, const struct json_error *error, struct call_failure *out);
