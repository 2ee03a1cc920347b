/* SPDX-License-Identifier: Apache-2.0 */
#include "server/message.h"

#include "base/rpc_limits.h"
#include "schemas/json_fault.h"

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
	const struct json_fault_info *info = json_fault_of(error->fault);

	*out = (struct call_failure){
		.code = info->code,
		.message = json_fault_text(a, error),
		.hint = info->hint,
	};
	add_int(out, "at", (int64_t)error->at);
	if (info->limit)
		add_int(out, "limit", info->limit);
}
