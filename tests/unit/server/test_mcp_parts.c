/* SPDX-License-Identifier: Apache-2.0 */
/* MCP's pieces that need no server: URIs, versions and what a client can do, headers beside a body.
 */
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "server/mcp.h"
#include "server/mcp_headers.h"
#include "server/mcp_uri.h"
#include "tests/unit/test.h"

static const struct json *parse(struct arena *a, const char *text)
{
	struct json *v = ARENA_NEW(a, struct json);

	CHECK_OK(json_parse(a, str_from(text), v, NULL));
	return v;
}

TEST(mcp_R2_uris_are_made_and_read_back)
{
	static const char *const ids[] = { "q-12", "Straße & 東京/?#%", "a b", "..", "~._-" };
	CLEANUP(arena_deinit) struct arena a = { 0 };

	for (size_t i = 0; i < mcp_n_kinds; i++) {
		for (size_t j = 0; j < ARRAY_LEN(ids); j++) {
			struct str uri = mcp_uri_make(&a, &mcp_kinds[i], str_from(ids[j])), id;

			CHECK(mcp_uri_parse(&a, uri, &id) == &mcp_kinds[i]);
			CHECK_STR(id, ids[j]);
		}
	}
}

TEST(mcp_R2_what_is_no_uri_of_ours_is_none)
{
	static const char *const wrong[] = {
		"",
		"questd://",
		"questd://quest",
		"questd://quest/",
		"questd://quest/a/b",
		"questd://quests/q-1",
		"quest/q-1",
		"http://quest/q-1",
		"questd://quest/%",
		"questd://quest/%4",
		"questd://quest/%zz",
		"questd://quest/%ff",
	};
	CLEANUP(arena_deinit) struct arena a = { 0 };
	struct str id;

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		CHECK(!mcp_uri_parse(&a, str_from(wrong[i]), &id));
}

TEST(mcp_B7_capabilities_are_what_the_client_said)
{
	static const struct {
		const char *text;
		unsigned bits;
	} rows[] = {
		{ "{}", 0 },
		{ "{\"elicitation\":{}}", MCP_CLIENT_ELICITS },
		{ "{\"elicitation\":{\"form\":{}}}", MCP_CLIENT_ELICITS },
		{ "{\"elicitation\":{\"url\":{}}}", 0 },
		{ "{\"elicitation\":{\"url\":{},\"form\":{}}}", MCP_CLIENT_ELICITS },
		{ "{\"elicitation\":true}", 0 },
		{ "{\"roots\":{},\"sampling\":{}}", MCP_CLIENT_ROOTS | MCP_CLIENT_SAMPLING },
		{ "{\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}}", MCP_CLIENT_TASKS },
		{ "{\"tasks\":{}}", 0 },
		{ "[]", 0 },
	};
	CLEANUP(arena_deinit) struct arena a = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_INT(mcp_client_bits(parse(&a, rows[i].text)), rows[i].bits);
	CHECK_INT(mcp_client_bits(NULL), 0);
}

/* What the first look says of a message from a peer that negotiated `version`. */
static int look(const char *text, enum mcp_version version, const char *header,
		struct mcp_route *out)
{
	CLEANUP(arena_deinit) struct arena a = { 0 };
	struct mcp_conn conn = { .version = version };

	mcp_route(&a, &conn, parse(&a, text), str_from(header), out);
	out->message = out->data = STR_NONE; /* they lie in the arena */
	return out->error;
}

#define CLAIM(v)                                                                        \
	"\"params\":{\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"" v "\"," \
	"\"io.modelcontextprotocol/clientCapabilities\":{}}}"
#define REQUEST(method, rest) "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\"," rest "}"

