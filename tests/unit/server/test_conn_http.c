/* SPDX-License-Identifier: Apache-2.0 */
/* The paths over HTTP, and who may come in: TM-HTTP-01, TM-HTTP-04, TM-AUTHZ-05. */
#include <stdio.h>
#include <string.h>

#include "server/conn_http.h"
#include "sock.h"
#include "tests/unit/test.h"

/* One request on a connection of its own; the status, and whether the body holds the text. */
static int ask_raw(struct world *w, const char *request, const char *text)
{
	struct sock s;
	int status = 0;

	if (!sock_open_http(&s, w))
		return 0;
	sock_send(&s, str_from(request));
	if (CHECK(sock_wait(&s, "\r\n\r\n") && sock_wait(&s, text)))
		status = sock_status(&s);
	else
		printf("  got %.*s\n", STR_ARG(sock_text(&s)));
	sock_close(&s);
	return status;
}

static int ask_with(struct world *w, const char *line, const char *headers, const char *text)
{
	char request[1024];

	snprintf(request, sizeof(request), "%s HTTP/1.1\r\n%s\r\n", line, headers);
	return ask_raw(w, request, text);
}

TEST(mcp_t1_unknown_paths_are_a_json_404_before_anything_else)
{
	static const char *const paths[] = {
		"/",
		"/mcpx",
		"/mcp/",
		"/mcp/x/",
		"/mcp/other",
		"/rpc/",
		"/RPC",
		"/rpc%20",
		"//rpc",
		"/.well-known/oauth-protected-resource",
		"/.well-known/openid-configuration",
		"/events/x",
	};
	struct world w;

	if (sock_world(&w, false)) {
		for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
			char line[128];

			snprintf(line, sizeof(line), "GET %s", paths[i]);
			CHECK_INT(ask_with(&w, line, "Host: evil.test\r\n",
					   "\"error\":\"not_found\""),
				  404);
		}
	}
	world_close(&w);
}

TEST(tm_http_01_host_and_origin_are_exact_lists_and_come_before_the_token)
{
	static const struct {
		const char *host, *origin; /* %u is the port */
		int status;
	} cases[] = {
		{ "127.0.0.1:%u", NULL, 401 },
		{ "localhost:%u", NULL, 401 },
		{ "LocalHost:%u", NULL, 401 },
		{ "[::1]:%u", NULL, 401 },
		{ "evil.test", NULL, 403 },
		{ "evil.test:%u", NULL, 403 },
		{ "localhost", NULL, 403 },
		{ "localhost:1%u", NULL, 403 },
		{ "localhost.evil.test:%u", NULL, 403 },
		{ "localhost:%u.evil.test", NULL, 403 },
		{ "127.0.0.1:%u@evil.test", NULL, 403 },
		{ "127.0.0.2:%u", NULL, 403 },
		{ "localhost:%u", "http://localhost:%u", 401 },
		{ "localhost:%u", "http://127.0.0.1:%u", 401 },
		{ "localhost:%u", "http://evil.test", 403 },
		{ "localhost:%u", "http://localhost:1", 403 },
		{ "localhost:%u", "https://localhost:%u", 403 },
		{ "localhost:%u", "http://localhost:%u.evil.test", 403 },
		{ "localhost:%u", "null", 403 },
		{ "localhost:%u", "", 403 },
		{ "evil.test", "http://localhost:%u", 403 },
	};
	struct world w;

	if (sock_world(&w, false)) {
		unsigned port = conn_http_port(w.server.http);

		for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
			char host[128], origin[128] = "", headers[512];

			snprintf(host, sizeof(host), cases[i].host, port);
			if (cases[i].origin)
				snprintf(origin, sizeof(origin), cases[i].origin, port);
			snprintf(headers, sizeof(headers), "Host: %s\r\n%s%s%s", host,
				 cases[i].origin ? "Origin: " : "", origin,
				 cases[i].origin ? "\r\n" : "");
			/* the right token does not help, and its absence is not looked at */
			if (!CHECK_INT(ask_with(&w, "GET /events", headers, "\"error\":"),
				       cases[i].status))
				printf("  Host %s, Origin %s\n", host, origin);
		}
	}
	world_close(&w);
}

