/* SPDX-License-Identifier: Apache-2.0 */
/* GET /events: the verb events.follow as server-sent events; the query is its parameters. The first
 * frame says where the reader stands; each event carries its id, so that a browser's EventSource
 * resumes by itself; the last frame says why the stream ends and when to come back. */
#include "server/http_call.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "server/dispatch.h"
#include "server/follow.h"
#include "server/pool.h"
#include "server/publish.h"
#include "server/quota.h"
#include "server/secrets.h"
#include "server/server.h"
#include "transport/sse.h"

#define RETRY_MS        1000
#define LAGGED_RETRY_MS 3000
/* Of the transport's 1 MiB some is kept for the last frame. */
#define WAITING_MAX  ((size_t)1024 * 1024 - 4096)
#define CATCH_UP_MAX ((size_t)256 * 1024)

/* In the arena of its request. */
struct http_events {
	struct http_call *call; /* NULL: the reader has gone */
	struct request *request;
	struct stream stream;
	struct buf frame;
	char id[32];
	bool has_begun; /* the answer is a stream: no refusal any more */
};

static struct http_events *events_of(struct stream *s)
{
	return s->owner;
}

/* ---- frames ---- */

static int put_frame(struct http_events *e)
{
	int r = e->frame.failed ? HTTP_SLOW : http_stream_put(e->call->x, buf_str(&e->frame));

	buf_clear(&e->frame);
	if (r < 0) {
		err_forget(); /* memory is out: like a reader that is too slow */
		r = HTTP_SLOW;
	}
	return r == HTTP_SLOW ? CHANNEL_SLOW : r == HTTP_GONE ? CHANNEL_GONE : 0;
}

struct field {
	const char *key;
	int64_t seq;
};

/* {"head":"…","floor":"…"}: cursors, as they are outside. */
static void put_notice(struct http_events *e, const char *kind, const char *reason,
		       const struct field *v, size_t n)
{
	char text[STREAM_CURSOR_MAX];
	CLEANUP(buf_deinit) struct buf data;
	struct json_out w;
	size_t len = 0;

	buf_init(&data, 0);
	w = json_out(&data);
	json_begin_object(&w);
	if (reason)
		JSON_KV_STR(&w, "reason", str_from(reason));
	for (size_t i = 0; i < n; i++) {
		len = stream_cursor_text(e->stream.server, v[i].seq, text);
		json_key(&w, str_from(v[i].key));
		json_str(&w, (struct str){ text, len });
	}
	json_end_object(&w);
	/* the last of the fields is where the reader stands */
	sse_put(&e->frame, str_from(kind), (struct str){ text, len }, buf_str(&data));
	e->frame.failed = e->frame.failed || data.failed;
	(void)put_frame(e); /* a reader that does not take it is cut at its first event */
}

/* The stream was accepted: only now the answer cannot be a refusal any more. */
static void begin(struct http_call *c)
{
	static const struct http_header headers[] = {
		{ STR("Cache-Control"), STR("no-store") },
		{ STR("X-Accel-Buffering"), STR("no") },
	};
	const struct http_answer head = { .status = 200,
					  .content_type = STR("text/event-stream"),
					  .headers = headers,
					  .n_headers = ARRAY_LEN(headers) };

	if (http_stream_begin(c->x, &head) < 0) {
		err_forget(); /* memory is out: the exchange ends without an answer */
		http_stream_abort(c->x);
	}
}

static void on_connected(struct stream *s, int64_t head, int64_t floor, int64_t cursor)
{
	struct http_events *e = events_of(s);

	e->has_begun = true;
	begin(e->call);
	sse_put_retry(&e->frame, RETRY_MS);
	put_notice(e, "connected", NULL,
		   (struct field[]){ { "head", head }, { "floor", floor }, { "cursor", cursor } },
		   3);
}

static void on_gap(struct stream *s, int64_t from, int64_t to)
{
	put_notice(events_of(s), "gap", NULL, (struct field[]){ { "from", from }, { "to", to } },
		   2);
}

