/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's own word for what it cannot read. */
#include "cli/relay_unreadable.h"

#include "base/err.h"
#include "base/json.h"
#include "base/rpc_limits.h"
#include "cli/relay_open.h"
#include "schemas/json_fault.h"

/* A call with a number that cannot be held has an id all the same. */
static bool has_id(const struct json *m)
{
	const struct json *id = json_get(m, STR("id"));

	return id && id->type != JSON_NONE && json_get_str(m, STR("method")).p;
}

static void refuse(struct arena *scratch, const struct json_error *error, struct buf *out)
{
	const struct json_fault_info *fault = json_fault_of(error->fault);
	const struct error_info *info = &error_table[fault->code];

	relay_refusal_put(&(struct relay_refusal){ .code = info->code,
						   .name = info->name,
						   .message = json_fault_text(scratch, error),
						   .hint = fault->hint.p ? fault->hint : info->hint,
						   .is_retryable = info->is_retryable,
						   .has_place = true,
						   .at = (int64_t)error->at,
						   .limit = fault->limit },
			  STR("null"), out);
}

static void judge(struct arena *scratch, struct str line, struct buf *out)
{
	struct json_error error;
	struct json all = { 0 };
	int e;

	if (line.n == 0 || line.n > RPC_LINE_MAX)
		return;
	arena_reset(scratch);
	e = json_parse(scratch, line, &all, &error);
	if (e > 0 && !(e == JSON_NUMBER_RANGE && has_id(&all)))
		refuse(scratch, &error, out);
	if (e < 0)
		err_forget(); /* memory is out: nothing can be said of it */
	arena_reset(scratch);
}

void relay_refuse_unreadable(struct arena *scratch, struct str lines, struct buf *out)
{
	while (lines.n > 0) {
		struct str line = str_cut(&lines, '\n');

		if (str_ends(line, STR("\r")))
			line.n--;
		judge(scratch, line, out);
	}
}
