/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs/schedules_common.h"

#include "base/failpoint.h"
#include "store/events.h"
#include "store/firings.h"

#define PROBLEM_MAX 300

/* ---- texts ---- */

static int refuse_zone(struct call *c, int e, struct str zone)
{
	switch (e) {
	case ZONE_UNKNOWN:
		return call_fail_field(c, ERROR_UNKNOWN_ZONE, "zone", "no zone '%.*s'",
				       STR_ARG(zone));
	case ZONE_NO_DATA:
		c->failure.hint = STR("install the package tzdata; UTC needs no files");
		return call_fail_field(c, ERROR_UNSUPPORTED, "zone",
				       "this machine has no files of time zones");
	case ZONE_BROKEN:
		c->failure.hint = STR("install the package tzdata again; UTC needs no files");
		return call_fail_field(c, ERROR_UNSUPPORTED, "zone",
				       "the machine's file of the zone '%.*s' is none",
				       STR_ARG(zone));
	default:
		return err_trace(e);
	}
}

int schedule_plan(struct call *c, struct str cron, struct str zone, struct cron_plan *out)
{
	struct cron_fault fault;
	int e;

	*out = (struct cron_plan){ .anchor_ms = c->now_ms };
	e = cron_parse(cron, &out->cron, &fault);
	if (e) {
		call_fail_field(c, ERROR_BAD_CRON, "cron", "%s, column %zu: %s", fault.field,
				fault.column, fault.text);
		call_data_str(c, "cron_field", str_from(fault.field));
		call_data_int(c, "column", (int64_t)fault.column);
		return CALL_FAILED;
	}
	e = zone_load(c->arena, zone, &out->zone);
	return e ? refuse_zone(c, e, zone) : 0;
}

/* ---- times ---- */

int schedule_times(struct call *c, struct store_schedule *s, struct schedule_times *out)
{
	int e = schedule_plan(c, s->schedule.cron, s->schedule.zone, &out->plan);

	out->s = s;
	out->had.n = 0;
	out->plan.anchor_ms = s->anchor_at;
	if (e || !s->n)
		return e;
	return err_trace(store_schedule_spans(c->tx, s->n, &out->had));
}

/* FNV-1a, stirred. */
static uint64_t hash(struct str id, int64_t due_at)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < id.n; i++)
		h = (h ^ (uint8_t)id.p[i]) * UINT64_C(0x100000001b3);
	h ^= (uint64_t)due_at;
	h = (h ^ h >> 31) * UINT64_C(0x7fb5d329728ea185);
	h = (h ^ h >> 27) * UINT64_C(0x81dadef4bc2dd44d);
	return h ^ h >> 33;
}

int64_t schedule_run_at(const struct schedule_times *t, int64_t due_at)
{
	const struct schedule *s = &t->s->schedule;
	int64_t room = s->jitter_s * 1000, next;

	if (!room)
		return due_at;
	if (cron_next(&t->plan, due_at, &next))
		room = MIN(room, next - due_at - 1);
	return due_at + (int64_t)(hash(s->id, due_at) % (uint64_t)(room + 1));
}

static bool is_in(struct store_span span, int64_t due_at)
{
	return span.from_at <= due_at && due_at <= span.through_at;
}

static struct store_span present(const struct store_schedule *s)
{
	return (struct store_span){ s->span_from, s->schedule.last_due_at };
}

/* The stretch it lies in; {INT64_MAX, INT64_MIN}: in none. */
static struct store_span stretch_of(const struct schedule_times *t, int64_t due_at)
{
	struct store_span all = { INT64_MAX, INT64_MIN };

	for (size_t i = 0; i <= t->had.n; i++) {
		struct store_span span = i < t->had.n ? t->had.v[i] : present(t->s);

		if (span.from_at && is_in(span, due_at)) {
			all.from_at = MIN(all.from_at, span.from_at);
			all.through_at = MAX(all.through_at, span.through_at);
		}
	}
	return all;
}

int64_t schedule_had_from(const struct schedule_times *t, int64_t due_at)
{
	return stretch_of(t, due_at).from_at;
}

