/* SPDX-License-Identifier: Apache-2.0 */
/* Tools that ask a legacy client in the middle of their call. */
#include "tests/conformance/fixtures.h"

static void show(struct mcp_call *c, const char *what, const struct json *result)
{
	const struct json *content = result ? json_get(result, STR("content")) : NULL;

	if (!result)
		fixture_text(c, "not supported or error");
	else
		fixture_text(c, "%s: action=%.*s, content=%.*s", what,
			     STR_ARG(json_get_str(result, STR("action"))),
			     STR_ARG(content ? content->raw : STR("{}")));
}

static void sampled(struct mcp_call *c, const struct json *result)
{
	const struct json *content = result ? json_get(result, STR("content")) : NULL;

	fixture_text(c, "LLM response: %.*s",
		     STR_ARG(content ? json_get_str(content, STR("text")) : STR("none")));
}

static void elicited(struct mcp_call *c, const struct json *result)
{
	show(c, "User response", result);
}

static void completed(struct mcp_call *c, const struct json *result)
{
	show(c, "Elicitation completed", result);
}

/* `before` and `after` around one text of the arguments, as JSON. */
static void ask_with(struct mcp_call *c, struct str method, const struct str parts[2],
		     struct str value, mcp_asked_fn *then)
{
	struct mcp_input input = { .method = method };
	struct buf b;

	buf_init(&b, 0);
	buf_put_str(&b, parts[0]);
	json_put_quoted(&b, value.p ? value : STR(""));
	buf_put_str(&b, parts[1]);
	input.params = str_dup(&c->arena, buf_str(&b));
	buf_deinit(&b);
	mcp_ask(c, &input, then);
}

static void sampling(struct mcp_call *c, const struct json *arguments)
{
	static const struct str parts[] = {
		STR("{\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":"),
		STR("}}],\"maxTokens\":100}"),
	};

	ask_with(c, STR("sampling/createMessage"), parts,
		 arguments ? json_get_str(arguments, STR("prompt")) : STR_NONE, sampled);
}

static void elicitation(struct mcp_call *c, const struct json *arguments)
{
	static const struct str parts[] = {
		STR("{\"message\":"),
		STR(",\"requestedSchema\":{\"type\":\"object\",\"properties\":{\"response\":{"
		    "\"type\":\"string\","
		    "\"description\":\"User's response\"}},\"required\":[\"response\"]}}"),
	};

	ask_with(c, STR("elicitation/create"), parts,
		 arguments ? json_get_str(arguments, STR("message")) : STR_NONE, elicited);
}

static void defaults(struct mcp_call *c, const struct json *arguments)
{
	static const struct mcp_input input = {
		.method = STR("elicitation/create"),
		.params = STR("{\"message\":\"Please review and update the form fields with "
			      "defaults\",\"requestedSchema\":{"
			      "\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\","
			      "\"default\":\"John Doe\"},"
			      "\"age\":{\"type\":\"integer\",\"default\":30},\"score\":{\"type\":"
			      "\"number\",\"default\":95.5},"
			      "\"status\":{\"type\":\"string\",\"enum\":[\"active\",\"inactive\","
			      "\"pending\"],\"default\":"
			      "\"active\"},\"verified\":{\"type\":\"boolean\",\"default\":true}},"
			      "\"required\":[]}}"),
	};

	mcp_ask(c, &input, completed);
}

static void enums(struct mcp_call *c, const struct json *arguments)
{
	static const struct mcp_input input = {
		.method = STR("elicitation/create"),
		.params = STR(
		    "{\"message\":\"Please select options from the enum "
		    "fields\",\"requestedSchema\":{\"type\":\"object\","
		    "\"properties\":{\"untitledSingle\":{\"type\":\"string\",\"enum\":[\"option1\","
		    "\"option2\","
		    "\"option3\"]},\"titledSingle\":{\"type\":\"string\",\"oneOf\":[{\"const\":"
		    "\"value1\",\"title\":"
		    "\"First Option\"},{\"const\":\"value2\",\"title\":\"Second "
		    "Option\"},{\"const\":\"value3\","
		    "\"title\":\"Third "
		    "Option\"}]},\"legacyEnum\":{\"type\":\"string\",\"enum\":[\"opt1\",\"opt2\","
		    "\"opt3\"],\"enumNames\":[\"Option One\",\"Option Two\",\"Option "
		    "Three\"]},\"untitledMulti\":{"
		    "\"type\":\"array\",\"minItems\":1,\"maxItems\":3,\"items\":{\"type\":"
		    "\"string\",\"enum\":["
		    "\"option1\",\"option2\",\"option3\"]}},\"titledMulti\":{\"type\":\"array\","
		    "\"minItems\":1,"
		    "\"maxItems\":3,\"items\":{\"anyOf\":[{\"const\":\"value1\",\"title\":\"First "
		    "Choice\"},{\"const\":"
		    "\"value2\",\"title\":\"Second "
		    "Choice\"},{\"const\":\"value3\",\"title\":\"Third Choice\"}]}}},"
		    "\"required\":[]}}"),
	};

	mcp_ask(c, &input, completed);
}

#define ONE_TEXT(name)                                 \
	"{\"type\":\"object\",\"properties\":{\"" name \
	"\":{\"type\":\"string\"}},\"required\":[\"" name "\"]}"
#define ASKING(name, schema, fn)                          \
	{                                                 \
		STR(name), FIXTURE_TOOL(name, schema), fn \
	}

const struct mcp_extra_tool fixture_asking_tools[] = {
	ASKING("test_sampling", ONE_TEXT("prompt"), sampling),
	ASKING("test_elicitation", ONE_TEXT("message"), elicitation),
	ASKING("test_elicitation_sep1034_defaults", FIXTURE_NO_ARGUMENTS, defaults),
	ASKING("test_elicitation_sep1330_enums", FIXTURE_NO_ARGUMENTS, enums),
	{ .name = STR_NONE },
};
