/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/relay_hello.h"

#include "base/err.h"
#include "base/json.h"
#include "cli/relay_ids.h"
#include "cli/say.h"
#include "cli/token.h"

void relay_hello_put(struct buf *out, const char *toolsets, bool is_read_only)
{
	struct json_out w = json_out(out);
	struct str rest = str_from(toolsets);

	json_begin_object(&w);
	JSON_KV_STR(&w, "jsonrpc", STR("2.0"));
	JSON_KV_STR(&w, "method", STR("relay.hello"));
	json_key(&w, STR("params"));
	json_begin_object(&w);
	if (rest.p) {
		json_key(&w, STR("toolsets"));
		json_begin_array(&w);
		while (rest.p)
			json_str(&w, str_trim(str_cut(&rest, ',')));
		json_end_array(&w);
	}
	JSON_KV_BOOL(&w, "read_only", is_read_only);
	json_end_object(&w);
	json_end_object(&w);
	buf_put_char(out, '\n');
}

int relay_hello_key(struct relay_notes *notes, struct cli *c)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	struct relay_scan scan;
	struct relay_message m;
	struct str key;
	int e = token_read(c, &key);

	if (e)
		return e;
	buf_init(&line, 0);
	token_put_use(&line, key);
	if (line.failed)
		return say_fault(err_nomem(), NULL);
	relay_scan_begin(&scan, buf_str(&line), &notes->scratch);
	if (relay_scan_next(&scan, &m))
		relay_replay_note(&notes->replay, &m);
	return 0;
}
