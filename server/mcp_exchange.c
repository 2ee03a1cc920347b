/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP exchange on /mcp. It begins as a JSON answer; the first message before the answer, or 15
 * seconds of work, makes it an event stream. Modern: when the client closes it, its request is
 * cancelled. Legacy: the request runs on, and what it says is kept by the session. */
#include "server/mcp_exchange.h"

#include <stdlib.h>

#include "server/http_call.h"
#include "server/mcp_listen.h"
#include "server/mcp_session.h"
#include "transport/sse.h"

#define KEEP_ALIVE_MS 15000

struct mcp_exchange {
	struct channel channel;
	struct mcp_conn own;         /* modern */
	struct http_exchange *x;     /* NULL: its client has gone, or everything is sent */
	struct mcp_session *session; /* legacy; a reference */
	struct mcp_replay *replay;
	struct loop_timer keep_alive;
	struct loop_task destroy;
	char *toolsets;
	struct buf batch;
	size_t n_open;    /* requests without an answer */
	size_t n_answers; /* in the batch */
	bool may_stream, is_stream, is_answered, is_batch, is_filling, names_session, is_listening;
	bool is_get; /* shows a replay that is not its own */
	bool prefers_stream;
};

static const struct channel_ops ops;

/* ---- the end ---- */

static void on_destroy(struct loop_task *t)
{
	struct mcp_exchange *m = container_of(t, struct mcp_exchange, destroy);

	if (!m->channel.is_gone)
		channel_gone(&m->channel);
	channel_deinit(&m->channel);
	loop_disarm(&m->keep_alive);
	mcp_session_unref(m->session);
	buf_deinit(&m->batch);
	free(m->toolsets);
	free(m);
}

/* At the end of the loop's turn: somebody further up the stack may still hold it. */
static void destroy_when_unused(struct mcp_exchange *m)
{
	bool is_used = m->session ? m->n_open > 0 : !list_is_empty(&m->own.calls);

	if (!m->x && !is_used)
		loop_defer(m->channel.server->loop, &m->destroy, on_destroy);
}

static void on_own_idle(struct mcp_conn *conn)
{
	destroy_when_unused(container_of(conn, struct mcp_exchange, own));
}

void mcp_http_end(struct mcp_exchange *m, bool was_cut)
{
	(void)was_cut;
	m->x = NULL;
	loop_disarm(&m->keep_alive);
	if (m->replay && mcp_replay_shown_on(m->replay) == m)
		mcp_replay_show_on(m->replay, NULL);
	if (m->is_listening && mcp_session_conn(m->session)->channel == &m->channel)
		mcp_session_conn(m->session)->channel = NULL;
	if (!m->session && !m->channel.is_gone) {
		channel_gone(&m->channel);
		mcp_conn_gone(&m->own);
	}
	destroy_when_unused(m);
}

/* ---- out ---- */

#define N_HEADERS_MAX 4

static size_t headers(struct mcp_exchange *m, bool is_stream, struct http_header out[N_HEADERS_MAX])
{
	size_t n = 0;

	if (m->names_session)
		out[n++] = (struct http_header){ STR("Mcp-Session-Id"),
						 mcp_session_id(m->session) };
	out[n++] = (struct http_header){ STR("Cache-Control"), STR("no-store") };
	if (is_stream)
		out[n++] = (struct http_header){ STR("X-Accel-Buffering"), STR("no") };
	else if (m->channel.step_up && !m->is_batch && m->x)
		out[n++] = http_step_up(m->x, m->channel.server, &m->channel.principal,
					m->channel.step_up);
	return n;
}

static void put(struct mcp_exchange *m, struct buf *b)
{
	int e;

	if (!m->x || b->failed)
		return;
	e = http_stream_put(m->x, buf_str(b));
	if (e < 0)
		err_forget();
	if (e)
		http_stream_abort(m->x); /* it does not take its bytes */
}

static bool begin_stream(struct mcp_exchange *m)
{
	struct http_header h[N_HEADERS_MAX];
	struct http_answer head = { .status = 200, .content_type = STR("text/event-stream") };
	struct buf b;

	if (m->is_stream)
		return true;
	m->is_stream = true;
	if (m->session && !m->is_listening)
		m->replay = mcp_replay_new(m->session);
	if (!m->x)
		return true;
	head.headers = h;
	head.n_headers = headers(m, true, h);
	if (http_stream_begin(m->x, &head)) {
		err_forget();
		return false;
	}
	if (!m->replay)
		return true;
	mcp_replay_show_on(m->replay, m);
	if (mcp_session_conn(m->session)->version < MCP_2025_11_25)
		return true;
	buf_init(&b, 0);
	mcp_replay_put(m->replay, STR_NONE, &b);
	put(m, &b);
	buf_deinit(&b);
	return true;
}

