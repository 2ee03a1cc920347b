/* SPDX-License-Identifier: Apache-2.0 */
/* The paths: which there are, what they take, and who answers. A request is judged when its head is
 * there, before any of its body is read: path, Host, Origin, token, method, type. */
#include "server/conn_http.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/err.h"
#include "base/json.h"
#include "base/rpc_limits.h"
#include "server/access_keys.h"
#include "server/access_tokens.h"
#include "server/http_call.h"
#include "server/metrics.h"
#include "server/quota.h"
#include "server/request.h"
#include "server/secrets.h"
#include "server/server.h"

#define CONNS_MIN 8
#define OTHER_FDS 32 /* the store's, the threads' */

struct conn_http {
	struct server *server;
	struct http_server *transport;
	struct quota_user
	    *kept; /* the latest caller's account: with no exchange open it would go */
	bool is_quiesced;
};

typedef void http_route_fn(struct http_call *c, const struct http_request *r);

struct http_route {
	struct str path;
	bool is_prefix;     /* what follows is the route's to read */
	struct str methods; /* "GET, HEAD"; NONE = the route says */
	bool is_open;       /* no token is asked for */
	bool works_in_drain;
	http_route_fn *start;   /* the body is whole */
	const char *other_hint; /* to who comes with another method */
	size_t body_max;        /* of a body of any type; 0 = JSON, and the transport's cap */
};

/* ---- answers ---- */

static void reply(struct http_call *c, const struct http_answer *a)
{
	/* Gone, or memory is out: the client hears nothing more from this exchange. */
	int e = http_reply(c->x, a);

	if (e < 0) {
		err_forget();
		http_stream_abort(c->x);
	}
}

void http_call_answer(struct http_call *c, int status, struct str content_type, struct str body)
{
	reply(c, &(struct http_answer){
		     .status = status, .content_type = content_type, .body = body });
}

/* The failure as a body; Retry-After where it may be tried again. */
static void refuse(struct http_call *c, const struct http_refusal *refusal,
		   const struct call_failure *failure, const struct verb *verb)
{
	struct http_header headers[2];
	struct http_answer a = { .status = refusal->status,
				 .content_type = STR("application/json"),
				 .headers = headers };
	CLEANUP(buf_deinit) struct buf b;
	CLEANUP(buf_deinit) struct buf cleaned;
	char seconds[24];
	struct json_out w;

	buf_init(&b, 0);
	buf_init(&cleaned, 0);
	w = json_out(&b);
	request_put_tool_error(failure, verb, &w);
	buf_put_char(&b, '\n');
	a.body = secrets_clean(c->server, REDACT_JSON, buf_str(&b), &cleaned);
	if (refusal->header.name.p)
		headers[a.n_headers++] = refusal->header;
	if (failure->retry_after_ms) {
		snprintf(seconds, sizeof(seconds), "%lld",
			 (long long)(failure->retry_after_ms + 999) / 1000);
		headers[a.n_headers++] = (struct http_header){ STR("Retry-After"),
							       str_from(seconds) };
	}
	reply(c, &a);
}

void http_call_refuse_with(struct http_call *c, const struct http_refusal *refusal)
{
	struct call_failure failure = { .code = refusal->code,
					.message = str_from(refusal->text),
					.hint = str_from(refusal->hint),
					.retry_after_ms = (int64_t)refusal->retry_after_s * 1000 };

	if (!failure.retry_after_ms && error_table[refusal->code].is_retryable)
		failure.retry_after_ms = 1000;
	metrics_refused(c->server->metrics, refusal->code);
	refuse(c, refusal, &failure, NULL);
}

static int status_of(enum error_code code)
{
	switch (code) {
	case ERROR_DENIED:
		return 403;
	case ERROR_TOO_MANY_REQUESTS:
		return 429;
	case ERROR_INVALID_PARAMS:
	case ERROR_CURSOR_INVALID:
		return 400;
	case ERROR_INTERNAL:
		return 500;
	default: /* nothing else is in the way of a call but the server's own state */
		return 503;
	}
}

void http_call_refuse_failure(struct http_call *c, const struct call_failure *f,
			      const struct verb *verb)
{
	access_roles lacking = access_tokens_lacking(&c->principal, f, verb);
	struct http_refusal refusal = { .status = status_of(f->code) };

	if (lacking)
		refusal.header = http_step_up(c->x, c->server, &c->principal, lacking);
	refuse(c, &refusal, f, verb);
}

