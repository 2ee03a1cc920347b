/* SPDX-License-Identifier: Apache-2.0 */
/* What goes out: results in their envelope of either era, errors with the HTTP status that belongs
 * to them, notifications about a call while it runs. */
#include <stdarg.h>
#include <stdio.h>

#include "server/clean.h"
#include "server/mcp.h"

static const struct str level_texts[] = {
	[MCP_LEVEL_NONE] = { NULL, 0 },     [MCP_DEBUG] = STR("debug"),
	[MCP_INFO] = STR("info"),           [MCP_NOTICE] = STR("notice"),
	[MCP_WARNING] = STR("warning"),     [MCP_ERROR] = STR("error"),
	[MCP_CRITICAL] = STR("critical"),   [MCP_ALERT] = STR("alert"),
	[MCP_EMERGENCY] = STR("emergency"),
};

#define PROGRESS_GAP_MS 20 /* of work that is counted; what has no total tells of changes */

/* On every modern result: who answered. The rest of it is server/discover's to say. */
#define SERVER_META                   \
	"{\"io.modelcontextprotocol/" \
	"serverInfo\":{\"name\":\"questd\",\"version\":\"" QUESTD_VERSION "\"}}"

#define OUT_OF_MEMORY                                                                    \
	"{\"code\":\"out_of_memory\",\"hint\":\"wait for retry_after_ms, then repeat\"," \
	"\"retryable\":true,\"retry_after_ms\":1000}"

int mcp_status(int code)
{
	switch (code) {
	case MCP_METHOD_NOT_FOUND:
		return 404;
	case MCP_PARSE_ERROR:
	case MCP_INVALID_REQUEST:
	case MCP_HEADER_MISMATCH:
	case MCP_MISSING_CAPABILITY:
	case MCP_UNSUPPORTED_VERSION:
		return 400;
	default:
		return 200;
	}
}

/* What the protocol's own codes say here; the rest is as schemas/errors.json has it. */
static const struct {
	int code;
	struct str name, hint;
} protocol_errors[] = {
	{ MCP_INVALID_REQUEST, STR("invalid_request"),
	  STR("a message has jsonrpc \"2.0\", a method, and an id unless it is a notification") },
	{ MCP_METHOD_NOT_FOUND, STR("method_not_found"),
	  STR("server/discover, or the answer to initialize, says what there is; verbs are tools "
	      "here") },
	{ MCP_INVALID_PARAMS, STR("invalid_params"),
	  STR("put right what the message names, and send it again") },
	{ MCP_HEADER_MISMATCH, STR("header_mismatch"),
	  STR("MCP-Protocol-Version, Mcp-Method and Mcp-Name repeat what the body says") },
	{ MCP_RESOURCE_NOT_FOUND, STR("not_found"), STR("resources/list names them") },
};

static void put_known(struct json_out *w, struct str name, struct str hint, bool is_retryable)
{
	json_key(w, STR("data"));
	json_begin_object(w);
	JSON_KV_STR(w, "code", name);
	JSON_KV_STR(w, "hint", hint);
	JSON_KV_BOOL(w, "retryable", is_retryable);
	if (is_retryable)
		JSON_KV_INT(w, "retry_after_ms", MCP_RETRY_MS);
	json_end_object(w);
}

/* Every error says what to do about it. */
static void put_data_of(struct json_out *w, int code)
{
	for (size_t i = 0; i < ARRAY_LEN(protocol_errors); i++)
		if (protocol_errors[i].code == code) {
			put_known(w, protocol_errors[i].name, protocol_errors[i].hint, false);
			return;
		}
	for (size_t i = 1; i < ERROR_MAX; i++)
		if (error_table[i].code == code) {
			put_known(w, error_table[i].name, error_table[i].hint,
				  error_table[i].is_retryable);
			return;
		}
}

void mcp_put_error(struct buf *b, struct str id, int code, struct str message, struct str data)
{
	struct json_out w = json_out(b);

	json_begin_object(&w);
	JSON_KV_STR(&w, "jsonrpc", STR("2.0"));
	if (id.p) {
		json_key(&w, STR("id"));
		json_raw(&w, id);
	}
	json_key(&w, STR("error"));
	json_begin_object(&w);
	JSON_KV_INT(&w, "code", code);
	JSON_KV_STR(&w, "message", message);
	if (data.p) {
		json_key(&w, STR("data"));
		json_raw(&w, data);
	} else {
		put_data_of(&w, code);
	}
	json_end_object(&w);
	json_end_object(&w);
}

