/* SPDX-License-Identifier: Apache-2.0 */
/* `seq` is the last event that live streams were offered. A stream that is behind it reads pages of
 * its own, one after the other, a few a turn, and joins when it has reached it. Without streams and
 * parked calls nothing is read at all. */
#include "server/publish.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "schemas/shape.h"
#include "server/channel.h"
#include "server/park.h"
#include "server/quota.h"
#include "server/server.h"

#define PAGE              ((size_t)256)
#define CATCH_UP_PAGE     ((size_t)128)
#define CATCH_UP_PER_TURN 4
#define TICK_MS           1000
#define RETRY_MS          20
#define KEEP_ALIVE_MS     15000
#define ARENA_LIMIT       ((size_t)64 * 1024 * 1024)

struct publish {
	struct server *server;
	struct list live, behind, doomed;
	size_t n;
	int64_t seq;
	bool is_watching;
	struct arena arena; /* of one page */
	struct buf json;    /* of one event */
	struct loop_task catch_up;
	struct loop_timer tick, retry;
	struct log_limit limit;
};

static struct stream *stream_of(struct list *l)
{
	return container_of(l, struct stream, link);
}

int publish_new(struct server *srv, struct publish **out)
{
	struct publish *p = calloc(1, sizeof(*p));

	if (!p)
		return err_nomem();
	p->server = srv;
	list_init(&p->live);
	list_init(&p->behind);
	list_init(&p->doomed);
	list_init(&p->catch_up.link);
	arena_init(&p->arena, ARENA_LIMIT);
	buf_init(&p->json, 0);
	*out = p;
	return 0;
}

struct publish *publish_free(struct publish *p)
{
	if (!p)
		return NULL;
	assert(p->n == 0);
	loop_disarm(&p->tick);
	loop_disarm(&p->retry);
	loop_cancel_task(&p->catch_up);
	arena_deinit(&p->arena);
	buf_deinit(&p->json);
	free(p);
	return NULL;
}

size_t publish_n_streams(const struct publish *p)
{
	return p->n;
}

static int read_bounds(struct publish *p, int64_t *floor, int64_t *head)
{
	struct server *s = p->server;
	struct store_tx tx;
	int e;

	arena_reset(&p->arena);
	e = store_read_begin(s->reader, &p->arena, clock_wall_ms(&s->clock), &tx);
	if (e)
		return err_trace(e);
	e = store_event_bounds(&tx, floor, head);
	store_read_end(s->reader);
	return err_trace(e);
}

int publish_watch(struct publish *p)
{
	int64_t floor;
	int e;

	if (p->is_watching)
		return 0;
	e = read_bounds(p, &floor, &p->seq);
	if (e)
		return err_trace(e);
	p->is_watching = true;
	return 0;
}

/* ---- timers ---- */

static void on_tick(struct loop_timer *t);
static void on_retry(struct loop_timer *t);
static void catch_up(struct loop_task *t);

static void arm(struct publish *p, struct loop_timer *t, int64_t ms, loop_timer_fn *fn)
{
	if (!t->slot && loop_arm(p->server->loop, t, clock_boot_ms(&p->server->clock) + ms, fn))
		err_forget(); /* memory is out: the next event or stream arms it again */
}

static void tick_list(struct publish *p, struct list *streams, int64_t now)
{
	list_for_each (it, tmp, streams) {
		struct stream *s = stream_of(it);

		if (!s->never_cycles && now >= s->cycles_ms) {
			list_unlink(it);
			list_push_back(&p->doomed, it);
		} else if (s->is_live && now - s->last_sent_ms >= KEEP_ALIVE_MS) {
			s->last_sent_ms = now;
			s->ops->keep_alive(s);
		}
	}
}

static void end_doomed(struct publish *p, enum stream_end why)
{
	while (!list_is_empty(&p->doomed))
		stream_close(stream_of(p->doomed.next), why);
}

static void on_tick(struct loop_timer *t)
{
	struct publish *p = container_of(t, struct publish, tick);
	int64_t now = clock_boot_ms(&p->server->clock);

	tick_list(p, &p->live, now);
	tick_list(p, &p->behind, now);
	end_doomed(p, STREAM_CYCLE);
	if (p->n)
		arm(p, &p->tick, TICK_MS, on_tick);
}

/* ---- delivery ---- */

/* The event's JSON, made when the first stream wants it. */
static struct str encode(struct publish *p, const struct event *e)
{
	struct json_out w;

	if (!buf_len(&p->json)) {
		w = json_out(&p->json);
		shape_encode(&event_shape, e, &w);
	}
	return buf_str(&p->json);
}

/* False: the reader does not keep up. */
static bool offer(struct publish *p, struct stream *s, const struct event *e)
{
	struct str json = encode(p, e);

	if (p->json.failed)
		return false;
	s->n_sent++;
	s->last_sent_ms = loop_now_ms(p->server->loop);
	return s->ops->event(s, e, json) != CHANNEL_SLOW;
}