static int on_event(struct stream *s, const struct event *event, struct str json)
{
	CLEANUP(buf_deinit) struct buf cleaned;
	struct http_events *e = events_of(s);

	buf_init(&cleaned, 0);
	json = secrets_clean(s->server, REDACT_JSON, json, &cleaned);
	if (!json.p || http_stream_waiting(e->call->x) + json.n + event->kind.n + 128 > WAITING_MAX)
		return CHANNEL_SLOW;
	sse_put(&e->frame, event->kind, event->id, json);
	return put_frame(e);
}

static void on_keep_alive(struct stream *s)
{
	struct http_events *e = events_of(s);

	sse_put_comment(&e->frame, STR("keep-alive"));
	(void)put_frame(e); /* likewise */
}

static bool is_full(const struct stream *s)
{
	const struct http_events *e = s->owner;

	return http_stream_waiting(e->call->x) > CATCH_UP_MAX;
}

static void on_end(struct stream *s, enum stream_end why)
{
	struct http_events *e = events_of(s);

	if (e->call) {
		/* one that cannot follow comes back later */
		sse_put_retry(&e->frame, why == STREAM_LAGGED ? LAGGED_RETRY_MS : RETRY_MS);
		put_notice(e, "disconnecting", stream_end_text(why),
			   (struct field[]){ { "cursor", s->cursor } }, 1);
		http_stream_end(e->call->x);
	}
	e->request->stream = NULL;
	dispatch_finish(e->request);
}

static const struct stream_ops events_ops = {
	.connected = on_connected,
	.gap = on_gap,
	.event = on_event,
	.keep_alive = on_keep_alive,
	.is_full = is_full,
	.end = on_end,
};

/* ---- the query ---- */

static int hex_of(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	if ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'f')
		return (ch | 0x20) - 'a' + 10;
	return -1;
}

/* Percent-decoded copy; NONE when it is malformed, no UTF-8, or memory is out. */
static struct str decode(struct arena *a, struct str s)
{
	char *out = arena_alloc(a, s.n), *at = out;
	struct str r;

	if (!out)
		return STR_NONE;
	for (size_t i = 0; i < s.n; i++) {
		char ch = s.p[i] == '+' ? ' ' : s.p[i];

		if (ch == '%') {
			int high = i + 2 < s.n ? hex_of(s.p[i + 1]) : -1;
			int low = i + 2 < s.n ? hex_of(s.p[i + 2]) : -1;

			if (i + 2 >= s.n || high < 0 || low < 0)
				return STR_NONE;
			ch = (char)(high * 16 + low);
			i += 2;
		}
		*at++ = ch;
	}
	r = (struct str){ out, (size_t)(at - out) };
	return str_is_utf8(r) ? r : STR_NONE;
}

/* What the query says, as the parameters of the verb. */
struct query {
	struct arena *arena;
	struct buf kinds; /* the elements of its array */
	struct json_out kinds_out, params;
	const char *wrong; /* NULL: all is well */
};

static void take_kinds(struct query *q, struct str list)
{
	while (list.p) {
		struct str kind = str_trim(str_cut(&list, ','));

		if (kind.n)
			json_str(&q->kinds_out, kind);
	}
}

static void take_parameter(struct query *q, struct str name, struct str value)
{
	if (!name.p || !value.p) {
		q->wrong = "the query is not well-formed UTF-8 with percent-encoding";
	} else if (str_eq(name, STR("kinds"))) {
		take_kinds(q, value);
	} else if (value.n || str_eq(name, STR("since"))) {
		/* an empty one is an absent one, but where that would skip events */
		json_key(&q->params, name);
		json_str(&q->params, value);
	}
}

static void take_query(struct query *q, const struct http_request *r)
{
	/* a browser that comes back repeats the address it began with: the header is newer */
	struct str rest = r->query, last = http_header(r, STR("last-event-id"));

	while (rest.p && !q->wrong) {
		struct str value = str_cut(&rest, '&'), name = str_cut(&value, '=');

		if (name.n && !(last.p && str_eq(name, STR("since"))))
			take_parameter(q, decode(q->arena, name),
				       decode(q->arena, value.p ? value : STR("")));
	}
	if (last.p)
		take_parameter(q, STR("since"), str_is_utf8(last) ? last : STR_NONE);
}

