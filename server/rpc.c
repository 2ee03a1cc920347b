/* SPDX-License-Identifier: Apache-2.0 */
/* A message becomes one request, or a batch of them whose answers are gathered and leave together
 * in the order of the calls. What is wrong with a message becomes a request that has failed
 * already, so that there is one way out. Results of answers are copied once, into the message. */
#include "server/rpc.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/rpc_limits.h"
#include "server/access_tokens.h"
#include "server/channel.h"
#include "server/clean.h"
#include "server/decode.h"
#include "server/message.h"
#include "server/metrics.h"
#include "server/request.h"
#include "server/server.h"
#include "verbs.gen.h"

#define ARENA_LIMIT ((size_t)64 * 1024 * 1024)

struct rpc {
	struct buf out;     /* the message that is being written */
	struct arena spare; /* empty: for the next message that is read */
};

/* A JSON array of calls. */
struct rpc_batch {
	struct channel *channel; /* NULL when the peer has gone */
	struct arena arena;      /* the message and its JSON */
	size_t n, n_pending;
	bool is_starting;
	struct request *requests[];
};

int rpc_new(struct server *s, struct rpc **out)
{
	struct rpc *rpc = calloc(1, sizeof(*rpc));

	if (!rpc)
		return err_nomem();
	buf_init(&rpc->out, 0);
	arena_init(&rpc->spare, ARENA_LIMIT);
	*out = rpc;
	return 0;
}

struct rpc *rpc_free(struct rpc *rpc)
{
	if (!rpc)
		return NULL;
	buf_deinit(&rpc->out);
	arena_deinit(&rpc->spare);
	free(rpc);
	return NULL;
}

/* ---- answers ---- */