void http_call_refuse(struct http_call *c, int status, enum error_code code, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	http_call_refuse_with(c, &(struct http_refusal){
				     .status = status, .code = code, .text = text });
}

/* ---- /rpc ---- */

static int rpc_answer(struct channel *channel, struct str message, int status)
{
	char seconds[24];
	struct http_header header = { STR("Retry-After"), { seconds, 0 } };
	struct http_call *c = container_of(channel, struct http_call, channel);
	bool is_busy = status == 429 || status == 503;

	header.value.n = (size_t)snprintf(seconds, sizeof(seconds), "%lld",
					  (long long)MAX((channel->retry_after_ms + 999) / 1000,
							 1));
	if (status == 403)
		header = http_step_up(c->x, channel->server, &channel->principal, channel->step_up);
	reply(c,
	      &(struct http_answer){ .status = status,
				     .content_type = message.p ? STR("application/json") : STR_NONE,
				     .body = message,
				     .headers = &header,
				     .n_headers = is_busy || status == 403 });
	return 0;
}

/* Nothing but the answer has a place in a plain exchange; requests of this channel ask for none. */
static int rpc_send(struct channel *channel, struct str message)
{
	return CHANNEL_GONE;
}

static void rpc_close(struct channel *channel)
{
	http_stream_abort(container_of(channel, struct http_call, channel)->x);
}

static const struct channel_ops rpc_ops = { .send = rpc_send,
					    .answer = rpc_answer,
					    .close = rpc_close };

static void start_rpc(struct http_call *c, const struct http_request *r)
{
	int e = channel_init(&c->channel, c->server, CHANNEL_HTTP_RPC, &rpc_ops, &c->principal);

	if (e == CHANNEL_TOO_MANY) {
		http_call_refuse(c, 429, ERROR_TOO_MANY_REQUESTS,
				 "too many connections of this caller");
		return;
	}
	if (e) {
		err_forget();
		http_call_refuse(c, 503, ERROR_OUT_OF_MEMORY, "memory is out");
		return;
	}
	c->has_channel = true;
	c->channel.trace = trace_id(http_header(r, STR("traceparent")));
	rpc_receive(&c->channel, r->body);
	if (c->channel.has_secret)
		explicit_bzero((void *)r->body.p, r->body.n); /* of the exchange's own buffer */
}

/* ---- /mcp… ---- */

static void start_mcp(struct http_call *c, const struct http_request *r)
{
	const struct str list = STR("/mcp/x/");

	c->caller = (struct mcp_http_caller){
		.server = c->server,
		.principal = &c->principal,
		.toolsets = str_starts(r->path, list) ? str_slice(r->path, list.n, r->path.n)
						      : STR_NONE,
		.is_read_only = str_eq(r->path, STR("/mcp/readonly")),
	};
	c->mcp = mcp_http_request(c->x, r, &c->caller);
}

/* ---- /.well-known/oauth-protected-resource ---- */

static const struct http_refusal no_such_path = {
	.status = 404,
	.code = ERROR_NOT_FOUND,
	.text = "there is nothing at this path",
	.hint = "there are /mcp, /mcp/x/LIST, /mcp/readonly, /rpc, /events, /hooks/ID, "
		"/channels/ID, /healthz, /readyz and /metrics",
};

static void start_metadata(struct http_call *c, const struct http_request *r)
{
	const struct access_tokens *t = access_keys_tokens(c->server->keys);
	CLEANUP(buf_deinit) struct buf b;

	buf_init(&b, 0);
	if (!access_tokens_metadata(t, r->path, &b))
		http_call_refuse_with(c, &no_such_path);
	else if (b.failed)
		http_call_refuse(c, 503, ERROR_OUT_OF_MEMORY, "memory is out");
	else
		http_call_answer(c, 200, STR("application/json"), buf_str(&b));
}

/* ---- which path ---- */

