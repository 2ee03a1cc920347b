/* SPDX-License-Identifier: Apache-2.0 */
/* The POSIX rule of a zone, "CET-1CEST,M3.5.0,M10.5.0/3": which offset holds in which part of every
 * year. For base/zone.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "base/zone.h"

enum zone_day_kind { ZONE_DAY_MONTH = 1, ZONE_DAY_JULIAN, ZONE_DAY_ZERO };

struct zone_change {
	enum zone_day_kind kind;
	int month, week, day; /* `day` alone for the other kinds */
	int64_t time_s;       /* of the local clock before the change */
};

struct zone_rule {
	bool is_there, has_summer;
	int64_t standard, summer; /* seconds ahead of UTC */
	struct zone_change to_summer, to_standard;
};

bool zone_rule_parse(struct str text, struct zone_rule *out);
struct zone_span zone_rule_span(const struct zone_rule *r, int64_t utc_s);
