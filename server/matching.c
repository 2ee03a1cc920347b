/* SPDX-License-Identifier: Apache-2.0 */
/* Holding events against subscriptions. */
#include "server/matching.h"

#include "base/err.h"
#include "base/failpoint.h"
#include "base/glob.h"
#include "base/log.h"
#include "server/predicates.h"
#include "server/run.h"
#include "store/interest.h"
#include "verbs/subscriptions_common.h"

#define PAGE_MAX         64 /* subscriptions in one savepoint */
#define MINUTE_MS        60000
#define LINES_PER_SECOND 1

/* One event, and the subscriptions that it may concern. */
struct meeting {
	struct call call; /* in whose name it is told of a subscription that is stopped */
	struct principal self;
	struct store_tx *tx;
	struct store_match match;
	struct event event;
	const struct json *payload;
	size_t n_left; /* subscriptions that may still be looked at */
};

/* ---- does it match? ---- */

static bool is_met(const struct meeting *m, const struct store_subscription *s)
{
	const struct subscription *u = &s->subscription;
	const struct event *e = &m->event;

	if (u->state != SUBSCRIPTION_STATE_ACTIVE || e->seq <= s->since)
		return false;
	if (!str_eq(u->kind, e->kind) && !glob_matches(u->kind, e->kind, '.'))
		return false;
	if (u->source.p && !str_eq(u->source, e->source))
		return false;
	return !u->subject.p || (e->subject.p && (str_eq(u->subject, e->subject) ||
						  glob_matches(u->subject, e->subject, '/')));
}

/* Enough of them within the window? */
static int count_hits(struct meeting *m, const struct store_subscription *s, bool *out)
{
	const struct subscription *u = &s->subscription;
	int64_t n = 1;
	int e = 0;

	if (u->count > 1)
		e = store_subscription_hit(m->tx, s->n, &m->event, u->window_s * 1000, &n);
	*out = n >= u->count;
	if (e == 0 && n > u->count)
		e = store_subscription_drop_hit(m->tx, s->n);
	return err_trace(e);
}

/* A clock that was set back does not hold it for longer than the cooldown is. */
static bool is_cooling(const struct meeting *m, const struct subscription *u)
{
	int64_t since = m->event.time - u->fired_at;

	return u->has_fired_at && since >= 0 && since < u->cooldown_s * 1000;
}

/* ---- loops ---- */

/* "s-1 from s-2 from s-1": what led here, the latest first. */
static int describe_chain(struct meeting *m, struct store_subscription *s, struct str *out)
{
	struct arena *a = m->tx->arena;
	int64_t seq = m->event.seq;
	struct store_firing f;
	int e = 0;

	*out = s->subscription.short_id;
	for (int i = 0; i < FIRINGS_DEPTH_MAX; i++) {
		int64_t firing = 0;

		e = store_event_firing(m->tx, seq, &firing);
		if (e == 0 && firing)
			e = store_firing_get(m->tx, firing, &f);
		if (e || !firing)
			break;
		*out = str_fmt(a, "%.*s from %.*s", STR_ARG(*out), STR_ARG(f.source_id));
		seq = f.event;
	}
	return e < 0 ? err_trace(e) : out->p ? 0 : err_nomem();
}

static int stop_deep(struct meeting *m, struct store_subscription *s)
{
	struct str chain;
	int e = describe_chain(m, s, &chain);

	if (e)
		return err_trace(e);
	return err_trace(
	    subscription_stop(&m->call, s,
			      str_fmt(m->tx->arena,
				      "a loop: more than %d firings that led to each other (%.*s)",
				      FIRINGS_DEPTH_MAX, STR_ARG(chain))));
}

/* Counts it; false: too often, which is a loop by ways that cannot be seen. */
static bool is_within_rate(const struct meeting *m, struct store_subscription *s)
{
	int64_t minute = m->event.time / MINUTE_MS;

	if (s->minute != minute) {
		s->minute = minute;
		s->in_minute = 0;
	}
	return s->in_minute++ < s->subscription.max_per_minute;
}

static int stop_fast(struct meeting *m, struct store_subscription *s)
{
	return err_trace(
	    subscription_stop(&m->call, s,
			      str_fmt(m->tx->arena,
				      "a loop: it fired more than %lld times in a minute",
				      (long long)s->subscription.max_per_minute)));
}

/* ---- what it leads to ---- */

static int add_firing(struct meeting *m, const struct store_subscription *s)
{
	const struct subscription *u = &s->subscription;
	struct store_firing f = { .calls = &u->calls,
				  .by_kind = s->by_kind,
				  .by = u->created_by,
				  .by_key = s->by_key,
				  .source = FIRING_SOURCE_SUBSCRIPTION,
				  .source_id = u->short_id,
				  .subject = u->name,
				  .retry = u->retry,
				  .event = m->event.seq,
				  .depth = m->match.depth + 1 };
	int e = FAIL_POINT("matching_fire_before");

	if (e)
		return err_trace(e);
	e = store_firing_add(m->tx, &f, m->tx->now_ms);
	if (e == STORE_TOO_MANY)
		return e;
	return e ? err_trace(e) : FAIL_POINT("matching_fire_after");
}