/* clang-format off */
static const struct http_route routes[] = {
	{ STR("/mcp"),          false, STR_NONE,         false, false, start_mcp,         NULL },
	{ STR("/rpc"),          false, STR("POST"),      false, false, start_rpc,
	  "POST a JSON-RPC message or a batch as application/json; GET /events streams events" },
	{ STR("/mcp/readonly"), false, STR_NONE,         false, false, start_mcp,         NULL },
	{ STR("/mcp/x/"),       true,  STR_NONE,         false, false, start_mcp,         NULL },
	{ STR("/events"),       false, STR("GET"),       false, false, http_events_start,
	  "GET streams events; POST events.fire to /rpc to tell of one" },
	{ STR("/.well-known/oauth-protected-resource"),
				false, STR("GET, HEAD"), true,  true,  start_metadata,
	  "GET it" },
	{ STR("/.well-known/oauth-protected-resource/"),
				true,  STR("GET, HEAD"), true,  true,  start_metadata,
	  "GET it" },
	{ STR("/hooks/"),       true,  STR("POST"),      true,  false, http_hooks_start,
	  "a service that knows the hook's secret POSTs there", HTTP_DELIVERY_MAX },
	{ STR("/channels/"),    true,  STR("POST"),      true,  false, http_channels_start,
	  "a service that knows the channel's secret POSTs there", HTTP_DELIVERY_MAX },
	{ STR("/healthz"),      false, STR("GET, HEAD"), true,  true,  http_health_live,
	  "GET it" },
	{ STR("/readyz"),       false, STR("GET, HEAD"), true,  true,  http_health_ready,
	  "GET it" },
	{ STR("/metrics"),      false, STR("GET"),       false, true,  http_health_metrics,
	  "GET it" },
};
/* clang-format on */

static const struct http_route *find_route(const struct server *s, struct str path)
{
	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		const struct http_route *route = &routes[i];

		if (route->start == start_metadata && !access_keys_tokens(s->keys))
			continue;
		if (route->is_prefix ? str_starts(path, route->path) && path.n > route->path.n
				     : str_eq(path, route->path))
			return route;
	}
	return NULL;
}

static bool takes_method(const struct http_route *route, struct str method)
{
	struct str rest = route->methods;

	while (rest.p)
		if (str_eq(str_trim(str_cut(&rest, ',')), method))
			return true;
	return !route->methods.p;
}

/* `charset=utf-8`, quoted or not, or none at all: JSON has no other. */
static bool is_utf8_charset(struct str parameters)
{
	while (parameters.p) {
		struct str value = str_cut(&parameters, ';'), name = str_cut(&value, '=');

		if (!str_eq_nocase(str_trim(name), STR("charset")))
			continue;
		value = str_trim(value);
		if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
			value = str_slice(value, 1, value.n - 1);
		if (!str_eq_nocase(value, STR("utf-8")))
			return false;
	}
	return true;
}

/* A page may send text/plain or a form to another's port without being asked first (TM-HTTP-04).
 * What is packed is not unpacked: a small body must not become a large one. */
static bool judge_body(struct http_call *c, const struct http_request *r)
{
	struct str rest = http_header(r, STR("content-type")), type = str_cut(&rest, ';');
	struct str coding = http_header(r, STR("content-encoding"));
	struct http_refusal refusal = { .status = 415, .code = ERROR_INVALID_REQUEST };

	if (!str_eq_nocase(str_trim(type), STR("application/json"))) {
		refusal.text = "the body must be application/json";
		refusal.hint = "send Content-Type: application/json";
	} else if (!is_utf8_charset(rest)) {
		refusal.text = "the body must be in UTF-8";
		refusal.hint =
		    "send Content-Type: application/json, without a charset or with utf-8";
	} else if (coding.p && !str_eq_nocase(coding, STR("identity"))) {
		refusal.text = "the body must not be packed";
		refusal.hint = "send it without Content-Encoding";
		refusal.header = (struct http_header){ STR("Accept-Encoding"), STR("identity") };
	}
	if (refusal.text)
		http_call_refuse_with(c, &refusal);
	return !refusal.text;
}

static bool judge_request(struct http_call *c, const struct http_request *r)
{
	if (!takes_method(c->route, r->method)) {
		http_call_refuse_with(c, &(struct http_refusal){
					     .status = 405,
					     .code = ERROR_INVALID_REQUEST,
					     .header = { STR("Allow"), c->route->methods },
					     .text = "this path does not take that method",
					     .hint = c->route->other_hint });
		return false;
	}
	if (str_eq(r->method, STR("POST")) && !c->route->body_max && !judge_body(c, r))
		return false;
	if (c->owner->is_quiesced && !c->route->works_in_drain) {
		http_call_refuse_with(c,
				      &(struct http_refusal){ .status = 503,
							      .code = ERROR_SHUTTING_DOWN,
							      .retry_after_s = 1,
							      .text = "the server is stopping" });
		return false;
	}
	return true;
}

/* ---- what the transport tells us ---- */

