/* SPDX-License-Identifier: Apache-2.0 */
/* Telling clients that something changed. A watch belongs to a modern subscriptions/listen or to a
 * legacy connection; one that wants resources follows the events of the store. The first change
 * goes out at once, the next ones at most once a second, however many there were. */
#include "server/mcp_listen.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/clean.h"
#include "server/mcp_tasks.h"
#include "server/mcp_uri.h"
#include "server/publish.h"
#include "server/quota.h"

#define QUIET_MS        1000
#define WATCHED_URI_MAX 1024

struct watched {
	struct list link;
	struct str uri, id; /* behind the struct */
	bool is_dirty;
};

struct mcp_watch {
	struct list link; /* mcp->watches */
	struct mcp *mcp;
	struct mcp_conn *conn; /* legacy */
	struct mcp_call *call; /* modern: the listen itself */
	struct stream stream;
	struct quota_user *user; /* whose account the stream is charged to */
	unsigned wants, dirty;
	struct list uris; /* struct watched */
	size_t n_uris;
	struct str_list task_ids; /* in the call's arena */
	struct loop_timer quiet;
	bool is_streaming;
	char id[32]; /* the stream's, for streams.list */
};

/* ---- sending ---- */

static struct channel *where(const struct mcp_watch *w)
{
	return w->call ? w->call->channel : w->conn->channel;
}

static struct json_out note(struct mcp_watch *w, struct buf *b, struct str method)
{
	struct json_out out = mcp_note(b, method);

	if (w->call) {
		json_key(&out, STR("_meta"));
		json_begin_object(&out);
		json_key(&out, MCP_META_SUBSCRIPTION);
		json_raw(&out, w->call->id);
		json_end_object(&out);
	}
	return out;
}

static void send(struct mcp_watch *w, struct buf *b)
{
	struct channel *ch = where(w);

	if (ch && !b->failed)
		(void)channel_send(ch, buf_str(b)); /* slow or gone: its transport cuts it */
}

static void send_plain(struct mcp_watch *w, struct str method, struct str uri)
{
	struct buf b;
	struct json_out out;

	buf_init(&b, 0);
	out = note(w, &b, method);
	if (uri.p)
		JSON_KV_STR(&out, "uri", uri);
	mcp_note_end(&out);
	send(w, &b);
	buf_deinit(&b);
}

static bool is_clean(const struct mcp_watch *w)
{
	if (w->dirty)
		return false;
	list_for_each (it, tmp, &w->uris)
		if (list_entry(it, struct watched, link)->is_dirty)
			return false;
	return true;
}

static void tell(struct mcp_watch *w)
{
	unsigned dirty = TAKE(w->dirty, 0u);

	if (dirty & MCP_TOOLS_CHANGED)
		send_plain(w, STR("notifications/tools/list_changed"), STR_NONE);
	if (dirty & MCP_PROMPTS_CHANGED)
		send_plain(w, STR("notifications/prompts/list_changed"), STR_NONE);
	if (dirty & MCP_RESOURCES_CHANGED)
		send_plain(w, STR("notifications/resources/list_changed"), STR_NONE);
	list_for_each (it, tmp, &w->uris) {
		struct watched *u = list_entry(it, struct watched, link);

		if (TAKE(u->is_dirty, false))
			send_plain(w, STR("notifications/resources/updated"), u->uri);
	}
}

static void on_quiet_over(struct loop_timer *t)
{
	mcp_watch_flush(container_of(t, struct mcp_watch, quiet));
}

void mcp_watch_flush(struct mcp_watch *w)
{
	/* While the quiet time runs, or nobody is there, changes gather. */
	if (w->quiet.slot || !where(w) || is_clean(w))
		return;
	tell(w);
	mcp_arm(w->mcp->server, &w->quiet, QUIET_MS, on_quiet_over);
}

/* ---- from the store ---- */

static bool changes_the_list(struct str kind)
{
	for (size_t i = 0; i < mcp_n_kinds; i++)
		if ((mcp_kinds[i].created.p && str_eq(kind, mcp_kinds[i].created)) ||
		    (mcp_kinds[i].gone.p && str_eq(kind, mcp_kinds[i].gone)))
			return true;
	return false;
}

static int on_event(struct stream *s, const struct event *e, struct str json)
{
	struct mcp_watch *w = s->owner;

	(void)json;
	if ((w->wants & MCP_RESOURCES_CHANGED) && changes_the_list(e->kind))
		w->dirty |= MCP_RESOURCES_CHANGED;
	list_for_each (it, tmp, &w->uris) {
		struct watched *u = list_entry(it, struct watched, link);

		if (e->subject.n && str_eq(u->id, e->subject))
			u->is_dirty = true;
	}
	mcp_watch_flush(w);
	return 0;
}

