/* SPDX-License-Identifier: Apache-2.0 */
/* Tools that answer by themselves: content of each kind, errors, progress, logging, change
 * triggers, a stream that is cut. */
#include <stdarg.h>
#include <stdio.h>

#include "server/mcp_listen.h"
#include "tests/conformance/fixtures.h"

#define GAP_MS 50

void fixture_content(struct mcp_call *c, struct str content)
{
	struct json_out *w = mcp_result(c);

	json_key(w, STR("content"));
	json_raw(w, content);
	mcp_result_end(c);
}

static void text(struct mcp_call *c, struct str s, bool is_error)
{
	struct json_out *w = mcp_result(c);

	json_key(w, STR("content"));
	json_begin_array(w);
	json_begin_object(w);
	JSON_KV_STR(w, "type", STR("text"));
	JSON_KV_STR(w, "text", s);
	json_end_object(w);
	json_end_array(w);
	if (is_error)
		JSON_KV_BOOL(w, "isError", true);
	mcp_result_end(c);
}

void fixture_text(struct mcp_call *c, const char *fmt, ...)
{
	char s[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s, sizeof(s), fmt, ap);
	va_end(ap);
	text(c, str_from(s), false);
}

static void simple_text(struct mcp_call *c, const struct json *arguments)
{
	fixture_text(c, "This is a simple text response for testing.");
}

static void image(struct mcp_call *c, const struct json *arguments)
{
	fixture_content(c, STR("[{\"type\":\"image\",\"data\":\"" FIXTURE_IMAGE
			       "\",\"mimeType\":\"image/png\"}]"));
}

static void audio(struct mcp_call *c, const struct json *arguments)
{
	fixture_content(c, STR("[{\"type\":\"audio\",\"data\":\"" FIXTURE_AUDIO
			       "\",\"mimeType\":\"audio/wav\"}]"));
}

static void embedded(struct mcp_call *c, const struct json *arguments)
{
	fixture_content(
	    c, STR("[{\"type\":\"resource\",\"resource\":{\"uri\":\"test://"
		   "embedded-resource\",\"mimeType\":"
		   "\"text/plain\",\"text\":\"This is an embedded resource content.\"}}]"));
}

static void mixed(struct mcp_call *c, const struct json *arguments)
{
	fixture_content(
	    c, STR("[{\"type\":\"text\",\"text\":\"Multiple content types test:\"},"
		   "{\"type\":\"image\",\"data\":\"" FIXTURE_IMAGE "\",\"mimeType\":\"image/png\"},"
		   "{\"type\":\"resource\",\"resource\":{\"uri\":\"test://"
		   "mixed-content-resource\",\"mimeType\":"
		   "\"application/"
		   "json\",\"text\":\"{\\\"test\\\":\\\"data\\\",\\\"value\\\":123}\"}}]"));
}

static void failing(struct mcp_call *c, const struct json *arguments)
{
	text(c, STR("This tool intentionally returns an error for testing"), true);
}

static void header(struct mcp_call *c, const struct json *arguments)
{
	struct str region = arguments ? json_get_str(arguments, STR("region")) : STR_NONE;

	fixture_text(c, "region: %.*s", STR_ARG(region));
}

static void schema(struct mcp_call *c, const struct json *arguments)
{
	fixture_text(c, "called with: %.*s", STR_ARG(arguments ? arguments->raw : STR("{}")));
}

static void missing_capability(struct mcp_call *c, const struct json *arguments)
{
	if (c->client & MCP_CLIENT_SAMPLING)
		fixture_text(c, "sampling is declared");
	else
		mcp_fail_capability(c, STR("{\"sampling\":{}}"));
}

static void streaming(struct mcp_call *c, const struct json *arguments)
{
	fixture_text(c, "stream observed: result frames only, no top-level requests");
}

static void logging(struct mcp_call *c, const struct json *arguments)
{
	if (mcp_wants_log(c, MCP_INFO))
		mcp_log(c, MCP_INFO, STR("fixtures"), STR("\"test_logging_tool ran\""));
	fixture_text(c, "logged where it was asked for");
}

static void tools_changed(struct mcp_call *c, const struct json *arguments)
{
	mcp_changed(c->conn->mcp, MCP_TOOLS_CHANGED);
	fixture_text(c, "tools_list_changed published");
}

static void prompts_changed(struct mcp_call *c, const struct json *arguments)
{
	mcp_changed(c->conn->mcp, MCP_PROMPTS_CHANGED);
	fixture_text(c, "prompts_list_changed published");
}

/* ---- in steps, 50 ms apart ---- */

struct steps {
	struct mcp_call *call;
	struct loop_timer timer;
	int n;
	void (*step)(struct mcp_call *c, int n); /* 1 … last; the last one ends the call */
};

static void stop_steps(struct mcp_call *c)
{
	loop_disarm(&((struct steps *)c->state)->timer);
}