TEST(configured_hosts_and_origins_join_the_lists)
{
	static struct str hosts[] = { STR("quests.example.org") },
			  origins[] = { STR("https://app.example.org") };
	struct world w;

	if (sock_world(&w, false)) {
		w.server.options.hosts = (struct str_list){ hosts, 1 };
		w.server.options.origins = (struct str_list){ origins, 1 };
		CHECK_INT(
		    ask_with(&w, "GET /healthz",
			     "Host: quests.example.org\r\nOrigin: https://app.example.org\r\n",
			     "Access-Control-Allow-Origin: https://app.example.org\r\n"),
		    200);
		CHECK_INT(ask_with(&w, "GET /healthz", "Host: quests.example.org.evil.test\r\n",
				   "denied"),
			  403);
		CHECK_INT(ask_with(&w, "GET /healthz", "Host: x.quests.example.org\r\n", "denied"),
			  403);
	}
	world_close(&w);
}

TEST(a_browser_is_told_what_it_may_send)
{
	struct world w;

	if (sock_world(&w, false)) {
		char headers[512];

		snprintf(headers, sizeof(headers),
			 "Host: localhost:%u\r\nOrigin: "
			 "http://localhost:%u\r\nAccess-Control-Request-Method: POST\r\n"
			 "Access-Control-Request-Headers: mcp-method, Mcp-Param-City, x-other\r\n",
			 conn_http_port(w.server.http), conn_http_port(w.server.http));
		CHECK_INT(ask_with(&w, "OPTIONS /mcp", headers,
				   "last-event-id, Mcp-Param-City\r\n"),
			  204);
	}
	world_close(&w);
}

TEST(a_token_is_asked_for_except_where_health_is_told)
{
	struct world w;
	struct sock s;

	if (sock_world(&w, false) && sock_open_http(&s, &w)) {
		char host[64];

		snprintf(host, sizeof(host), "Host: 127.0.0.1:%u\r\n",
			 conn_http_port(w.server.http));
		CHECK_INT(ask_with(&w, "GET /healthz", host, "{\"status\":\"ok\"}"), 200);
		CHECK_INT(ask_with(&w, "GET /readyz", host, "\"can_write\":true"), 200);
		CHECK_INT(ask_with(&w, "GET /metrics", host, "unauthenticated"), 401);
		CHECK_INT(ask_with(&w, "POST /mcp", host, "WWW-Authenticate: Bearer"), 401);
		CHECK_INT(ask_with(&w, "POST /rpc", host, "WWW-Authenticate: Bearer"), 401);
		sock_ask(&s, "GET /metrics", "", NULL);
		CHECK(sock_wait(&s, "# TYPE "));
		CHECK_INT(sock_status(&s), 200);
		sock_close(&s);
	}
	world_close(&w);
}

TEST(tm_authz_05_the_eleventh_wrong_token_gets_429)
{
	struct world w;

	if (sock_world(&w, false)) {
		char headers[128];

		snprintf(headers, sizeof(headers),
			 "Host: 127.0.0.1:%u\r\nAuthorization: Bearer wrong\r\n",
			 conn_http_port(w.server.http));
		for (int i = 0; i < 10; i++)
			CHECK_INT(ask_with(&w, "GET /metrics", headers, "invalid_token"), 401);
		CHECK_INT(ask_with(&w, "GET /metrics", headers, "Retry-After: 60"), 429);
	}
	world_close(&w);
}

