/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks: work that goes on while the client does something else, and its result until the client
 * fetches it. Kept in memory: what such a task does is itself in the store (a quest, a backup), so
 * that after a restart the handle is unknown and the client calls the tool again. */
#include "server/mcp_tasks.h"

#include <stdlib.h>

#include "base/id.h"
#include "server/mcp_listen.h"
#include "server/mcp_tools.h"
#include "server/pool.h"
#include "server/quota.h"

#define TTL_MS       3600000
#define POLL_MS      500
#define TASKS_MAX    1024
#define RESPONSE_MAX 65536

static const struct str state_texts[] = {
	[MCP_TASK_WORKING] = STR("working"),     [MCP_TASK_INPUT_REQUIRED] = STR("input_required"),
	[MCP_TASK_COMPLETED] = STR("completed"), [MCP_TASK_FAILED] = STR("failed"),
	[MCP_TASK_CANCELLED] = STR("cancelled"),
};

static bool is_over(const struct mcp_task *t)
{
	return t->state >= MCP_TASK_COMPLETED;
}

/* ---- lives ---- */

/* Its verb, if any, has come back. */
static void destroy(struct mcp_task *t)
{
	if (t->stop)
		t->stop(t);
	map_remove(&t->mcp->tasks, &t->node);
	list_unlink(&t->link);
	charge_release(&t->charge);
	t->user = quota_unref(t->user);
	buf_deinit(&t->result);
	arena_deinit(&t->arena);
	free(t);
}

/* The oldest task that is over makes room. */
static bool make_room(struct mcp *m)
{
	if (m->tasks.n < TASKS_MAX)
		return true;
	list_for_each (it, tmp, &m->task_order) {
		struct mcp_task *t = list_entry(it, struct mcp_task, link);

		if (!is_over(t) || t->request)
			continue;
		destroy(t);
		return true;
	}
	return false;
}

static struct mcp_task *refuse(struct mcp_call *c)
{
	mcp_fail(c, error_table[ERROR_OVERLOADED].code, "too many tasks are waiting");
	return NULL;
}

struct mcp_task *mcp_task_new(struct mcp_call *c)
{
	struct mcp *m = c->conn->mcp;
	struct mcp_task *t = make_room(m) ? calloc(1, sizeof(*t)) : NULL;

	if (!t)
		return refuse(c);
	t->mcp = m;
	t->principal = c->channel->principal;
	t->user = quota_ref(c->channel->user);
	arena_init(&t->arena, (size_t)1024 * 1024);
	buf_init(&t->result, REQUEST_RESULT_MAX);
	list_init(&t->link);
	id_random_text(t->id, MCP_TASK_ID_LEN);
	t->state = MCP_TASK_WORKING;
	t->created_ms = t->updated_ms = clock_wall_ms(&m->server->clock);
	t->expires_ms = loop_now_ms(m->server->loop) + TTL_MS;
	if (charge_take(&t->charge, &t->user->account, CHARGE_STREAMS, 1) ||
	    map_add(&m->tasks, &t->node, str_from(t->id))) {
		destroy(t);
		return refuse(c);
	}
	list_push_back(&m->task_order, &t->link);
	return t;
}

static void changed(struct mcp_task *t)
{
	t->updated_ms = clock_wall_ms(&t->mcp->server->clock);
	mcp_task_changed(t->mcp, t);
}

void mcp_task_end(struct mcp_task *t, enum mcp_task_state state)
{
	if (is_over(t))
		return;
	t->state = state;
	if (t->stop)
		t->stop(t);
	t->stop = NULL;
	t->input = NULL;
	charge_release(&t->charge);
	if (t->result.failed) {
		buf_deinit(&t->result);
		buf_init(&t->result, 0);
		BUF_LIT(&t->result, "{\"code\":-32603,\"message\":\"memory is out\"}");
		t->state = MCP_TASK_FAILED;
	}
	changed(t);
}

struct mcp_task *mcp_task_find(struct mcp *m, struct str id, struct str principal)
{
	struct map_node *n = id.n ? map_find(&m->tasks, id) : NULL;
	struct mcp_task *t = n ? container_of(n, struct mcp_task, node) : NULL;

