/* SPDX-License-Identifier: Apache-2.0 */
/* Streamable HTTP of both eras: an exchange's way in. What a body is decides what happens (the
 * table of mcp_route.c); the exchange itself, with its event stream, is mcp_exchange.c. */
#include "server/mcp_http.h"

#include "base/rpc_limits.h"
#include "server/mcp_exchange.h"
#include "server/mcp_headers.h"
#include "server/mcp_listen.h"
#include "server/mcp_session.h"
#include "server/secrets.h"

/* One POST while it is looked at. */
struct post {
	struct http_exchange *x;
	const struct http_request *r;
	const struct mcp_http_caller *caller;
	struct arena arena;
	struct json message;
	struct str version; /* the header, or NONE */
};

static void reply(struct http_exchange *x, int status, struct str body, const struct http_header *h,
		  size_t n)
{
	struct http_answer a = {
		.status = status,
		.content_type = body.p ? STR("application/json") : STR_NONE,
		.body = body,
		.headers = h,
		.n_headers = n,
	};

	/* It fails when the client has gone or memory is out: nobody to tell. */
	if (http_reply(x, &a) < 0)
		err_forget();
}

static void reply_cleaned(const struct post *p, int status, const struct buf *body,
			  const struct http_header *retry)
{
	struct buf scratch;
	struct str text;

	buf_init(&scratch, 0);
	text = body->failed
		   ? STR_NONE
		   : secrets_clean(p->caller->server, REDACT_JSON, buf_str(body), &scratch);
	reply(p->x, status, text, retry, retry != NULL);
	buf_deinit(&scratch);
}

static void reply_error(const struct post *p, int status, struct str id,
			const struct mcp_route *route)
{
	static const struct http_header retry = { STR("Retry-After"), STR("1") };
	struct buf b;

	buf_init(&b, 0);
	mcp_put_error(&b, id, route->error, route->message, route->data);
	reply_cleaned(p, status, &b, status == 429 || status == 503 ? &retry : NULL);
	buf_deinit(&b);
}

/* Without one: null is what JSON-RPC asks for; modern leaves it out. */
static struct str id_or_null(const struct post *p, struct str id)
{
	return id.p || mcp_version_find(p->version) == MCP_MODERN ? id : STR("null");
}

static void refuse(struct post *p, int status, int code, const char *text)
{
	struct mcp_route route = { .error = code, .message = str_from(text) };

	reply_error(p, status, id_or_null(p, message_error_id(&p->message)), &route);
}

/* A request that is well-formed and comes at the wrong step: the hint names the right one. */
static void refuse_step(struct post *p, int status, const char *text, const char *hint)
{
	struct mcp_route route = { .error = MCP_INVALID_REQUEST,
				   .message = str_from(text),
				   .data = mcp_data(&p->arena, "invalid_request", hint) };

	reply_error(p, status, id_or_null(p, message_error_id(&p->message)), &route);
}

static void refuse_unknown_session(struct post *p)
{
	refuse_step(p, 404, "this session is not known here: it has ended, or is another caller's",
		    "POST initialize without Mcp-Session-Id, then send the one of its answer");
}

/* As it is refused at /rpc. */
static void refuse_text(struct post *p, const struct json_error *error)
{
	struct str id = id_or_null(p, message_id_refused(error->fault, &p->message));
	struct call_failure failure;
	struct json_out w;
	struct buf b;

	message_fail(&p->arena, error, &failure);
	buf_init(&b, 0);
	w = json_out(&b);
	json_begin_object(&w);
	JSON_KV_STR(&w, "jsonrpc", STR("2.0"));
	if (id.p) {
		json_key(&w, STR("id"));
		json_raw(&w, id);
	}
	json_key(&w, STR("error"));
	request_put_error(&failure, NULL, &w);
	json_end_object(&w);
	reply_cleaned(p, 400, &b, NULL);
	buf_deinit(&b);
}

static void refuse_route(struct post *p, const struct mcp_route *route)
{
	/* A request that does not say what it must is malformed for HTTP too. */
	int status = route->error == MCP_INVALID_PARAMS ? 400 : mcp_status(route->error);
	struct str id = message_error_id(&p->message);

	reply_error(p, status, id.p ? id : STR("null"), route);
}

