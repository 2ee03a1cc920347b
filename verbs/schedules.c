/* SPDX-License-Identifier: Apache-2.0 */
/* schedules.*: calls that the clock makes. */
#include "handlers.gen.h"
#include "verbs/authority_later.h"
#include "verbs/schedules_common.h"

/* ---- what was asked for ---- */

static int check_calls(struct call *c, const struct action_list *calls)
{
	return c->server->check_actions(c->server->data, c, "calls", calls);
}

/* The calls are the caller's from now on. */
static int take_calls(struct call *c, struct store_schedule *s, const struct action_list *calls)
{
	struct authority_maker maker;
	int e = authority_maker(c, &maker);

	if (e == 0)
		e = check_calls(c, calls);
	if (e)
		return e;
	s->schedule.calls = *calls;
	s->by_kind = maker.kind;
	s->schedule.runs_as = maker.id;
	s->by_key = maker.key;
	return 0;
}

/* Its next due time, which must come once. */
static int set_next(struct call *c, struct schedule_times *t)
{
	const struct schedule *s = &t->s->schedule;
	int64_t due;

	schedule_set_next(t, c->now_ms);
	if (s->has_next_at || (!s->enabled && schedule_next_due(t, c->now_ms, &due)))
		return 0;
	return call_fail_field(c, ERROR_CONFLICT, s->has_end_at ? "end_at" : "cron",
			       s->has_end_at ? "it ends before it is due again"
					     : "it is never due again");
}

static int64_t anchor_of(const struct schedule *s, int64_t now_ms)
{
	return s->has_start_at ? s->start_at : now_ms;
}

static struct str next_text(struct call *c, const struct schedule *s)
{
	return str_fmt(
	    c->arena,
	    "schedules.preview with id: %.*s shows when it is due; schedules.run runs it "
	    "at once",
	    STR_ARG(s->name));
}

static int refuse_name(struct call *c, struct str name)
{
	struct store_schedule there;
	int e = schedule_named(c, name, &there);

	return e ? e : call_name_taken(c, "a schedule", there.schedule.id, there.schedule.name);
}

int schedules_create(struct call *call, const struct schedules_create_params *p,
		     struct schedules_create_result *r)
{
	struct store_schedule s = { .schedule = { .name = p->name,
						  .cron = p->cron,
						  .zone = p->zone,
						  .overlap = p->overlap,
						  .catch_up = p->catch_up,
						  .jitter_s = p->jitter_s,
						  .start_at = p->start_at,
						  .has_start_at = p->has_start_at,
						  .end_at = p->end_at,
						  .has_end_at = p->has_end_at,
						  .enabled = p->enabled,
						  .created_by = call->principal->id } };
	const struct action_list none = { ARENA_ARRAY(call->arena, 1, struct action), 0 };
	struct schedule_times times;
	int e = take_calls(call, &s, p->calls.v ? &p->calls : &none);

	s.anchor_at = anchor_of(&s.schedule, call->now_ms);
	if (e == 0)
		e = schedule_times(call, &s, &times);
	if (e)
		return e;
	e = store_schedule_add(call->tx, &s);
	if (e == STORE_NAME_TAKEN)
		return refuse_name(call, p->name);
	if (e == 0)
		e = set_next(call, &times);
	if (e == 0)
		e = store_schedule_set_times(call->tx, &s);
	if (e == 0)
		e = schedule_event(call, "schedule.created", &s);
	r->schedule = s.schedule;
	r->next = next_text(call, &s.schedule);
	return e;
}

static int clear_fields(struct call *c, const struct schedules_update_params *p, struct schedule *s)
{
	for (size_t i = 0; i < p->clear.n; i++) {
		bool is_start = p->clear.v[i] == SCHEDULE_CLEAR_START_AT;

		if (is_start ? p->has_start_at : p->has_end_at)
			return call_fail_field(c, ERROR_CONFLICT, is_start ? "start_at" : "end_at",
					       "it is both set and cleared");
		if (is_start)
			s->has_start_at = false;
		else
			s->has_end_at = false;
	}
	return 0;
}

static void set_times(const struct schedules_update_params *p, struct schedule *s)
{
	if (p->cron.p)
		s->cron = p->cron;
	if (p->zone.p)
		s->zone = p->zone;
	if (p->has_jitter_s)
		s->jitter_s = p->jitter_s;
	if (p->has_start_at) {
		s->start_at = p->start_at;
		s->has_start_at = true;
	}
	if (p->has_end_at) {
		s->end_at = p->end_at;
		s->has_end_at = true;
	}
	if (p->has_enabled)
		s->enabled = p->enabled;
}

static void set_others(const struct schedules_update_params *p, struct schedule *s)
{
	if (p->name.p)
		s->name = p->name;
	if (p->overlap)
		s->overlap = p->overlap;
	if (p->has_catch_up)
		s->catch_up = p->catch_up;
}

static bool has_times(const struct schedules_update_params *p)
{
	return p->cron.p || p->zone.p || p->has_jitter_s || p->has_start_at || p->has_end_at ||
	       p->has_enabled || p->clear.n;
}

/* When it is due is another matter now: what was due and had no run is not made up for. */
static int renew_times(struct call *c, const struct schedules_update_params *p,
		       struct store_schedule *s)
{
	struct schedule_times times;
	int e;

