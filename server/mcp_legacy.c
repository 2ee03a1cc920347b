/* SPDX-License-Identifier: Apache-2.0 */
/* Who speaks with whom: server/discover for the modern era, and what only the legacy era has —
 * the handshake, ping, the log level of a connection. */
#include "server/mcp.h"
#include "server/mcp_listen.h"
#include "server/mcp_texts.h"

#define LIST_CAPABILITIES                                                      \
	"\"tools\":{\"listChanged\":true},\"prompts\":{\"listChanged\":true}," \
	"\"resources\":{\"subscribe\":true,\"listChanged\":true},\"logging\":{}"
#define DISCOVER_TTL_MS 300000

static const char description[] =
    "A company runtime: agents, quests, ideas and events behind one small server";

static void put_server_info(struct json_out *w, struct str key, enum mcp_version v)
{
	json_key(w, key);
	json_begin_object(w);
	JSON_KV_STR(w, "name", STR("questd"));
	JSON_KV_STR(w, "version", STR(QUESTD_VERSION));
	if (v >= MCP_2025_06_18)
		JSON_KV_STR(w, "title", STR("questd"));
	if (v >= MCP_2025_11_25) {
		JSON_KV_STR(w, "description", str_from(description));
		json_key(w, STR("icons"));
		json_raw(w, mcp_icons);
	}
	json_end_object(w);
}

void mcp_discover_start(struct mcp_call *c)
{
	struct json_out *w;

	w = mcp_result_bare(c, STR("complete"));
	json_key(w, STR("_meta"));
	json_begin_object(w);
	put_server_info(w, MCP_META_SERVER, c->version);
	json_end_object(w);
	json_key(w, STR("supportedVersions"));
	json_begin_array(w);
	json_str(w, mcp_version_text(MCP_MODERN));
	json_end_array(w);
	json_key(w, STR("capabilities"));
	json_raw(w, STR("{" LIST_CAPABILITIES ",\"completions\":{},\"extensions\":{"
			"\"io.modelcontextprotocol/tasks\":{},"
			"\"io.modelcontextprotocol/skills\":{\"directoryRead\":true}}}"));
	JSON_KV_STR(w, "instructions", mcp_instructions);
	mcp_put_cache(c, DISCOVER_TTL_MS, false);
	mcp_result_end(c);
}

void mcp_initialize_start(struct mcp_call *c)
{
	struct str asked = c->params ? json_get_str(c->params, STR("protocolVersion")) : STR_NONE;
	enum mcp_version v = mcp_version_find(asked);
	struct json_out *w;

	if (!asked.p) {
		mcp_fail(c, MCP_INVALID_PARAMS, "params.protocolVersion is missing");
		return;
	}
	/* The modern version is not to be had by a handshake. */
	if (!v || v > MCP_LEGACY_LATEST)
		v = MCP_LEGACY_LATEST;
	c->version = v;
	c->conn->version = v;
	c->conn->client = mcp_client_bits(json_get(c->params, STR("capabilities")));
	/* That extension is the modern era's. */
	c->conn->client &= ~(unsigned)MCP_CLIENT_TASKS;
	c->conn->level = MCP_LEVEL_NONE;
	w = mcp_result(c);
	JSON_KV_STR(w, "protocolVersion", mcp_version_text(v));
	json_key(w, STR("capabilities"));
	json_raw(w, v >= MCP_2025_03_26 ? STR("{" LIST_CAPABILITIES ",\"completions\":{}}")
					: STR("{" LIST_CAPABILITIES "}"));
	put_server_info(w, STR("serverInfo"), v);
	JSON_KV_STR(w, "instructions", mcp_instructions);
	mcp_result_end(c);
}

/* From now on the client can be told of changes. */
void mcp_initialized_start(struct mcp_call *c)
{
	/* Without room for a stream the client just is not told. Over HTTP it opens a stream first.
	 */
	if (c->conn->version && !c->conn->watch && c->conn->channel)
		c->conn->watch = mcp_watch_new_legacy(c->conn, c->conn->channel);
	mcp_call_free(c);
}

void mcp_ping_start(struct mcp_call *c)
{
	mcp_result_empty(c);
}

void mcp_set_level_start(struct mcp_call *c)
{
	enum mcp_level level = mcp_level_find(c->params ? json_get_str(c->params, STR("level"))
							: STR_NONE);

	if (!level) {
		mcp_fail(c, MCP_INVALID_PARAMS,
			 "params.level must be one of debug info notice warning error critical "
			 "alert emergency");
		return;
	}
	c->conn->level = level;
	mcp_result_empty(c);
}

void mcp_cancelled_start(struct mcp_call *c)
{
	const struct json *id = c->params ? json_get(c->params, STR("requestId")) : NULL;

	if (id && (id->type == JSON_STRING || id->type == JSON_INT))
		mcp_cancel_by_id(c->conn, id->raw);
	mcp_call_free(c);
}

void mcp_ignore_start(struct mcp_call *c)
{
	mcp_call_free(c);
}