/* Sends what c->out holds and frees the call. */
static void answer(struct mcp_call *c, int status)
{
	if (c->out.failed) {
		buf_deinit(&c->out);
		buf_init(&c->out, 0);
		mcp_put_error(&c->out, c->id, MCP_INTERNAL, STR("memory is out"),
			      STR(OUT_OF_MEMORY));
	}
	if (c->channel && c->step_up)
		status = 403;
	if (c->channel)
		c->channel->step_up = c->step_up;
	if (c->channel && c->id.p && !c->is_cancelled)
		/* The one answer of this call: what a peer does not take is its loss. */
		(void)channel_answer(c->channel, buf_str(&c->out), status);
	mcp_call_free(c);
}

struct json_out *mcp_result_bare(struct mcp_call *c, struct str result_type)
{
	buf_clear(&c->out);
	c->w = json_out(&c->out);
	json_begin_object(&c->w);
	/* what every answer says is written ready */
	json_raw_key(&c->w, STR("\"jsonrpc\":"));
	json_raw(&c->w, STR("\"2.0\""));
	if (c->id.p) {
		json_raw_key(&c->w, STR("\"id\":"));
		json_raw(&c->w, c->id);
	}
	json_raw_key(&c->w, STR("\"result\":"));
	json_begin_object(&c->w);
	if (mcp_is_modern(c)) {
		json_raw_key(&c->w, STR("\"resultType\":"));
		json_str(&c->w, result_type);
	}
	return &c->w;
}

struct json_out *mcp_result_as(struct mcp_call *c, struct str result_type)
{
	mcp_result_bare(c, result_type);
	if (mcp_is_modern(c)) {
		json_raw_key(&c->w, STR("\"_meta\":"));
		json_raw(&c->w, STR(SERVER_META));
	}
	return &c->w;
}

struct json_out *mcp_result(struct mcp_call *c)
{
	return mcp_result_as(c, STR("complete"));
}

void mcp_result_end(struct mcp_call *c)
{
	json_end_object(&c->w);
	json_end_object(&c->w);
	answer(c, 200);
}

void mcp_result_empty(struct mcp_call *c)
{
	mcp_result(c);
	mcp_result_end(c);
}

void mcp_put_cache(struct mcp_call *c, int64_t ttl_ms, bool is_private)
{
	if (!mcp_is_modern(c))
		return;
	JSON_KV_INT(&c->w, "ttlMs", ttl_ms);
	JSON_KV_STR(&c->w, "cacheScope", is_private ? STR("private") : STR("public"));
}

struct str mcp_data(struct arena *a, const char *code, const char *hint)
{
	return str_fmt(a, "{\"code\":\"%s\",\"hint\":\"%s\",\"retryable\":false}", code, hint);
}

void mcp_fail_data(struct mcp_call *c, int code, struct str message, struct str data)
{
	buf_clear(&c->out);
	mcp_put_error(&c->out, c->id, code, message, data);
	answer(c, mcp_status(code));
}

/* What the parameters of a method are, or who says. */
/* clang-format off */
static const struct {
	struct str method;
	const char *hint;
} takes[] = {
	{ STR("tools/call"), "tools/list shows each tool's name and what its arguments are" },
	{ STR("tools/list"), "the list is one page: leave params.cursor out" },
	{ STR("prompts/list"), "the list is one page: leave params.cursor out" },
	{ STR("prompts/get"), "prompts/list shows each prompt's name and its arguments" },
	{ STR("completion/complete"), "ref is a prompt of prompts/list or a template of "
	  "resources/templates/list, argument its name and the value so far" },
	{ STR("initialize"), "params has protocolVersion, capabilities and clientInfo" },
	{ STR("resources/list"), "begin again without params.cursor, then send the "
	  "nextCursor that came" },
	{ STR("resources/templates/list"), "the list is one page: leave params.cursor out" },
	{ STR("resources/read"), "params.uri is one of resources/list, or of a template of "
	  "resources/templates/list" },
	{ STR("resources/subscribe"), "params.uri is one of resources/list, or of a template of "
	  "resources/templates/list" },
	{ STR("resources/unsubscribe"), "params.uri is one that was subscribed to" },
};
/* clang-format on */