static void put_answer(struct buf *b, const struct request *r)
{
	struct json_out w;

	BUF_LIT(b, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_put_str(b, r->id.p ? r->id : STR("null"));
	if (!r->call.failure.code) {
		BUF_LIT(b, ",\"result\":");
		buf_put_str(b, buf_str(&r->out));
	} else {
		BUF_LIT(b, ",\"error\":");
		w = json_out(b);
		request_put_error(&r->call.failure, r->verb, &w);
	}
	buf_put_char(b, '}');
}

/* HTTP's status: the call's own failures are answers like others. */
static int status_of(const struct call_failure *f)
{
	switch (f->code) {
	case ERROR_PARSE_ERROR:
	case ERROR_INVALID_REQUEST:
		return 400;
	case ERROR_TOO_LARGE:
		return 413;
	case ERROR_UNAUTHENTICATED:
		return 401;
	case ERROR_TOO_MANY_REQUESTS:
		return 429;
	case ERROR_OVERLOADED:
	case ERROR_SHUTTING_DOWN:
	case ERROR_OUT_OF_MEMORY:
		return 503;
	default:
		return 200;
	}
}

/* Without memory of its own. What was done is never called out_of_memory, which says that nothing
 * was changed. */
static void answer_no_memory(struct channel *c, struct str id, bool is_done)
{
	const struct error_info *info =
	    &error_table[is_done ? ERROR_INTERRUPTED : ERROR_OUT_OF_MEMORY];
	char text[RPC_ID_MAX + 512];
	int n = snprintf(
	    text, sizeof(text),
	    "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"error\":{\"code\":%d,\"message\":\"memory is out\","
	    "\"data\":{\"code\":\"%.*s\",\"hint\":\"%.*s\",\"retryable\":true,"
	    "\"retry_after_ms\":250}}}",
	    STR_ARG(id), info->code, STR_ARG(info->name), STR_ARG(info->hint));

	assert(n > 0 && (size_t)n < sizeof(text));
	/* one who does not take it is cut by the transport */
	(void)channel_answer(c, (struct str){ text, (size_t)n }, 503);
}

/* A call that has changed what its answer would tell. */
static bool is_done(const struct request *r)
{
	return !r->call.failure.code && r->verb && !r->verb->is_read_only;
}

static void answer_with(struct channel *c, const struct request *r, struct str message)
{
	const struct call_failure *f = &r->call.failure;
	int status = c->step_up ? 403 : status_of(f);

	c->retry_after_ms = f->retry_after_ms;
	(void)channel_answer_with(c, r, message, status); /* one who does not take it is cut */
}

static void send_one(struct channel *c, const struct request *r)
{
	struct buf *b = &c->server->rpc->out;

	put_answer(b, r);
	c->step_up = access_tokens_lacking(&r->principal, &r->call.failure, r->verb);
	if (b->failed)
		answer_no_memory(c, r->id.p ? r->id : STR("null"), is_done(r));
	else
		answer_with(c, r, buf_str(b));
	buf_clear(b);
}

/* A notification is not answered, but an HTTP exchange is. */
static void acknowledge(struct channel *c)
{
	if (c->kind != CHANNEL_LINES)
		(void)c->ops->answer(c, STR_NONE, 202); /* likewise */
}

static void on_done(struct request *r)
{
	struct channel *c = r->channel;

	if (c && r->is_notification) {
		acknowledge(c);
	} else if (c) {
		send_one(c, r);
	}
	request_free(r);
}

static int on_frame(struct request *r, struct str frame)
{
	struct channel *c = r->channel;
	struct buf *b;
	int e;

	if (!c)
		return CHANNEL_GONE;
	b = &c->server->rpc->out;
	BUF_LIT(b,
		"{\"jsonrpc\":\"2.0\",\"method\":\"events.event\",\"params\":{\"subscription\":");
	buf_put_str(b, r->id);
	buf_put_char(b, ',');
	buf_put_str(b, str_slice(frame, 1, frame.n)); /* the frame's fields and its brace */
	buf_put_char(b, '}');
	e = b->failed ? CHANNEL_SLOW : channel_send(c, buf_str(b));
	buf_clear(b);
	return e;
}

static const struct request_ops plain_ops = { .done = on_done };
static const struct request_ops line_ops = { .done = on_done, .frame = on_frame };

/* ---- batches ---- */

static void batch_free(struct rpc_batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		request_free(b->requests[i]);
	arena_deinit(&b->arena);
	free(b);
}

static void batch_answer(struct rpc_batch *b)
{
	struct buf *out = &b->channel->server->rpc->out;
	bool is_any_done = false;
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++) {
		is_any_done |= is_done(b->requests[i]);
		if (b->requests[i]->is_notification)
			continue;
		buf_put_char(out, n++ ? ',' : '[');
		put_answer(out, b->requests[i]);
	}
	if (!n) {
		acknowledge(b->channel);
		return;
	}
	buf_put_char(out, ']');
	if (out->failed)
		answer_no_memory(b->channel, STR("null"), is_any_done);
	else
		(void)channel_answer(b->channel, buf_str(out), 200); /* likewise */
	buf_clear(out);
}

static void batch_go_on(struct rpc_batch *b)
{
	if (b->n_pending || b->is_starting)
		return;
	if (b->channel)
		batch_answer(b);
	batch_free(b);
}

static void on_batch_done(struct request *r)
{
	struct rpc_batch *b = r->owner;

	if (!r->channel)
		b->channel = NULL;
	b->n_pending--;
	batch_go_on(b);
}

static const struct request_ops batch_ops = { .done = on_batch_done };

/* ---- one call ---- */

/* A message's members of note, found in one pass. */
struct envelope {
	const struct json *version, *id, *method, *params, *result, *error;
};

static struct envelope open_envelope(const struct json *m)
{
	struct envelope e = { NULL };

	for (uint32_t i = 0; m->type == JSON_OBJECT && i < m->n; i++) {
		struct str key = m->members[i].key;
		const struct json *value = &m->members[i].value;

		if (str_eq(key, STR("id")))
			e.id = value;
		else if (str_eq(key, STR("method")))
			e.method = value;
		else if (str_eq(key, STR("params")))
			e.params = value;
		else if (str_eq(key, STR("jsonrpc")))
			e.version = value;
		else if (str_eq(key, STR("result")))
			e.result = value;
		else if (str_eq(key, STR("error")))
			e.error = value;
	}
	return e;
}