/* Onto the stream, wherever it is shown now. */
static void put_event(struct mcp_exchange *m, struct str message)
{
	struct mcp_exchange *shown = m->replay ? mcp_replay_shown_on(m->replay) : m;
	struct buf b;

	buf_init(&b, 0);
	if (m->replay)
		mcp_replay_put(m->replay, message, &b);
	else
		sse_put(&b, STR("message"), STR_NONE, message);
	if (shown)
		put(shown, &b);
	buf_deinit(&b);
}

static int on_send(struct channel *ch, struct str message)
{
	struct mcp_exchange *m = container_of(ch, struct mcp_exchange, channel);

	if (m->is_answered || (!m->x && !m->session))
		return CHANNEL_GONE;
	/* A client that did not say it reads streams gets the answer alone. */
	if (!m->may_stream || m->is_batch)
		return 0;
	if (!begin_stream(m))
		return CHANNEL_GONE;
	put_event(m, message);
	return 0;
}

static void end_stream(struct mcp_exchange *m)
{
	struct mcp_exchange *shown = m->replay ? mcp_replay_shown_on(m->replay) : m;

	if (m->replay)
		mcp_replay_finish(m->replay);
	if (shown && shown->x)
		http_stream_end(shown->x);
	/* A finished replay that is not on show may go at any time. */
	if (shown != m)
		m->replay = NULL;
}

static void finish(struct mcp_exchange *m, struct str message, int status)
{
	struct http_header h[N_HEADERS_MAX];
	struct http_answer a = { .status = status, .body = message };

	if (m->prefers_stream && message.p && status == 200)
		begin_stream(m);
	m->is_answered = true;
	loop_disarm(&m->keep_alive);
	if (m->is_stream) {
		if (message.p)
			put_event(m, message);
		end_stream(m);
	} else if (m->x) {
		a.content_type = message.p ? STR("application/json") : STR_NONE;
		a.headers = h;
		a.n_headers = headers(m, false, h);
		if (http_reply(m->x, &a) < 0)
			err_forget();
	}
	destroy_when_unused(m);
}

static void finish_batch(struct mcp_exchange *m)
{
	if (m->is_filling || m->n_open || m->is_answered)
		return;
	if (m->n_answers)
		buf_put_char(&m->batch, ']');
	finish(m, m->n_answers && !m->batch.failed ? buf_str(&m->batch) : STR_NONE,
	       m->n_answers ? 200 : 202);
}

static void add(struct mcp_exchange *m, struct str message)
{
	buf_put_char(&m->batch, m->n_answers++ ? ',' : '[');
	buf_put_str(&m->batch, message);
}

static int on_answer(struct channel *ch, struct str message, int status)
{
	struct mcp_exchange *m = container_of(ch, struct mcp_exchange, channel);

	if (m->n_open)
		m->n_open--;
	if (m->is_answered)
		return CHANNEL_GONE;
	if (!m->is_batch) {
		finish(m, message, status);
		return 0;
	}
	if (message.p)
		add(m, message);
	finish_batch(m);
	return 0;
}

/* The stream's connection alone: a legacy client comes back for the rest. */
static void on_close(struct channel *ch)
{
	struct mcp_exchange *m = container_of(ch, struct mcp_exchange, channel);

	if (!m->x)
		return;
	if (!m->is_stream && (!m->may_stream || !begin_stream(m)))
		return;
	if (m->replay)
		mcp_replay_show_on(m->replay, NULL);
	http_stream_end(m->x);
}

static const struct channel_ops ops = {
	.send = on_send,
	.answer = on_answer,
	.close = on_close,
};

static void arm(struct mcp_exchange *m);

static void on_keep_alive(struct loop_timer *t)
{
	struct mcp_exchange *m = container_of(t, struct mcp_exchange, keep_alive);
	struct buf b;

	if (!m->x || !begin_stream(m))
		return;
	buf_init(&b, 0);
	sse_put_comment(&b, STR("alive"));
	put(m, &b);
	buf_deinit(&b);
	if (m->x)
		arm(m);
}

static void arm(struct mcp_exchange *m)
{
	if (m->may_stream && !m->is_batch)
		mcp_arm(m->channel.server, &m->keep_alive, KEEP_ALIVE_MS, on_keep_alive);
}