/* Takes the arena of the post. */
static struct mcp_exchange *start(struct post *p, struct mcp_exchange *m,
				  const struct mcp_route *route)
{
	struct mcp_call *c = mcp_call_new(mcp_exchange_conn(m), mcp_exchange_channel(m), &p->arena,
					  route);

	if (!c) {
		refuse(p, 500, MCP_INTERNAL, "memory is out");
		return m;
	}
	mcp_exchange_opened(m);
	mcp_call_start(c);
	mcp_exchange_settle(m);
	return m;
}

static struct mcp_exchange *exchange(struct post *p, struct mcp_session *session)
{
	struct mcp_exchange *m = NULL;
	int e = mcp_exchange_new(p->x, p->r, p->caller, session, &m);

	if (e > 0)
		refuse(p, 429, error_table[ERROR_TOO_MANY_REQUESTS].code,
		       "too many requests of this caller are open");
	else if (e < 0)
		refuse(p, 500, MCP_INTERNAL, "memory is out");
	if (e < 0)
		err_forget();
	return m;
}

/* ---- modern ---- */

static struct mcp_exchange *post_modern(struct post *p)
{
	static const struct mcp_conn nobody;
	struct mcp_route route;
	struct mcp_exchange *m;
	struct str claim;
	const char *wrong;

	mcp_route(&p->arena, &nobody, &p->message, p->version, &route);
	claim = json_get_str(route.meta, MCP_META_VERSION);
	/* The version's headers come before what the version means. */
	if (claim.p && !(p->version.p && str_eq(p->version, claim))) {
		refuse(p, 400, MCP_HEADER_MISMATCH,
		       "the MCP-Protocol-Version header is missing or differs from the body");
		return NULL;
	}
	if (route.error && route.error != MCP_METHOD_NOT_FOUND) {
		refuse_route(p, &route);
		return NULL;
	}
	wrong = mcp_headers_check(&p->arena, p->r, &p->message, &route);
	if (wrong) {
		refuse(p, 400, MCP_HEADER_MISMATCH, wrong);
		return NULL;
	}
	if (!route.id) { /* nothing of an earlier request can be meant here: each is alone */
		reply(p->x, 202, STR_NONE, NULL, 0);
		return NULL;
	}
	if (route.error) {
		refuse_route(p, &route);
		return NULL;
	}
	m = exchange(p, NULL);
	return m ? start(p, m, &route) : NULL;
}

/* ---- legacy ---- */

static struct mcp_exchange *initialize(struct post *p)
{
	struct mcp_session *s = mcp_session_new(p->caller->server->mcp, p->caller->principal->id);
	struct mcp_exchange *m;
	struct mcp_route route;

	if (!s) {
		refuse(p, 503, error_table[ERROR_OVERLOADED].code, "too many sessions are open");
		return NULL;
	}
	mcp_route(&p->arena, mcp_session_conn(s), &p->message, STR_NONE, &route);
	if (route.error) {
		mcp_session_end(s);
		mcp_session_unref(s);
		refuse_route(p, &route);
		return NULL;
	}
	m = exchange(p, s);
	if (!m) {
		mcp_session_end(s);
		mcp_session_unref(s);
		return NULL;
	}
	mcp_exchange_names_session(m);
	start(p, m, &route);
	/* A handshake that failed leaves no session. */
	if (!mcp_session_conn(s)->version)
		mcp_session_end(s);
	return m;
}

/* One element of a batch, in an arena of its own. A notification, or what cannot be read, is over
 * at once. */
static void start_element(struct mcp_exchange *m, const struct json *element)
{
	struct mcp_conn *conn = mcp_exchange_conn(m);
	struct mcp_call *c = NULL;
	struct json *message;
	struct mcp_route route = { .error = MCP_INTERNAL, .message = STR("memory is out") };
	struct arena a;
	struct str text, id;

	arena_init(&a, MCP_ARENA_LIMIT);
	text = str_dup(&a, element->raw);
	message = ARENA_NEW(&a, struct json);
	if (text.p && message && !json_parse(&a, text, message, NULL)) {
		mcp_route(&a, conn, message, STR_NONE, &route);
		if (!route.error)
			c = mcp_call_new(conn, mcp_exchange_channel(m), &a, &route);
	}
	if (c) {
		if (c->id.p)
			mcp_exchange_opened(m);
		mcp_call_start(c);
		return;
	}
	id = message_error_id(element);
	if (id.p)
		mcp_exchange_add_error(m, id, &route);
	arena_deinit(&a);
}