static void offer_to_live(struct publish *p, const struct event *e)
{
	buf_clear(&p->json);
	list_for_each (it, tmp, &p->live) {
		struct stream *s = stream_of(it);

		if (e->seq <= s->cursor)
			continue;
		if (store_event_matches(&s->filter, e) && !offer(p, s, e)) {
			list_unlink(it);
			list_push_back(&p->doomed, it);
			continue;
		}
		s->cursor = e->seq;
	}
	end_doomed(p, STREAM_LAGGED);
}

static int read_page(struct publish *p, const struct store_event_filter *f, int64_t since,
		     size_t max, struct event_list *out, int64_t *scanned_to)
{
	struct server *s = p->server;
	struct store_tx tx;
	int e;

	arena_reset(&p->arena);
	e = store_read_begin(s->reader, &p->arena, clock_wall_ms(&s->clock), &tx);
	if (e)
		return err_trace(e);
	e = store_event_page(&tx, f, since, max, out, scanned_to);
	store_read_end(s->reader);
	return err_trace(e);
}

/* A fault of reading is nobody's call: told to the log, tried again. */
static void later(struct publish *p, int e)
{
	if (err_class(e) != ERR_BUSY && log_limit_ok(&p->limit, 1))
		log_fault(e, "cannot read events", NULL, 0);
	else
		err_forget();
	arm(p, &p->retry, RETRY_MS, on_retry);
}

static int publish_page(struct publish *p, bool *more)
{
	static const struct store_event_filter all = { 0 };
	struct event_list page = { 0 };
	int64_t to = p->seq;
	int e = read_page(p, &all, p->seq, PAGE, &page, &to);

	if (e)
		return err_trace(e);
	for (size_t i = 0; i < page.n; i++) {
		park_wake(p->server->park, page.v[i].subject);
		offer_to_live(p, &page.v[i]);
	}
	p->seq = to;
	*more = page.n == PAGE;
	return 0;
}

void publish_committed(struct publish *p)
{
	bool more = true;
	int e = 0;

	if (!p->is_watching)
		return;
	if (!p->n && !park_n(p->server->park)) {
		p->is_watching = false;
		return;
	}
	while (!e && more)
		e = publish_page(p, &more);
	if (e)
		later(p, e);
	park_run(p->server->park);
}

static void on_retry(struct loop_timer *t)
{
	struct publish *p = container_of(t, struct publish, retry);

	publish_committed(p);
	if (!list_is_empty(&p->behind))
		loop_defer(p->server->loop, &p->catch_up, catch_up);
}

/* ---- catching up ---- */

static void join_when_level(struct publish *p, struct stream *s)
{
	list_unlink(&s->link);
	s->is_live = s->cursor >= p->seq;
	list_push_back(s->is_live ? &p->live : &p->behind, &s->link);
}

/* One page for one stream. False: it has enough for now, or the store has. */
static bool catch_up_one(struct publish *p, struct stream *s)
{
	struct event_list page = { 0 };
	int64_t to = s->cursor;
	int e;

	if (s->ops->is_full && s->ops->is_full(s))
		return false;
	e = read_page(p, &s->filter, s->cursor, CATCH_UP_PAGE, &page, &to);
	if (e) {
		later(p, e);
		return false;
	}
	for (size_t i = 0; i < page.n; i++) {
		buf_clear(&p->json);
		if (!offer(p, s, &page.v[i])) {
			stream_close(s, STREAM_LAGGED);
			return true;
		}
		s->cursor = page.v[i].seq;
	}
	s->cursor = to;
	join_when_level(p, s);
	return true;
}

static void catch_up(struct loop_task *t)
{
	struct publish *p = container_of(t, struct publish, catch_up);
	bool is_stuck = false;

	for (int i = 0; i < CATCH_UP_PER_TURN && !list_is_empty(&p->behind); i++) {
		struct stream *s = stream_of(p->behind.next);

		if (catch_up_one(p, s))
			continue;
		list_unlink(&s->link);
		list_push_back(&p->behind, &s->link);
		is_stuck = true;
	}
	if (list_is_empty(&p->behind))
		return;
	if (is_stuck)
		arm(p, &p->retry, RETRY_MS, on_retry);
	else
		loop_defer(p->server->loop, &p->catch_up, catch_up);
}

/* ---- streams ---- */

static int64_t cycle_at(const struct publish *p, int64_t now)
{
	int64_t cycle_ms = p->server->options.cycle_s * 1000;
	uint32_t random;

	id_random(&random, sizeof(random));
	return now + cycle_ms * 8 / 10 + (int64_t)(random % 1000) * cycle_ms * 4 / 10000;
}

