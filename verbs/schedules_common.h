/* SPDX-License-Identifier: Apache-2.0 */
/* A schedule with its times read: what is due when. */
#pragma once

#include "base/cron.h"
#include "store/schedules.h"
#include "verbs/call.h"

/* Texts become a plan. CALL_FAILED with bad_cron, unknown_zone or unsupported. */
int schedule_plan(struct call *c, struct str cron, struct str zone,
		  struct cron_plan *out) must_check;

struct schedule_times {
	struct store_schedule *s;
	struct cron_plan plan;
	struct store_spans had; /* earlier stretches of due times that had their run */
};

/* As schedule_plan. */
int schedule_times(struct call *c, struct store_schedule *s, struct schedule_times *out) must_check;
/* When it is run that is due then: later by the jitter, which depends on nothing but the schedule
 * and the time, and never as late as the next due time. */
int64_t schedule_run_at(const struct schedule_times *t, int64_t due_at);
/* Where the stretch begins of due times that had their run, this among them; INT64_MAX: it had
 * none. */
int64_t schedule_had_from(const struct schedule_times *t, int64_t due_at);
/* The first behind `after` that had no run and is within the schedule's bounds. */
bool schedule_next_due(const struct schedule_times *t, int64_t after, int64_t *out);
/* Sets due_at and next_at to the first behind `after`; none when it is off. */
void schedule_set_next(struct schedule_times *t, int64_t after);

/* By id or name; CALL_FAILED with not_found. */
int schedule_named(struct call *c, struct str who, struct store_schedule *out) must_check;

/* The event schedule.tick, and the calls. `due_at` 0: asked for by hand. The task is 0 when there
 * are no calls. STORE_TOO_MANY: as many firings wait as may; nothing was written. */
struct schedule_fired {
	int64_t event, task;
};
int schedule_fire(struct call *c, const struct store_schedule *s, int64_t due_at, int64_t after,
		  struct schedule_fired *out) must_check;
/* "schedule.<what>" of the schedule. */
int schedule_event(struct call *c, const char *kind, const struct store_schedule *s) must_check;
/* It is due no more until somebody switches it on again, and shows why. Harmless when it is gone.
 */
int schedule_switch_off(struct call *c, struct str id, struct str problem) must_check;
