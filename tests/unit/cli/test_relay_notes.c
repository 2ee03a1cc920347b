/* SPDX-License-Identifier: Apache-2.0 */
/* What the relay remembers of a line whose numbers the server cannot hold: it is answered under its
 * id, and nothing else comes of it. */
#include <stdio.h>

#include "base/buf.h"
#include "cli/relay_notes.h"
#include "tests/unit/test.h"

#define CALL(head, number) "{\"jsonrpc\":\"2.0\"," head "\"params\":{\"x\":" number "}}"

static size_t n_open_after(struct relay_notes *n, const char *line)
{
	relay_notes_take(n, str_from(line), true);
	return n->open.ids.n;
}

TEST(relay_notes_a_call_with_a_number_out_of_range_is_open)
{
	struct relay_notes n;

	relay_notes_init(&n);
	CHECK_INT(n_open_after(&n, CALL("\"id\":7,\"method\":\"system.ping\",", "1e999")), 1);
	CHECK(relay_open_has(&n.open, STR("7")));
	CHECK_INT(n_open_after(&n, CALL("\"id\":\"b\",\"method\":\"a.b\",", "9223372036854775808")),
		  2);
	CHECK(relay_open_has(&n.open, STR("\"b\"")));
	CHECK_INT(relay_notes_judge(&n, STR("{\"id\":7,\"error\":{}}")), RELAY_PASS);
	CHECK_INT(n.open.ids.n, 1);
	relay_notes_deinit(&n);
}

TEST(relay_notes_what_is_no_single_call_and_out_of_range_is_not_open)
{
	static const char *const lines[] = {
		CALL("\"method\":\"system.ping\",", "1e999"), /* nobody waits for it */
		CALL("\"id\":7,", "1e999"),
		"[" CALL("\"id\":7,\"method\":\"system.ping\",", "1e999") "]", /* no id: whole */
		"7e999",
		CALL("\"id\":1e999,\"method\":\"system.ping\",", "1"),
	};
	struct relay_notes n;

	relay_notes_init(&n);
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		if (!CHECK_INT(n_open_after(&n, lines[i]), 0))
			printf("  %s\n", lines[i]);
	relay_notes_deinit(&n);
}

TEST(relay_notes_nothing_else_of_a_call_that_is_refused)
{
	struct relay_notes n;
	struct buf out;

	relay_notes_init(&n);
	buf_init(&out, 0);
	CHECK_INT(n_open_after(&n, CALL("\"id\":0,\"method\":\"initialize\",", "1e999")), 1);
	CHECK_INT(relay_notes_judge(&n, STR("{\"id\":0,\"error\":{}}")), RELAY_PASS);
	relay_replay_put(&n.replay, &n.open, &out);
	CHECK(!str_contains(buf_str(&out), STR("initialize")));
	buf_deinit(&out);
	relay_notes_deinit(&n);
}
