/* SPDX-License-Identifier: Apache-2.0 */
/* The first look at a message: which era it speaks, whether that version is one of ours, and which
 * method it means. The era is read from the body (the _meta of its params), never from a method
 * header: clients of the older era send those as well. */
#include "server/mcp.h"

static const struct str version_texts[] = {
	[MCP_NONE] = { NULL, 0 },
	[MCP_2024_11_05] = STR("2024-11-05"),
	[MCP_2025_03_26] = STR("2025-03-26"),
	[MCP_2025_06_18] = STR("2025-06-18"),
	[MCP_2025_11_25] = STR("2025-11-25"),
	[MCP_2026_07_28] = STR("2026-07-28"),
};

/* clang-format off */
static const struct mcp_method methods[] = {
	{ STR("tools/call"), MCP_ON_BOTH, "name", mcp_tools_call_start },
	{ STR("tools/list"), MCP_ON_BOTH, NULL, mcp_tools_list_start },
	{ STR("server/discover"), MCP_ON_MODERN, NULL, mcp_discover_start },
	{ STR("initialize"), MCP_ON_LEGACY, NULL, mcp_initialize_start },
	{ STR("ping"), MCP_ON_LEGACY, NULL, mcp_ping_start },
	{ STR("logging/setLevel"), MCP_ON_LEGACY, NULL, mcp_set_level_start },
	{ STR("resources/list"), MCP_ON_BOTH, NULL, mcp_resources_list_start },
	{ STR("resources/templates/list"), MCP_ON_BOTH, NULL, mcp_templates_list_start },
	{ STR("resources/read"), MCP_ON_BOTH, "uri", mcp_resources_read_start },
	{ STR("resources/subscribe"), MCP_ON_LEGACY, NULL, mcp_subscribe_start },
	{ STR("resources/unsubscribe"), MCP_ON_LEGACY, NULL, mcp_unsubscribe_start },
	{ STR("resources/directory/read"), MCP_ON_MODERN, NULL, mcp_directory_read_start },
	{ STR("prompts/list"), MCP_ON_BOTH, NULL, mcp_prompts_list_start },
	{ STR("prompts/get"), MCP_ON_BOTH, "name", mcp_prompts_get_start },
	{ STR("completion/complete"), MCP_ON_BOTH, NULL, mcp_complete_start },
	{ STR("subscriptions/listen"), MCP_ON_MODERN, NULL, mcp_listen_start },
	{ STR("tasks/get"), MCP_ON_MODERN | MCP_NEEDS_TASKS, "taskId", mcp_tasks_get_start },
	{ STR("tasks/update"), MCP_ON_MODERN | MCP_NEEDS_TASKS, "taskId", mcp_tasks_update_start },
	{ STR("tasks/cancel"), MCP_ON_MODERN | MCP_NEEDS_TASKS, "taskId", mcp_tasks_cancel_start },
	{ STR("skills/list"), MCP_ON_MODERN, NULL, mcp_skills_list_start },
	{ STR("skills/get"), MCP_ON_MODERN, NULL, mcp_skills_get_start },
	{ STR("notifications/cancelled"), MCP_ON_BOTH, NULL, mcp_cancelled_start },
	{ STR("notifications/initialized"), MCP_ON_LEGACY, NULL, mcp_initialized_start },
	{ STR("notifications/progress"), MCP_ON_BOTH, NULL, mcp_ignore_start },
	{ STR("notifications/roots/list_changed"), MCP_ON_BOTH, NULL, mcp_ignore_start },
};
/* clang-format on */

const struct mcp_method *mcp_method_find(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (str_eq(methods[i].name, name))
			return &methods[i];
	return NULL;
}

/* MCP's own namespaces: a word with a slash, and the two words without one. No verb has a slash.
 * And what the relay says first. */
bool mcp_is_method(struct str method)
{
	return str_find(method, '/', 0) < method.n || str_eq(method, STR("initialize")) ||
	       str_eq(method, STR("ping")) || str_eq(method, MCP_RELAY_HELLO);
}

enum mcp_version mcp_version_find(struct str text)
{
	for (size_t i = 1; i < ARRAY_LEN(version_texts); i++)
		if (str_eq(version_texts[i], text))
			return (enum mcp_version)i;
	return MCP_NONE;
}

struct str mcp_version_text(enum mcp_version v)
{
	return version_texts[v];
}

struct str mcp_claimed_version(const struct json *message)
{
	const struct json *params = json_get(message, STR("params"));

	return json_get_str(json_get(params, STR("_meta")), MCP_META_VERSION);
}

unsigned mcp_client_bits(const struct json *capabilities)
{
	const struct json *elicit, *extensions;
	unsigned bits = 0;

	if (!capabilities)
		return 0;
	if (json_get(capabilities, STR("roots")))
		bits |= MCP_CLIENT_ROOTS;
	if (json_get(capabilities, STR("sampling")))
		bits |= MCP_CLIENT_SAMPLING;
	/* An empty object means forms; with `url` alone there are none. */
	elicit = json_get(capabilities, STR("elicitation"));
	if (elicit && elicit->type == JSON_OBJECT &&
	    (json_get(elicit, STR("form")) || !json_get(elicit, STR("url"))))
		bits |= MCP_CLIENT_ELICITS;
	extensions = json_get(capabilities, STR("extensions"));
	if (extensions && json_get(extensions, MCP_EXT_TASKS))
		bits |= MCP_CLIENT_TASKS;
	return bits;
}

