/* SPDX-License-Identifier: Apache-2.0 */
/* GET /events: where a reader stands, what it is sent, how it resumes, why it ends. */
#include <stdio.h>

#include "server/publish.h"
#include "sock.h"
#include "tests/unit/test.h"

static void fire(struct world *w, const char *kind)
{
	struct peer p;
	char line[256];

	if (!peer_open(&p, w, NULL))
		return;
	snprintf(line, sizeof(line),
		 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"events.fire\",\"params\":{\"kind\":\"%"
		 "s\"}}",
		 kind);
	CHECK_HAS(peer_ask(&p, line), "\"result\"");
	peer_close(&p);
}

static bool follow(struct sock *s, struct world *w, const char *target, const char *headers)
{
	char line[600];

	if (!sock_open_http(s, w))
		return false;
	snprintf(line, sizeof(line), "GET %s", target);
	sock_ask(s, line, headers, NULL);
	return true;
}

/* "<generation>.<seq>" */
static const char *cursor(struct world *w, int seq)
{
	static char texts[4][STREAM_CURSOR_MAX];
	static unsigned next;
	char *text = texts[next++ % 4];

	stream_cursor_text(&w->server, seq, text);
	return text;
}

TEST(a_stream_says_where_it_stands_and_sends_what_matches)
{
	struct world w;
	struct sock s;
	char first[256];

	if (sock_world(&w, false)) {
		fire(&w, "build.before");
		if (follow(&s, &w, "/events?kinds=build.*,other.one", "")) {
			snprintf(first, sizeof(first),
				 "event: connected\nid: %s\ndata: "
				 "{\"head\":\"%s\",\"floor\":\"%s\",\"cursor\":\"%s\"}\n\n",
				 cursor(&w, 1), cursor(&w, 1), cursor(&w, 1), cursor(&w, 1));
			CHECK(sock_wait(&s, first));
			CHECK_HAS(sock_text(&s), "Content-Type: text/event-stream\r\n");
			CHECK_HAS(sock_text(&s), "retry: 1000\n");
			fire(&w, "not.this");
			fire(&w, "build.done");
			CHECK(sock_wait(&s, "event: build.done\n"));
			CHECK(!str_contains(sock_text(&s), STR("not.this")));
			CHECK(!str_contains(sock_text(&s), STR("build.before")));
			CHECK_HAS(sock_text(&s), cursor(&w, 3));
			sock_close(&s);
		}
	}
	world_close(&w);
}

TEST(a_stream_resumes_by_since_and_by_last_event_id)
{
	struct world w;
	struct sock s;
	char text[256];

	if (sock_world(&w, false)) {
		for (int i = 0; i < 3; i++)
			fire(&w, "build.done");
		snprintf(text, sizeof(text), "/events?since=%s", cursor(&w, 1));
		if (follow(&s, &w, text, "")) {
			snprintf(text, sizeof(text), "id: %s\ndata: {\"id\"", cursor(&w, 3));
			CHECK(sock_wait(&s, text));
			snprintf(text, sizeof(text), "id: %s\ndata: {\"id\"", cursor(&w, 1));
			CHECK(!str_contains(sock_text(&s), str_from(text)));
			sock_close(&s);
		}
		/* a browser repeats its first address: the header is newer */
		snprintf(text, sizeof(text), "Last-Event-ID: %s\r\n", cursor(&w, 2));
		if (follow(&s, &w, "/events?since=", text)) {
			snprintf(text, sizeof(text), "id: %s\ndata: {\"id\"", cursor(&w, 3));
			CHECK(sock_wait(&s, text));
			snprintf(text, sizeof(text), "id: %s\ndata: {\"id\"", cursor(&w, 2));
			CHECK(!str_contains(sock_text(&s), str_from(text)));
			sock_close(&s);
		}
	}
	world_close(&w);
}

/* The one rule, over each way in: the same code, message and places to begin instead. */
TEST(a_since_that_was_never_given_out_is_refused_alike_on_every_way)
{
	static const struct {
		const char *since, *says;
	} cases[] = {
		{ "abc", "is not the id of an event" },
		{ "", "is not the id of an event" },
		{ "aaaaaaaa.1", "is from before a restore" },
		{ NULL, "is the id of an event that has not been yet" },
	};
	struct world w;
	struct sock s;
	struct peer p;
	char text[512], bounds[256];

	if (sock_world(&w, false) && peer_open(&p, &w, NULL)) {
		fire(&w, "build.done");
		snprintf(bounds, sizeof(bounds), "\"head\":\"%s\",\"floor\":\"%s\"", cursor(&w, 1),
			 cursor(&w, 1));
		for (size_t i = 0; i < ARRAY_LEN(cases) * 3; i++) {
			const char *since = cases[i / 3].since ? cases[i / 3].since : cursor(&w, 2);
			struct str said;

			if (i % 3 == 0) {
				snprintf(text, sizeof(text), "/events?since=%s", since);
				if (!follow(&s, &w, text, "") || !CHECK(sock_wait(&s, "}\n")))
					break;
				CHECK_INT(sock_status(&s), 400);
				said = sock_text(&s);
			} else {
				snprintf(text, sizeof(text),
					 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"events.%s\","
					 "\"params\":{\"since\":\"%s\"}}",
					 i % 3 == 1 ? "follow" : "poll", since);
				said = peer_ask(&p, text);
			}
			CHECK_HAS(said, "\"cursor_invalid\"");
			CHECK_HAS(said, cases[i / 3].says);
			CHECK_HAS(said, "\"field\":\"since\"");
			CHECK_HAS(said, bounds);
			if (i % 3 == 0)
				sock_close(&s);
		}
		peer_close(&p);
	}
	world_close(&w);
}