TEST(mcp_V2_the_era_is_read_from_the_body)
{
	static const struct {
		const char *text;
		enum mcp_version negotiated;
		const char *header;
		int error;
		enum mcp_version version;
	} rows[] = {
		{ REQUEST("tools/list", CLAIM("2026-07-28")), MCP_NONE, NULL, 0, MCP_MODERN },
		{ REQUEST("tools/list", CLAIM("2026-07-28")), MCP_2025_06_18, NULL, 0, MCP_MODERN },
		{ REQUEST("tools/list", CLAIM("2025-11-25")), MCP_NONE, NULL,
		  MCP_UNSUPPORTED_VERSION, MCP_MODERN },
		{ REQUEST("ping", CLAIM("2026-07-28")), MCP_2025_06_18, NULL, MCP_METHOD_NOT_FOUND,
		  MCP_MODERN },
		{ REQUEST("tools/list", "\"params\":{}"), MCP_NONE, "2026-07-28",
		  MCP_INVALID_PARAMS, MCP_MODERN },
		{ REQUEST("tools/list", "\"params\":{}"), MCP_2025_06_18, NULL, 0, MCP_2025_06_18 },
		{ REQUEST("tools/list", "\"params\":{}"), MCP_NONE, NULL, MCP_INVALID_PARAMS,
		  MCP_LEGACY_LATEST },
		{ REQUEST("ping", "\"params\":{}"), MCP_NONE, NULL, 0, MCP_LEGACY_LATEST },
		{ REQUEST("server/discover", "\"params\":{}"), MCP_2025_06_18, NULL,
		  MCP_METHOD_NOT_FOUND, MCP_2025_06_18 },
		{ REQUEST("notifications/initialized", "\"params\":{}"), MCP_2025_06_18, NULL,
		  MCP_METHOD_NOT_FOUND, MCP_2025_06_18 },
		{ REQUEST("tools/list", "\"params\":[]"), MCP_2025_06_18, NULL, MCP_INVALID_PARAMS,
		  MCP_2025_06_18 },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"tools/list\"}", MCP_2025_06_18, NULL,
		  MCP_INVALID_REQUEST, MCP_2025_06_18 },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}", MCP_2025_06_18,
		  NULL, 0, MCP_2025_06_18 },
		{ "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", MCP_NONE, NULL,
		  MCP_INVALID_REQUEST, MCP_LEGACY_LATEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", MCP_NONE, NULL,
		  MCP_INVALID_REQUEST, MCP_LEGACY_LATEST },
	};
	struct mcp_route route;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK_INT(look(rows[i].text, rows[i].negotiated, rows[i].header, &route),
			  rows[i].error);
		CHECK_INT(route.version, rows[i].version);
	}
}

/* Is a resources/read of `uri` with this Mcp-Name let through? */
static bool is_let_through(const char *uri, const char *name)
{
	CLEANUP(arena_deinit) struct arena a = { 0 };
	struct http_header headers[] = {
		{ STR("MCP-Protocol-Version"), STR("2026-07-28") },
		{ STR("mcp-method"), STR("  resources/read ") },
		{ STR("MCP-NAME"), str_from(name) },
	};
	struct http_request r = { .headers = headers, .n_headers = name ? 3 : 2 };
	struct str text =
	    str_fmt(&a,
		    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/read\",\"params\":{"
		    "\"uri\":\"%s\",\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":"
		    "\"2026-07-28\"}}}",
		    uri);
	const struct json *message = parse(&a, text.p);
	struct mcp_conn conn = { 0 };
	struct mcp_route route;

	mcp_route(&a, &conn, message, STR_NONE, &route);
	return !mcp_headers_check(&a, &r, message, &route);
}

TEST(mcp_H8_names_in_base64_are_decoded_strictly)
{
	CHECK(is_let_through("abc", "abc"));
	CHECK(is_let_through("abc", " abc\t"));
	CHECK(!is_let_through("abc", "ABC"));
	CHECK(!is_let_through("abc", NULL));
	CHECK(is_let_through("a", "=?base64?YQ==?="));
	CHECK(is_let_through("ab", "=?base64?YWI=?="));
	CHECK(is_let_through("abc", "=?base64?YWJj?="));
	CHECK(is_let_through("abcd", "=?base64?YWJjZA==?="));
	CHECK(!is_let_through("a", "=?base64?YQ?="));   /* no padding */
	CHECK(!is_let_through("a", "=?base64?YQ=?="));  /* half of it */
	CHECK(!is_let_through("a", "=?base64?YR==?=")); /* bits that mean nothing */
	CHECK(!is_let_through("a", "=?base64?Y*==?="));
	CHECK(!is_let_through("a", "=?base64?====?="));
	CHECK(!is_let_through("a", "=?base64?/w==?="));          /* no UTF-8 */
	CHECK(is_let_through("=?base64?YQ==", "=?base64?YQ==")); /* not a sentinel */
	CHECK(is_let_through("=?BASE64?YQ==?=", "=?BASE64?YQ==?="));
}
