/* SPDX-License-Identifier: Apache-2.0 */
/* What cannot be undone asks the user first, where the client can show a form: modern clients get
 * `input_required` and come back, legacy ones are sent elicitation/create. Where the client cannot,
 * the tool's error says to call again with confirm: true. */
#include "server/clean.h"
#include "server/mcp_tools.h"
#include "verbs.gen.h"

#define KEY       STR("confirm")
#define STATE     STR("confirm")
#define SHOWN_MAX 400

static struct str form(struct mcp_call *c, const struct verb *v, const struct json *arguments)
{
	struct str shown = arguments && arguments->raw.p
			       ? clean_shown(c->server, &c->arena, arguments->raw, SHOWN_MAX)
			       : STR("{}");
	struct str text, out;
	struct json_out w;
	struct buf b;

	text = str_fmt(&c->arena, "%.*s: %.*s. Arguments: %.*s", STR_ARG(v->name),
		       STR_ARG(v->summary), STR_ARG(shown));
	buf_init(&b, 0);
	w = json_out(&b);
	json_begin_object(&w);
	if (c->version >= MCP_2025_11_25)
		JSON_KV_STR(&w, "mode", STR("form"));
	JSON_KV_STR(&w, "message", text);
	json_key(&w, STR("requestedSchema"));
	json_raw(&w, STR("{\"type\":\"object\",\"properties\":{\"confirm\":{\"type\":\"boolean\","
			 "\"title\":\"Yes, do it\","
			 "\"description\":\"true carries it "
			 "out\",\"default\":false}},\"required\":[\"confirm\"]}"));
	json_end_object(&w);
	out = b.failed ? STR_NONE : str_dup(&c->arena, buf_str(&b));
	buf_deinit(&b);
	return out;
}

static enum mcp_confirmed read_answer(const struct json *answer)
{
	struct str action = json_get_str(answer, STR("action"));
	const struct json *content = json_get(answer, STR("content"));
	const struct json *confirm = content ? json_get(content, KEY) : NULL;

	if (str_eq(action, STR("decline")) || str_eq(action, STR("cancel")))
		return MCP_CONFIRM_NO;
	if (!str_eq(action, STR("accept")) || !confirm || confirm->type != JSON_BOOL)
		return MCP_CONFIRM_NONE;
	return confirm->b ? MCP_CONFIRM_YES : MCP_CONFIRM_NO;
}

enum mcp_confirmed mcp_confirm_given(const struct mcp_call *c, struct str state)
{
	const struct json *answer = str_eq(state, STATE) ? mcp_input_get(c, KEY) : NULL;

	return answer ? read_answer(answer) : MCP_CONFIRM_NONE;
}

static void asked(struct mcp_call *c, const struct json *result)
{
	if (!result || read_answer(result) != MCP_CONFIRM_YES) {
		mcp_tool_declined(c);
		return;
	}
	c->is_confirmed = true;
	mcp_tool_run(c, c->kept, c->arguments);
}

bool mcp_confirm_ask(struct mcp_call *c, const struct verb *v, const struct json *arguments)
{
	struct mcp_input input = { KEY, STR("elicitation/create"), STR_NONE };

	if (!(c->client & MCP_CLIENT_ELICITS) || c->version < MCP_2025_06_18)
		return false;
	input.params = form(c, v, arguments);
	if (!input.params.p)
		return false;
	if (mcp_is_modern(c)) {
		mcp_need_input(c, &input, 1, STATE);
		return true;
	}
	c->kept = v;
	mcp_ask(c, &input, asked);
	return true;
}