static struct mcp_exchange *post_batch(struct post *p, struct mcp_session *s)
{
	const struct json *all = &p->message;
	struct mcp_exchange *m;

	if (mcp_session_conn(s)->version != MCP_2025_03_26 || !all->n || all->n > RPC_BATCH_MAX) {
		refuse_step(p, 400,
			    "a batch of 1 to 100 messages is for sessions of 2025-03-26 only",
			    "POST its messages one by one");
		mcp_session_unref(s);
		return NULL;
	}
	m = exchange(p, s);
	if (!m) {
		mcp_session_unref(s);
		return NULL;
	}
	mcp_exchange_begin_batch(m);
	for (uint32_t i = 0; i < all->n; i++) {
		const struct json *element = &all->items[i];

		if (element->type == JSON_OBJECT && !json_get(element, STR("method")))
			mcp_take_response(mcp_exchange_conn(m), element);
		else
			start_element(m, element);
	}
	mcp_exchange_end_batch(m);
	return m;
}

/* A notification or a response: taken, then 202. */
static void post_quietly(struct post *p, struct mcp_exchange *m, const struct mcp_route *route)
{
	struct mcp_conn *conn = mcp_exchange_conn(m);
	struct mcp_call *c;

	if (!route) {
		mcp_take_response(conn, &p->message);
	} else if (!route->error) {
		c = mcp_call_new(conn, mcp_exchange_channel(m), &p->arena, route);
		if (c)
			mcp_call_start(c);
	}
	mcp_exchange_accept(m);
}

static struct mcp_exchange *post_in_session(struct post *p, struct mcp_session *s)
{
	bool is_request = json_get(&p->message, STR("id")) && json_get(&p->message, STR("method"));
	struct mcp_route route;
	struct mcp_exchange *m;

	mcp_route(&p->arena, mcp_session_conn(s), &p->message, STR_NONE, &route);
	if (is_request && route.error) {
		reply_error(p, route.error == MCP_INVALID_REQUEST ? 400 : 200,
			    message_error_id(&p->message), &route);
		mcp_session_unref(s);
		return NULL;
	}
	m = exchange(p, s);
	if (!m) {
		mcp_session_unref(s);
		return NULL;
	}
	if (is_request)
		return start(p, m, &route);
	post_quietly(p, m, json_get(&p->message, STR("method")) ? &route : NULL);
	return m;
}

static struct mcp_session *session_of(struct post *p)
{
	struct str id = http_header(p->r, STR("mcp-session-id"));

	return mcp_session_find(p->caller->server->mcp, id.p ? str_trim(id) : id,
				p->caller->principal->id);
}

static struct mcp_exchange *post_legacy(struct post *p)
{
	bool is_batch = p->message.type == JSON_ARRAY;
	struct mcp_session *s;

	if (p->version.p && !mcp_version_find(p->version)) {
		refuse_step(
		    p, 400, "the MCP-Protocol-Version header names no version of MCP",
		    "send the protocolVersion that initialize answered, or 2026-07-28 and no "
		    "session");
		return NULL;
	}
	if (!is_batch && str_eq(json_get_str(&p->message, STR("method")), STR("initialize")))
		return initialize(p);
	if (!http_header(p->r, STR("mcp-session-id")).p) {
		refuse_step(
		    p, 400, "no Mcp-Session-Id",
		    "POST initialize first, then send the Mcp-Session-Id of its answer; or say "
		    "in params._meta of each request which version is spoken");
		return NULL;
	}
	s = session_of(p);
	if (!s) {
		refuse_unknown_session(p);
		return NULL;
	}
	return is_batch ? post_batch(p, s) : post_in_session(p, s);
}

/* ---- methods of HTTP ---- */