/* Events were missed: whatever is watched may have changed. */
static void on_gap(struct stream *s, int64_t from, int64_t to)
{
	struct mcp_watch *w = s->owner;

	(void)from;
	(void)to;
	w->dirty |= w->wants & MCP_RESOURCES_CHANGED;
	list_for_each (it, tmp, &w->uris)
		list_entry(it, struct watched, link)->is_dirty = true;
	mcp_watch_flush(w);
}

static void on_connected(struct stream *s, int64_t head, int64_t floor, int64_t cursor)
{
	(void)s;
	(void)head;
	(void)floor;
	(void)cursor;
}

/* The exchange has a keep-alive of its own. */
static void on_keep_alive(struct stream *s)
{
	(void)s;
}

static void end_listen(struct mcp_watch *w);

static void on_end(struct stream *s, enum stream_end why)
{
	struct mcp_watch *w = s->owner;

	w->is_streaming = false;
	if (why == STREAM_CANCELLED || !w->call)
		return;
	end_listen(w);
}

static const struct stream_ops stream_ops = {
	.connected = on_connected,
	.gap = on_gap,
	.event = on_event,
	.keep_alive = on_keep_alive,
	.end = on_end,
};

/* 0, or what stream_open said. */
static int follow(struct mcp_watch *w, const struct channel *ch)
{
	int e;

	if (w->is_streaming)
		return 0;
	snprintf(w->id, sizeof(w->id), "listen-%llu",
		 (unsigned long long)++w->mcp->server->next_serial);
	if (!w->user)
		w->user = quota_ref(ch->user);
	w->stream = (struct stream){
		.id = str_from(w->id),
		.server = w->mcp->server,
		.ops = &stream_ops,
		.owner = w,
		.user = w->user,
		.transport = ch->kind == CHANNEL_LINES ? "mcp lines" : "mcp http",
		.never_cycles = true,
	};
	list_init(&w->stream.link);
	e = stream_open(w->mcp->server, &w->stream, -1);
	w->is_streaming = e == 0;
	return e;
}

/* ---- watches ---- */

static struct mcp_watch *watch_new(struct mcp *m)
{
	struct mcp_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->mcp = m;
	list_init(&w->uris);
	list_push_back(&m->watches, &w->link);
	return w;
}

struct mcp_watch *mcp_watch_free(struct mcp_watch *w)
{
	if (!w)
		return NULL;
	list_unlink(&w->link);
	loop_disarm(&w->quiet);
	if (TAKE(w->is_streaming, false)) {
		w->call = NULL;
		stream_close(&w->stream, STREAM_CANCELLED);
	}
	quota_unref(w->user);
	list_for_each (it, tmp, &w->uris)
		free(list_entry(it, struct watched, link));
	free(w);
	return NULL;
}

struct mcp_watch *mcp_watch_new_legacy(struct mcp_conn *conn, const struct channel *ch)
{
	struct mcp_watch *w = watch_new(conn->mcp);

	if (!w)
		return NULL;
	w->conn = conn;
	w->wants = MCP_TOOLS_CHANGED | MCP_PROMPTS_CHANGED | MCP_RESOURCES_CHANGED;
	if (follow(w, ch))
		return mcp_watch_free(w);
	return w;
}

static struct watched *watched_find(struct mcp_watch *w, struct str uri)
{
	list_for_each (it, tmp, &w->uris) {
		struct watched *u = list_entry(it, struct watched, link);

		if (str_eq(u->uri, uri))
			return u;
	}
	return NULL;
}

bool mcp_watch_add(struct mcp_watch *w, struct str uri, struct str id)
{
	struct watched *u;
	char *text;

	if (watched_find(w, uri))
		return true;
	if (w->n_uris == MCP_WATCHED_MAX || uri.n > WATCHED_URI_MAX)
		return false;
	u = malloc(sizeof(*u) + uri.n + id.n);
	if (!u)
		return false;
	text = (char *)(u + 1);
	memcpy(text, uri.p, uri.n);
	memcpy(text + uri.n, id.p, id.n);
	*u = (struct watched){ .uri = { text, uri.n }, .id = { text + uri.n, id.n } };
	list_push_back(&w->uris, &u->link);
	w->n_uris++;
	return true;
}

void mcp_watch_remove(struct mcp_watch *w, struct str uri)
{
	struct watched *u = watched_find(w, uri);

	if (!u)
		return;
	list_unlink(&u->link);
	w->n_uris--;
	free(u);
}