static void keep_account(struct conn_http *h, const struct principal *who)
{
	if (!who->id.n || (h->kept && quota_is_of(h->kept, who)))
		return;
	h->kept = quota_unref(h->kept);
	h->kept = quota_join(h->server->quota, who);
}

static void on_head(void *data, struct http_exchange *x, const struct http_request *r,
		    size_t *body_max)
{
	struct conn_http *h = data;
	struct http_call *c = ARENA_NEW(http_arena(x), struct http_call);

	if (!c) {
		http_stream_abort(x);
		return;
	}
	c->server = h->server;
	c->owner = h;
	c->x = x;
	http_set_user(x, c);
	c->route = find_route(h->server, r->path);
	if (!c->route)
		http_call_refuse_with(c, &no_such_path);
	else if (http_gate_pass(c, r, http_server_port(h->transport), !c->route->is_open) &&
		 judge_request(c, r))
		keep_account(h, &c->principal);
	if (c->route && c->route->body_max)
		*body_max = c->route->body_max;
}

static void on_request(void *data, struct http_exchange *x, const struct http_request *r)
{
	struct http_call *c = http_user(x);

	c->route->start(c, r);
}

static void on_end(void *data, struct http_exchange *x, bool was_cut)
{
	struct http_call *c = http_user(x);

	if (!c)
		return;
	if (c->events)
		http_events_gone(c->events);
	if (c->delivery)
		http_delivery_gone(c->delivery);
	if (c->mcp)
		mcp_http_end(c->mcp, was_cut);
	if (c->has_channel) {
		channel_gone(&c->channel);
		channel_deinit(&c->channel);
	}
}

/* What never became a request of ours. */
static void put_refusal(void *data, int status, const char *why, struct buf *body)
{
	struct call_failure failure = { .code = ERROR_INVALID_REQUEST, .message = str_from(why) };
	struct json_out w = json_out(body);

	if (status == 503) {
		failure.code = ERROR_OVERLOADED;
		failure.retry_after_ms = 1000;
	} else if (status == 413 || status == 431) {
		failure.code = ERROR_TOO_LARGE;
		failure.hint = status == 413 ? STR(RPC_LINE_HINT)
					     : STR("send fewer and shorter headers");
	} else {
		failure.hint = STR("send one plain HTTP/1.1 request; see the message");
	}
	request_put_tool_error(&failure, NULL, &w);
	buf_put_char(body, '\n');
}

static const struct http_ops transport_ops = {
	.on_head = on_head,
	.on_request = on_request,
	.on_end = on_end,
	.refusal = put_refusal,
	.refusal_type = STR("application/json"),
};

/* ---- starting and stopping ---- */

/* HTTP must not take the last descriptor: the socket's owner, and the store, need some. */
static int n_conns_max(int wanted)
{
	struct rlimit limit;
	rlim_t n;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == RLIM_INFINITY)
		return wanted;
	n = limit.rlim_cur / 4 * 3;
	n = n > CONNS_MIN + OTHER_FDS ? n - OTHER_FDS : CONNS_MIN;
	return n < (rlim_t)wanted ? (int)n : wanted;
}

int conn_http_new(struct server *s, struct conn_http **out)
{
	struct conn_http *h = calloc(1, sizeof(*h));
	struct http_options o;
	int e;

	if (!h)
		return err_nomem();
	h->server = s;
	http_options_init(&o);
	o.address = s->options.http_address;
	o.port = s->options.http_port;
	o.n_conns_max = n_conns_max(o.n_conns_max);
	e = http_server_new(s->loop, &o, &transport_ops, h, &h->transport);
	if (e) {
		free(h);
		return e < 0 ? err_trace(e) : e;
	}
	*out = h;
	return 0;
}

uint16_t conn_http_port(const struct conn_http *h)
{
	return http_server_port(h->transport);
}

void conn_http_quiesce(struct conn_http *h)
{
	h->is_quiesced = true;
	http_server_quiesce(h->transport);
}

size_t conn_http_n(const struct conn_http *h)
{
	return http_server_n_exchanges(h->transport);
}

void conn_http_stats(const struct conn_http *h, struct http_stats *out)
{
	http_server_stats(h->transport, out);
}

struct conn_http *conn_http_free(struct conn_http *h)
{
	if (!h)
		return NULL;
	h->transport = http_server_free(h->transport);
	h->kept = quota_unref(h->kept);
	free(h);
	return NULL;
}