static bool holds_modern(const struct json *batch)
{
	for (uint32_t i = 0; i < batch->n; i++)
		if (batch->items[i].type == JSON_OBJECT && mcp_claimed_version(&batch->items[i]).p)
			return true;
	return false;
}

static struct mcp_exchange *route_post(struct post *p)
{
	struct json_error error = { 0 };
	int e;

	/* The body's bytes go with the exchange; a legacy call may outlive it. */
	struct str body = str_dup(&p->arena, p->r->body);

	e = body.p ? json_parse(&p->arena, body, &p->message, &error) : err_nomem();
	if (e < 0) {
		err_forget();
		refuse(p, 500, MCP_INTERNAL, "memory is out");
		return NULL;
	}
	if (e) {
		refuse_text(p, &error);
		return NULL;
	}
	if (p->message.type != JSON_OBJECT && p->message.type != JSON_ARRAY) {
		refuse(p, 400, MCP_INVALID_REQUEST, "the body is no JSON-RPC message");
		return NULL;
	}
	if (p->message.type == JSON_ARRAY) {
		if (!holds_modern(&p->message) && mcp_version_find(p->version) != MCP_MODERN)
			return post_legacy(p);
		refuse_step(p, 400, "2026-07-28 has no batches", "POST its messages one by one");
		return NULL;
	}
	if (mcp_claimed_version(&p->message).p || mcp_version_find(p->version) == MCP_MODERN)
		return post_modern(p);
	return post_legacy(p);
}

static struct mcp_exchange *post(struct post *p)
{
	struct mcp_exchange *m = NULL;

	p->arena = mcp_arena(p->caller->server->mcp, MCP_ARENA_LIMIT);
	m = route_post(p);
	arena_deinit(&p->arena); /* empty when a call took it over */
	return m;
}

/* Legacy: the stream for what answers no request, or the rest of one that was cut. */
static struct mcp_exchange *get(struct post *p, struct mcp_session *s)
{
	struct str last = http_header(p->r, STR("last-event-id"));
	struct mcp_replay *replay = NULL;
	struct mcp_exchange *m;
	uint64_t after = 0;

	m = exchange(p, s);
	if (!m) {
		mcp_session_unref(s);
		return NULL;
	}
	if (last.p)
		replay = mcp_replay_find(s, str_trim(last), &after);
	if (replay)
		mcp_exchange_show_replay(m, replay, after);
	else
		mcp_exchange_listen(m);
	return m;
}

static void not_allowed(struct post *p)
{
	struct http_header allow = { STR("Allow"), STR("POST") };
	struct buf b;

	buf_init(&b, 0);
	mcp_put_error(
	    &b, STR_NONE, MCP_INVALID_REQUEST,
	    STR("POST is what MCP uses here; GET and DELETE belong to sessions of older revisions"),
	    STR_NONE);
	reply(p->x, 405, b.failed ? STR_NONE : buf_str(&b), &allow, 1);
	buf_deinit(&b);
}

static struct mcp_exchange *get_or_delete(struct post *p, bool is_get)
{
	struct mcp_session *s;

	if (!http_header(p->r, STR("mcp-session-id")).p) {
		not_allowed(p);
		return NULL;
	}
	s = session_of(p);
	if (!s) {
		refuse_unknown_session(p);
		return NULL;
	}
	if (is_get)
		return get(p, s);
	mcp_session_end(s);
	mcp_session_unref(s);
	reply(p->x, 200, STR_NONE, NULL, 0);
	return NULL;
}

struct mcp_exchange *mcp_http_request(struct http_exchange *x, const struct http_request *r,
				      const struct mcp_http_caller *caller)
{
	struct post p = { .x = x, .r = r, .caller = caller };
	struct mcp_exchange *m = NULL;

	p.version = http_header(r, STR("mcp-protocol-version"));
	if (p.version.p)
		p.version = str_trim(p.version);
	if (str_eq(r->method, STR("POST")))
		return post(&p);
	if (str_eq(r->method, STR("GET")) || str_eq(r->method, STR("DELETE"))) {
		m = get_or_delete(&p, str_eq(r->method, STR("GET")));
		arena_deinit(&p.arena);
	} else {
		not_allowed(&p);
	}
	return m;
}