void mcp_changed(struct mcp *m, unsigned what)
{
	list_for_each (it, tmp, &m->watches) {
		struct mcp_watch *w = list_entry(it, struct mcp_watch, link);

		w->dirty |= what & w->wants;
		mcp_watch_flush(w);
	}
}

void mcp_task_changed(struct mcp *m, const struct mcp_task *t)
{
	list_for_each (it, tmp, &m->watches) {
		struct mcp_watch *w = list_entry(it, struct mcp_watch, link);
		struct buf b;
		struct json_out out;

		for (size_t i = 0; i < w->task_ids.n; i++) {
			if (!str_eq(w->task_ids.v[i], str_from(t->id)))
				continue;
			buf_init(&b, 0);
			out = note(w, &b, STR("notifications/tasks"));
			mcp_task_put(t, true, &out);
			mcp_note_end(&out);
			send(w, &b);
			buf_deinit(&b);
		}
	}
}

/* ---- subscriptions/listen ---- */

/* The server ends it: on lines the cancelled notification, then, everywhere, the closing result. */
static void end_listen(struct mcp_watch *w)
{
	struct mcp_call *c = w->call;
	struct json_out out;
	struct buf b;

	if (c->channel && c->channel->kind == CHANNEL_LINES) {
		buf_init(&b, 0);
		out = note(w, &b, STR("notifications/cancelled"));
		json_key(&out, STR("requestId"));
		json_raw(&out, c->id);
		JSON_KV_STR(&out, "reason", STR("the server ends this subscription"));
		mcp_note_end(&out);
		send(w, &b);
		buf_deinit(&b);
	}
	buf_clear(&c->out);
	out = json_out(&c->out);
	json_begin_object(&out);
	JSON_KV_STR(&out, "jsonrpc", STR("2.0"));
	json_key(&out, STR("id"));
	json_raw(&out, c->id);
	json_key(&out, STR("result"));
	json_begin_object(&out);
	JSON_KV_STR(&out, "resultType", STR("complete"));
	json_key(&out, STR("_meta"));
	json_begin_object(&out);
	json_key(&out, MCP_META_SUBSCRIPTION);
	json_raw(&out, c->id);
	json_end_object(&out);
	mcp_note_end(&out);
	if (c->channel && !c->out.failed)
		(void)channel_answer(c->channel, buf_str(&c->out), 200);
	mcp_call_free(c); /* and the watch with it */
}

void mcp_watches_end(struct mcp *m)
{
	list_for_each (it, tmp, &m->watches) {
		struct mcp_watch *w = list_entry(it, struct mcp_watch, link);

		if (w->call)
			end_listen(w);
	}
}

static void stop_listen(struct mcp_call *c)
{
	c->state = mcp_watch_free(c->state);
}

static bool wants(const struct json *filter, struct str key)
{
	const struct json *v = json_get(filter, key);

	return v && v->type == JSON_BOOL && v->b;
}

static const struct {
	struct str key;
	unsigned bit;
} list_keys[] = {
	{ STR("toolsListChanged"), MCP_TOOLS_CHANGED },
	{ STR("promptsListChanged"), MCP_PROMPTS_CHANGED },
	{ STR("resourcesListChanged"), MCP_RESOURCES_CHANGED },
};

static void acknowledge(struct mcp_call *c, struct mcp_watch *w)
{
	struct json_out out;
	struct buf b;

	buf_init(&b, 0);
	out = note(w, &b, STR("notifications/subscriptions/acknowledged"));
	json_key(&out, STR("notifications"));
	json_begin_object(&out);
	for (size_t i = 0; i < ARRAY_LEN(list_keys); i++) {
		if (!(w->wants & list_keys[i].bit))
			continue;
		json_key(&out, list_keys[i].key);
		json_bool(&out, true);
	}
	if (w->n_uris) {
		json_key(&out, STR("resourceSubscriptions"));
		json_begin_array(&out);
		list_for_each (it, tmp, &w->uris)
			json_str(&out, list_entry(it, struct watched, link)->uri);
		json_end_array(&out);
	}
	if (w->task_ids.n) {
		json_key(&out, STR("taskIds"));
		json_begin_array(&out);
		for (size_t i = 0; i < w->task_ids.n; i++)
			json_str(&out, w->task_ids.v[i]);
		json_end_array(&out);
	}
	json_end_object(&out);
	mcp_note_end(&out);
	send(w, &b);
	buf_deinit(&b);
	if (!c->channel)
		return;
	/* What happened while the resources were looked up. */
	mcp_watch_flush(w);
}

/* Where a listen stands while it looks up the resources it was asked for. */
struct lookup {
	const struct json *uris;
	uint32_t at;
	struct mcp_watch *watch;
};

