/* SPDX-License-Identifier: Apache-2.0 */
/* Tools and a prompt that a modern client comes back to with what they asked for (input_required).
 */
#include "tests/conformance/fixtures.h"

#define FORM(text, field, type)                                                             \
	STR("{\"mode\":\"form\",\"message\":\"" text                                        \
	    "\",\"requestedSchema\":{\"type\":\"object\","                                  \
	    "\"properties\":{\"" field "\":{\"type\":\"" type "\"}},\"required\":[\"" field \
	    "\"]}}")
#define ELICIT STR("elicitation/create")
#define SAMPLE(text)                                                                            \
	STR("{\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":\"" text \
	    "\"}}],"                                                                            \
	    "\"maxTokens\":50}")

const struct mcp_input fixture_ask_name = { STR("user_name"), ELICIT,
					    FORM("What is your name?", "name", "string") };
const struct mcp_input fixture_ask_greeting = { STR("greeting"), STR("sampling/createMessage"),
						SAMPLE("Generate a greeting") };
const struct mcp_input fixture_ask_roots = { STR("client_roots"), STR("roots/list"), STR("{}") };

static const struct mcp_input ask_capital = { STR("capital_question"),
					      STR("sampling/createMessage"),
					      SAMPLE("What is the capital of France?") };
static const struct mcp_input ask_confirm = { STR("confirm"), ELICIT,
					      FORM("Please confirm", "ok", "boolean") };
static const struct mcp_input ask_step1 = { STR("step1"), ELICIT,
					    FORM("Step 1: What is your name?", "name", "string") };
static const struct mcp_input ask_step2 = {
	STR("step2"), ELICIT, FORM("Step 2: What is your favorite color?", "color", "string")
};
static const struct mcp_input ask_context = { STR("user_context"), ELICIT,
					      FORM("What context should the prompt use?", "context",
						   "string") };

static const struct json *accepted(const struct mcp_call *c, struct str key)
{
	const struct json *answer = mcp_input_get(c, key);
	const struct json *content = answer ? json_get(answer, STR("content")) : NULL;

	return answer && str_eq(json_get_str(answer, STR("action")), STR("accept")) ? content
										    : NULL;
}

struct str fixture_accepted(const struct mcp_call *c, struct str key, struct str field)
{
	const struct json *content = accepted(c, key);

	return content ? json_get_str(content, field) : STR_NONE;
}

static void elicitation(struct mcp_call *c, const struct json *arguments)
{
	struct str name = fixture_accepted(c, STR("user_name"), STR("name"));

	if (name.p)
		fixture_text(c, "Hello, %.*s!", STR_ARG(name));
	else
		mcp_need_input(c, &fixture_ask_name, 1, STR_NONE);
}

static void sampling(struct mcp_call *c, const struct json *arguments)
{
	const struct json *answer = mcp_input_get(c, STR("capital_question"));
	const struct json *content = answer ? json_get(answer, STR("content")) : NULL;

	if (content)
		fixture_text(c, "Sampling response: %.*s",
			     STR_ARG(json_get_str(content, STR("text"))));
	else
		mcp_need_input(c, &ask_capital, 1, STR_NONE);
}

static void roots(struct mcp_call *c, const struct json *arguments)
{
	const struct json *answer = mcp_input_get(c, STR("client_roots"));
	const struct json *all = answer ? json_get(answer, STR("roots")) : NULL;

	if (all)
		fixture_text(c, "Client exposed %u root(s)", all->n);
	else
		mcp_need_input(c, &fixture_ask_roots, 1, STR_NONE);
}

/* Opens the state a client brought; false: it was not ours and the call is over. */
static void with_state(struct mcp_call *c, const char *done)
{
	struct str state;

	if (!mcp_input_state(c, &state))
		return;
	if (state.p && accepted(c, STR("confirm")))
		fixture_text(c, "%s", done);
	else
		mcp_need_input(c, &ask_confirm, 1, STR("asked"));
}