/* The verb's parameters; NULL when `*wrong` says why not, or memory is out. */
static struct json *read_query(struct arena *a, const struct http_request *r, const char **wrong)
{
	struct json *params = ARENA_NEW(a, struct json);
	struct query q = { .arena = a };
	CLEANUP(buf_deinit) struct buf text;
	struct str kept;
	int e;

	buf_init(&text, 0);
	buf_init(&q.kinds, 0);
	q.params = json_out(&text);
	q.kinds_out = json_out(&q.kinds);
	json_begin_object(&q.params);
	json_begin_array(&q.kinds_out);
	take_query(&q, r);
	json_end_array(&q.kinds_out);
	if (buf_len(&q.kinds) > 2) {
		json_key(&q.params, STR("kinds"));
		json_raw(&q.params, buf_str(&q.kinds));
	}
	json_end_object(&q.params);
	kept = text.failed || q.kinds.failed ? STR_NONE : str_dup(a, buf_str(&text));
	buf_deinit(&q.kinds);
	*wrong = q.wrong;
	if (q.wrong || !params || !kept.p)
		return NULL;
	e = json_parse(a, kept, params, NULL);
	if (e > 0)
		*wrong = "a parameter stands twice";
	if (e < 0)
		err_forget();
	return e ? NULL : params;
}

/* ---- the call ---- */

static void on_follow(struct request *r)
{
	struct http_events *e = r->owner;

	if (!e->call) {
		request_fail(r, ERROR_CANCELLED, "the reader has gone");
		dispatch_finish(r);
		return;
	}
	snprintf(e->id, sizeof(e->id), "sse-%llu", (unsigned long long)r->serial);
	e->stream = (struct stream){
		.ops = &events_ops, .owner = e, .id = str_from(e->id), .transport = "sse"
	};
	follow_open(r, &e->stream);
}

static void on_done(struct request *r)
{
	struct http_events *e = r->owner;

	if (e->call) {
		e->call->events = NULL;
		if (!e->has_begun)
			http_call_refuse_failure(e->call, &r->call.failure, r->verb);
	}
	buf_deinit(&e->frame);
	request_free(r);
}

static const struct request_ops request_ops = { .done = on_done, .follow = on_follow };

void http_events_gone(struct http_events *e)
{
	e->call = NULL;
	dispatch_cancel(e->request);
}

static struct http_events *events_new(struct http_call *c)
{
	struct quota_user *user = quota_join(c->server->quota, &c->principal);
	struct http_events *e = NULL;
	struct request *r = NULL;

	if (user)
		r = pool_take(c->server, &request_ops, NULL, &c->principal, user);
	if (r)
		e = ARENA_NEW(&r->arena, struct http_events);
	quota_unref(user); /* the request has its own */
	if (!e) {
		request_free(r);
		return NULL;
	}
	r->owner = e;
	e->request = r;
	e->call = c;
	buf_init(&e->frame, 0);
	return e;
}

void http_events_start(struct http_call *c, const struct http_request *r)
{
	struct http_events *e = events_new(c);
	struct json *params = NULL;
	struct http_refusal refusal = {
		.status = 400,
		.code = ERROR_INVALID_PARAMS,
		.hint = "GET /events?since=ID&kinds=quest.*,idea.*&subject=ID&source=PRINCIPAL",
	};

	if (e)
		params = read_query(&e->request->arena, r, &refusal.text);
	if (params) {
		c->events = e;
		dispatch_start(e->request, STR("events.follow"), params);
		return;
	}
	if (e)
		request_free(e->request);
	if (refusal.text)
		http_call_refuse_with(c, &refusal);
	else
		http_call_refuse(c, 503, ERROR_OUT_OF_MEMORY, "memory is out");
}