/* ---- in ---- */

static bool reads_streams(const struct http_request *r)
{
	struct str accept = http_header(r, STR("accept"));

	return str_contains(accept, STR("text/event-stream")) || str_contains(accept, STR("*/*"));
}

/* A legacy stream can be resumed, so a client that names it first gets it; a modern one cannot, and
 * an answer by itself is cheaper. */
static bool prefers_stream(const struct http_request *r)
{
	struct str accept = http_header(r, STR("accept"));

	return str_starts(str_trim(accept), STR("text/event-stream")) &&
	       str_contains(accept, STR("application/json"));
}

int mcp_exchange_new(struct http_exchange *x, const struct http_request *r,
		     const struct mcp_http_caller *caller, struct mcp_session *session,
		     struct mcp_exchange **out)
{
	struct mcp_exchange *m = calloc(1, sizeof(*m));
	int e;

	if (m && caller->toolsets.p)
		m->toolsets = strndup(caller->toolsets.p, caller->toolsets.n);
	if (!m || (caller->toolsets.p && !m->toolsets)) {
		free(m);
		return err_nomem();
	}
	e = channel_init(&m->channel, caller->server, CHANNEL_HTTP_MCP, &ops, caller->principal);
	if (e) {
		free(m->toolsets);
		free(m);
		return e < 0 ? err_trace(e) : e;
	}
	m->channel.toolsets = str_from(m->toolsets);
	m->channel.is_read_only = caller->is_read_only;
	m->x = x;
	m->session = session;
	m->may_stream = reads_streams(r);
	m->prefers_stream = session && prefers_stream(r);
	mcp_conn_init(&m->own, caller->server->mcp, &m->channel);
	m->own.release = on_own_idle;
	buf_init(&m->batch, 0);
	*out = m;
	return 0;
}

struct mcp_conn *mcp_exchange_conn(struct mcp_exchange *m)
{
	return m->session ? mcp_session_conn(m->session) : &m->own;
}

struct channel *mcp_exchange_channel(struct mcp_exchange *m)
{
	return &m->channel;
}

void mcp_exchange_names_session(struct mcp_exchange *m)
{
	m->names_session = true;
}

void mcp_exchange_opened(struct mcp_exchange *m)
{
	m->n_open++;
}

void mcp_exchange_settle(struct mcp_exchange *m)
{
	if (m->x && !m->is_answered)
		arm(m);
}

void mcp_exchange_accept(struct mcp_exchange *m)
{
	finish(m, STR_NONE, 202);
}

void mcp_exchange_begin_batch(struct mcp_exchange *m)
{
	m->is_batch = m->is_filling = true;
}

void mcp_exchange_add_error(struct mcp_exchange *m, struct str id, const struct mcp_route *route)
{
	struct buf b;

	buf_init(&b, 0);
	mcp_put_error(&b, id, route->error, route->message, route->data);
	add(m, buf_str(&b));
	buf_deinit(&b);
}

void mcp_exchange_end_batch(struct mcp_exchange *m)
{
	m->is_filling = false;
	finish_batch(m);
}

void mcp_exchange_listen(struct mcp_exchange *m)
{
	struct mcp_conn *conn = mcp_session_conn(m->session);

	m->may_stream = m->is_listening = true;
	/* The newest stream is the one that is told; an older one ends. */
	if (conn->channel)
		conn->channel->ops->close(conn->channel);
	conn->channel = &m->channel;
	if (!begin_stream(m))
		return;
	arm(m);
	if (!conn->watch)
		conn->watch = mcp_watch_new_legacy(conn, &m->channel);
	if (conn->watch)
		mcp_watch_flush(conn->watch);
}

void mcp_exchange_show_replay(struct mcp_exchange *m, struct mcp_replay *replay, uint64_t after)
{
	struct mcp_exchange *before = mcp_replay_shown_on(replay);
	struct buf b;

	m->may_stream = m->is_listening = true;
	if (!begin_stream(m))
		return;
	m->is_listening = false;
	m->is_get = true;
	m->replay = replay;
	if (before && before->is_get)
		before->replay = NULL;
	if (before && before->x)
		http_stream_end(before->x);
	mcp_replay_show_on(replay, m);
	buf_init(&b, 0);
	mcp_replay_since(replay, after, &b);
	put(m, &b);
	buf_deinit(&b);
	if (mcp_replay_is_finished(replay))
		http_stream_end(m->x);
	else
		arm(m);
}