static int charge_stream(struct stream *s)
{
	return charge_take(&s->charge, &s->user->account, CHARGE_STREAMS, 1) ? STREAM_TOO_MANY : 0;
}

int stream_open(struct server *srv, struct stream *s, int64_t since)
{
	struct publish *p = srv->publish;
	int64_t floor, head, now = clock_boot_ms(&srv->clock);
	int e = charge_stream(s);

	if (e) {
		err_forget();
		return STREAM_TOO_MANY;
	}
	e = publish_watch(p);
	if (!e)
		e = read_bounds(p, &floor, &head);
	if (e) {
		err_forget();
		charge_release(&s->charge);
		return STREAM_NO_STORE;
	}
	s->server = srv;
	s->opened_ms = clock_wall_ms(&srv->clock);
	s->last_sent_ms = now;
	s->cycles_ms = cycle_at(p, now);
	s->cursor = since < 0 ? head : MIN(since, head);
	s->n_sent = 0;
	list_init(&s->link);
	p->n++;
	s->ops->connected(s, head, floor, s->cursor);
	if (s->cursor < floor - 1) {
		s->ops->gap(s, s->cursor, floor - 1);
		s->cursor = floor - 1;
	}
	join_when_level(p, s);
	if (!s->is_live)
		loop_defer(srv->loop, &p->catch_up, catch_up);
	arm(p, &p->tick, TICK_MS, on_tick);
	return 0;
}

void stream_close(struct stream *s, enum stream_end why)
{
	list_unlink(&s->link);
	charge_release(&s->charge);
	s->server->publish->n--;
	s->ops->end(s, why);
}

void publish_end_all(struct publish *p, enum stream_end why)
{
	list_splice_back(&p->doomed, &p->live);
	list_splice_back(&p->doomed, &p->behind);
	end_doomed(p, why);
}

void publish_look_again(struct publish *p, bool (*may)(void *data, const struct stream *),
			void *data)
{
	struct list *const lists[] = { &p->live, &p->behind };

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		list_for_each (it, tmp, lists[i]) {
			struct stream *s = list_entry(it, struct stream, link);

			if (may(data, s))
				continue;
			list_unlink(it);
			list_push_back(&p->doomed, it);
		}
	}
	end_doomed(p, STREAM_REVOKED);
}

const char *stream_end_text(enum stream_end why)
{
	static const char *const texts[] = {
		[STREAM_CYCLE] = "cycle",         [STREAM_LAGGED] = "lagged",
		[STREAM_SHUTDOWN] = "shutdown",   [STREAM_REVOKED] = "revoked",
		[STREAM_CANCELLED] = "cancelled",
	};

	return texts[why];
}

size_t stream_cursor_text(const struct server *srv, int64_t seq, char out[STREAM_CURSOR_MAX])
{
	struct str generation = store_generation(srv->store);
	int n = snprintf(out, STREAM_CURSOR_MAX, "%.*s.%lld", STR_ARG(generation), (long long)seq);

	return (size_t)n;
}

/* ---- streams.list ---- */

static int list_one(const struct publish *p, struct call *c, const struct stream *s,
		    struct stream_info *out)
{
	char cursor[STREAM_CURSOR_MAX];
	size_t n = stream_cursor_text(p->server, s->cursor, cursor);

	*out = (struct stream_info){
		.id = str_dup(c->arena, s->id),
		.principal = str_dup(c->arena, s->user->who.id),
		.transport = str_from(s->transport),
		.subject = str_dup(c->arena, s->filter.subject),
		.since = str_dup(c->arena, (struct str){ cursor, n }),
		.sent = s->n_sent,
		.live = s->is_live,
		.opened_at = s->opened_ms,
	};
	if (s->filter.kinds.n) {
		out->kinds.n = s->filter.kinds.n;
		out->kinds.v = ARENA_ARRAY(c->arena, out->kinds.n, struct str);
	}
	for (size_t i = 0; out->kinds.v && i < out->kinds.n; i++)
		out->kinds.v[i] = str_dup(c->arena, s->filter.kinds.v[i]);
	return c->arena->is_out ? err_nomem() : 0;
}

static int by_age(const void *a, const void *b)
{
	const struct stream_info *x = a, *y = b;

	return (x->opened_at > y->opened_at) - (x->opened_at < y->opened_at);
}

int publish_list(struct publish *p, struct call *c, struct stream_info_list *out)
{
	const struct list *heads[] = { &p->live, &p->behind };

	out->v = ARENA_ARRAY(c->arena, p->n, struct stream_info);
	if (!out->v)
		return err_nomem();
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		list_for_each (it, tmp, heads[i]) {
			int e = list_one(p, c, stream_of(it), &out->v[out->n++]);

			if (e)
				return err_trace(e);
		}
	}
	qsort(out->v, out->n, sizeof(*out->v), by_age);
	return 0;
}