	if (!has_times(p))
		return 0;
	set_times(p, &s->schedule);
	if (p->cron.p || p->has_start_at || p->clear.n)
		s->anchor_at = anchor_of(&s->schedule, c->now_ms);
	e = schedule_times(c, s, &times);
	if (e == 0)
		e = set_next(c, &times);
	s->schedule.problem = STR_NONE;
	return e;
}

int schedules_update(struct call *call, const struct schedules_update_params *p,
		     struct schedules_update_result *r)
{
	struct store_schedule s;
	int e;

	if (!has_times(p) && !p->name.p && !p->calls.v && !p->overlap && !p->has_catch_up)
		return call_fail(call, ERROR_INVALID_PARAMS,
				 "nothing to change: name at least one field");
	e = schedule_named(call, p->id, &s);
	if (e == 0)
		e = clear_fields(call, p, &s.schedule);
	if (e == 0)
		e = renew_times(call, p, &s);
	if (e == 0 && p->calls.v)
		e = take_calls(call, &s, &p->calls);
	if (e)
		return e;
	set_others(p, &s.schedule);
	e = store_schedule_set(call->tx, &s);
	if (e == STORE_NAME_TAKEN)
		return refuse_name(call, p->name);
	if (e == 0 && has_times(p))
		e = store_schedule_set_times(call->tx, &s);
	if (e == 0)
		e = schedule_event(call, "schedule.updated", &s);
	r->schedule = s.schedule;
	return err_trace(e);
}

int schedules_delete(struct call *call, const struct schedules_delete_params *p,
		     struct schedules_delete_result *r)
{
	struct store_schedule s;
	int e = schedule_named(call, p->id, &s);

	if (e)
		return e;
	r->id = s.schedule.id;
	r->name = s.schedule.name;
	e = store_schedule_delete(call->tx, s.n);
	return e ? err_trace(e) : schedule_event(call, "schedule.deleted", &s);
}

int schedules_run(struct call *call, const struct schedules_run_params *p,
		  struct schedules_run_result *r)
{
	struct schedule_fired fired;
	struct store_schedule s;
	int e = schedule_named(call, p->id, &s);

	if (e == 0)
		e = schedule_fire(call, &s, 0, 0, &fired);
	if (e == STORE_TOO_MANY)
		return call_fail(call, ERROR_OVERLOADED, "as many calls wait to be made as may");
	if (e)
		return e;
	r->id = s.schedule.id;
	r->event = str_fmt(call->arena, "%.*s.%lld", STR_ARG(call->tx->generation),
			   (long long)fired.event);
	if (fired.task)
		r->task = str_fmt(call->arena, "t-%lld", (long long)fired.task);
	return call->arena->is_out ? err_nomem() : 0;
}

/* ---- looking ---- */

int schedules_get(struct call *call, const struct schedules_get_params *p,
		  struct schedules_get_result *r)
{
	struct store_schedule s;
	int e = schedule_named(call, p->id, &s);

	if (e == 0)
		r->schedule = s.schedule;
	return e;
}

int schedules_list(struct call *call, const struct schedules_list_params *p,
		   struct schedules_list_result *r)
{
	return err_trace(
	    store_schedule_page(call->tx, p->cursor, (size_t)p->limit, &r->items, &r->next_cursor));
}

/* "Mon 2026-11-23 09:00:00 +01:00". */
static struct str local_text(struct arena *a, const struct zone *zone, int64_t at_ms)
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	int64_t s = at_ms / 1000 - (at_ms % 1000 < 0), offset = zone_span_at(zone, s).offset;
	int64_t local = s + offset, day = local / 86400 - (local % 86400 < 0);
	int of_day = (int)(local - day * 86400),
	    minutes = (int)(offset < 0 ? -offset : offset) / 60;
	struct zone_date d = zone_date(day);

	return str_fmt(a, "%s %04lld-%02d-%02d %02d:%02d:%02d %c%02d:%02d", days[zone_weekday(day)],
		       (long long)d.year, d.month, d.day, of_day / 3600, of_day / 60 % 60,
		       of_day % 60, offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

static int find_previewed(struct call *c, const struct schedules_preview_params *p,
			  struct store_schedule *s)
{
	if (p->id.p && (p->cron.p || p->zone.p))
		return call_fail_field(c, ERROR_CONFLICT, p->cron.p ? "cron" : "zone",
				       "the schedule has its own");
	if (p->id.p)
		return schedule_named(c, p->id, s);
	if (!p->cron.p)
		return call_fail_field(c, ERROR_CONFLICT, "cron", "a schedule or this is needed");
	*s = (struct store_schedule){ .schedule = { .cron = p->cron,
						    .zone = p->zone.p ? p->zone : STR("UTC") },
				      .anchor_at = c->now_ms };
	return 0;
}

int schedules_preview(struct call *call, const struct schedules_preview_params *p,
		      struct schedules_preview_result *r)
{
	struct schedule_times times;
	struct store_schedule s;
	int64_t due = p->has_after ? p->after : call->now_ms;
	int e = find_previewed(call, p, &s);

	if (e == 0)
		e = schedule_times(call, &s, &times);
	if (e)
		return e;
	r->cron = s.schedule.cron;
	r->zone = s.schedule.zone;
	r->items.v = ARENA_ARRAY(call->arena, (size_t)p->count, struct schedule_time);
	if (!r->items.v)
		return err_nomem();
	while (r->items.n < (size_t)p->count && schedule_next_due(&times, due, &due))
		r->items.v[r->items.n++] =
		    (struct schedule_time){ due, local_text(call->arena, times.plan.zone, due) };
	return call->arena->is_out ? err_nomem() : 0;
}