static void refuse(struct request *r, enum error_code code, const char *why)
{
	metrics_refused(r->server->metrics, code);
	request_fail(r, code, "%s", why);
	r->ops->done(r);
}

/* What is wrong with the message as a request; NULL when nothing. Takes its id on the way. */
static const char *fault_of(struct request *r, const struct json *m, const struct envelope *e)
{
	r->id = message_id(e->id);
	if (m->type != JSON_OBJECT)
		return "a request is an object";
	if (e->id && !r->id.p)
		return "id must be a string or a number of at most 256 bytes";
	if (!e->version || e->version->type != JSON_STRING || !str_eq(e->version->s, STR("2.0")))
		return "jsonrpc must be \"2.0\"";
	if (!e->method || e->method->type != JSON_STRING)
		return "method must be a string";
	if (e->params && e->params->type != JSON_OBJECT && e->params->type != JSON_ARRAY)
		return "params must be an object";
	r->is_notification = !e->id;
	return NULL;
}

/* All calls of this connection with that id (TM-RPC-01: there may be several). MCP's own are MCP's.
 */
static void cancel_by_id(struct channel *c, const struct json *m)
{
	const struct json *params = json_get(m, STR("params"));
	const struct json *id = params ? json_get(params, STR("requestId")) : NULL;
	bool has_hit;

	if (!id)
		return;
	do { /* what is cancelled may free others of the list: begin again */
		has_hit = false;
		list_for_each (it, tmp, &c->requests) {
			struct request *r = container_of(it, struct request, link);

			if (r->is_cancelled || !str_eq(r->id, id->raw) ||
			    (r->ops != &plain_ops && r->ops != &line_ops && r->ops != &batch_ops))
				continue;
			dispatch_cancel(r);
			has_hit = true;
			break;
		}
	} while (has_hit);
}

static void discover(struct request *r)
{
	buf_put_str(&r->out, openrpc_json);
	if (r->out.failed)
		request_fail(r, ERROR_OUT_OF_MEMORY, "memory is out");
	r->ops->done(r);
}

static void start(struct request *r, const struct json *m, const struct envelope *e)
{
	const char *fault = fault_of(r, m, e);
	const struct json *params = e->params;

	r->call.arena = &r->arena;
	if (fault) {
		refuse(r, ERROR_INVALID_REQUEST, fault);
		return;
	}
	LINT_ASSUME(e->method);
	if (params && params->type == JSON_ARRAY && !params->n)
		params = NULL;
	if (str_eq(e->method->s, STR("rpc.discover")))
		discover(r);
	else
		dispatch_start(r, e->method->s, params);
}

/* ---- a message ---- */

static bool is_mcp(const struct channel *c, const struct envelope *e)
{
	if (c->kind != CHANNEL_LINES)
		return false;
	if (e->method)
		return e->method->type == JSON_STRING && mcp_is_method(e->method->s);
	/* an answer to a request of ours */
	return c->mcp && (e->result || e->error);
}

static void keep_spare(struct rpc *rpc, struct arena a)
{
	assert(!rpc->spare.chunks); /* one message at a time is being read */
	rpc->spare = a;
}

static void hand_to_mcp(struct channel *c, struct arena *a, const struct json *m)
{
	struct server *s = c->server;

	if (str_eq(json_get_str(m, STR("method")), STR("notifications/cancelled")))
		cancel_by_id(c, m);
	mcp_receive(c, a, m);
	keep_spare(s->rpc, mcp_arena(s->mcp, ARENA_LIMIT));
}