/* A script whose variable is unset would skip what happened meanwhile. */
TEST(an_empty_last_event_id_is_refused_like_an_empty_since)
{
	struct world w;
	struct sock s;

	if (sock_world(&w, false) && follow(&s, &w, "/events", "Last-Event-ID:\r\n")) {
		CHECK(sock_wait(&s, "}\n"));
		CHECK_INT(sock_status(&s), 400);
		CHECK_HAS(sock_text(&s), "\"cursor_invalid\"");
		CHECK_HAS(sock_text(&s), "\"field\":\"since\"");
		sock_close(&s);
	}
	world_close(&w);
}

TEST(the_query_is_what_the_verb_takes)
{
	struct world w;
	struct sock s;

	if (sock_world(&w, false) && follow(&s, &w, "/events?source=nobody&subject=", "")) {
		CHECK(sock_wait(&s, "event: connected"));
		fire(&w, "build.done");
		CHECK_INT(publish_n_streams(w.server.publish), 1);
		CHECK(!str_contains(sock_text(&s), STR("build.done")));
		sock_close(&s);
		CHECK_INT(publish_n_streams(w.server.publish), 0);
		CHECK_INT(w.server.n_requests, 0);
	}
	world_close(&w);
}

TEST(what_is_no_parameter_is_refused_with_a_reason)
{
	static const struct {
		const char *target, *says;
	} cases[] = {
		{ "/events?since=%zz", "percent-encoding" },
		{ "/events?since=%ff", "percent-encoding" },
		{ "/events?sicne=1", "\"nearest\":\"since\"" },
		{ "/events?subject=a&subject=b", "stands twice" },
		{ "/events?kinds=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17",
		  "\"field\":\"kinds\"" },
	};
	struct world w;
	struct sock s;

	if (sock_world(&w, false)) {
		for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
			if (!follow(&s, &w, cases[i].target, ""))
				break;
			if (!CHECK(sock_wait(&s, cases[i].says)))
				printf("  %s: %.*s\n", cases[i].target, STR_ARG(sock_text(&s)));
			CHECK_INT(sock_status(&s), 400);
			sock_close(&s);
		}
	}
	world_close(&w);
}

TEST(a_stream_that_ends_says_why_and_when_to_come_back)
{
	struct world w;
	struct sock s;

	if (sock_world(&w, false) && follow(&s, &w, "/events", "")) {
		CHECK(sock_wait(&s, "event: connected"));
		server_begin_drain(&w.server);
		CHECK(sock_wait(&s, "event: disconnecting\n"));
		CHECK_HAS(sock_text(&s), "{\"reason\":\"shutdown\",\"cursor\":\"");
		CHECK(sock_wait(&s, "\r\n0\r\n\r\n"));
		sock_close(&s);
	}
	world_close(&w);
}

TEST(a_stream_cycles_after_five_minutes_and_is_kept_alive_before)
{
	struct world w;
	struct sock s;

	if (sock_world(&w, true) && follow(&s, &w, "/events", "")) {
		CHECK(sock_wait(&s, "event: connected"));
		clock_advance(&w.server.clock, 16000);
		CHECK(sock_wait(&s, ": keep-alive\n\n"));
		CHECK(!str_contains(sock_text(&s), STR("disconnecting")));
		clock_advance(&w.server.clock, 345000);
		CHECK(sock_wait(&s, "{\"reason\":\"cycle\""));
		sock_close(&s);
	}
	world_close(&w);
}

TEST(readers_that_leave_leave_nothing)
{
	struct world w;
	struct sock s[20];

	if (sock_world(&w, false)) {
		for (size_t i = 0; i < ARRAY_LEN(s) && follow(&s[i], &w, "/events", ""); i++)
			CHECK(sock_wait(&s[i], "event: connected"));
		CHECK_INT(publish_n_streams(w.server.publish), ARRAY_LEN(s));
		for (size_t i = 0; i < ARRAY_LEN(s); i++)
			sock_close(&s[i]);
		CHECK_INT(publish_n_streams(w.server.publish), 0);
	}
	world_close(&w);
}
