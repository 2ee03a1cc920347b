/* SPDX-License-Identifier: Apache-2.0 */
/* Of the due times that have come since the last look, the last ones are run (catch_up), and the
 * others are missed. Which had their run is kept, so that none has another when the clock is set
 * back, and those that were only jumped over get theirs. How late it was when due times were last
 * dealt with is kept as well: a clock that shows less was set back, and the next due time of every
 * schedule is found anew. */
#include "verbs/schedules_due.h"

#include "base/failpoint.h"
#include "store/firings.h"
#include "verbs/schedules_common.h"

#define CATCH_UP_MAX 100
#define ON_TIME_MS   60000 /* so late a due time is not missed yet */
#define COUNTED_MAX  1000  /* of missed ones */
#define FULL_MS      10000 /* when as many firings wait as may */
#define PROBLEM_MS   60000
#define SET_BACK_MS  1000

#define META_SEEN STR("schedules.seen")
#define META_LOOK STR("schedules.look")

struct ticking {
	struct call *c;
	struct store_schedule s;
	struct schedule_times times;
	int64_t picks[CATCH_UP_MAX + 1]; /* due times to run, the last first */
	size_t n_picks;
	bool has_fired; /* in this tick */
};

/* ---- which ---- */

/* The last due time whose run has come; due_at when there is no later one. */
static int64_t last_owed(const struct ticking *t)
{
	const struct schedule *s = &t->s.schedule;
	int64_t now = t->c->now_ms, before = t->s.due_at - 1, last = t->s.due_at;
	int64_t until = s->has_end_at ? MIN(now, s->end_at) : now;

	if (!cron_last(&t->times.plan, before, until, &last))
		return t->s.due_at;
	if (schedule_run_at(&t->times, last) > now &&
	    !cron_last(&t->times.plan, before, last - 1, &last))
		return t->s.due_at;
	return last;
}

/* From the last one back, without those that had their run. */
static void pick(struct ticking *t, int64_t last)
{
	bool is_on_time = t->c->now_ms - schedule_run_at(&t->times, last) <= ON_TIME_MS;
	size_t max = (size_t)MAX(t->s.schedule.catch_up, is_on_time);
	int64_t due = last;

	for (t->n_picks = 0; t->n_picks < max;) {
		int64_t begin = schedule_had_from(&t->times, due);

		if (begin > due)
			t->picks[t->n_picks++] = begin = due;
		if (!cron_last(&t->times.plan, t->s.due_at - 1, begin - 1, &due))
			return;
	}
}

/* Those before the first that is run, at most COUNTED_MAX. */
static int64_t count_missed(const struct ticking *t, int64_t last)
{
	int64_t end = t->n_picks ? t->picks[t->n_picks - 1] : last + 1, due = t->s.due_at, n = 0;

	while (due < end && n < COUNTED_MAX) {
		n++;
		if (!schedule_next_due(&t->times, due, &due))
			break;
	}
	return n;
}

/* ---- one run ---- */

/* It had its run: the stretch goes on, or another begins. */
static int note_run(struct ticking *t, int64_t due)
{
	struct store_schedule *s = &t->s;
	struct store_span before = { s->span_from, s->schedule.last_due_at };
	int64_t next;
	bool goes_on = s->span_from && cron_next(&t->times.plan, before.through_at, &next) &&
		       next == due;
	int e = 0;

	if (s->span_from && !goes_on) {
		e = store_schedule_span_add(t->c->tx, s->n, before);
		if (e == 0)
			e = store_schedule_spans(t->c->tx, s->n, &t->times.had);
	}
	if (!goes_on)
		s->span_from = due;
	s->schedule.last_due_at = due;
	s->schedule.has_last_due_at = true;
	return err_trace(e);
}

static int skip(struct ticking *t, int64_t due)
{
	char text[CLOCK_RFC3339_MAX];
	const struct call_field fields[] = { { "name", t->s.schedule.name, 0 },
					     { "due_at", { text, clock_format(text, due) }, 0 },
					     { "reason", STR("overlap"), 0 } };

	t->s.schedule.skipped++;
	return err_trace(
	    call_event(t->c, "schedule.skipped", t->s.schedule.id, fields, ARRAY_LEN(fields)));
}