static void request_state(struct mcp_call *c, const struct json *arguments)
{
	with_state(c, "state-ok: requestState verified and confirmation received");
}

static void tampered_state(struct mcp_call *c, const struct json *arguments)
{
	with_state(c, "integrity-ok: requestState verified");
}

static void multiple(struct mcp_call *c, const struct json *arguments)
{
	struct mcp_input all[] = { fixture_ask_name, fixture_ask_greeting, fixture_ask_roots };
	struct str name = fixture_accepted(c, STR("user_name"), STR("name")), state;

	if (!mcp_input_state(c, &state))
		return;
	if (name.p && mcp_input_get(c, STR("greeting")) && mcp_input_get(c, STR("client_roots")))
		fixture_text(c, "Hello %.*s", STR_ARG(name));
	else
		mcp_need_input(c, all, ARRAY_LEN(all), STR("asked"));
}

static void multi_round(struct mcp_call *c, const struct json *arguments)
{
	struct str name = fixture_accepted(c, STR("step1"), STR("name"));
	struct str color = fixture_accepted(c, STR("step2"), STR("color")), state;

	if (!mcp_input_state(c, &state))
		return;
	if (str_starts(state, STR("2:")) && color.p)
		fixture_text(c, "Multi-round complete: %.*s likes %.*s",
			     STR_ARG(str_slice(state, 2, state.n)), STR_ARG(color));
	else if (str_eq(state, STR("1")) && name.p)
		mcp_need_input(c, &ask_step2, 1, str_fmt(&c->arena, "2:%.*s", STR_ARG(name)));
	else
		mcp_need_input(c, &ask_step1, 1, STR("1"));
}

static void capabilities(struct mcp_call *c, const struct json *arguments)
{
	struct mcp_input all[3];
	size_t n = 0;

	if (c->params && json_get(c->params, STR("inputResponses"))) {
		fixture_text(c, "Capability-aware input requests fulfilled");
		return;
	}
	if (c->client & MCP_CLIENT_ELICITS)
		all[n++] = fixture_ask_name;
	if (c->client & MCP_CLIENT_SAMPLING)
		all[n++] = fixture_ask_greeting;
	if (c->client & MCP_CLIENT_ROOTS)
		all[n++] = fixture_ask_roots;
	if (n)
		mcp_need_input(c, all, n, STR_NONE);
	else
		fixture_text(c, "No declared client capability supports an in-band input request");
}

#define INPUT(name, fn)                                                 \
	{                                                               \
		STR(name), FIXTURE_TOOL(name, FIXTURE_NO_ARGUMENTS), fn \
	}

const struct mcp_extra_tool fixture_input_tools[] = {
	INPUT("test_input_required_result_elicitation", elicitation),
	INPUT("test_input_required_result_sampling", sampling),
	INPUT("test_input_required_result_list_roots", roots),
	INPUT("test_input_required_result_request_state", request_state),
	INPUT("test_input_required_result_multiple_inputs", multiple),
	INPUT("test_input_required_result_multi_round", multi_round),
	INPUT("test_input_required_result_tampered_state", tampered_state),
	INPUT("test_input_required_result_capabilities", capabilities),
	{ .name = STR_NONE },
};

/* ---- prompts ---- */

static void answer_messages(struct mcp_call *c, struct str messages)
{
	struct json_out *w = mcp_result(c);

	json_key(w, STR("messages"));
	json_raw(w, messages);
	mcp_result_end(c);
}

/* before + value + after, the value as the inside of a JSON string. */
static void answer_around(struct mcp_call *c, struct str before, struct str value, struct str after)
{
	struct json_out *w = mcp_result(c);

	json_key(w, STR("messages"));
	json_begin_array(w);
	json_begin_object(w);
	JSON_KV_STR(w, "role", STR("user"));
	json_key(w, STR("content"));
	json_begin_object(w);
	JSON_KV_STR(w, "type", STR("text"));
	JSON_KV_STR(w, "text",
		    str_fmt(&c->arena, "%.*s%.*s%.*s", STR_ARG(before), STR_ARG(value),
			    STR_ARG(after)));
	json_end_object(w);
	json_end_object(w);
	json_end_array(w);
	mcp_result_end(c);
}

