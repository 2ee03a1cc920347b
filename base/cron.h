/* SPDX-License-Identifier: Apache-2.0 */
/* When something is due: five fields of cron in a zone, a name for such, or an interval.
 *
 *   minute hour day-of-month month day-of-week    "30 9 * * MON-FRI"
 *   @hourly @daily @midnight @weekly @monthly @yearly @annually
 *   every 90s, every 10m, every 6h, every 2d, every 1w
 *
 * A field is *, a value, a range a-b, either of the latter two with a step (star/2, 10-40/5), or a
 * list of these. Months and weekdays have names; 0 and 7 are Sunday. Where day-of-month and
 * day-of-week are both given, either will do; one that begins with * gives nothing, and both must
 * hold.
 *
 * When the clocks change:
 *   - with an hour field that does not hold all hours, each local time comes once a day. One that
 *     is skipped comes at the moment of the change, once however many are skipped; one that comes
 *     twice is the first of the two;
 *   - with one that does (*), what is due every so many minutes stays so: nothing is made up for
 *     what was skipped, and the hour that comes twice is two hours;
 *   - an interval knows no clock. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "base/str.h"
#include "base/zone.h"

#define CRON_TEXT_MAX     120
#define CRON_INTERVAL_MIN ((int64_t)60 * 1000)

struct cron {
	int64_t every_ms; /* an interval; else 0, and the rest holds */
	uint64_t minutes; /* bit i: value i */
	uint32_t hours, days, months, weekdays;
	bool is_any_day, is_any_weekday; /* the field begins with * */
};

/* What is wrong, in which field, and where: column 1 is the first character. */
struct cron_fault {
	const char *field;
	size_t column;
	char text[160];
};

enum { CRON_BAD = 1 };

int cron_parse(struct str text, struct cron *out, struct cron_fault *fault) must_check;

struct cron_plan {
	struct cron cron;
	const struct zone *zone;
	int64_t anchor_ms; /* an interval is counted from here */
};

/* The first due time behind after_ms; false when there is none before the year 10000. Takes time in
 * proportion to the months in between, of which there are at most 41 years. */
bool cron_next(const struct cron_plan *p, int64_t after_ms, int64_t *out_ms);
/* The last one that is behind after_ms and not behind until_ms; false when there is none. */
bool cron_last(const struct cron_plan *p, int64_t after_ms, int64_t until_ms, int64_t *out_ms);
