/* SPDX-License-Identifier: Apache-2.0 */
/* GET /events: what happens, as server-sent events. The first frame says where the reader stands;
 * each event carries its id, so that a browser's EventSource resumes by itself; the last frame says
 * why the stream ends and when to come back. */
#include "server/http_call.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "server/access.h"
#include "server/publish.h"
#include "server/quota.h"
#include "server/server.h"
#include "transport/sse.h"
#include "verbs.gen.h"

#define KINDS_MAX       16
#define KIND_MAX        100
#define SUBJECT_MAX     200
#define RETRY_MS        1000
#define LAGGED_RETRY_MS 3000
/* Of the transport's 1 MiB some is kept for the last frame. */
#define WAITING_MAX  ((size_t)1024 * 1024 - 4096)
#define CATCH_UP_MAX ((size_t)256 * 1024)

struct http_events {
	struct http_call *call;
	struct quota_user *user; /* whose account the stream is charged to */
	struct stream stream;
	struct buf frame;
	struct str kinds[KINDS_MAX];
	char id[32];
	bool is_gone, is_over;
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
	struct http_events *e = events_of(s);

	if (http_stream_waiting(e->call->x) + json.n + event->kind.n + 128 > WAITING_MAX)
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

	e->is_over = true;
	if (!e->is_gone) {
		/* one that cannot follow comes back later */
		sse_put_retry(&e->frame, why == STREAM_LAGGED ? LAGGED_RETRY_MS : RETRY_MS);
		put_notice(e, "disconnecting", stream_end_text(why),
			   (struct field[]){ { "cursor", s->cursor } }, 1);
		http_stream_end(e->call->x);
	}
	buf_deinit(&e->frame);
	e->user = quota_unref(e->user);
}

static const struct stream_ops events_ops = {
	.connected = on_connected,
	.gap = on_gap,
	.event = on_event,
	.keep_alive = on_keep_alive,
	.is_full = is_full,
	.end = on_end,
};

void http_events_gone(struct http_events *e)
{
	e->is_gone = true;
	if (!e->is_over)
		stream_close(&e->stream, STREAM_CANCELLED);
}

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

struct query {
	struct str since;
	const char *wrong; /* NULL: all is well */
};

static void take_kinds(struct http_events *e, struct str list, struct query *q)
{
	struct str_list *kinds = &e->stream.filter.kinds;

	kinds->v = e->kinds;
	while (list.p) {
		struct str kind = str_trim(str_cut(&list, ','));

		if (!kind.n)
			continue;
		if (kind.n > KIND_MAX || kinds->n == KINDS_MAX) {
			q->wrong = "kinds: at most 16 globs of at most 100 bytes";
			return;
		}
		kinds->v[kinds->n++] = kind;
	}
}

static void take_parameter(struct http_events *e, struct str name, struct str value,
			   struct query *q)
{
	struct store_event_filter *filter = &e->stream.filter;

	if (!value.p)
		q->wrong = "the query is not well-formed UTF-8 with percent-encoding";
	else if (str_eq(name, STR("since")))
		q->since = value;
	else if (str_eq(name, STR("kinds")) || str_eq(name, STR("kind")))
		take_kinds(e, value, q);
	else if (value.n > SUBJECT_MAX)
		q->wrong = "subject and source have at most 200 bytes";
	else if (str_eq(name, STR("subject")))
		filter->subject = value;
	else if (str_eq(name, STR("source")))
		filter->source = value;
	else
		q->wrong = "an unknown parameter: there are since, kinds, subject and source";
}

static void read_query(struct http_events *e, const struct http_request *r, struct query *q)
{
	struct arena *a = http_arena(e->call->x);
	struct str rest = r->query, last = http_header(r, STR("last-event-id"));

	while (rest.p && !q->wrong) {
		struct str value = str_cut(&rest, '&'), name = str_cut(&value, '=');

		if (name.n)
			take_parameter(e, name, decode(a, value.p ? value : STR("")), q);
	}
	if (last.n)
		q->since = last; /* a browser that comes back repeats the address it began with */
}

/* ---- starting ---- */

static bool read_since(struct http_call *c, struct str since, int64_t *out)
{
	*out = -1;
	if (!since.n)
		return true;
	switch (stream_cursor_parse(c->server, since, out)) {
	case 0:
		return true;
	case STREAM_CURSOR_FOREIGN:
		http_call_refuse(
		    c, 400, ERROR_CURSOR_INVALID,
		    "since: this id is from before a restore: read the present state, then follow");
		return false;
	default:
		http_call_refuse(c, 400, ERROR_CURSOR_INVALID,
				 "since: this is not the id of an event");
		return false;
	}
}

static void refuse_stream(struct http_call *c, int why)
{
	struct http_refusal refusal = { .status = 503,
					.code = ERROR_STORAGE_BUSY,
					.header = { STR("Retry-After"), STR("1") },
					.text = "the events cannot be read now" };

	if (why < 0)
		err_forget();
	if (why == STREAM_TOO_MANY) {
		refusal.status = 429;
		refusal.code = ERROR_TOO_MANY_REQUESTS;
		refusal.text = "too many streams are open";
	}
	http_call_refuse_with(c, &refusal);
}

void http_events_start(struct http_call *c, const struct http_request *r)
{
	struct http_events *e = ARENA_NEW(http_arena(c->x), struct http_events);
	struct query q = { 0 };
	int64_t since;
	int error;

	if (!access_allows(&c->principal, verb_find(STR("events.follow")))) {
		http_call_refuse(c, 403, ERROR_DENIED, "this caller may not read events");
		return;
	}
	if (!e) {
		http_call_refuse(c, 503, ERROR_OUT_OF_MEMORY, "memory is out");
		return;
	}
	e->call = c;
	read_query(e, r, &q);
	if (q.wrong) {
		http_call_refuse_with(
		    c, &(struct http_refusal){
			   .status = 400,
			   .code = ERROR_INVALID_PARAMS,
			   .text = q.wrong,
			   .hint = "GET /events?since=ID&kinds=quest.*,idea.*&subject=ID" });
		return;
	}
	if (!read_since(c, q.since, &since))
		return;
	snprintf(e->id, sizeof(e->id), "sse-%llu", (unsigned long long)++c->server->next_serial);
	e->stream.ops = &events_ops;
	e->stream.owner = e;
	e->stream.id = str_from(e->id);
	e->stream.principal = c->principal.id;
	e->stream.transport = "sse";
	buf_init(&e->frame, 0);
	c->events = e;
	e->user = quota_join(c->server->quota, &c->principal);
	error = e->user ? stream_open(c->server, &e->stream, since) : err_nomem();
	if (error) {
		c->events = NULL;
		e->user = quota_unref(e->user);
		refuse_stream(c, error);
	}
}