static void simple_prompt(struct mcp_call *c, const struct json *arguments)
{
	answer_around(c, STR("This is a simple prompt for testing."), STR_NONE, STR_NONE);
}

static void arguments_prompt(struct mcp_call *c, const struct json *arguments)
{
	struct str one = arguments ? json_get_str(arguments, STR("arg1")) : STR_NONE;
	struct str two = arguments ? json_get_str(arguments, STR("arg2")) : STR_NONE;

	if (!one.p || !two.p)
		mcp_fail(c, MCP_INVALID_PARAMS, "params.arguments must have arg1 and arg2");
	else
		answer_around(c, STR("Prompt with arguments: "),
			      str_fmt(&c->arena, "arg1='%.*s', arg2='%.*s'", STR_ARG(one),
				      STR_ARG(two)),
			      STR_NONE);
}

static void resource_prompt(struct mcp_call *c, const struct json *arguments)
{
	struct str uri = arguments ? json_get_str(arguments, STR("resourceUri")) : STR_NONE;
	struct json_out *w = mcp_result(c);

	json_key(w, STR("messages"));
	json_begin_array(w);
	json_begin_object(w);
	JSON_KV_STR(w, "role", STR("user"));
	json_key(w, STR("content"));
	json_begin_object(w);
	JSON_KV_STR(w, "type", STR("resource"));
	json_key(w, STR("resource"));
	json_begin_object(w);
	JSON_KV_STR(w, "uri", uri.p ? uri : STR("test://none"));
	JSON_KV_STR(w, "mimeType", STR("text/plain"));
	JSON_KV_STR(w, "text", STR("Embedded resource content for testing."));
	json_end_object(w);
	json_end_object(w);
	json_end_object(w);
	json_raw(w, STR("{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":\"Please "
			"process the embedded resource "
			"above.\"}}"));
	json_end_array(w);
	mcp_result_end(c);
}

static void image_prompt(struct mcp_call *c, const struct json *arguments)
{
	answer_messages(
	    c, STR("[{\"role\":\"user\",\"content\":{\"type\":\"image\",\"data\":\"" FIXTURE_IMAGE
		   "\",\"mimeType\":\"image/"
		   "png\"}},{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":"
		   "\"Please analyze the image above.\"}}]"));
}

static void input_prompt(struct mcp_call *c, const struct json *arguments)
{
	struct str context = fixture_accepted(c, STR("user_context"), STR("context"));

	if (context.p)
		answer_around(c, STR("Use the following context: "), context, STR_NONE);
	else
		mcp_need_input(c, &ask_context, 1, STR_NONE);
}

#define PROMPT(name, arguments, fn)                                                            \
	{                                                                                      \
		STR(name),                                                                     \
		    STR("{\"name\":\"" name                                                    \
			"\",\"description\":\"conformance fixture\",\"arguments\":[" arguments \
			"]}"),                                                                 \
		    fn                                                                         \
	}
#define ARGUMENT(name) "{\"name\":\"" name "\",\"description\":\"an argument\",\"required\":true}"

const struct mcp_extra_prompt fixture_prompts[] = {
	PROMPT("test_simple_prompt", "", simple_prompt),
	PROMPT("test_prompt_with_arguments", ARGUMENT("arg1") "," ARGUMENT("arg2"),
	       arguments_prompt),
	PROMPT("test_prompt_with_embedded_resource", ARGUMENT("resourceUri"), resource_prompt),
	PROMPT("test_prompt_with_image", "", image_prompt),
	PROMPT("test_input_required_result_prompt", "", input_prompt),
	{ .name = STR_NONE },
};