	return t && str_eq(t->principal.id, principal) ? t : NULL;
}

void mcp_tasks_sweep(struct mcp *m)
{
	int64_t now = loop_now_ms(m->server->loop);

	list_for_each (it, tmp, &m->task_order) {
		struct mcp_task *t = list_entry(it, struct mcp_task, link);

		if (t->expires_ms > now)
			break; /* oldest first */
		if (t->request)
			dispatch_cancel(t->request);
		else
			destroy(t);
	}
}

void mcp_tasks_free_all(struct mcp *m)
{
	list_for_each (it, tmp, &m->task_order)
		destroy(list_entry(it, struct mcp_task, link));
}

/* ---- a verb as the work ---- */

/* What the protocol itself would answer with an error is a failed task; what the verb refuses is a
 * result that says so. */
static void verb_done(struct request *r)
{
	struct mcp_task *t = r->owner;
	struct mcp_outcome o = { .verb = r->verb, .text = buf_str(&r->out) };
	enum mcp_task_state state = MCP_TASK_COMPLETED;
	struct json_out w = json_out(&t->result);

	if (r->call.failure.code)
		o.failure = &r->call.failure;
	t->request = NULL;
	if (is_over(t)) { /* cancelled meanwhile */
		request_free(r);
		return;
	}
	if (o.failure && o.failure->code == ERROR_CANCELLED) {
		state = MCP_TASK_CANCELLED;
	} else if (o.failure && o.failure->code == ERROR_INTERNAL) {
		state = MCP_TASK_FAILED;
		request_put_error(o.failure, o.verb, &w);
	} else {
		json_begin_object(&w);
		JSON_KV_STR(&w, "resultType", STR("complete"));
		mcp_put_tool_result(MCP_MODERN, &o, &w);
		json_end_object(&w);
	}
	mcp_task_end(t, state);
	request_free(r);
}

static void verb_progress(struct request *r)
{
	struct mcp_task *t = r->owner;

	/* Memory of the arena is bounded; the last text that fits stays. */
	if (r->progress.text.n && t->arena.n_bytes < 65536) {
		struct str text = str_dup(&t->arena, r->progress.text);

		if (text.p)
			t->message = text;
	}
	t->updated_ms = clock_wall_ms(&t->mcp->server->clock);
}

static const struct request_ops verb_ops = {
	.done = verb_done,
	.progress = verb_progress,
};

void mcp_task_run_verb(struct mcp_call *c, struct mcp_task *t, struct str verb,
		       const struct json *arguments)
{
	struct request *r = pool_take(c->server, &verb_ops, t, &t->principal, t->user);
	struct json *copy = NULL;
	struct str text;

	if (r && c->channel)
		r->is_read_only = c->channel->is_read_only;
	/* The arguments must outlive the call. */
	if (r && arguments) {
		text = str_dup(&r->arena, arguments->raw);
		copy = ARENA_NEW(&r->arena, struct json);
		if (!text.p || !copy || json_parse(&r->arena, text, copy, NULL))
			r = request_free(r);
	}
	if (!r) {
		destroy(t);
		mcp_fail_memory(c);
		return;
	}
	r->is_confirmed = c->is_confirmed;
	t->request = r;
	mcp_task_announce(c, t);
	dispatch_start(r, verb, copy);
}

/* ---- on the wire ---- */

static void put_inputs(const struct mcp_task *t, struct json_out *w)
{
	json_key(w, STR("inputRequests"));
	json_begin_object(w);
	for (size_t i = 0; i < t->n_inputs; i++) {
		if (t->inputs[i].response.p)
			continue;
		json_key(w, t->inputs[i].ask.key);
		json_begin_object(w);
		JSON_KV_STR(w, "method", t->inputs[i].ask.method);
		json_key(w, STR("params"));
		json_raw(w, t->inputs[i].ask.params);
		json_end_object(w);
	}
	json_end_object(w);
}

