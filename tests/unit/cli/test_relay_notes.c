/* SPDX-License-Identifier: Apache-2.0 */
/* What the relay remembers of a line: of one whose numbers the server cannot hold, which is
 * answered under its id and nothing else comes of it, and of one that was only walked over. */
#include <stdio.h>

#include "base/buf.h"
#include "cli/relay_notes.h"
#include "tests/unit/test.h"

#define CALL(head, number) "{\"jsonrpc\":\"2.0\"," head "\"params\":{\"x\":" number "}}"

static size_t n_open_after(struct relay_notes *n, const char *line)
{
	relay_notes_take(n, str_from(line), true);
	relay_notes_settle(n);
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

#define TWICE "{\"id\":7,\"method\":\"a.b\",\"id\":7}" /* refused as a whole: a key twice */

TEST(relay_notes_a_line_that_was_not_read_is_open_until_it_is)
{
	struct relay_notes n;

	relay_notes_init(&n);
	relay_notes_take(&n, STR(TWICE), true);
	relay_notes_take(&n, STR("{\"id\":8,\"method\":\"a.b\"}"), true);
	CHECK_INT(n.open.ids.n, 2);
	/* the server's answer to it: there is one to look for */
	CHECK_INT(relay_notes_judge(&n, STR("{\"id\":null,\"error\":{}}")), RELAY_PASS);
	CHECK_INT(n.open.ids.n, 1);
	CHECK(relay_open_has(&n.open, STR("8")));
	CHECK_INT(relay_notes_judge(&n, STR("{\"id\":8,\"result\":{}}")), RELAY_PASS);
	CHECK_INT(n.open.ids.n, 0);
	CHECK(!relay_open_unread(&n.open).p);
	relay_notes_deinit(&n);
}

TEST(relay_notes_a_call_under_the_id_of_a_refused_line_stays_open)
{
	struct relay_notes n;

	relay_notes_init(&n);
	relay_notes_take(&n, STR(TWICE), true);
	relay_notes_take(&n, STR("{\"id\":7,\"method\":\"a.b\"}"), true);
	relay_notes_settle(&n);
	CHECK(relay_open_remove(&n.open, STR("7")));
	CHECK_INT(n.open.ids.n, 0);
	relay_notes_deinit(&n);
}

TEST(relay_notes_a_notification_of_the_server_makes_nobody_read)
{
	struct relay_notes n;

	relay_notes_init(&n);
	relay_notes_take(&n, STR(TWICE), true);
	CHECK_INT(relay_notes_judge(&n, STR("{\"method\":\"notifications/message\"}")), RELAY_PASS);
	CHECK_INT(n.open.ids.n, 1);
	relay_notes_deinit(&n);
}

/* As many as a server takes, and longer than the lines that are kept unread may be together. */
TEST(relay_notes_no_call_is_forgotten_for_its_long_line)
{
	enum { N = 960, SIZE = 2000 };
	static char line[SIZE + 1];
	struct relay_notes n;

	relay_notes_init(&n);
	for (int i = 0; i < N; i++) {
		int at = snprintf(line, sizeof(line),
				  "{\"id\":\"%0200d\",\"method\":\"events.poll\"", i);

		memset(line + at, ' ', SIZE - (size_t)at);
		line[SIZE - 1] = '}';
		relay_notes_take(&n, (struct str){ line, SIZE }, true);
	}
	CHECK_INT(n.open.ids.n, N);
	relay_notes_settle(&n);
	CHECK_INT(n.open.ids.n, N);
	relay_notes_deinit(&n);
}

TEST(relay_notes_a_cancelled_call_is_owed_an_answer_where_it_is_native)
{
	static const struct {
		const char *method;
		size_t n_left;
	} calls[] = {
		{ "events.poll", 1 }, { "events.follow", 1 },        { "tools/call", 0 },
		{ "ping", 0 },        { "subscriptions/listen", 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		struct relay_notes n;
		char line[200];

		relay_notes_init(&n);
		snprintf(line, sizeof(line), "{\"id\":5,\"method\":\"%s\"}", calls[i].method);
		relay_notes_take(&n, str_from(line), true);
		relay_notes_take(&n,
				 STR("{\"method\":\"notifications/cancelled\",\"params\":"
				     "{\"requestId\":5}}"),
				 true);
		if (!CHECK_INT(n.open.ids.n, calls[i].n_left))
			printf("  %s\n", calls[i].method);
		relay_notes_deinit(&n);
	}
}
