/* SPDX-License-Identifier: Apache-2.0 */
/* The paths over HTTP, and who may come in: TM-HTTP-01, TM-HTTP-04, TM-AUTHZ-05. */
#include <stdio.h>
#include <string.h>

#include "server/conn_http.h"
#include "server/quota.h"
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

/* A page of ours on another port: what its browser asks before, and what it lets the page see. */
TEST(tm_http_01_a_page_of_a_listed_origin_may_call_and_no_other)
{
	static const struct {
		const char *line, *origin, *asks;
		int status;
		const char *says;
	} cases[] = {
		{ "OPTIONS /mcp", "http://localhost:%u", "mcp-method, Mcp-Param-City, x-other", 204,
		  "Access-Control-Allow-Headers: content-type, authorization, accept, "
		  "mcp-protocol-version, mcp-method, mcp-name, mcp-session-id, last-event-id, "
		  "Mcp-Param-City\r\n" },
		{ "OPTIONS /mcp", "http://localhost:%u", "content-type", 204,
		  "Access-Control-Allow-Methods: GET, POST, DELETE, OPTIONS\r\n" },
		{ "OPTIONS /events", "http://[::1]:%u", "authorization", 204, "Vary: Origin\r\n" },
		{ "OPTIONS /mcp", "https://evil.test", "content-type", 403, "\"denied\"" },
		{ "OPTIONS /mcp", "null", "content-type", 403, "\"denied\"" },
		{ "OPTIONS /nothing", "http://localhost:%u", "content-type", 404, "\"not_found\"" },
		/* a page may read why it was refused, and what it must know to go on */
		{ "POST /mcp", "http://127.0.0.1:%u", NULL, 401,
		  "Access-Control-Expose-Headers: Mcp-Session-Id, WWW-Authenticate, "
		  "Retry-After\r\n" },
		{ "GET /healthz", "http://127.0.0.1:%u", NULL, 200,
		  "Access-Control-Allow-Origin: http://127.0.0.1:" },
	};
	struct world w;

	if (sock_world(&w, false)) {
		unsigned port = conn_http_port(w.server.http);

		for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
			char headers[512], origin[64], request[1024];
			struct sock s;

			snprintf(origin, sizeof(origin), cases[i].origin, port);
			snprintf(headers, sizeof(headers),
				 "Host: localhost:%u\r\nOrigin: %s\r\n%s%s%s", port, origin,
				 cases[i].asks ? "Access-Control-Request-Method: POST\r\n"
						 "Access-Control-Request-Headers: "
					       : "",
				 cases[i].asks ? cases[i].asks : "", cases[i].asks ? "\r\n" : "");
			if (!sock_open_http(&s, &w))
				break;
			snprintf(request, sizeof(request), "%s HTTP/1.1\r\n%s\r\n", cases[i].line,
				 headers);
			sock_send(&s, str_from(request));
			if (!CHECK(sock_wait(&s, cases[i].says)) ||
			    !CHECK_INT(sock_status(&s), cases[i].status))
				printf("  %s from %s: %.*s\n", cases[i].line, origin,
				       STR_ARG(sock_text(&s)));
			/* with a token in a header nothing needs cookies; nobody gets a wildcard */
			CHECK(!str_contains(sock_text(&s), STR("Allow-Credentials")));
			CHECK(!str_contains(sock_text(&s), STR("Origin: *")));
			CHECK_INT(cases[i].status == 403 || cases[i].status == 404,
				  !str_contains(sock_text(&s), STR("Access-Control-Allow-Origin")));
			sock_close(&s);
		}
	}
	world_close(&w);
}

