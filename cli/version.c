/* SPDX-License-Identifier: Apache-2.0 */
/* questd version. */
#include "cli/version.h"

#include "base/json.h"
#include "cli/print.h"
#include "cli/say.h"

int version_run(struct cli *c, struct args *a)
{
	CLEANUP(buf_deinit) struct buf b;
	struct args_spec spec = { 0 };
	struct json_out w = json_out(&b);
	int e = args_parse(c, a, &spec);

	if (e)
		return e;
	buf_init(&b, 0);
	if (!print_is_json(c)) {
		BUF_LIT(&b, "questd " QUESTD_VERSION "\n");
		return say_out(&b);
	}
	json_begin_object(&w);
	JSON_KV_STR(&w, "version", STR(QUESTD_VERSION));
	json_end_object(&w);
	return print_own(c, &b);
}
