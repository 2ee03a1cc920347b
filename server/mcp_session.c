/* SPDX-License-Identifier: Apache-2.0 */
/* Legacy HTTP sessions and what their event streams said. An event's id is STREAM-NUMBER, both
 * counted within the session. Of all streams together a session keeps 1 MiB; the oldest frames go
 * first. */
#include "server/mcp_session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/id.h"
#include "server/mcp_listen.h"
#include "transport/sse.h"

#define ID_LEN_SESSION 32
#define SESSIONS_MAX   1000
#define IDLE_MS        ((int64_t)24 * 3600 * 1000)
#define KEPT_MAX       ((size_t)1024 * 1024)
#define STREAMS_MAX    64
#define RETRY_MS       500

struct frame {
	struct list link;
	uint64_t number;
	struct str text; /* behind the struct */
};

struct mcp_replay {
	struct list link; /* session->replays, oldest first */
	struct mcp_session *session;
	uint64_t stream, last;
	struct list frames;
	struct mcp_exchange *shown_on;
	bool is_finished;
};

struct mcp_session {
	struct map_node node; /* mcp->sessions */
	struct list link;     /* mcp->session_order, least recently used first */
	struct mcp *mcp;
	struct mcp_conn conn;
	char id[ID_LEN_SESSION + 1];
	char *principal;
	int64_t used_ms;
	uint32_t n_refs;
	struct list replays;
	size_t n_replays, n_kept;
	uint64_t last_stream;
	bool is_over;
};

/* ---- replays ---- */

static void drop_frame(struct mcp_replay *r, struct frame *f)
{
	r->session->n_kept -= f->text.n;
	list_unlink(&f->link);
	free(f);
}

static void replay_free(struct mcp_replay *r)
{
	list_for_each (it, tmp, &r->frames)
		drop_frame(r, list_entry(it, struct frame, link));
	list_unlink(&r->link);
	r->session->n_replays--;
	free(r);
}

/* Streams that are over go whole, oldest first; then the oldest frames of those that are not. */
static void make_room(struct mcp_session *s)
{
	list_for_each (it, tmp, &s->replays) {
		struct mcp_replay *r = list_entry(it, struct mcp_replay, link);

		if (s->n_kept <= KEPT_MAX && s->n_replays <= STREAMS_MAX)
			return;
		if (r->is_finished && !r->shown_on)
			replay_free(r);
	}
	list_for_each (it, tmp, &s->replays) {
		struct mcp_replay *r = list_entry(it, struct mcp_replay, link);

		while (s->n_kept > KEPT_MAX && !list_is_empty(&r->frames))
			drop_frame(r, list_entry(r->frames.next, struct frame, link));
	}
}

struct mcp_replay *mcp_replay_new(struct mcp_session *s)
{
	struct mcp_replay *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->session = s;
	r->stream = ++s->last_stream;
	list_init(&r->frames);
	list_push_back(&s->replays, &r->link);
	s->n_replays++;
	make_room(s);
	return r;
}

struct mcp_replay *mcp_replay_find(struct mcp_session *s, struct str event_id, uint64_t *after)
{
	struct str rest = event_id;
	int64_t stream, number;

	if (!str_to_i64(str_cut(&rest, '-'), &stream) || !str_to_i64(rest, &number) || number < 0)
		return NULL;
	list_for_each (it, tmp, &s->replays) {
		struct mcp_replay *r = list_entry(it, struct mcp_replay, link);

		if (r->stream == (uint64_t)stream && r->last >= (uint64_t)number) {
			*after = (uint64_t)number;
			return r;
		}
	}
	return NULL;
}

static void keep(struct mcp_replay *r, uint64_t number, struct str text)
{
	struct frame *f = malloc(sizeof(*f) + text.n);

	/* Without memory this frame cannot be fetched again; it is sent all the same. */
	if (!f)
		return;
	memcpy(f + 1, text.p, text.n);
	*f = (struct frame){ .number = number, .text = { (char *)(f + 1), text.n } };
	list_push_back(&r->frames, &f->link);
	r->session->n_kept += text.n;
	make_room(r->session);
}

void mcp_replay_put(struct mcp_replay *r, struct str data, struct buf *out)
{
	uint64_t number = data.p ? ++r->last : 0;
	size_t start = buf_len(out);
	char id[48];
	int n = snprintf(id, sizeof(id), "%llu-%llu", (unsigned long long)r->stream,
			 (unsigned long long)number);

	if (!data.p)
		buf_fmt(out, "retry: %d\n", RETRY_MS);
	sse_put(out, data.p ? STR("message") : STR_NONE, (struct str){ id, (size_t)n },
		data.p ? data : STR(""));
	if (data.p && !out->failed)
		keep(r, number, str_slice(buf_str(out), start, buf_len(out)));
}