void mcp_task_put(const struct mcp_task *t, bool is_detailed, struct json_out *w)
{
	JSON_KV_STR(w, "taskId", str_from(t->id));
	JSON_KV_STR(w, "status", state_texts[t->state]);
	if (t->message.p)
		JSON_KV_STR(w, "statusMessage", t->message);
	json_key(w, STR("createdAt"));
	json_time(w, t->created_ms);
	json_key(w, STR("lastUpdatedAt"));
	json_time(w, t->updated_ms);
	JSON_KV_INT(w, "ttlMs", TTL_MS);
	JSON_KV_INT(w, "pollIntervalMs", POLL_MS);
	if (!is_detailed)
		return;
	if (t->state == MCP_TASK_COMPLETED || t->state == MCP_TASK_FAILED) {
		json_key(w, t->state == MCP_TASK_COMPLETED ? STR("result") : STR("error"));
		json_raw(w, buf_str(&t->result));
	} else if (t->state == MCP_TASK_INPUT_REQUIRED) {
		put_inputs(t, w);
	}
}

void mcp_task_announce(struct mcp_call *c, const struct mcp_task *t)
{
	mcp_task_put(t, false, mcp_result_as(c, STR("task")));
	mcp_result_end(c);
}

void mcp_task_ask(struct mcp_task *t, const struct mcp_input *input)
{
	struct mcp_task_input *i = &t->inputs[t->n_inputs];

	if (t->n_inputs == MCP_TASK_INPUTS_MAX || is_over(t))
		return;
	*i = (struct mcp_task_input){ .ask = { str_dup(&t->arena, input->key),
					       str_dup(&t->arena, input->method),
					       str_dup(&t->arena, input->params) } };
	if (!i->ask.key.p || !i->ask.method.p || !i->ask.params.p)
		return;
	t->n_inputs++;
	t->state = MCP_TASK_INPUT_REQUIRED;
	changed(t);
}

/* ---- methods ---- */

static struct mcp_task *find(struct mcp_call *c)
{
	struct str id = c->params ? json_get_str(c->params, STR("taskId")) : STR_NONE;
	struct mcp_task *t = mcp_task_find(c->conn->mcp, id, c->channel->principal.id);

	if (!t)
		mcp_fail_data(c, MCP_INVALID_PARAMS, STR("no such task"),
			      STR("{\"code\":\"not_found\",\"field\":\"taskId\",\"hint\":\"tasks "
				  "end with their "
				  "ttl or the server; call the tool again\","
				  "\"retryable\":false}"));
	return t;
}

void mcp_tasks_get_start(struct mcp_call *c)
{
	const struct mcp_task *t = find(c);

	if (!t)
		return;
	mcp_task_put(t, true, mcp_result(c));
	mcp_result_end(c);
}

static size_t n_outstanding(const struct mcp_task *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_inputs; i++)
		n += !t->inputs[i].response.p;
	return n;
}

void mcp_tasks_update_start(struct mcp_call *c)
{
	const struct json *responses = c->params ? json_get(c->params, STR("inputResponses"))
						 : NULL;
	struct mcp_task *t;
	bool has_news = false;

	if (!responses || responses->type != JSON_OBJECT) {
		mcp_fail(c, MCP_INVALID_PARAMS, "params.inputResponses must be an object");
		return;
	}
	t = find(c);
	if (!t)
		return;
	/* Keys that are not outstanding, and what is no object, are passed over. */
	for (size_t i = 0; i < t->n_inputs && !is_over(t); i++) {
		const struct json *v = json_get(responses, t->inputs[i].ask.key);

		if (t->inputs[i].response.p || !v || v->type != JSON_OBJECT ||
		    v->raw.n > RESPONSE_MAX)
			continue;
		t->inputs[i].response = str_dup(&t->arena, v->raw);
		has_news = true;
	}
	if (has_news && !n_outstanding(t)) {
		t->state = MCP_TASK_WORKING;
		changed(t);
	}
	mcp_result_empty(c);
	if (has_news && t->input)
		t->input(t);
}

void mcp_tasks_cancel_start(struct mcp_call *c)
{
	struct mcp_task *t = find(c);

	if (!t)
		return;
	if (!is_over(t)) {
		if (t->request)
			dispatch_cancel(t->request);
		mcp_task_end(t, MCP_TASK_CANCELLED);
	}
	mcp_result_empty(c);
}
