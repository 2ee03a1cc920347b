/* SPDX-License-Identifier: Apache-2.0 */
#include "server/reactions.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/loop.h"
#include "server/firings.h"
#include "server/lanes.h"
#include "server/matching.h"
#include "server/pool.h"
#include "server/quota.h"
#include "server/request.h"
#include "server/run.h"
#include "server/server.h"
#include "store/events.h"
#include "store/subscriptions.h"
#include "verbs.gen.h"

#define ROUND_MAX 32   /* firings a round, */
#define ROUND_MS  5    /* as many as fit in this */
#define MATCH_MAX 2000 /* subscriptions that events are held against */
#define AGAIN_MS  1000 /* after a round that failed */

struct reactions {
	struct server *server;
	struct quota_user *user;
	struct principal principal;
	struct loop_timer timer;
	struct request *child; /* of the round that runs */
	int64_t queue;         /* its number; 0 = not made yet */
	bool is_running, is_wanted, is_stopped;
	/* the round's, the writer's while it runs */
	struct firings_care care;
	bool has_more, has_failed;
	int64_t round_queue;
};

/* What rounds are called in logs and measurements. */
static const struct verb round_verb = { .name = { "reactions.round", 15 }, .lane = LANE_WRITE };

static void begin(struct reactions *c);

static void on_timer(struct loop_timer *t)
{
	begin(container_of(t, struct reactions, timer));
}

static void begin_in(struct reactions *c, int64_t ms)
{
	if (loop_arm(c->server->loop, &c->timer, clock_boot_ms(&c->server->clock) + ms, on_timer))
		err_forget(); /* memory is out: the next news begin one */
}

/* ---- a round ---- */

static int find_queue(struct reactions *c, struct request *r, struct store *store)
{
	struct store_tx tx;
	int e = store_call_begin(store, &r->arena, r->call.now_ms, &tx);

	if (!e)
		e = store_firings_queue(&tx, &c->round_queue);
	return e ? err_trace(e) : err_trace(store_call_keep(store));
}

static int run_round(struct request *r, struct run_writer *w)
{
	struct reactions *c = r->owner;
	const struct clock *clock = &c->server->clock;
	int64_t until_ms = clock_boot_ms(clock) + ROUND_MS;
	int n = 0, e = c->round_queue ? 0 : find_queue(c, r, w->store);
	int matched = e ? e : matching_run(w, r->call.now_ms, MATCH_MAX);

	c->has_more = c->has_failed = false;
	if (matched < 0)
		return err_trace(matched);
	while (!e && n < ROUND_MAX && clock_boot_ms(clock) < until_ms) {
		e = firings_run_next(r, c->child, w, &c->care);
		n += !e;
	}
	c->has_more = !e || e == FIRINGS_BEGUN || matched == MATCHING_MORE ||
		      (matched == MATCHING_STUCK && n);
	c->has_failed = e == FIRINGS_LATER || (matched == MATCHING_STUCK && !n);
	return e < 0 ? err_trace(e) : 0;
}

static void on_round_over(struct request *r)
{
	struct reactions *c = r->owner;
	bool has_lost = r->call.failure.code, has_failed = has_lost || c->has_failed;

	request_free(TAKE_PTR(c->child));
	request_free(r);
	c->is_running = false;
	c->queue = c->round_queue;
	if (c->care.begins && !has_lost)
		c->care.begun = c->care.begins;
	c->care.begins = 0;
	if (c->is_stopped)
		return;
	if (has_failed)
		begin_in(c, AGAIN_MS);
	else if (c->has_more || c->is_wanted)
		begin(c);
}

static const struct request_ops ops = { .done = on_round_over };

static struct request *take(struct reactions *c)
{
	return pool_take(c->server, &ops, c, &c->principal, c->user);
}

static void begin(struct reactions *c)
{
	struct request *r;

	if (c->is_stopped)
		return;
	c->is_wanted = true;
	if (c->is_running)
		return;
	r = take(c);
	c->child = r ? take(c) : NULL;
	if (!c->child) {
		request_free(r);
		begin_in(c, AGAIN_MS);
		return;
	}
	r->call.arena = &r->arena;
	r->verb = &round_verb;
	r->round = run_round;
	c->round_queue = c->queue;
	c->is_running = true;
	c->is_wanted = false;
	lanes_write(c->server->lanes, r);
}

/* ---- what others tell ---- */

static bool is_ours(const struct reactions *c, const struct store_news *news)
{
	for (size_t i = 0; i < news->n_ready; i++) {
		const struct store_place *place = &news->ready[i].place;

		if (c->queue && place->kind == STORE_PLACE_QUEUE && place->n == c->queue)
			return true;
	}
	return news->has_firings || news->is_more;
}

void reactions_tell(struct reactions *c, const struct store_news *news)
{
	if (is_ours(c, news) && !c->timer.slot) /* one that failed is waited for */
		begin(c);
}

void reactions_stop(struct reactions *c)
{
	if (!c)
		return;
	c->is_stopped = true;
	loop_disarm(&c->timer);
}

/* ---- life ---- */

/* What the store has from before. */
static int look(struct reactions *c, bool *out)
{
	CLEANUP(arena_deinit) struct arena a;
	struct server *s = c->server;
	struct store_tx tx;
	int64_t floor;
	int e;

	arena_init(&a, 0);
	e = store_read_begin(s->reader, &a, clock_wall_ms(&s->clock), &tx);
	if (e)
		return err_trace(e);
	e = store_firings_queue(&tx, &c->queue);
	if (!e)
		e = store_event_bounds(&tx, &floor, &c->care.through);
	if (!e)
		e = store_firings_wait(&tx, out);
	if (!e && !*out)
		e = store_matches_wait(&tx, out);
	store_read_end(s->reader);
	store_reader_idle(s->reader);
	return err_trace(e);
}

int reactions_new(struct server *s, struct reactions **out)
{
	struct reactions *c = calloc(1, sizeof(*c));
	bool has_some = false;
	int e;

	if (!c)
		return err_nomem();
	c->server = s;
	c->principal = (struct principal){ .id = STR("system"), .roles = UINT32_MAX };
	c->user = quota_join(s->quota, &c->principal);
	e = c->user ? look(c, &has_some) : err_nomem();
	if (e) {
		reactions_free(c);
		return err_trace(e);
	}
	*out = c;
	if (has_some)
		begin_in(c, 0);
	return 0;
}

struct reactions *reactions_free(struct reactions *c)
{
	if (!c)
		return NULL;
	loop_disarm(&c->timer);
	c->user = quota_unref(c->user);
	free(c);
	return NULL;
}