void mcp_replay_since(const struct mcp_replay *r, uint64_t after, struct buf *out)
{
	list_for_each (it, tmp, &r->frames) {
		const struct frame *f = list_entry(it, struct frame, link);

		if (f->number > after)
			buf_put_str(out, f->text);
	}
}

void mcp_replay_finish(struct mcp_replay *r)
{
	r->is_finished = true;
}

bool mcp_replay_is_finished(const struct mcp_replay *r)
{
	return r->is_finished;
}

void mcp_replay_show_on(struct mcp_replay *r, struct mcp_exchange *x)
{
	r->shown_on = x;
}

struct mcp_exchange *mcp_replay_shown_on(const struct mcp_replay *r)
{
	return r->shown_on;
}

/* ---- sessions ---- */

static void destroy(struct mcp_session *s)
{
	list_for_each (it, tmp, &s->replays)
		replay_free(list_entry(it, struct mcp_replay, link));
	free(s->principal);
	free(s);
}

static void destroy_when_unused(struct mcp_session *s)
{
	if (s->is_over && !s->n_refs && list_is_empty(&s->conn.calls))
		destroy(s);
}

static void on_conn_idle(struct mcp_conn *conn)
{
	destroy_when_unused(container_of(conn, struct mcp_session, conn));
}

void mcp_session_end(struct mcp_session *s)
{
	if (s->is_over)
		return;
	s->n_refs++;
	s->is_over = true;
	map_remove(&s->mcp->sessions, &s->node);
	list_unlink(&s->link);
	/* Their exchanges are still there and get an end each. */
	for (bool found = true; found;) {
		found = false;
		list_for_each (it, tmp, &s->conn.calls) {
			struct mcp_call *c = list_entry(it, struct mcp_call, link);

			if (c->is_cancelled)
				continue;
			found = true;
			mcp_call_cancel(c);
			break;
		}
	}
	if (s->conn.channel)
		s->conn.channel->ops->close(s->conn.channel);
	mcp_conn_gone(&s->conn);
	mcp_session_unref(s);
}

/* The least recently used one that nobody is connected to makes room. */
static bool find_room(struct mcp *m)
{
	if (m->sessions.n < SESSIONS_MAX)
		return true;
	list_for_each (it, tmp, &m->session_order) {
		struct mcp_session *s = list_entry(it, struct mcp_session, link);

		if (s->n_refs || !list_is_empty(&s->conn.calls))
			continue;
		mcp_session_end(s);
		return true;
	}
	return false;
}

struct mcp_session *mcp_session_new(struct mcp *m, struct str principal)
{
	struct mcp_session *s = find_room(m) ? calloc(1, sizeof(*s)) : NULL;

	if (!s)
		return NULL;
	s->mcp = m;
	s->principal = strndup(principal.p, principal.n);
	mcp_conn_init(&s->conn, m, NULL);
	s->conn.release = on_conn_idle;
	list_init(&s->replays);
	list_init(&s->link);
	id_random_text(s->id, ID_LEN_SESSION);
	if (!s->principal || map_add(&m->sessions, &s->node, str_from(s->id))) {
		destroy(s);
		return NULL;
	}
	list_push_back(&m->session_order, &s->link);
	s->used_ms = loop_now_ms(m->server->loop);
	s->n_refs = 1;
	return s;
}

struct mcp_session *mcp_session_find(struct mcp *m, struct str id, struct str principal)
{
	struct map_node *n = id.n ? map_find(&m->sessions, id) : NULL;
	struct mcp_session *s = n ? container_of(n, struct mcp_session, node) : NULL;

	if (!s || !str_eq(str_from(s->principal), principal))
		return NULL;
	s->used_ms = loop_now_ms(m->server->loop);
	list_unlink(&s->link);
	list_push_back(&m->session_order, &s->link);
	s->n_refs++;
	return s;
}

struct mcp_session *mcp_session_unref(struct mcp_session *s)
{
	if (!s)
		return NULL;
	assert(s->n_refs > 0);
	s->n_refs--;
	destroy_when_unused(s);
	return NULL;
}

struct mcp_conn *mcp_session_conn(struct mcp_session *s)
{
	return &s->conn;
}

struct str mcp_session_id(const struct mcp_session *s)
{
	return (struct str){ s->id, ID_LEN_SESSION };
}

void mcp_sessions_sweep(struct mcp *m)
{
	int64_t now = loop_now_ms(m->server->loop);

	list_for_each (it, tmp, &m->session_order) {
		struct mcp_session *s = list_entry(it, struct mcp_session, link);

		if (s->used_ms + IDLE_MS > now)
			return;
		if (!s->n_refs)
			mcp_session_end(s);
	}
}

void mcp_sessions_free_all(struct mcp *m)
{
	list_for_each (it, tmp, &m->session_order)
		mcp_session_end(list_entry(it, struct mcp_session, link));
}