bool schedule_next_due(const struct schedule_times *t, int64_t after, int64_t *out)
{
	const struct schedule *s = &t->s->schedule;
	int64_t due;

	if (s->has_start_at)
		after = MAX(after, s->start_at - 1);
	for (;;) {
		if (!cron_next(&t->plan, after, &due) || (s->has_end_at && due > s->end_at))
			return false;
		if (schedule_had_from(t, due) == INT64_MAX)
			break;
		after = stretch_of(t, due).through_at;
	}
	*out = due;
	return true;
}

void schedule_set_next(struct schedule_times *t, int64_t after)
{
	struct store_schedule *s = t->s;

	s->due_at = s->schedule.next_at = 0;
	s->schedule.has_next_at = s->schedule.enabled && schedule_next_due(t, after, &s->due_at);
	if (s->schedule.has_next_at)
		s->schedule.next_at = schedule_run_at(t, s->due_at);
}

/* ---- what happens ---- */

int schedule_named(struct call *c, struct str who, struct store_schedule *out)
{
	int e = store_schedule_find(c->tx, who, out);

	return e == STORE_NONE ? call_not_found(c, "schedule", "id", who) : err_trace(e);
}

int schedule_event(struct call *c, const char *kind, const struct store_schedule *s)
{
	const struct call_field fields[] = { { "name", s->schedule.name, 0 } };

	return err_trace(call_event(c, kind, s->schedule.id, fields, ARRAY_LEN(fields)));
}

static int tell_tick(struct call *c, const struct store_schedule *s, int64_t due_at, int64_t *out)
{
	char text[CLOCK_RFC3339_MAX];
	const struct call_field due[] = { { "name", s->schedule.name, 0 },
					  { "due_at", { text, clock_format(text, due_at) }, 0 },
					  { "late_ms", STR_NONE, c->now_ms - due_at } };
	const struct call_field asked[] = { { "name", s->schedule.name, 0 },
					    { "asked_by", c->principal->id, 0 } };
	int64_t floor;
	int e = due_at ? call_event(c, "schedule.tick", s->schedule.id, due, ARRAY_LEN(due))
		       : call_event(c, "schedule.tick", s->schedule.id, asked, ARRAY_LEN(asked));

	return e ? err_trace(e) : err_trace(store_event_bounds(c->tx, &floor, out));
}

static int add_firing(struct call *c, const struct store_schedule *s, int64_t after,
		      struct schedule_fired *out)
{
	struct store_firing f = { .calls = &s->schedule.calls,
				  .by_kind = s->by_kind,
				  .by = s->schedule.runs_as,
				  .by_key = s->by_key,
				  .source = FIRING_SOURCE_SCHEDULE,
				  .source_id = s->schedule.id,
				  .subject = s->schedule.name,
				  .event = out->event,
				  .depth = 1,
				  .after = after };
	int e = store_firing_add(c->tx, &f, c->now_ms);

	out->task = f.n;
	return e == STORE_TOO_MANY ? err_new(ERR_INTERNAL, "there was room for a firing")
				   : err_trace(e);
}

int schedule_fire(struct call *c, const struct store_schedule *s, int64_t due_at, int64_t after,
		  struct schedule_fired *out)
{
	bool has_room = true;
	int e = s->schedule.calls.n ? store_firings_have_room(c->tx, &has_room) : 0;

	*out = (struct schedule_fired){ 0 };
	if (e || !has_room)
		return e ? err_trace(e) : STORE_TOO_MANY;
	e = tell_tick(c, s, due_at, &out->event);
	if (e == 0)
		e = FAIL_POINT("schedule_told");
	if (e == 0 && s->schedule.calls.n)
		e = add_firing(c, s, after, out);
	if (e == 0)
		e = FAIL_POINT("schedule_fired");
	return err_trace(e);
}

int schedule_switch_off(struct call *c, struct str id, struct str problem)
{
	struct store_schedule s;
	int e = store_schedule_find(c->tx, id, &s);

	if (e || !s.schedule.enabled)
		return e == STORE_NONE ? 0 : err_trace(e);
	s.schedule.enabled = s.schedule.has_next_at = false;
	s.due_at = 0;
	s.schedule.problem = str_utf8_prefix(problem, PROBLEM_MAX);
	e = store_schedule_set(c->tx, &s);
	if (e)
		return e == STORE_NAME_TAKEN ? err_new(ERR_INTERNAL, "its name was its own")
					     : err_trace(e);
	e = store_schedule_set_times(c->tx, &s);
	return e ? err_trace(e) : err_trace(schedule_event(c, "schedule.updated", &s));
}