/* NONE: the code's own. */
static struct str data_of_params(struct mcp_call *c)
{
	for (size_t i = 0; i < ARRAY_LEN(takes); i++)
		if (str_eq(takes[i].method, c->method->name))
			return mcp_data(&c->arena, "invalid_params", takes[i].hint);
	return STR_NONE;
}

void mcp_fail(struct mcp_call *c, int code, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	mcp_fail_data(c, code, str_utf8_prefix(str_from(text), sizeof(text) - 1),
		      code == MCP_INVALID_PARAMS ? data_of_params(c) : STR_NONE);
}

void mcp_fail_memory(struct mcp_call *c)
{
	mcp_fail_data(c, MCP_INTERNAL, STR("memory is out"), STR(OUT_OF_MEMORY));
}

void mcp_fail_capability(struct mcp_call *c, struct str capabilities)
{
	mcp_fail_data(c, MCP_MISSING_CAPABILITY,
		      STR("the client lacks a capability that this needs"),
		      str_fmt(&c->arena, "{\"requiredCapabilities\":%.*s}", STR_ARG(capabilities)));
}

void mcp_fail_verb(struct mcp_call *c, const struct mcp_outcome *o)
{
	buf_clear(&c->out);
	c->w = json_out(&c->out);
	json_begin_object(&c->w);
	JSON_KV_STR(&c->w, "jsonrpc", STR("2.0"));
	json_key(&c->w, STR("id"));
	json_raw(&c->w, c->id.p ? c->id : STR("null"));
	json_key(&c->w, STR("error"));
	request_put_error(o->failure, o->verb, &c->w);
	json_end_object(&c->w);
	answer(c, 200);
}

struct json_out mcp_note(struct buf *b, struct str method)
{
	struct json_out w = json_out(b);

	json_begin_object(&w);
	JSON_KV_STR(&w, "jsonrpc", STR("2.0"));
	JSON_KV_STR(&w, "method", method);
	json_key(&w, STR("params"));
	json_begin_object(&w);
	return w;
}

void mcp_note_end(struct json_out *w)
{
	json_end_object(w);
	json_end_object(w);
}

void mcp_notify(struct mcp_call *c, struct str message)
{
	if (c->channel && !c->is_cancelled)
		/* A slow or lost peer is found by its transport. */
		(void)channel_send(c->channel, message);
}

void mcp_progress(struct mcp_call *c, int64_t done, int64_t total, struct str text)
{
	int64_t now = loop_now_ms(c->server->loop);
	struct buf b;
	struct json_out w;

	if (!c->progress_token.p || done <= c->last_progress ||
	    (total > 0 && c->last_progress >= 0 && now - c->progress_ms < PROGRESS_GAP_MS))
		return;
	c->last_progress = done;
	c->progress_ms = now;
	buf_init(&b, 0);
	w = mcp_note(&b, STR("notifications/progress"));
	json_key(&w, STR("progressToken"));
	json_raw(&w, c->progress_token);
	JSON_KV_INT(&w, "progress", done);
	if (total > 0)
		JSON_KV_INT(&w, "total", total);
	if (text.n && c->version >= MCP_2025_03_26)
		JSON_KV_STR(&w, "message", text);
	mcp_note_end(&w);
	if (!b.failed)
		mcp_notify(c, buf_str(&b));
	buf_deinit(&b);
}

enum mcp_level mcp_level_find(struct str text)
{
	for (size_t i = 1; i < ARRAY_LEN(level_texts); i++)
		if (str_eq(level_texts[i], text))
			return (enum mcp_level)i;
	return MCP_LEVEL_NONE;
}

struct str mcp_level_text(enum mcp_level level)
{
	return level_texts[level];
}

bool mcp_wants_log(const struct mcp_call *c, enum mcp_level level)
{
	return c->level && level >= c->level;
}

void mcp_log(struct mcp_call *c, enum mcp_level level, struct str logger, struct str data)
{
	struct buf b;
	struct json_out w;

	buf_init(&b, 0);
	w = mcp_note(&b, STR("notifications/message"));
	JSON_KV_STR(&w, "level", level_texts[level]);
	if (logger.p)
		JSON_KV_STR(&w, "logger", logger);
	json_key(&w, STR("data"));
	json_raw(&w, data);
	mcp_note_end(&w);
	if (!b.failed)
		mcp_notify(c, buf_str(&b));
	buf_deinit(&b);
}
