/* SPDX-License-Identifier: Apache-2.0 */
/* A message of an MCP client from its arrival to its end: connections, calls in flight, cancelling,
 * and the verbs that the features run. How it works: mcp_route.c decides what a message is, a
 * feature (mcp_tools.c, …) starts, perhaps runs verbs through the dispatcher, and ends the call
 * with exactly one of the answers of mcp_answer.c. */
#include "server/mcp.h"

#include <stdlib.h>

#include "server/access_tokens.h"
#include "server/clean.h"
#include "server/mcp_batch.h"
#include "server/mcp_listen.h"
#include "server/mcp_session.h"
#include "server/mcp_tasks.h"
#include "server/mcp_tools.h"
#include "server/quota.h"

#define SWEEP_MS     30000
#define TOOLSETS_MAX 1024

static void sweep(struct loop_timer *t)
{
	struct mcp *m = container_of(t, struct mcp, sweep);

	mcp_sessions_sweep(m);
	mcp_tasks_sweep(m);
	mcp_arm(m->server, t, SWEEP_MS, NULL); /* the caps on both hold anyhow */
}

int mcp_new(struct server *s, struct mcp **out)
{
	struct mcp *m = calloc(1, sizeof(*m));
	int e;

	if (!m)
		return err_nomem();
	m->server = s;
	map_init(&m->sessions);
	map_init(&m->tasks);
	list_init(&m->session_order);
	list_init(&m->task_order);
	list_init(&m->watches);
	e = loop_arm(s->loop, &m->sweep, loop_now_ms(s->loop) + SWEEP_MS, sweep);
	if (e) {
		mcp_free(m);
		return err_trace(e);
	}
	*out = m;
	return 0;
}

void mcp_drain(struct mcp *m)
{
	m->is_draining = true;
	mcp_watches_end(m);
}

struct mcp *mcp_free(struct mcp *m)
{
	if (!m)
		return NULL;
	loop_disarm(&m->sweep);
	mcp_tasks_free_all(m);
	mcp_sessions_free_all(m);
	map_deinit(&m->sessions);
	map_deinit(&m->tasks);
	arena_deinit(&m->spare_arena);
	buf_deinit(&m->spare_out);
	free(m);
	return NULL;
}

void mcp_conn_init(struct mcp_conn *conn, struct mcp *m, struct channel *channel)
{
	*conn = (struct mcp_conn){ .mcp = m, .channel = channel };
	list_init(&conn->calls);
	list_init(&conn->batches);
	list_init(&conn->asks);
}

static void release_when_idle(struct mcp_conn *conn)
{
	if (conn->is_gone && list_is_empty(&conn->calls) && conn->release)
		conn->release(conn);
}

void mcp_conn_gone(struct mcp_conn *conn)
{
	struct list calls;

	conn->is_gone = true;
	conn->channel = NULL;
	mcp_batches_gone(conn);
	if (conn->watch)
		conn->watch = mcp_watch_free(conn->watch);
	/* The conn must not be released while its list is walked. */
	list_init(&calls);
	list_push_back(&conn->calls, &calls);
	list_for_each (it, tmp, &conn->calls) {
		if (it == &calls)
			break;
		struct mcp_call *c = list_entry(it, struct mcp_call, link);
		/* An HTTP exchange outlives its calls; a line does not. */
		if (c->channel && c->channel->kind == CHANNEL_LINES)
			c->channel = NULL;
		/* channel_gone() has seen to the verbs: what was to be written is written. */
		if (!c->request)
			mcp_call_cancel(c);
	}
	list_unlink(&calls);
	release_when_idle(conn);
}

struct mcp_call *mcp_call_new(struct mcp_conn *conn, struct channel *ch, struct arena *a,
			      const struct mcp_route *route)
{
	struct mcp_call *c = ARENA_NEW(a, struct mcp_call);
	const struct json *token = json_get(route->meta, STR("progressToken"));

	if (!c)
		return NULL;
	c->server = ch->server;
	c->conn = conn;
	c->channel = ch;
	c->method = route->method;
	c->version = route->version;
	c->params = route->params;
	c->meta = route->meta;
	c->id = route->id ? route->id->raw : STR_NONE;
	c->last_progress = -1;
	if (token && (token->type == JSON_STRING || token->type == JSON_INT))
		c->progress_token = token->raw;
	c->trace = c->meta ? trace_id(json_get_str(c->meta, STR("traceparent"))) : STR_NONE;
	if (mcp_is_modern(c)) {
		c->client = mcp_client_bits(json_get(c->meta, MCP_META_CLIENT));
		c->level = mcp_level_find(json_get_str(c->meta, MCP_META_LEVEL));
	} else {
		c->client = conn->client;
		c->level = conn->level;
	}
	c->out = TAKE(conn->mcp->spare_out, (struct buf){ 0 });
	list_push_back(&conn->calls, &c->link);
	/* The call lives in the arena that it owns. */
	c->arena = *a;
	arena_init(a, 0);
	return c;
}

