/* SPDX-License-Identifier: Apache-2.0 */
/* Time zones by their IANA names, read from the system's TZif files (RFC 8536, version 2 on), with
 * the POSIX rule at their end for the years behind the table. Nothing of the process's own zone is
 * looked at or changed. `UTC` is known without any file.
 *
 * The files lie in $TZDIR, else /usr/share/zoneinfo. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"

#define ZONE_NAME_MAX 64
#define ZONE_FILE_MAX ((size_t)256 * 1024)

struct zone;

/* NO_DATA: there are no zone files at all. BROKEN: the file is none of a zone. */
enum { ZONE_UNKNOWN = 1, ZONE_NO_DATA, ZONE_BROKEN };

int zone_load(struct arena *a, struct str name, const struct zone **out) must_check;
/* The content of such a file; views nothing of it. ZONE_BROKEN. */
int zone_parse(struct arena *a, struct str bytes, const struct zone **out) must_check;

/* A stretch of time with one offset: from <= t < until, in seconds since 1970; INT64_MIN and
 * INT64_MAX where it has no end. Neighbours may have the same offset. */
struct zone_span {
	int64_t from, until;
	int64_t offset; /* seconds that local time is ahead of UTC */
};

/* |utc_s| < 2^40. */
struct zone_span zone_span_at(const struct zone *z, int64_t utc_s);

/* ---- days of the Gregorian calendar ---- */

struct zone_date {
	int64_t year;
	int month, day; /* from 1 */
};

/* Days since 1970-01-01. */
int64_t zone_days(struct zone_date d);
struct zone_date zone_date(int64_t days);
/* 0 = Sunday. */
int zone_weekday(int64_t days);
int zone_month_length(int64_t year, int month);