TEST(tm_http_04_a_form_cannot_call)
{
	static const char *const types[] = {
		"",
		"Content-Type: text/plain\r\n",
		"Content-Type: application/x-www-form-urlencoded\r\n",
		"Content-Type: multipart/form-data; boundary=application/json\r\n",
		"Content-Type: application/jsonx\r\n",
	};
	static const char *const paths[] = { "POST /rpc", "POST /mcp" };
	struct world w;
	struct sock s;

	if (sock_world(&w, false)) {
		for (size_t i = 0; i < ARRAY_LEN(types) * ARRAY_LEN(paths); i++) {
			char headers[256];

			if (!sock_open_http(&s, &w))
				break;
			snprintf(headers, sizeof(headers), "%sContent-Length: 2\r\n", types[i / 2]);
			sock_ask(&s, paths[i % 2], headers, NULL);
			CHECK(sock_wait_end(&s));
			CHECK_INT(sock_status(&s), 415);
			sock_close(&s);
		}
	}
	world_close(&w);
}

TEST(rpc_over_http_answers_calls_batches_and_notifications)
{
	struct world w;
	struct sock s;

	if (sock_world(&w, false) && sock_open_http(&s, &w)) {
		sock_ask(&s, "POST /rpc", "",
			 "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"system.ping\"}");
		CHECK(sock_wait(&s, "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":"));
		sock_forget(&s);
		sock_ask(&s, "POST /rpc", "", "{\"jsonrpc\":\"2.0\",\"method\":\"system.ping\"}");
		CHECK(sock_wait(&s, "\r\n\r\n"));
		CHECK_INT(sock_status(&s), 202);
		sock_forget(&s);
		sock_ask(&s, "POST /rpc", "",
			 "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system.ping\"},"
			 "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"quests.create\",\"params\":{"
			 "\"subject\":\"x\"}}]");
		CHECK(sock_wait(&s, "\"short_id\":\"q-1\""));
		CHECK_HAS(sock_text(&s), "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\"");
		sock_forget(&s);
		sock_ask(&s, "POST /rpc", "", "{");
		CHECK(sock_wait(&s, "-32700"));
		CHECK_INT(sock_status(&s), 400);
		sock_forget(&s);
		sock_ask(&s, "GET /rpc", "", NULL);
		CHECK(sock_wait(&s, "Allow: POST"));
		CHECK_INT(sock_status(&s), 405);
		sock_close(&s);
	}
	world_close(&w);
}

TEST(f_16_a_client_that_leaves_mid_call_leaves_nothing)
{
	struct world w;
	struct sock s;

	if (sock_world(&w, false)) {
		for (int i = 0; i < 50 && sock_open_http(&s, &w); i++) {
			sock_ask(&s, "POST /rpc", "",
				 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"events.poll\","
				 "\"params\":{\"wait_ms\":30000}}");
			for (int k = 0; k < 3; k++)
				CHECK_OK(loop_turn(w.server.loop, 0));
			sock_close(&s);
		}
		for (int i = 0; i < 2000 && w.server.n_requests; i++)
			CHECK_OK(loop_turn(w.server.loop, 5));
		CHECK_INT(w.server.n_requests, 0);
		CHECK_INT(w.server.n_channels, 0);
		CHECK_INT(conn_http_n(w.server.http), 0);
	}
	world_close(&w);
}

TEST(a_server_that_stops_answers_what_is_open_and_refuses_the_rest)
{
	struct world w;
	struct sock idle, busy;

	if (sock_world(&w, false) && sock_open_http(&idle, &w) && sock_open_http(&busy, &w)) {
		sock_ask(&idle, "GET /healthz", "", NULL);
		CHECK(sock_wait(&idle, "ok"));
		sock_forget(&idle);
		sock_ask(&busy, "POST /rpc", "",
			 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"quests.create\",\"params\":{"
			 "\"subject\":\"last\"}}");
		CHECK_OK(loop_turn(w.server.loop, 0));
		CHECK_OK(loop_turn(w.server.loop, 0));
		server_begin_drain(&w.server);
		CHECK(sock_wait(&busy, "\"subject\":\"last\""));
		sock_ask(&idle, "POST /rpc", "",
			 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system.ping\"}");
		CHECK(sock_wait(&idle, "shutting_down"));
		CHECK_INT(sock_status(&idle), 503);
		sock_close(&idle);
		sock_close(&busy);
	}
	world_close(&w);
}