static void refuse(struct mcp_route *out, int error, struct str message)
{
	out->error = error;
	out->message = message;
}

static void refuse_version(struct arena *a, struct str requested, struct mcp_route *out)
{
	struct buf b;
	struct json_out w;

	buf_init(&b, 0);
	w = json_out(&b);
	json_begin_object(&w);
	json_key(&w, STR("supported"));
	json_begin_array(&w);
	json_str(&w, version_texts[MCP_MODERN]);
	json_end_array(&w);
	JSON_KV_STR(&w, "requested", requested);
	json_end_object(&w);
	refuse(out, MCP_UNSUPPORTED_VERSION, STR("this protocol version is not spoken here"));
	out->data = str_dup(a, buf_str(&b));
	buf_deinit(&b);
}

/* What every modern request must say about itself; false = refused. */
static bool check_meta(struct arena *a, struct str version, struct mcp_route *out)
{
	const struct json *client = json_get(out->meta, MCP_META_CLIENT);

	if (version.p && mcp_version_find(version) != MCP_MODERN) {
		refuse_version(a, version, out);
		return false;
	}
	if (version.p && client && client->type == JSON_OBJECT)
		return true;
	refuse(out, MCP_INVALID_PARAMS,
	       str_fmt(a, "params._meta lacks %s%s%s",
		       version.p ? "" : "'io.modelcontextprotocol/protocolVersion'",
		       version.p || client ? "" : " and ",
		       client ? "" : "'io.modelcontextprotocol/clientCapabilities'"));
	if (client && version.p)
		out->message = STR(
		    "params._meta['io.modelcontextprotocol/clientCapabilities'] is no object");
	out->data = STR("{\"code\":\"invalid_params\",\"hint\":\"each request of 2026-07-28 says "
			"its version and "
			"what its client can do; older clients begin with initialize\","
			"\"retryable\":false}");
	return false;
}

static void route_modern(struct arena *a, struct str version, struct mcp_route *out)
{
	out->version = MCP_MODERN;
	if (out->id && !check_meta(a, version, out))
		return;
	if (!out->method || !(out->method->flags & MCP_ON_MODERN))
		refuse(out, MCP_METHOD_NOT_FOUND, STR("no such method in 2026-07-28"));
}

static void route_legacy(struct arena *a, const struct mcp_conn *conn, struct mcp_route *out)
{
	bool is_first = out->method && (str_eq(out->method->name, STR("initialize")) ||
					str_eq(out->method->name, STR("ping")));

	out->version = conn->version ? conn->version : MCP_LEGACY_LATEST;
	if (out->id && !conn->version && !is_first) {
		out->data = mcp_data(a, "invalid_params",
				     "begin with initialize, or say both in params._meta of each "
				     "request");
		refuse(out, MCP_INVALID_PARAMS,
		       STR("params._meta lacks 'io.modelcontextprotocol/protocolVersion' and "
			   "'io.modelcontextprotocol/clientCapabilities', and no initialize came "
			   "before"));
		return;
	}
	if (!out->method || !(out->method->flags & MCP_ON_LEGACY))
		refuse(out, MCP_METHOD_NOT_FOUND, STR("no such method"));
}

void mcp_route(struct arena *a, const struct mcp_conn *conn, const struct json *message,
	       struct str hint, struct mcp_route *out)
{
	const struct json *params = json_get(message, STR("params"));
	const struct json *id = json_get(message, STR("id"));
	struct str method = json_get_str(message, STR("method")), version;

	*out = (struct mcp_route){ .id = id,
				   .params = params,
				   .meta = json_get(params, STR("_meta")),
				   .version = conn->version ? conn->version : MCP_LEGACY_LATEST };
	if (!str_eq(json_get_str(message, STR("jsonrpc")), STR("2.0")) || !method.p) {
		refuse(out, MCP_INVALID_REQUEST, STR("the message is not a JSON-RPC 2.0 request"));
		return;
	}
	if (id && ((id->type != JSON_STRING && id->type != JSON_INT) || !message_id(id).p)) {
		refuse(out, MCP_INVALID_REQUEST,
		       STR("id must be a string or an integer of at most 256 bytes"));
		return;
	}
	if (params && params->type != JSON_OBJECT) {
		refuse(out, MCP_INVALID_PARAMS, STR("params must be an object"));
		return;
	}
	if (!id && !str_starts(method, STR("notifications/"))) {
		refuse(out, MCP_INVALID_REQUEST,
		       STR("id is missing: only notifications have none"));
		return;
	}
	if (!id || !str_starts(method, STR("notifications/")))
		out->method = mcp_method_find(method);
	version = json_get_str(out->meta, MCP_META_VERSION);
	if (version.p || mcp_version_find(hint) == MCP_MODERN)
		route_modern(a, version, out);
	else
		route_legacy(a, conn, out);
}