/* The firings of earlier runs that are not over: the last one, and how many. */
static int find_open(struct ticking *t, int64_t *out_last, int *out_n)
{
	bool is_last, is_before;
	int e = store_firing_is_open(t->c->tx, t->s.last_task, &is_last);

	if (e == 0)
		e = store_firing_is_open(t->c->tx, t->s.before_task, &is_before);
	if (e)
		return err_trace(e);
	*out_last = is_last ? t->s.last_task : is_before ? t->s.before_task : 0;
	*out_n = is_last + is_before;
	return 0;
}

/* Runs that are made up for come one after the other. */
static bool may_run(const struct ticking *t, int n_open)
{
	enum schedule_overlap overlap = t->s.schedule.overlap;

	if (overlap == SCHEDULE_OVERLAP_ALLOW || t->has_fired)
		return true;
	return n_open < (overlap == SCHEDULE_OVERLAP_QUEUE ? 2 : 1);
}

static int run(struct ticking *t, int64_t due)
{
	struct store_schedule *s = &t->s;
	struct schedule_fired fired;
	int64_t last_open = 0;
	int n_open = 0;
	int e = find_open(t, &last_open, &n_open);

	if (e)
		return err_trace(e);
	if (!may_run(t, n_open)) {
		e = skip(t, due);
		return e ? err_trace(e) : err_trace(note_run(t, due));
	}
	e = schedule_fire(t->c, s, due,
			  s->schedule.overlap == SCHEDULE_OVERLAP_ALLOW ? 0 : last_open, &fired);
	if (e)
		return err_trace(e);
	t->has_fired = true;
	if (fired.task) {
		s->before_task = s->last_task;
		s->last_task = fired.task;
	}
	s->schedule.runs++;
	s->schedule.last_run_at = t->c->now_ms;
	s->schedule.has_last_run_at = true;
	return err_trace(note_run(t, due));
}

/* ---- one schedule ---- */

static int tell_missed(struct ticking *t, int64_t n, int64_t last)
{
	char from[CLOCK_RFC3339_MAX], through[CLOCK_RFC3339_MAX];
	const struct call_field fields[] = {
		{ "name", t->s.schedule.name, 0 },
		{ "missed", STR_NONE, n },
		{ "from", { from, clock_format(from, t->s.due_at) }, 0 },
		{ "through", { through, clock_format(through, last) }, 0 },
	};

	t->s.schedule.missed += n;
	return err_trace(
	    call_event(t->c, "schedule.missed", t->s.schedule.id, fields, ARRAY_LEN(fields)));
}

/* It is due and cannot be run now: later, and why. */
static int put_off(struct ticking *t, int64_t ms, struct str problem)
{
	struct schedule *s = &t->s.schedule;

	if (s->has_next_at)
		s->next_at = t->c->now_ms + ms;
	s->problem = problem;
	return err_trace(store_schedule_set_times(t->c->tx, &t->s));
}

static int run_owed(struct ticking *t)
{
	int64_t last = last_owed(t), missed;
	int e = 0;

	pick(t, last);
	missed = count_missed(t, last);
	if (missed)
		e = tell_missed(t, missed, last);
	while (e == 0 && t->n_picks) {
		e = run(t, t->picks[--t->n_picks]);
		if (e == STORE_TOO_MANY) {
			t->s.due_at = t->picks[t->n_picks];
			return err_trace(
			    put_off(t, FULL_MS, STR("as many calls wait to be made as may")));
		}
	}
	if (e)
		return err_trace(e);
	t->s.schedule.problem = STR_NONE;
	schedule_set_next(&t->times, last);
	return err_trace(store_schedule_set_times(t->c->tx, &t->s));
}