static void look_up_next(struct mcp_call *c);

static void looked_up(struct mcp_call *c, const struct mcp_outcome *o)
{
	struct lookup *l = c->state;
	struct str uri = l->uris->items[l->at - 1].s;
	const struct json *v = o->failure ? NULL : mcp_outcome_json(c, o);
	struct str id = v ? json_get_str(v, STR("id")) : STR_NONE;

	/* What is not there is left out of the acknowledgement. */
	if (id.n)
		(void)mcp_watch_add(l->watch, uri, id);
	look_up_next(c);
}

static void begin_listen(struct mcp_call *c, struct mcp_watch *w)
{
	bool needs_events = (w->wants & MCP_RESOURCES_CHANGED) || w->n_uris;

	c->state = w;
	c->stop = stop_listen;
	if ((needs_events && follow(w, c->channel)) || !mcp_call_park(c, needs_events)) {
		mcp_fail(c, error_table[ERROR_OVERLOADED].code, "too many streams are open");
		return;
	}
	acknowledge(c, w);
}

static void look_up_next(struct mcp_call *c)
{
	struct lookup *l = c->state;
	struct str id;

	while (l->uris && l->at < l->uris->n) {
		const struct json *uri = &l->uris->items[l->at++];
		const struct mcp_kind *kind = uri->type == JSON_STRING
						  ? mcp_uri_parse(&c->arena, uri->s, &id)
						  : NULL;
		struct mcp_params *p;

		/* Events never change. */
		if (!kind || !kind->list.p)
			continue;
		p = mcp_params_new(c);
		mcp_params_str(p, mcp_kind_parameter(kind, id), id);
		mcp_verb_with(c, kind->get, p, looked_up);
		return;
	}
	begin_listen(c, l->watch);
}

static void stop_lookup(struct mcp_call *c)
{
	struct lookup *l = c->state;

	l->watch = mcp_watch_free(l->watch);
}

/* The ids of tasks that are the caller's. */
static bool take_task_ids(struct mcp_call *c, struct mcp_watch *w, const struct json *ids)
{
	if (!ids || ids->type != JSON_ARRAY || !ids->n)
		return true;
	w->task_ids.v = ARENA_ARRAY(&c->arena, MIN(ids->n, MCP_WATCHED_MAX), struct str);
	if (!w->task_ids.v)
		return false;
	for (uint32_t i = 0; i < ids->n && w->task_ids.n < MCP_WATCHED_MAX; i++)
		if (ids->items[i].type == JSON_STRING &&
		    mcp_task_find(w->mcp, ids->items[i].s, c->channel->principal.id))
			w->task_ids.v[w->task_ids.n++] = ids->items[i].s;
	return true;
}

void mcp_listen_start(struct mcp_call *c)
{
	const struct json *filter = c->params ? json_get(c->params, STR("notifications")) : NULL;
	const struct json *uris, *ids;
	struct lookup *l;

	if (!filter || filter->type != JSON_OBJECT) {
		mcp_fail(c, MCP_INVALID_PARAMS, "params.notifications must be an object");
		return;
	}
	ids = json_get(filter, STR("taskIds"));
	if (ids && !(c->client & MCP_CLIENT_TASKS)) {
		mcp_fail_capability(c,
				    STR("{\"extensions\":{\"io.modelcontextprotocol/tasks\":{}}}"));
		return;
	}
	uris = json_get(filter, STR("resourceSubscriptions"));
	if (uris && (uris->type != JSON_ARRAY || uris->n > MCP_WATCHED_MAX)) {
		mcp_fail(c, MCP_INVALID_PARAMS,
			 "params.notifications.resourceSubscriptions must be an array of at most "
			 "%d URIs",
			 MCP_WATCHED_MAX);
		return;
	}
	if (c->conn->mcp->is_draining) {
		mcp_fail(c, error_table[ERROR_SHUTTING_DOWN].code, "the server is stopping");
		return;
	}
	l = ARENA_NEW(&c->arena, struct lookup);
	if (l)
		l->watch = watch_new(c->conn->mcp);
	if (!l || !l->watch || !take_task_ids(c, l->watch, ids)) {
		if (l)
			mcp_watch_free(l->watch);
		mcp_fail_memory(c);
		return;
	}
	l->uris = uris;
	l->watch->call = c;
	for (size_t i = 0; i < ARRAY_LEN(list_keys); i++)
		if (wants(filter, list_keys[i].key))
			l->watch->wants |= list_keys[i].bit;
	c->state = l;
	c->stop = stop_lookup;
	look_up_next(c);
}