static int fire(struct meeting *m, struct store_subscription *s)
{
	struct subscription *u = &s->subscription;
	int e;

	if (m->match.depth >= FIRINGS_DEPTH_MAX)
		return stop_deep(m, s);
	if (!is_within_rate(m, s))
		return stop_fast(m, s);
	e = add_firing(m, s);
	if (e)
		return e;
	u->fired++;
	u->fired_at = m->event.time;
	u->has_fired_at = true;
	e = store_subscription_count(m->tx, s);
	if (e == 0 && u->count > 1)
		e = store_subscription_forget_hits(m->tx, s->n);
	return err_trace(e);
}

static int meet(struct meeting *m, int64_t n)
{
	struct store_subscription s;
	bool holds = false, is_enough = false;
	int e = store_subscription_get_n(m->tx, n, &s);

	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_CORRUPT, "a subscription is missing");
	if (!is_met(m, &s))
		return 0;
	e = predicates_hold(m->tx->arena, &s.subscription.where, m->payload, &holds);
	if (e == 0 && holds)
		e = count_hits(m, &s, &is_enough);
	if (e || !holds)
		return err_trace(e);
	if (!is_cooling(m, &s.subscription))
		return is_enough ? fire(m, &s) : 0;
	s.subscription.suppressed++;
	return err_trace(store_subscription_count(m->tx, &s));
}

/* ---- one event after the other ---- */

static int meet_all(struct meeting *m, const struct store_n_list *ns, size_t max)
{
	int e = 0;

	for (size_t i = 0; i < ns->n && e == 0; i++) {
		e = meet(m, ns->v[i]);
		if (e == 0)
			m->match.after = ns->v[i];
	}
	m->n_left -= ns->n;
	if (e < 0)
		return err_trace(e);
	/* those that were met keep what came of it, also when the queue is full behind them */
	if (e == 0 && ns->n < max)
		return err_trace(store_match_end(m->tx, m->match.seq));
	if (m->match.after) {
		int gone_on = store_match_go_on(m->tx, m->match.seq, m->match.after);

		if (gone_on)
			return err_trace(gone_on);
	}
	return e ? MATCHING_STUCK : 0;
}

static int meet_some(struct meeting *m)
{
	size_t max = MIN(m->n_left, PAGE_MAX);
	struct store_n_list ns;
	int e = store_event_get(m->tx, m->match.seq, &m->event);

	if (e == STORE_NONE) /* retention has passed it */
		return err_trace(store_match_end(m->tx, m->match.seq));
	if (e == 0)
		e = store_interest_parse(m->tx, m->event.payload, &m->payload);
	if (e == 0)
		e = store_match_candidates(m->tx, &m->event, m->payload, m->match.after, max, &ns);
	return e ? err_trace(e) : meet_all(m, &ns, max);
}

/* In a savepoint of its own. MATCHING_MORE: there may be more. */
static int run_one(struct run_writer *w, struct meeting *m, struct store_tx *tx)
{
	int e = store_match_first(tx, &m->match);

	m->tx = tx;
	m->self = (struct principal){ .id = STR("system"), .is_owner = true };
	m->call = (struct call){ .principal = &m->self,
				 .arena = tx->arena,
				 .tx = tx,
				 .store = w->store,
				 .now_ms = tx->now_ms };
	if (e)
		return e == STORE_NONE ? 0 : err_trace(e);
	e = meet_some(m);
	return e ? e : MATCHING_MORE;
}

/* What went wrong is told; the event stays where it is. */
static int undo(struct run_writer *w, int e)
{
	if (log_limit_ok(w->limit, LINES_PER_SECOND))
		log_fault(e, "events are held against no subscriptions", NULL, 0);
	else
		err_forget();
	e = store_call_undo(w->store);
	return e ? err_trace(e) : MATCHING_STUCK;
}

int matching_run(struct run_writer *w, int64_t now_ms, size_t max)
{
	struct meeting m = { .n_left = max };
	int kept, e = MATCHING_MORE;

	while (e == MATCHING_MORE && m.n_left) {
		struct store_tx tx;

		e = store_call_begin(w->store, &w->scratch, now_ms, &tx);
		if (e)
			return err_trace(e);
		e = run_one(w, &m, &tx);
		arena_reset(&w->scratch);
		if (e < 0)
			return undo(w, e);
		kept = store_call_keep(w->store);
		if (kept)
			return err_trace(kept);
		m.n_left -= m.n_left > 0;
		tx.news->has_firings |= e == MATCHING_MORE && !m.n_left;
	}
	return e;
}
