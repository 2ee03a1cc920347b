/* SPDX-License-Identifier: Apache-2.0 */
/* Tools whose work is a task. */
#include <stdio.h>

#include "server/mcp_tasks.h"
#include "tests/conformance/fixtures.h"

#define SECOND_MS 1000

struct work {
	struct mcp_task *task;
	struct loop_timer timer;
	struct str text;
	enum mcp_task_state ends;
	bool is_error;
};

static void put_result(struct mcp_task *t, struct str text, bool is_error)
{
	struct json_out w = json_out(&t->result);

	json_begin_object(&w);
	JSON_KV_STR(&w, "resultType", STR("complete"));
	json_key(&w, STR("content"));
	json_begin_array(&w);
	json_begin_object(&w);
	JSON_KV_STR(&w, "type", STR("text"));
	JSON_KV_STR(&w, "text", text);
	json_end_object(&w);
	json_end_array(&w);
	JSON_KV_BOOL(&w, "isError", is_error);
	json_end_object(&w);
}

static void on_time(struct loop_timer *timer)
{
	struct work *k = container_of(timer, struct work, timer);

	if (k->ends == MCP_TASK_FAILED)
		BUF_LIT(&k->task->result, "{\"code\":-32603,\"message\":\"the job broke\"}");
	else
		put_result(k->task, k->text, k->is_error);
	mcp_task_end(k->task, k->ends);
}

static void stop(struct mcp_task *t)
{
	struct work *k = t->work;

	loop_disarm(&k->timer);
}

/* A task that ends after a while; ms < 0: when its inputs are there. NULL: the call is over. */
static struct mcp_task *begin(struct mcp_call *c, int64_t ms, struct str text,
			      enum mcp_task_state ends, bool is_error)
{
	struct mcp_task *t = mcp_task_new(c);
	struct work *k = t ? ARENA_NEW(&t->arena, struct work) : NULL;
	struct loop *loop = c->server->loop;

	if (!t)
		return NULL;
	if (!k) {
		mcp_task_end(t, MCP_TASK_FAILED);
		mcp_fail_memory(c);
		return NULL;
	}
	*k = (struct work){
		.task = t, .text = str_dup(&t->arena, text), .ends = ends, .is_error = is_error
	};
	t->work = k;
	t->stop = stop;
	if (ms >= 0 && loop_arm(loop, &k->timer, loop_now_ms(loop) + ms, on_time) < 0)
		mcp_task_end(t, MCP_TASK_FAILED);
	mcp_task_announce(c, t);
	return t;
}

static void greet(struct mcp_call *c, const struct json *arguments)
{
	fixture_text(c, "Hello, %.*s!",
		     STR_ARG(arguments ? json_get_str(arguments, STR("name")) : STR_NONE));
}

static void slow_compute(struct mcp_call *c, const struct json *arguments)
{
	const struct json *seconds = arguments ? json_get(arguments, STR("seconds")) : NULL;
	int64_t n = seconds && seconds->type == JSON_INT ? seconds->i : 0;
	struct str label = arguments ? json_get_str(arguments, STR("label")) : STR_NONE;

	if (!(c->client & MCP_CLIENT_TASKS) || !n)
		fixture_text(c, "computed %.*s", STR_ARG(label));
	else
		begin(c, n * SECOND_MS, STR("computed"), MCP_TASK_COMPLETED, false);
}

/* false: the call is over. */
static bool needs_tasks(struct mcp_call *c)
{
	if (c->client & MCP_CLIENT_TASKS)
		return false;
	mcp_fail_capability(c, STR("{\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}}"));
	return true;
}

static void failing_job(struct mcp_call *c, const struct json *arguments)
{
	if (!needs_tasks(c))
		begin(c, SECOND_MS, STR("the job failed"), MCP_TASK_COMPLETED, true);
}

static void protocol_error_job(struct mcp_call *c, const struct json *arguments)
{
	if (!needs_tasks(c))
		begin(c, SECOND_MS / 2, STR(""), MCP_TASK_FAILED, false);
}

static void on_input(struct mcp_task *t)
{
	struct work *k = t->work;

	if (t->state != MCP_TASK_WORKING)
		return;
	put_result(t, k->text, false);
	mcp_task_end(t, MCP_TASK_COMPLETED);
}

#define ASK(key, text)                                                                       \
	{                                                                                    \
		STR(key), STR("elicitation/create"),                                         \
		    STR("{\"mode\":\"form\",\"message\":\"" text                             \
			"\",\"requestedSchema\":{\"type\":\"object\","                       \
			"\"properties\":{\"confirm\":{\"type\":\"boolean\"}},\"required\":[" \
			"\"confirm\"]}}")                                                    \
	}

static void confirm_delete(struct mcp_call *c, const struct json *arguments)
{
	static const struct mcp_input ask = ASK("confirm", "Delete the file?");
	struct mcp_task *t;

	if (needs_tasks(c))
		return;
	t = begin(c, -1, STR("deleted"), MCP_TASK_COMPLETED, false);
	if (!t)
		return;
	t->input = on_input;
	mcp_task_ask(t, &ask);
}

static void multi_input(struct mcp_call *c, const struct json *arguments)
{
	static const struct mcp_input one = ASK("first", "The first?"),
				      two = ASK("second", "The second?");
	struct mcp_task *t;

	if (needs_tasks(c))
		return;
	t = begin(c, -1, STR("both are there"), MCP_TASK_COMPLETED, false);
	if (!t)
		return;
	t->input = on_input;
	mcp_task_ask(t, &one);
	mcp_task_ask(t, &two);
}

static void with_task(struct mcp_call *c, const struct json *arguments)
{
	struct str name;

	if (needs_tasks(c))
		return;
	name = fixture_accepted(c, STR("user_name"), STR("name"));
	if (!name.p)
		mcp_need_input(c, &fixture_ask_name, 1, STR_NONE);
	else
		begin(c, SECOND_MS / 2, str_fmt(&c->arena, "Hello, %.*s!", STR_ARG(name)),
		      MCP_TASK_COMPLETED, false);
}

#define TEXT(name)         "\"" name "\":{\"type\":\"string\"}"
#define OBJECT(properties) "{\"type\":\"object\",\"properties\":{" properties "}}"
#define TASK(name, schema, fn)                            \
	{                                                 \
		STR(name), FIXTURE_TOOL(name, schema), fn \
	}

const struct mcp_extra_tool fixture_task_tools[] = {
	TASK("greet", OBJECT(TEXT("name")), greet),
	TASK("slow_compute", OBJECT("\"seconds\":{\"type\":\"integer\"}," TEXT("label")),
	     slow_compute),
	TASK("failing_job", OBJECT(""), failing_job),
	TASK("protocol_error_job", OBJECT(""), protocol_error_job),
	TASK("confirm_delete", OBJECT(TEXT("filename")), confirm_delete),
	TASK("multi_input", OBJECT(""), multi_input),
	TASK("test_tool_with_task", OBJECT(""), with_task),
	{ .name = STR_NONE },
};