/* A modern request may name a log level; a wrong one is refused before anything is done. */
static bool has_bad_level(const struct mcp_call *c)
{
	return mcp_is_modern(c) && !c->level && json_get(c->meta, MCP_META_LEVEL);
}

void mcp_call_start(struct mcp_call *c)
{
	if (has_bad_level(c))
		mcp_fail(c, MCP_INVALID_PARAMS,
			 "params._meta['io.modelcontextprotocol/logLevel'] is no level");
	else if ((c->method->flags & MCP_NEEDS_TASKS) && !(c->client & MCP_CLIENT_TASKS))
		mcp_fail_capability(c,
				    STR("{\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}}"));
	else
		c->method->start(c);
}

void mcp_call_cancel(struct mcp_call *c)
{
	c->is_cancelled = true;
	if (c->request) {
		dispatch_cancel(c->request); /* ends in on_done(), now or later */
		return;
	}
	mcp_call_free(c);
}

bool mcp_call_park(struct mcp_call *c, bool has_stream)
{
	struct charge_account *account = &c->channel->user->account;

	if (!has_stream && charge_take(&c->parked, account, CHARGE_STREAMS, 1))
		return false;
	return !charge_take(&c->parked_bytes, account, CHARGE_BYTES, (int64_t)c->arena.n_bytes);
}

struct arena mcp_arena(struct mcp *m, size_t limit)
{
	struct arena a = TAKE(m->spare_arena, (struct arena){ 0 });

	a.limit = limit;
	return a;
}

/* The call itself lies in the arena. */
static void keep_spare(struct mcp *m, struct arena a, struct buf out)
{
	if (!m->spare_arena.chunks && !a.is_out) {
		arena_reset(&a);
		m->spare_arena = a;
	} else {
		arena_deinit(&a);
	}
	if (!m->spare_out.p && !out.failed) {
		buf_clear(&out);
		m->spare_out = out;
	} else {
		buf_deinit(&out);
	}
}

void mcp_call_free(struct mcp_call *c)
{
	struct mcp_conn *conn = c->conn;

	if (c->stop)
		c->stop(c);
	/* An exchange waits for its end even when there is nothing to say. */
	if (c->is_cancelled && c->channel && c->id.p && c->channel->kind == CHANNEL_HTTP_MCP)
		(void)c->channel->ops->answer(c->channel, STR_NONE, 202);
	list_unlink(&c->link);
	charge_release(&c->parked);
	charge_release(&c->parked_bytes);
	if (c->on_end)
		c->on_end(c);
	keep_spare(conn->mcp, c->arena, c->out);
	release_when_idle(conn);
}

/* ---- verbs ---- */

static void on_done(struct request *r)
{
	struct mcp_call *c = r->owner;
	struct mcp_outcome o = { .verb = r->verb, .text = buf_str(&r->out) };

	c->request = NULL;
	if (r->call.failure.code)
		o.failure = &r->call.failure;
	c->step_up = access_tokens_lacking(&r->principal, &r->call.failure, r->verb);
	if (c->is_cancelled || !c->channel || c->channel->is_gone)
		mcp_call_free(c);
	else
		c->then(c, &o);
	request_free(r);
}

static void on_progress(struct request *r)
{
	mcp_progress(r->owner, r->progress.done, r->progress.total, r->progress.text);
}

static bool on_admit(struct request *r, struct request *child)
{
	return mcp_tools_admit(r->owner, child);
}

static const struct request_ops request_ops = {
	.done = on_done,
	.progress = on_progress,
	.admit = on_admit,
};

void mcp_verb(struct mcp_call *c, struct str verb, const struct json *params, mcp_then_fn *then)
{
	struct request *r = c->channel ? request_new(c->channel, &request_ops, c) : NULL;

	if (!r || c->arena.is_out) {
		request_free(r);
		mcp_fail_memory(c);
		return;
	}
	r->id = c->id;
	r->progress_token = c->progress_token;
	request_set_trace(r, c->trace);
	r->is_confirmed = c->is_confirmed;
	c->request = r;
	c->then = then;
	dispatch_start(r, verb, params);
}

struct mcp_params *mcp_params_new(struct mcp_call *c)
{
	struct mcp_params *p = ARENA_NEW(&c->arena, struct mcp_params);

	if (p)
		p->object = (struct json){ .type = JSON_OBJECT, .members = p->v };
	return p;
}

static struct json *params_add(struct mcp_params *p, struct str key)
{
	p->v[p->object.n].key = key;
	return &p->v[p->object.n++].value;
}

void mcp_params_str(struct mcp_params *p, struct str key, struct str value)
{
	if (p && value.p && p->object.n < MCP_PARAMS_MAX)
		*params_add(p, key) = (struct json){ .type = JSON_STRING, .s = value };
}

