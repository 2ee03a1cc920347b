/* SPDX-License-Identifier: Apache-2.0 */
/* tools/list and tools/call: each tool is a verb. What a verb refuses is a tool's result with
 * isError, so that the model reads it and mends its call; only a tool that does not exist is a
 * protocol error. */
#include "server/mcp_tools.h"

#include "server/batch.h"
#include "server/clean.h"
#include "server/mcp_extra.h"
#include "server/mcp_tasks.h"
#include "server/mcp_toolset.h"
#include "server/mcp_uri.h"

#define METHOD_HINT  STR("it is a method of JSON-RPC: call it at /rpc, or on a line of its own")
#define LIST_TTL_MS  300000
#define LINKED_BYTES 40000 /* about what clients show a model of one result */

/* ---- results ---- */

/* Opens `content`. */
static void begin_content(struct json_out *w, struct str text)
{
	json_raw_key(w, STR("\"content\":"));
	json_begin_array(w);
	json_begin_object(w);
	json_raw_key(w, STR("\"type\":\"text\",\"text\":"));
	json_str(w, text);
	json_end_object(w);
}

static void put_text(struct json_out *w, struct str text)
{
	begin_content(w, text);
	json_end_array(w);
}

/* Clients cut a long text, or put it into a file, before their model sees it: behind it stands
 * where the object can be read whole. */
static void put_link(struct mcp_call *c, const struct mcp_outcome *o, struct json_out *w)
{
	const struct mcp_kind *kind = NULL;
	const struct json *item = NULL;
	struct str content;

	if (o->text.n > LINKED_BYTES && c->version >= MCP_2025_06_18)
		kind = mcp_kind_read_by(o->verb->name);
	if (kind)
		item = mcp_outcome_json(c, o);
	if (!item)
		return; /* or memory is out: the answer itself is whole */
	content = json_get_str(item, STR("content"));
	json_begin_object(w);
	JSON_KV_STR(w, "type", STR("resource_link"));
	mcp_put_resource(c, kind, item);
	JSON_KV_INT(w, "size", (int64_t)(content.p ? content.n : o->text.n));
	json_end_object(w);
}

static void put_failure(const struct mcp_outcome *o, struct json_out *w)
{
	struct json_out e;
	struct buf b;

	buf_init(&b, 0);
	e = json_out(&b);
	request_put_tool_error(o->failure, o->verb, &e);
	put_text(w, buf_str(&b));
	w->buf->failed |= b.failed;
	buf_deinit(&b);
	JSON_KV_BOOL(w, "isError", true);
}

/* Clients show the model either the text or the structure, so both say the same. */
static void put_structure(enum mcp_version v, struct str text, struct json_out *w)
{
	if (v < MCP_2025_06_18)
		return;
	json_raw_key(w, STR("\"structuredContent\":"));
	json_raw(w, text);
}

void mcp_put_tool_result(enum mcp_version v, const struct mcp_outcome *o, struct json_out *w)
{
	if (o->failure) {
		put_failure(o, w);
		return;
	}
	put_text(w, o->text);
	put_structure(v, o->text, w);
}

void mcp_tool_text(struct mcp_call *c, struct str text, bool is_error)
{
	struct json_out *w = mcp_result(c);

	put_text(w, text);
	if (is_error)
		JSON_KV_BOOL(w, "isError", true);
	mcp_result_end(c);
}

void mcp_tool_declined(struct mcp_call *c)
{
	mcp_tool_text(c,
		      STR("{\"error\":\"confirmation_required\",\"message\":\"the user did not "
			  "confirm; nothing was "
			  "changed\",\"hint\":\"do not repeat this unless the user asks for it\","
			  "\"retryable\":false}"),
		      true);
}

/* ---- calls ---- */

static const struct json *arguments_of(const struct mcp_call *c)
{
	return json_get(c->params, STR("arguments"));
}

static void log_done(struct mcp_call *c, const struct mcp_outcome *o)
{
	struct json_out w;
	struct buf b;

	if (!mcp_wants_log(c, o->failure ? MCP_WARNING : MCP_DEBUG))
		return;
	buf_init(&b, 0);
	w = json_out(&b);
	json_begin_object(&w);
	JSON_KV_STR(&w, "verb", o->verb ? o->verb->name : STR_NONE);
	if (o->failure)
		JSON_KV_STR(&w, "refused", o->failure->message);
	json_end_object(&w);
	if (!b.failed)
		mcp_log(c, o->failure ? MCP_WARNING : MCP_DEBUG, STR("questd.calls"), buf_str(&b));
	buf_deinit(&b);
}

