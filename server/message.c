/* SPDX-License-Identifier: Apache-2.0 */
#include "server/message.h"

#include "base/rpc_limits.h"

/* TM-RPC-02: what the grammar allows and we do not is no request; the rest is no JSON, and a number
 * that cannot be held is as good as none. */
/* clang-format off */
static const struct {
	enum error_code code;
	int64_t limit; /* 0 = not one of size */
	struct str hint; /* NONE: the code's */
} faults[] = {
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

struct str message_id(const struct json *id)
{
	if (!id || id->raw.n > RPC_ID_MAX)
		return STR_NONE;
	switch (id->type) {
	case JSON_STRING:
	case JSON_INT:
	case JSON_DOUBLE:
	case JSON_NULL:
		return id->raw;
	default:
		return STR_NONE;
	}
}

struct str message_error_id(const struct json *message)
{
	const struct json *id = json_get(message, STR("id"));
	struct str text = message_id(id);

	return id && !text.p ? STR("null") : text;
}

struct str message_id_refused(int fault, const struct json *message)
{
	/* with another fault there is no message; an answer to a request of ours is not answered */
	if (fault != JSON_NUMBER_RANGE || !json_get_str(message, STR("method")).p)
		return STR_NONE;
	return message_id(json_get(message, STR("id")));
}

static void add_int(struct call_failure *f, const char *key, int64_t value)
{
	f->data[f->n_data++] =
	    (struct call_datum){ .key = key, .kind = CALL_DATUM_INT, .i = value };
}

void message_fail(struct arena *a, const struct json_error *error, struct call_failure *out)
{
	*out = (struct call_failure){
		.code = faults[error->fault].code,
		.message = str_fmt(a, "%s at byte %zu", error->text, error->at),
		.hint = faults[error->fault].hint,
	};
	add_int(out, "at", (int64_t)error->at);
	if (faults[error->fault].limit)
		add_int(out, "limit", faults[error->fault].limit);
}