TEST(tm_http_02_what_the_transport_refuses_is_json_too)
{
	static const struct {
		const char *head;
		int status;
		const char *says;
	} cases[] = {
		{ "GET /healthz HTTP/1.1\r\n\r\n", 400,
		  "\"message\":\"the Host header is missing\"" },
		{ "POST /rpc HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 411,
		  "\"error\":\"invalid_request\"" },
		{ "POST /rpc HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400,
		  "\"message\":\"Content-Length is not a number\"" },
	};
	struct world w;
	struct sock s;

	if (sock_world(&w, false)) {
		for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
			if (!sock_open_http(&s, &w))
				break;
			sock_send(&s, str_from(cases[i].head));
			CHECK(sock_wait_end(&s));
			CHECK_INT(sock_status(&s), cases[i].status);
			CHECK_HAS(sock_text(&s), "Content-Type: application/json\r\n");
			CHECK_HAS(sock_text(&s), cases[i].says);
			CHECK_HAS(sock_text(&s), "\"hint\":\"");
			sock_close(&s);
		}
		if (sock_open_http(&s, &w)) {
			sock_ask(&s, "POST /rpc",
				 "Content-Type: application/json\r\nContent-Length: 9999999\r\n",
				 NULL);
			CHECK(sock_wait_end(&s));
			CHECK_INT(sock_status(&s), 413);
			CHECK_HAS(sock_text(&s), "\"error\":\"too_large\"");
			CHECK_HAS(sock_text(&s), "longer than 4194304 bytes");
			sock_close(&s);
		}
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
		CHECK_INT(ask_with(&w, "GET /metrics", headers,
				   "\"retryable\":true,\"retry_after_ms\":60000"),
			  429);
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

TEST(a_body_that_is_packed_or_not_utf_8_is_refused)
{
	static const struct {
		const char *headers;
		int status;
		const char *says;
	} cases[] = {
		{ "Content-Type: application/json; charset=utf-8\r\n", 200, "\"result\"" },
		{ "Content-Type: application/json;charset=\"UTF-8\"\r\n", 200, "\"result\"" },
		{ "Content-Type: application/json; x=y\r\n", 200, "\"result\"" },
		{ "Content-Type: application/json; charset=latin1\r\n", 415, "in UTF-8" },
		{ "Content-Type: application/json; x=y; Charset=\"utf-16\"\r\n", 415, "in UTF-8" },
		{ "Content-Type: application/json; charset=\r\n", 415, "in UTF-8" },
		{ "Content-Type: application/json\r\nContent-Encoding: identity\r\n", 200,
		  "\"result\"" },
		{ "Content-Type: application/json\r\nContent-Encoding: gzip\r\n", 415,
		  "not be packed" },
		{ "Content-Type: application/json\r\nContent-Encoding: identity, br\r\n", 415,
		  "not be packed" },
	};
	static const char body[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system.ping\"}";
	struct world w;
	struct sock s;

	if (sock_world(&w, false)) {
		for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
			char headers[256];

			if (!sock_open_http(&s, &w))
				break;
			snprintf(headers, sizeof(headers), "%sContent-Length: %zu\r\n",
				 cases[i].headers, sizeof(body) - 1);
			sock_ask(&s, "POST /rpc", headers, NULL);
			sock_send(&s, str_from(body));
			if (!CHECK(sock_wait(&s, cases[i].says)) ||
			    !CHECK_INT(sock_status(&s), cases[i].status))
				printf("  %s: %.*s\n", cases[i].headers, STR_ARG(sock_text(&s)));
			if (cases[i].status == 415 && i > 6)
				CHECK(sock_wait(&s, "Accept-Encoding: identity\r\n"));
			sock_close(&s);
		}
	}
	world_close(&w);
}

TEST(too_many_requests_say_when_to_come_again_on_every_path)
{
	static const char *const paths[] = { "POST /rpc", "POST /mcp", "GET /events" };
	const struct principal token = { .id = STR("token") };
	struct quota_user *user;
	struct world w;
	struct sock s;

	if (sock_world(&w, false) && (user = quota_join(w.server.quota, &token))) {
		user->account.max[CHARGE_CONNS] = user->account.max[CHARGE_STREAMS] = -1;
		for (size_t i = 0; i < ARRAY_LEN(paths) && sock_open_http(&s, &w); i++) {
			sock_ask(&s, paths[i],
				 "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/list\r\n",
				 i == 2 ? NULL
					: "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/"
					  "list\",\"params\":{\"_meta\":{\"io.modelcontextprotocol/"
					  "protocolVersion\":\"2026-07-28\",\"io."
					  "modelcontextprotocol/clientCapabilities\":{}}}}");
			CHECK(sock_wait(&s, "\"retryable\":true,\"retry_after_ms\":1000"));
			CHECK_INT(sock_status(&s), 429);
			CHECK_HAS(sock_text(&s), "Retry-After: 1\r\n");
			CHECK_HAS(sock_text(&s), "\"too_many_requests\"");
			CHECK_HAS(sock_text(&s), "\"hint\":");
			sock_close(&s);
		}
		quota_unref(user);
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
		CHECK(sock_wait(&s, "\"hint\":\"POST a JSON-RPC message"));
		CHECK_INT(sock_status(&s), 405);
		sock_forget(&s);
		sock_ask(&s, "POST /rpc", "",
			 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{}}");
		CHECK(sock_wait(&s, "\"method_not_found\""));
		CHECK(sock_wait(&s, "spoken at /mcp"));
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