static void tool_done(struct mcp_call *c, const struct mcp_outcome *o)
{
	struct json_out *w;

	if (o->failure && o->failure->code == ERROR_CONFIRMATION_REQUIRED && o->verb &&
	    mcp_confirm_ask(c, o->verb, c->arguments))
		return;
	log_done(c, o);
	w = mcp_result(c);
	if (o->failure) {
		put_failure(o, w);
	} else {
		begin_content(w, o->text);
		put_link(c, o, w);
		json_end_array(w);
		put_structure(c->version, o->text, w);
	}
	mcp_result_end(c);
}

void mcp_tool_run(struct mcp_call *c, const struct verb *v, const struct json *arguments)
{
	c->arguments = arguments;
	mcp_verb(c, v->name, arguments, tool_done);
}

static void refuse_tool(struct mcp_call *c, struct str message, struct str code, struct str nearest,
			struct str hint)
{
	struct str tool = json_get_str(c->params, STR("name"));
	struct json_out w;
	struct buf b;

	buf_init(&b, 0);
	w = json_out(&b);
	json_begin_object(&w);
	JSON_KV_STR(&w, "code", code);
	if (tool.p)
		JSON_KV_STR(&w, "tool", clean_shown(c->server, &c->arena, tool, 128));
	if (nearest.p)
		JSON_KV_STR(&w, "nearest", nearest);
	JSON_KV_STR(&w, "hint", hint);
	JSON_KV_BOOL(&w, "retryable", false);
	json_end_object(&w);
	mcp_fail_data(c, MCP_INVALID_PARAMS, message,
		      b.failed ? STR_NONE : str_dup(&c->arena, buf_str(&b)));
	buf_deinit(&b);
}

/* They exist, and what this client chose, or was given, leaves them out. */
static void refuse_method(struct mcp_call *c, struct str name)
{
	refuse_tool(c, str_fmt(&c->arena, "'%.*s' is no tool of MCP", STR_ARG(name)),
		    STR("tool_not_offered"), STR_NONE, METHOD_HINT);
}

static void refuse_write(struct mcp_call *c, struct str name)
{
	refuse_tool(c,
		    str_fmt(&c->arena, "'%.*s' changes something, and this is for reading only",
			    STR_ARG(name)),
		    STR("tool_not_offered"), STR_NONE,
		    STR("connect to /mcp, or start questd mcp without --read-only; a server that "
			"was started with --read-only offers no tool that writes"));
}

static struct str toolset_hint(struct arena *a, struct str toolset)
{
	return str_fmt(a,
		       "add it: /mcp/x/LIST,%.*s over HTTP, questd mcp --toolsets LIST,%.*s; "
		       "or choose none, for the default ones",
		       STR_ARG(toolset), STR_ARG(toolset));
}

static void refuse_toolset(struct mcp_call *c, struct str name, struct str toolset)
{
	refuse_tool(c,
		    str_fmt(&c->arena, "'%.*s' is in the toolset '%.*s', which was not chosen",
			    STR_ARG(name), STR_ARG(toolset)),
		    STR("tool_not_offered"), STR_NONE, toolset_hint(&c->arena, toolset));
}

bool mcp_tools_admit(const struct mcp_call *c, struct request *child)
{
	const struct verb *v = child->verb;

	if (mcp_toolset_reaches(c->toolset, v))
		return true;
	if (v->mcp == VERB_MCP_NO)
		batch_refuse(child, STR("it is no tool of MCP"), METHOD_HINT);
	else
		batch_refuse(child,
			     str_fmt(&child->arena, "its toolset '%.*s' was not chosen",
				     STR_ARG(v->toolset)),
			     toolset_hint(&child->arena, v->toolset));
	return false;
}

/* The nearest of those that this client may call. */
static struct str nearest_tool(const struct mcp_toolset *t, struct str name)
{
	struct str nearest = verb_nearest(name);
	const struct verb *v = nearest.p ? verb_find(nearest) : NULL;

	return v && mcp_toolset_allows(t, v) ? v->tool : STR_NONE;
}

