/* SPDX-License-Identifier: Apache-2.0 */
/* The stream of a line connection lives in the request's arena, a frame in its out buffer. */
#include "server/follow.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "server/dispatch.h"
#include "server/publish.h"
#include "server/server.h"
#include "store/events.h"

#define WAITING_MAX ((size_t)256 * 1024)

struct follow {
	struct stream stream;
	struct request *request;
	char id[24];
};

static struct follow *follow_of(struct stream *s)
{
	return container_of(s, struct follow, stream);
}

static struct json_out begin(struct request *r, const char *type)
{
	struct json_out w;

	buf_clear(&r->out);
	w = json_out(&r->out);
	json_begin_object(&w);
	JSON_KV_STR(&w, "type", str_from(type));
	return w;
}

static void put_cursor(struct json_out *w, const struct server *s, const char *key, int64_t seq)
{
	char text[STREAM_CURSOR_MAX];
	size_t n = stream_cursor_text(s, seq, text);

	json_key(w, str_from(key));
	json_str(w, (struct str){ text, n });
}

static int send_frame(struct request *r, struct json_out *w)
{
	json_end_object(w);
	return r->ops->frame(r, buf_str(&r->out));
}

static void on_connected(struct stream *s, int64_t head, int64_t floor, int64_t cursor)
{
	struct request *r = follow_of(s)->request;
	struct json_out w = begin(r, "connected");

	put_cursor(&w, r->server, "head", head);
	put_cursor(&w, r->server, "floor", floor);
	put_cursor(&w, r->server, "cursor", cursor);
	(void)send_frame(r, &w); /* one who does not read is cut at its first event */
}

static void on_gap(struct stream *s, int64_t from, int64_t to)
{
	struct request *r = follow_of(s)->request;
	struct json_out w = begin(r, "gap");

	put_cursor(&w, r->server, "from", from);
	put_cursor(&w, r->server, "to", to);
	(void)send_frame(r, &w); /* likewise */
}

static int on_event(struct stream *s, const struct event *e, struct str json)
{
	struct request *r = follow_of(s)->request;
	struct json_out w = begin(r, "event");

	json_key(&w, STR("event"));
	json_raw(&w, json);
	return send_frame(r, &w);
}

static void on_keep_alive(struct stream *s)
{
	struct request *r = follow_of(s)->request;
	struct json_out w = begin(r, "keep_alive");

	put_cursor(&w, r->server, "cursor", s->cursor);
	(void)send_frame(r, &w); /* likewise */
}

static bool is_full(const struct stream *s)
{
	const struct channel *c = ((const struct follow *)s->owner)->request->channel;

	return c && c->ops->waiting && c->ops->waiting(c) > WAITING_MAX;
}

static void on_end(struct stream *s, enum stream_end why)
{
	struct request *r = follow_of(s)->request;
	struct json_out w = begin(r, "disconnecting");

	r->stream = NULL;
	JSON_KV_STR(&w, "reason", str_from(stream_end_text(why)));
	put_cursor(&w, r->server, "cursor", s->cursor);
	if (r->channel)
		(void)send_frame(r, &w); /* it ends either way */
	buf_clear(&r->out);
	w = json_out(&r->out);
	json_begin_object(&w);
	JSON_KV_STR(&w, "reason", str_from(stream_end_text(why)));
	put_cursor(&w, r->server, "cursor", s->cursor);
	json_end_object(&w);
	dispatch_finish(r);
}

static const struct stream_ops follow_ops = {
	.connected = on_connected,
	.gap = on_gap,
	.event = on_event,
	.keep_alive = on_keep_alive,
	.is_full = is_full,
	.end = on_end,
};

static void refuse(struct request *r, int why)
{
	if (why == STREAM_TOO_MANY) {
		request_fail(r, ERROR_TOO_MANY_REQUESTS, "too many streams are open");
		r->call.failure.retry_after_ms = 1000;
	} else {
		request_fail(r, ERROR_STORAGE_BUSY, "the events cannot be read now");
		r->call.failure.retry_after_ms = 250;
	}
	dispatch_finish(r);
}

void follow_open(struct request *r, struct stream *s)
{
	int e;

	s->user = r->user;
	s->token = r->principal.token;
	s->filter = *r->call.follow.filter;
	r->stream = s;
	e = stream_open(r->server, s, r->call.follow.since);
	if (!e)
		return;
	r->stream = NULL;
	err_forget();
	refuse(r, e);
}

static void follow_lines(struct request *r)
{
	struct follow *f = ARENA_NEW(&r->arena, struct follow);

	if (!f) {
		request_fail(r, ERROR_OUT_OF_MEMORY, "memory is out");
		dispatch_finish(r);
		return;
	}
	snprintf(f->id, sizeof(f->id), "follow-%llu", (unsigned long long)r->serial);
	f->request = r;
	f->stream = (struct stream){
		.ops = &follow_ops, .owner = f, .id = str_from(f->id), .transport = "lines"
	};
	follow_open(r, &f->stream);
}

void follow_start(struct request *r)
{
	if (r->ops->follow) {
		r->ops->follow(r);
	} else if (r->ops->frame && r->channel) {
		follow_lines(r);
	} else {
		request_fail(r, ERROR_UNSUPPORTED, "this transport cannot stream");
		r->call.failure.hint = STR("follow with GET /events, or ask with events.poll");
		call_data_str(&r->call, "reason", STR("no stream on this transport"));
		dispatch_finish(r);
	}
}