/* Zone files may go, or say something else than before. */
static int tick_one(struct call *c, int64_t n)
{
	struct ticking t = { .c = c };
	int64_t due;
	int e = store_schedule_get_n(c->tx, n, &t.s);

	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_CORRUPT, "a schedule is missing");
	e = schedule_times(c, &t.s, &t.times);
	if (e == CALL_FAILED) {
		struct str problem = c->failure.message;

		c->failure = (struct call_failure){ 0 };
		return err_trace(put_off(&t, PROBLEM_MS, problem));
	}
	if (e)
		return err_trace(e);
	if (!cron_next(&t.times.plan, t.s.due_at - 1, &due) || due != t.s.due_at) {
		schedule_set_next(&t.times, t.s.due_at - 1);
		return err_trace(store_schedule_set_times(c->tx, &t.s));
	}
	return err_trace(run_owed(&t));
}

/* ---- the clock was set back ---- */

static int get_number(struct store_tx *tx, struct str key, int64_t *out)
{
	struct str text;
	int e = store_meta_get(tx, key, &text);

	*out = 0;
	if (e == 0 && !str_to_i64(text, out))
		return err_new(ERR_CORRUPT, "meta '%.*s' is no number", STR_ARG(key));
	return e == STORE_NONE ? 0 : err_trace(e);
}

static int set_number(struct store_tx *tx, struct str key, int64_t n)
{
	struct str text = str_fmt(tx->arena, "%lld", (long long)n);

	return text.p ? err_trace(store_meta_set(tx, key, text)) : err_nomem();
}

int schedules_are_ahead(struct store_tx *tx, bool *out)
{
	int64_t seen;
	int e = get_number(tx, META_SEEN, &seen);

	*out = e == 0 && tx->now_ms < seen - SET_BACK_MS;
	return err_trace(e);
}

/* What was due between now and what the clock showed before, and had no run then, is due again. */
static int look_again(struct call *c, int64_t n)
{
	struct store_schedule s;
	struct schedule_times times;
	int64_t due;
	int e = store_schedule_get_n(c->tx, n, &s);

	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_CORRUPT, "a schedule is missing");
	if (!s.schedule.enabled)
		return 0;
	e = schedule_times(c, &s, &times);
	if (e == CALL_FAILED) { /* told when it is due */
		c->failure = (struct call_failure){ 0 };
		return 0;
	}
	if (e || !schedule_next_due(&times, c->now_ms - s.schedule.jitter_s * 1000, &due) ||
	    (s.due_at && s.due_at <= due))
		return err_trace(e);
	schedule_set_next(&times, due - 1);
	return err_trace(store_schedule_set_times(c->tx, &s));
}

static int look_at_all_again(struct call *c, size_t max, bool *has_more)
{
	struct store_n_list ns;
	int64_t from;
	int e = get_number(c->tx, META_LOOK, &from);

	if (e == 0)
		e = store_schedule_after(c->tx, from, max, &ns);
	for (size_t i = 0; e == 0 && i < ns.n; i++)
		e = look_again(c, ns.v[i]);
	if (e)
		return err_trace(e);
	if (ns.n == max) {
		*has_more = true;
		return err_trace(set_number(c->tx, META_LOOK, ns.v[ns.n - 1]));
	}
	e = set_number(c->tx, META_LOOK, 0);
	return e ? err_trace(e) : err_trace(set_number(c->tx, META_SEEN, c->now_ms));
}

int schedules_tick(struct call *c, size_t max, bool *has_more)
{
	struct store_n_list ns;
	bool is_ahead;
	int e = schedules_are_ahead(c->tx, &is_ahead);

	if (e || is_ahead)
		return e ? err_trace(e) : err_trace(look_at_all_again(c, max, has_more));
	e = store_schedule_due(c->tx, max, &ns);
	if (e || !ns.n)
		return err_trace(e);
	*has_more |= ns.n == max;
	e = FAIL_POINT("schedule_tick_before");
	for (size_t i = 0; e == 0 && i < ns.n; i++)
		e = tick_one(c, ns.v[i]);
	if (e == 0)
		e = set_number(c->tx, META_SEEN, c->now_ms);
	if (e == 0)
		e = FAIL_POINT("schedule_tick_after");
	return err_trace(e);
}