static void unknown_tool(struct mcp_call *c, const struct mcp_toolset *t, struct str name)
{
	const struct mcp_caller *caller = mcp_caller_named(name);
	const struct verb *v = verb_find(name);
	struct str shown = clean_shown(c->server, &c->arena, name, 128);

	if (v && v->mcp == VERB_MCP_NO)
		refuse_method(c, shown);
	else if (t->is_read_only && ((v && !v->is_read_only) || (caller && !caller->is_read_only)))
		refuse_write(c, shown);
	else if (v || caller)
		refuse_toolset(c, shown, v ? v->toolset : STR("search"));
	else
		refuse_tool(c, str_fmt(&c->arena, "unknown tool '%.*s'", STR_ARG(shown)),
			    STR("unknown_tool"), nearest_tool(t, name),
			    STR("tools/list names the tools that this address offers"));
}

/* What may take long enough to be worth a handle. */
static bool is_task(const struct verb *v)
{
	return v->id == VERB_QUESTS_WAIT || v->id == VERB_SYSTEM_BACKUP ||
	       v->id == VERB_SYSTEM_CHECK;
}

/* A verb and its arguments: long ones become tasks for clients that know tasks. */
static void call_verb(struct mcp_call *c, const struct verb *v, const struct json *arguments)
{
	struct mcp_task *t;
	struct str state;

	if (!mcp_input_state(c, &state))
		return;
	switch (mcp_confirm_given(c, state)) {
	case MCP_CONFIRM_NO:
		mcp_tool_declined(c);
		return;
	case MCP_CONFIRM_YES:
		c->is_confirmed = true;
		break;
	case MCP_CONFIRM_NONE:
		break;
	}
	if (!is_task(v) || !(c->client & MCP_CLIENT_TASKS)) {
		mcp_tool_run(c, v, arguments);
		return;
	}
	t = mcp_task_new(c);
	if (t)
		mcp_task_run_verb(c, t, v->name, arguments);
}

struct misfit {
	struct str error, message, field, nearest, hint;
};

static void refuse_arguments(struct mcp_call *c, const struct misfit *m)
{
	struct json_out w;
	struct buf b;
	struct str text;

	buf_init(&b, 0);
	w = json_out(&b);
	json_begin_object(&w);
	JSON_KV_STR(&w, "error", m->error);
	JSON_KV_STR(&w, "message", m->message);
	JSON_KV_STR(&w, "field", m->field);
	if (m->nearest.p)
		JSON_KV_STR(&w, "nearest", m->nearest);
	JSON_KV_STR(&w, "hint", m->hint);
	JSON_KV_BOOL(&w, "retryable", false);
	json_end_object(&w);
	text = b.failed ? STR_NONE : str_dup(&c->arena, buf_str(&b));
	buf_deinit(&b);
	if (text.p)
		mcp_tool_text(c, text, true);
	else
		mcp_fail_memory(c);
}

/* What is wrong with {method, params} themselves. */
static bool has_misfit(struct mcp_call *c, const struct json *arguments, struct misfit *out)
{
	const struct json *method = arguments ? json_get(arguments, STR("method")) : NULL;
	const struct json *params = arguments ? json_get(arguments, STR("params")) : NULL;
	struct str field;

	*out = (struct misfit){ .error = STR("invalid_params"),
				.hint = STR("method is a verb's name, such as quests.list, and "
					    "params are its parameters") };
	for (uint32_t i = 0; arguments && i < arguments->n; i++) {
		field = arguments->members[i].key;
		if (str_eq(field, STR("method")) || str_eq(field, STR("params")))
			continue;
		out->field = clean_shown(c->server, &c->arena, field, 64);
		out->message = str_fmt(&c->arena, "unknown field '%.*s'", STR_ARG(out->field));
		return true;
	}
	out->field = STR("method");
	if (!method)
		out->message = STR("method is missing");
	else if (method->type != JSON_STRING)
		out->message = STR("method must be a string");
	if (out->message.p || !params || params->type == JSON_OBJECT)
		return out->message.p;
	out->field = STR("params");
	out->message = STR("params must be an object");
	return true;
}

/* The nearest of those that one of these tools calls for this client. */
static struct str nearest_verb(const struct mcp_toolset *t, struct str method)
{
	struct str nearest = verb_nearest(method);
	const struct verb *v = nearest.p ? verb_find(nearest) : NULL;

	return v && mcp_toolset_reaches(t, v) ? v->name : STR_NONE;
}

