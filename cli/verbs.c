/* SPDX-License-Identifier: Apache-2.0 */
/* questd verbs. */
#include "cli/verbs.h"

#include "base/json.h"
#include "cli/print.h"
#include "verbs.gen.h"

int verbs_run(struct cli *c, struct args *a)
{
	CLEANUP(buf_deinit) struct buf b;
	struct args_spec spec = { 0 };
	struct json_out w = json_out(&b);
	int e = args_parse(c, a, &spec);

	if (e)
		return e;
	buf_init(&b, 0);
	json_begin_object(&w);
	json_key(&w, STR("items"));
	json_begin_array(&w);
	for (size_t i = 0; i < VERB_MAX; i++) {
		const struct verb *v = &verb_table[i];

		json_begin_object(&w);
		JSON_KV_STR(&w, "verb", v->name);
		JSON_KV_STR(&w, "summary", v->summary);
		JSON_KV_STR(&w, "toolset", v->toolset);
		JSON_KV_STR(&w, "lane", verb_lane_text(v->lane));
		JSON_KV_BOOL(&w, "read_only", v->is_read_only);
		json_end_object(&w);
	}
	json_end_array(&w);
	json_end_object(&w);
	return print_own(c, &b);
}