void mcp_params_int(struct mcp_params *p, struct str key, int64_t value)
{
	if (p && p->object.n < MCP_PARAMS_MAX)
		*params_add(p, key) = (struct json){ .type = JSON_INT, .i = value };
}

void mcp_params_bool(struct mcp_params *p, struct str key, bool value)
{
	if (p && p->object.n < MCP_PARAMS_MAX)
		*params_add(p, key) = (struct json){ .type = JSON_BOOL, .b = value };
}

const struct json *mcp_outcome_json(struct mcp_call *c, const struct mcp_outcome *o)
{
	struct str text = str_dup(&c->arena, o->text);
	struct json *v = ARENA_NEW(&c->arena, struct json);

	/* It is our own encoder's text: only memory can be short. */
	if (!text.p || !v || json_parse(&c->arena, text, v, NULL))
		return NULL;
	return v;
}

/* ---- lines ---- */

static void line_conn_release(struct mcp_conn *conn)
{
	free(conn->toolsets);
	free(conn);
}

static struct mcp_conn *line_conn(struct channel *ch)
{
	if (!ch->mcp) {
		ch->mcp = calloc(1, sizeof(*ch->mcp));
		if (!ch->mcp)
			return NULL;
		mcp_conn_init(ch->mcp, ch->server->mcp, ch);
		ch->mcp->release = line_conn_release;
	}
	return ch->mcp;
}

/* "a,b" of what the relay was started with. Without memory the default list stays. */
static void take_hello(struct mcp_conn *conn, const struct json *params)
{
	const struct json *names = params ? json_get(params, STR("toolsets")) : NULL;
	const struct json *read_only = params ? json_get(params, STR("read_only")) : NULL;
	struct buf b;

	/* for good: whoever speaks through the relay does not take it back */
	if (read_only && read_only->type == JSON_BOOL && read_only->b)
		conn->channel->is_read_only = true;
	if (!names || names->type != JSON_ARRAY || !names->n || conn->toolsets)
		return;
	buf_init(&b, TOOLSETS_MAX);
	for (uint32_t i = 0; i < names->n; i++) {
		if (i)
			buf_put_char(&b, ',');
		if (names->items[i].type == JSON_STRING)
			buf_put_str(&b, names->items[i].s);
	}
	if (!b.failed)
		conn->toolsets = strndup(buf_str(&b).p, buf_len(&b));
	buf_deinit(&b);
	conn->channel->toolsets = str_from(conn->toolsets);
}

static void answer_error(struct channel *ch, struct str id, const struct mcp_route *route)
{
	struct buf b;

	if (!id.p)
		return;
	buf_init(&b, 0);
	mcp_put_error(&b, id, route->error, route->message, route->data);
	if (!b.failed)
		(void)channel_answer(ch, buf_str(&b), mcp_status(route->error));
	buf_deinit(&b);
}

void mcp_receive(struct channel *ch, struct arena *arena, const struct json *message)
{
	const struct json *method = json_get(message, STR("method"));
	struct mcp_conn *conn = line_conn(ch);
	struct mcp_route route;
	struct mcp_call *c;

	if (conn && message->type == JSON_ARRAY) {
		mcp_batch_receive(conn, arena, message);
		return;
	}
	if (conn && !method) {
		mcp_take_response(conn, message);
		arena_deinit(arena);
		return;
	}
	if (conn && method->type == JSON_STRING && str_eq(method->s, MCP_RELAY_HELLO)) {
		take_hello(conn, json_get(message, STR("params")));
		arena_deinit(arena);
		return;
	}
	if (conn)
		mcp_route(arena, conn, message, STR_NONE, &route);
	else
		route = (struct mcp_route){ .error = MCP_INTERNAL,
					    .message = STR("memory is out") };
	if (!route.error) {
		c = mcp_call_new(conn, ch, arena, &route);
		if (c) {
			mcp_call_start(c);
			return;
		}
		route.error = MCP_INTERNAL;
		route.message = STR("memory is out");
	}
	answer_error(ch, message_error_id(message), &route);
	arena_deinit(arena);
}

bool mcp_is_busy(const struct channel *c)
{
	const struct mcp_conn *conn = c->mcp;

	return conn && (!list_is_empty(&conn->calls) || !list_is_empty(&conn->asks) || conn->watch);
}

void mcp_channel_gone(struct channel *ch)
{
	struct mcp_conn *conn = ch->mcp;

	ch->mcp = NULL;
	if (conn)
		mcp_conn_gone(conn);
}

void mcp_cancel_by_id(struct mcp_conn *conn, struct str id)
{
	/* Cancelling one may end others (it cannot start any), so begin anew after each. */
	for (bool found = true; found;) {
		found = false;
		list_for_each (it, tmp, &conn->calls) {
			struct mcp_call *c = list_entry(it, struct mcp_call, link);
			if (c->is_cancelled || !str_eq(c->id, id))
				continue;
			found = true;
			mcp_call_cancel(c);
			break;
		}
	}
}