static void on_step(struct loop_timer *t)
{
	struct steps *s = container_of(t, struct steps, timer);
	struct loop *loop = s->call->server->loop;

	s->n++;
	if (loop_arm(loop, t, loop_now_ms(loop) + GAP_MS, NULL) < 0)
		mcp_fail_memory(s->call);
	else
		s->step(s->call, s->n);
}

static void in_steps(struct mcp_call *c, void (*step)(struct mcp_call *c, int n))
{
	struct steps *s = ARENA_NEW(&c->arena, struct steps);
	struct loop *loop = c->server->loop;

	if (!s) {
		mcp_fail_memory(c);
		return;
	}
	*s = (struct steps){ .call = c, .step = step };
	c->state = s;
	c->stop = stop_steps;
	if (loop_arm(loop, &s->timer, loop_now_ms(loop), on_step) < 0)
		mcp_fail_memory(c);
}

static void progress_step(struct mcp_call *c, int n)
{
	mcp_progress(c, (n - 1) * 50, 100, STR("working"));
	if (n == 3)
		fixture_text(c, "progress is over");
}

static void with_progress(struct mcp_call *c, const struct json *arguments)
{
	in_steps(c, progress_step);
}

static void logging_step(struct mcp_call *c, int n)
{
	static const struct str said[] = { STR("\"Tool execution started\""),
					   STR("\"Tool processing data\""),
					   STR("\"Tool execution completed\"") };

	if (n <= 3)
		mcp_log(c, MCP_INFO, STR("fixtures"), said[n - 1]);
	else
		fixture_text(c, "Tool with logging executed successfully");
}

static void with_logging(struct mcp_call *c, const struct json *arguments)
{
	in_steps(c, logging_step);
}

static void reconnection_step(struct mcp_call *c, int n)
{
	if (n == 1 && c->channel)
		c->channel->ops->close(c->channel);
	if (n == 3)
		fixture_text(c, "Reconnection test completed successfully");
}

static void reconnection(struct mcp_call *c, const struct json *arguments)
{
	in_steps(c, reconnection_step);
}

#define SCHEMA_2020_12                                                                             \
	"{\"$schema\":\"https://json-schema.org/draft/2020-12/"                                    \
	"schema\",\"type\":\"object\",\"$defs\":{"                                                 \
	"\"address\":{\"$anchor\":\"addressDef\",\"type\":\"object\",\"properties\":{\"street\":{" \
	"\"type\":"                                                                                \
	"\"string\"},\"city\":{\"type\":\"string\"}}}},\"properties\":{\"name\":{\"type\":"        \
	"\"string\"},"                                                                             \
	"\"address\":{\"$ref\":\"#/$defs/"                                                         \
	"address\"},\"contactMethod\":{\"type\":\"string\",\"enum\":["                             \
	"\"phone\",\"email\"]},\"phone\":{\"type\":\"string\"},\"email\":{\"type\":\"string\"}},"  \
	"\"allOf\":[{"                                                                             \
	"\"anyOf\":[{\"required\":[\"phone\"]},{\"required\":[\"email\"]}]}],\"if\":{"             \
	"\"properties\":{"                                                                         \
	"\"contactMethod\":{\"const\":\"phone\"}},\"required\":[\"contactMethod\"]},\"then\":{"    \
	"\"required\":["                                                                           \
	"\"phone\"]},\"else\":{\"required\":[\"email\"]},\"additionalProperties\":false}"

#define HEADER_SCHEMA                                                                            \
	"{\"type\":\"object\",\"properties\":{\"region\":{\"type\":\"string\",\"x-mcp-header\":" \
	"\"Region\"},"                                                                           \
	"\"level\":{\"type\":\"integer\"}}}"

#define PLAIN(name, fn)                                                 \
	{                                                               \
		STR(name), FIXTURE_TOOL(name, FIXTURE_NO_ARGUMENTS), fn \
	}

static const struct mcp_extra_mirror region_mirror[] = { { STR("region"), STR("Region") } };

const struct mcp_extra_tool fixture_plain_tools[] = {
	PLAIN("test_simple_text", simple_text),
	PLAIN("test_image_content", image),
	PLAIN("test_audio_content", audio),
	PLAIN("test_embedded_resource", embedded),
	PLAIN("test_multiple_content_types", mixed),
	PLAIN("test_error_handling", failing),
	PLAIN("test_tool_with_progress", with_progress),
	PLAIN("test_tool_with_logging", with_logging),
	PLAIN("test_reconnection", reconnection),
	PLAIN("test_missing_capability", missing_capability),
	PLAIN("test_streaming_elicitation", streaming),
	PLAIN("test_logging_tool", logging),
	{ STR("test_trigger_tool_change"), STR_NONE, tools_changed },
	{ STR("test_trigger_prompt_change"), STR_NONE, prompts_changed },
	{ STR("test_x_mcp_header"), FIXTURE_TOOL("test_x_mcp_header", HEADER_SCHEMA), header,
	  region_mirror, 1 },
	{ STR("json_schema_2020_12_tool"), FIXTURE_TOOL("json_schema_2020_12_tool", SCHEMA_2020_12),
	  schema },
	{ .name = STR_NONE },
};
