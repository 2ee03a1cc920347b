/* SPDX-License-Identifier: Apache-2.0 */
/* The whole pack, in the place that is empty in the program (server/mcp_extra.c). */
#include "tests/conformance/fixtures.h"

#define RESOURCE(uri, name, mime)                                                                \
	{                                                                                        \
		STR(uri),                                                                        \
		    STR("{\"uri\":\"" uri "\",\"name\":\"" name                                  \
			"\",\"description\":\"conformance fixture\",\"mimeType\":\"" mime "\"}") \
	}

static const struct mcp_extra_resource resources[] = {
	RESOURCE("test://static-text", "static-text", "text/plain"),
	RESOURCE("test://static-binary", "static-binary", "image/png"),
	RESOURCE("test://watched-resource", "watched-resource", "text/plain"),
	{ .uri = STR_NONE },
};

static const struct str templates[] = {
	STR("{\"uriTemplate\":\"test://template/{id}/"
	    "data\",\"name\":\"template\",\"description\":\"conformance fixture\","
	    "\"mimeType\":\"application/json\"}"),
	STR_NONE,
};

static void answer(struct mcp_call *c, struct str contents)
{
	struct json_out *w = mcp_result(c);

	json_key(w, STR("contents"));
	json_begin_array(w);
	json_raw(w, contents);
	json_end_array(w);
	mcp_put_cache(c, 1000, false);
	mcp_result_end(c);
}

static bool read_template(struct mcp_call *c, struct str uri)
{
	struct str begin = STR("test://template/"), end = STR("/data"), id;

	if (!str_starts(uri, begin) || !str_ends(uri, end) || uri.n <= begin.n + end.n)
		return false;
	id = str_slice(uri, begin.n, uri.n - end.n);
	answer(c, str_fmt(&c->arena,
			  "{\"uri\":\"%.*s\",\"mimeType\":\"application/"
			  "json\",\"text\":\"{\\\"id\\\":\\\"%.*s\\\","
			  "\\\"templateTest\\\":true,\\\"data\\\":\\\"Data for ID: %.*s\\\"}\"}",
			  STR_ARG(uri), STR_ARG(id), STR_ARG(id)));
	return true;
}

static bool read(struct mcp_call *c, struct str uri)
{
	if (str_eq(uri, STR("test://static-text")))
		answer(c, STR("{\"uri\":\"test://static-text\",\"mimeType\":\"text/"
			      "plain\",\"text\":\"This is the content of the "
			      "static text resource.\"}"));
	else if (str_eq(uri, STR("test://static-binary")))
		answer(c, STR("{\"uri\":\"test://static-binary\",\"mimeType\":\"image/"
			      "png\",\"blob\":\"" FIXTURE_IMAGE "\"}"));
	else if (str_eq(uri, STR("test://watched-resource")))
		answer(c, STR("{\"uri\":\"test://watched-resource\",\"mimeType\":\"text/"
			      "plain\",\"text\":\"watched\"}"));
	else
		return read_template(c, uri);
	return true;
}

static const struct mcp_extra_tool *const tools[] = {
	fixture_plain_tools, fixture_asking_tools, fixture_input_tools, fixture_task_tools, NULL,
};

const struct mcp_extras mcp_extras = {
	.tools = tools,
	.resources = resources,
	.prompts = fixture_prompts,
	.templates = templates,
	.read = read,
};