static void refuse_batch(struct request *r, uint32_t n)
{
	metrics_refused(r->server->metrics, ERROR_INVALID_REQUEST);
	request_fail(r, ERROR_INVALID_REQUEST, "the batch has %u calls, and may have 1 to %d", n,
		     RPC_BATCH_MAX);
	r->call.failure.hint = STR("send several batches; system.info shows the limits");
	call_data_int(&r->call, "limit", RPC_BATCH_MAX);
	r->ops->done(r);
}

static void start_batch(struct channel *c, struct request *first, const struct json *m)
{
	struct rpc_batch *b = NULL;

	if (m->n == 0 || m->n > RPC_BATCH_MAX) {
		refuse_batch(first, m->n);
		return;
	}
	b = calloc(1, sizeof(*b) + m->n * sizeof(*b->requests));
	if (!b) {
		refuse(first, ERROR_OUT_OF_MEMORY, "memory is out");
		return;
	}
	b->channel = c;
	b->arena = first->arena;
	arena_init(&first->arena, ARENA_LIMIT);
	request_free(first);
	for (; b->n < m->n; b->n++) {
		b->requests[b->n] = request_new(c, &batch_ops, b);
		if (!b->requests[b->n])
			break;
	}
	if (b->n < m->n) {
		batch_free(b);
		answer_no_memory(c, STR("null"), false);
		return;
	}
	b->is_starting = true;
	b->n_pending = b->n;
	for (size_t i = 0; i < b->n; i++) {
		struct envelope e = open_envelope(&m->items[i]);

		start(b->requests[i], &m->items[i], &e);
	}
	b->is_starting = false;
	batch_go_on(b);
}

static void refuse_text(struct request *r, int e, const struct json_error *error,
			const struct json *root)
{
	if (e < 0) {
		err_forget();
		refuse(r, ERROR_OUT_OF_MEMORY, "memory is out");
		return;
	}
	r->id = message_id_refused(e, root);
	message_fail(&r->arena, error, &r->call.failure);
	metrics_refused(r->server->metrics, r->call.failure.code);
	r->ops->done(r);
}

/* A request that has the arena; its own is spare now. */
static struct request *request_with(struct channel *c, struct arena *a)
{
	struct request *r = request_new(c, c->kind == CHANNEL_LINES ? &line_ops : &plain_ops, NULL);

	if (!r) {
		arena_deinit(a);
		answer_no_memory(c, STR("null"), false);
		return NULL;
	}
	keep_spare(c->server->rpc, r->arena);
	r->arena = *a;
	r->call.arena = &r->arena;
	return r;
}

void rpc_receive(struct channel *c, struct str message)
{
	struct arena arena = TAKE(c->server->rpc->spare, (struct arena){ .limit = ARENA_LIMIT });
	struct str text = { arena_dup(&arena, message.p, message.n), message.n };
	struct json *root = ARENA_NEW(&arena, struct json);
	struct envelope envelope = { NULL };
	struct json_error error = { 0 };
	struct request *r;
	int e = text.p && root ? json_parse(&arena, text, root, &error) : err_nomem();

	/* a batch is of the kind that its first message is */
	if (!e)
		envelope = open_envelope(root->type == JSON_ARRAY && root->n ? &root->items[0]
									     : root);
	if (!e && is_mcp(c, &envelope)) {
		hand_to_mcp(c, &arena, root);
		return;
	}
	r = request_with(c, &arena);
	if (!r && e < 0)
		err_forget();
	if (!r)
		return;
	if (e)
		refuse_text(r, e, &error, root);
	else if (root->type == JSON_ARRAY)
		start_batch(c, r, root);
	else
		start(r, root, &envelope);
}

void rpc_too_long(struct channel *c, size_t limit)
{
	struct request *r = request_new(c, &plain_ops, NULL);

	if (!r)
		return;
	r->call.arena = &r->arena;
	metrics_refused(c->server->metrics, ERROR_INVALID_REQUEST);
	request_fail(r, ERROR_INVALID_REQUEST, "the message is longer than %zu bytes", limit);
	r->call.failure.hint = STR(RPC_LINE_HINT);
	call_data_int(&r->call, "limit", (int64_t)limit);
	on_done(r);
}