static void refuse_verb(struct mcp_call *c, const struct verb *v, struct str method)
{
	struct str shown = clean_shown(c->server, &c->arena, method, 64);
	struct misfit m = { .error = STR("method_not_found"), .field = STR("method") };

	if (!v) {
		m.message = str_fmt(&c->arena, "no such verb: '%.*s'", STR_ARG(shown));
		m.nearest = nearest_verb(c->toolset, method);
		m.hint = STR("verbs_search finds verbs by words");
	} else if (v->mcp == VERB_MCP_NO) {
		m.message = str_fmt(&c->arena, "'%.*s' is no tool of MCP", STR_ARG(shown));
		m.hint = METHOD_HINT;
	} else {
		m.error = STR("invalid_params");
		m.message = str_fmt(&c->arena, "%.*s is not a verb for this tool",
				    STR_ARG(v->name));
		m.hint = v->is_read_only     ? STR("verbs_read calls it")
			 : v->is_destructive ? STR("verbs_destroy calls it")
					     : STR("verbs_write calls it");
	}
	refuse_arguments(c, &m);
}

static void call_caller(struct mcp_call *c, const struct mcp_caller *caller,
			const struct json *arguments)
{
	const struct verb *v;
	struct misfit m;
	struct str method;

	if (has_misfit(c, arguments, &m)) {
		refuse_arguments(c, &m);
		return;
	}
	method = json_get_str(arguments, STR("method"));
	v = verb_find(method);
	if (v && mcp_caller_fits(caller, v) && (!c->toolset->is_read_only || v->is_read_only))
		call_verb(c, v, json_get(arguments, STR("params")));
	else
		refuse_verb(c, v, method);
}

void mcp_tools_call_start(struct mcp_call *c)
{
	struct mcp_toolset t = mcp_toolset_of(c->channel);
	struct str name = c->params ? json_get_str(c->params, STR("name")) : STR_NONE;
	const struct json *arguments = c->params ? arguments_of(c) : NULL;
	const struct mcp_extra_tool *extra;
	const struct mcp_caller *caller;
	const struct verb *v;

	if (!name.p || (arguments && arguments->type != JSON_OBJECT)) {
		mcp_fail(c, MCP_INVALID_PARAMS,
			 name.p ? "params.arguments must be an object" : "params.name is missing");
		return;
	}
	c->toolset = arena_dup(&c->arena, &t, sizeof(t));
	if (!c->toolset) {
		mcp_fail_memory(c);
		return;
	}
	extra = mcp_extra_tool_find(name);
	if (extra) {
		extra->start(c, arguments);
		return;
	}
	caller = mcp_caller_find(&t, name);
	if (caller) {
		call_caller(c, caller, arguments);
		return;
	}
	v = verb_find(name);
	if (v && mcp_toolset_allows(&t, v))
		call_verb(c, v, arguments);
	else
		unknown_tool(c, &t, name);
}

static void unknown_toolset(struct mcp_call *c, struct str name)
{
	struct str_list all = mcp_toolset_names(&c->arena);
	struct str nearest = str_nearest(name, all.v, all.n);
	struct str listed = call_listed(&c->arena, all, all.n);

	refuse_tool(c,
		    str_fmt(&c->arena, "no toolset '%.*s'; there are: %.*s", STR_ARG(name),
			    STR_ARG(listed)),
		    STR("invalid_params"), nearest,
		    nearest.p ? str_fmt(&c->arena, "did you mean %.*s?", STR_ARG(nearest))
			      : STR("choose among these: /mcp/x/LIST over HTTP, questd mcp "
				    "--toolsets LIST"));
}

void mcp_tools_list_start(struct mcp_call *c)
{
	struct mcp_toolset t = mcp_toolset_of(c->channel);
	struct str unknown = mcp_toolset_unknown(&t);
	struct json_out *w;

	if (unknown.p) {
		unknown_toolset(c, clean_shown(c->server, &c->arena, unknown, 64));
		return;
	}
	/* The list is one page: some clients never ask for a second. So no cursor is ours. */
	if (c->params && json_get(c->params, STR("cursor"))) {
		mcp_fail(c, MCP_INVALID_PARAMS, "params.cursor is not one that this server gave");
		return;
	}
	w = mcp_result(c);
	json_key(w, STR("tools"));
	json_begin_array(w);
	mcp_toolset_put(&t, c, w);
	json_end_array(w);
	mcp_put_cache(c, LIST_TTL_MS, !c->channel->principal.is_owner);
	mcp_result_end(c);
}
