/* SPDX-License-Identifier: Apache-2.0 */
#include "base/zone_rule.h"

#include "base/macros.h"

#define DAY_S      ((int64_t)86400)
#define OFFSET_MAX (24 * 3600)
#define TIME_MAX   (168 * 3600) /* exclusive; RFC 8536 allows what POSIX does not */

/* ---- reading ---- */

static bool take(struct str *s, char c)
{
	if (!s->n || s->p[0] != c)
		return false;
	*s = str_slice(*s, 1, s->n);
	return true;
}

static bool take_number(struct str *s, int64_t low, int64_t high, int64_t *out)
{
	size_t i = 0;
	int64_t v = 0;

	for (; i < s->n && i < 4 && s->p[i] >= '0' && s->p[i] <= '9'; i++)
		v = v * 10 + s->p[i] - '0';
	*s = str_slice(*s, i, s->n);
	*out = v;
	return i > 0 && v >= low && v <= high;
}

/* Three letters or more, or anything in <>. */
static bool take_name(struct str *s)
{
	size_t i = 0;

	if (take(s, '<')) {
		struct str name = str_cut(s, '>');

		return name.n > 0 && s->p;
	}
	while (i < s->n && ((s->p[i] | 32) >= 'a' && (s->p[i] | 32) <= 'z'))
		i++;
	*s = str_slice(*s, i, s->n);
	return i >= 3;
}

/* [+-]h[h[h]][:mm[:ss]] */
static bool take_time(struct str *s, int64_t max_s, int64_t *out)
{
	bool is_negative = take(s, '-');
	int64_t v, part = 0;

	if (!is_negative)
		(void)take(s, '+');
	if (!take_number(s, 0, max_s / 3600, &v))
		return false;
	v *= 3600;
	for (int64_t unit = 60; unit && take(s, ':'); unit /= 60) {
		if (!take_number(s, 0, 59, &part))
			return false;
		v += part * unit;
	}
	*out = is_negative ? -v : v;
	return v <= max_s;
}

/* What POSIX counts as west of Greenwich. */
static bool take_offset(struct str *s, int64_t *out)
{
	if (!take_time(s, OFFSET_MAX, out))
		return false;
	*out = -*out;
	return true;
}

static bool take_month_day(struct str *s, struct zone_change *c)
{
	int64_t month, week, day;

	if (!take_number(s, 1, 12, &month) || !take(s, '.') || !take_number(s, 1, 5, &week) ||
	    !take(s, '.') || !take_number(s, 0, 6, &day))
		return false;
	c->month = (int)month;
	c->week = (int)week;
	c->day = (int)day;
	return true;
}

static bool take_change(struct str *s, struct zone_change *c)
{
	int64_t day = 0;

	c->time_s = 2 * 3600;
	if (!take(s, ','))
		return false;
	c->kind = take(s, 'M') ? ZONE_DAY_MONTH : take(s, 'J') ? ZONE_DAY_JULIAN : ZONE_DAY_ZERO;
	if (c->kind == ZONE_DAY_MONTH ? !take_month_day(s, c)
				      : !take_number(s, c->kind == ZONE_DAY_JULIAN, 365, &day))
		return false;
	if (c->kind != ZONE_DAY_MONTH)
		c->day = (int)day;
	return !take(s, '/') || take_time(s, TIME_MAX - 1, &c->time_s);
}

bool zone_rule_parse(struct str text, struct zone_rule *out)
{
	struct zone_rule r = { .is_there = true };

	if (!take_name(&text) || !take_offset(&text, &r.standard))
		return false;
	if (text.n) {
		r.has_summer = true;
		r.summer = r.standard + 3600;
		if (!take_name(&text) ||
		    (text.n && text.p[0] != ',' && !take_offset(&text, &r.summer)) ||
		    !take_change(&text, &r.to_summer) || !take_change(&text, &r.to_standard))
			return false;
	}
	*out = r;
	return !text.n;
}

/* ---- its changes ---- */

static int64_t day_of_month_rule(const struct zone_change *c, int64_t year)
{
	int64_t first = zone_days((struct zone_date){ year, c->month, 1 });
	int day = 1 + (c->day - zone_weekday(first) + 7) % 7 + (c->week - 1) * 7;

	if (day > zone_month_length(year, c->month)) /* the fifth is the last */
		day -= 7;
	return first + day - 1;
}

/* Local, as by the clock before the change. */
static int64_t change_in(const struct zone_change *c, int64_t year)
{
	int64_t first = zone_days((struct zone_date){ year, 1, 1 }), day;

	switch (c->kind) {
	case ZONE_DAY_MONTH:
		day = day_of_month_rule(c, year);
		break;
	case ZONE_DAY_JULIAN: /* 60 is the first of March in every year */
		day = first + c->day - 1 + (c->day >= 60 && zone_month_length(year, 2) == 29);
		break;
	default:
		day = first + c->day;
		break;
	}
	return day * DAY_S + c->time_s;
}

struct point {
	int64_t at;
	bool is_summer; /* from here on */
};

/* At one moment summer comes last: where it is all the year, standard time is nowhere. */
static bool is_before(struct point a, struct point b)
{
	return a.at != b.at ? a.at < b.at : !a.is_summer && b.is_summer;
}

static void insert(struct point *v, size_t n, struct point p)
{
	size_t i = n;

	for (; i && is_before(p, v[i - 1]); i--)
		v[i] = v[i - 1];
	v[i] = p;
}

struct zone_span zone_rule_span(const struct zone_rule *r, int64_t utc_s)
{
	struct zone_span span = { INT64_MIN, INT64_MAX, r->standard };
	int64_t year = zone_date(utc_s / DAY_S - (utc_s % DAY_S < 0)).year;
	struct point points[10];
	size_t n = 0;

	if (!r->has_summer)
		return span;
	for (int64_t y = year - 2; y <= year + 2; y++) {
		insert(points, n++,
		       (struct point){ change_in(&r->to_summer, y) - r->standard, true });
		insert(points, n++,
		       (struct point){ change_in(&r->to_standard, y) - r->summer, false });
	}
	for (size_t i = 0; i < n; i++) {
		if (points[i].at > utc_s) {
			span.until = points[i].at;
			return span;
		}
		span.from = points[i].at;
		span.offset = points[i].is_summer ? r->summer : r->standard;
	}
	return span;
}
