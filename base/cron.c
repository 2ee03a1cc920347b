/* SPDX-License-Identifier: Apache-2.0 */
/* Fields are sets of bits. The next due time is looked for stretch by stretch of one offset, and in
 * each by day, whole months being left out at once. */
#include "base/cron.h"

#include <stdarg.h>
#include <stdio.h>

#define MINUTE_S  ((int64_t)60)
#define DAY_S     ((int64_t)86400)
#define DAY_MIN   1440
#define ALL_HOURS 0xffffffu
#define SEARCH_S  (41 * 366 * DAY_S) /* 29 February on a Sunday, past a century */
#define LOOK_BACK (52 * 3600)        /* no two offsets lie further apart */
#define LAST_S    INT64_C(253402300799)
#define FIRST_S   INT64_C(-62135596800)
#define EVERY_MAX INT64_C(31622400000) /* 366 days */

/* ---- reading ---- */

struct field {
	const char *name;
	int low, high;
	const char *names; /* three letters each, from the value `first` on */
	int first;
};

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, N_FIELDS };

static const struct field fields[N_FIELDS] = {
	{ "minute", 0, 59, "", 0 },
	{ "hour", 0, 23, "", 0 },
	{ "day of month", 1, 31, "", 0 },
	{ "month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec", 1 },
	{ "day of week", 0, 7, "sunmontuewedthufrisat", 0 },
};

struct reader {
	struct str text;
	size_t at;
	const struct field *field;
	struct cron_fault *fault;
};

static int __attribute__((format(printf, 3, 4)))
bad(struct reader *r, size_t at, const char *fmt, ...)
{
	va_list args;

	*r->fault = (struct cron_fault){ .field = r->field ? r->field->name : "cron",
					 .column = at + 1 };
	va_start(args, fmt);
	vsnprintf(r->fault->text, sizeof(r->fault->text), fmt, args);
	va_end(args);
	return CRON_BAD;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static char peek(const struct reader *r)
{
	return r->at < r->text.n ? r->text.p[r->at] : '\0';
}

static bool is_end(const struct reader *r)
{
	return r->at == r->text.n || is_blank(peek(r));
}

static void skip_blanks(struct reader *r)
{
	while (r->at < r->text.n && is_blank(peek(r)))
		r->at++;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c | 32) >= 'a' && (c | 32) <= 'z';
}

/* The word or number that begins here, for messages; at least one character. */
static struct str word_at(const struct reader *r, size_t at)
{
	size_t end = at;

	while (end < r->text.n && end - at < 20 &&
	       (is_digit(r->text.p[end]) || is_letter(r->text.p[end])))
		end++;
	return str_slice(r->text, at, MAX(end, at + 1));
}

static bool find_name(const struct field *f, struct str word, int *out)
{
	if (word.n != 3)
		return false;
	for (int i = 0; f->names[3 * i]; i++)
		if (str_eq_nocase(word, (struct str){ f->names + (size_t)(3 * i), 3 })) {
			*out = f->first + i;
			return true;
		}
	return false;
}

/* Up to four digits; how many there were. */
static size_t take_digits(struct reader *r, int *out)
{
	size_t begin = r->at;

	*out = 0;
	for (; r->at - begin < 4 && is_digit(peek(r)); r->at++)
		*out = *out * 10 + peek(r) - '0';
	return r->at - begin;
}

static int take_value(struct reader *r, int *out)
{
	const struct field *f = r->field;
	size_t at = r->at;
	struct str word = word_at(r, at);

	if (is_end(r) || peek(r) == ',')
		return bad(r, at, "a value is missing");
	if (find_name(f, word, out)) {
		r->at += word.n;
		return 0;
	}
	if (!take_digits(r, out))
		return bad(r, at, "'%.*s' is no value of this field%s", STR_ARG(word),
			   f->names[0] ? " (a number, or a name of three letters)" : "");
	if (is_digit(peek(r)) || *out < f->low || *out > f->high)
		return bad(r, at, "%.*s is not between %d and %d", STR_ARG(word), f->low, f->high);
	return 0;
}

static int take_step(struct reader *r, bool is_range, int *out)
{
	size_t at = r->at;

	*out = 1;
	if (peek(r) != '/')
		return 0;
	if (!is_range)
		return bad(r, at, "a step needs * or a range before it, as in %d-%d/5",
			   r->field->low, r->field->high);
	r->at++;
	if (!take_digits(r, out) || is_digit(peek(r)) || *out < 1 || *out > r->field->high)
		return bad(r, at + 1, "a step is between 1 and %d", r->field->high);
	return 0;
}

/* *, a or a-b. */
static int take_range(struct reader *r, int *low, int *high, bool *is_range)
{
	size_t at = r->at;
	int e;

	*is_range = true;
	*low = r->field->low;
	*high = r->field->high;
	if (peek(r) == '*') {
		r->at++;
		return 0;
	}
	e = take_value(r, low);
	*high = *low;
	*is_range = !e && peek(r) == '-';
	if (!*is_range)
		return e;
	r->at++;
	e = take_value(r, high);
	if (!e && r->field == &fields[WEEKDAY] && !*high && *low)
		*high = 7; /* to Sunday */
	if (!e && *high < *low)
		return bad(r, at, "the range ends before it begins");
	return e;
}

static int take_item(struct reader *r, uint64_t *set)
{
	int low, high, step;
	bool is_range;
	int e = take_range(r, &low, &high, &is_range);

	if (!e)
		e = take_step(r, is_range, &step);
	if (e)
		return e;
	if (!is_end(r) && peek(r) != ',')
		return bad(r, r->at, "'%.*s' is not expected here", STR_ARG(word_at(r, r->at)));
	for (int v = low; v <= high; v += step)
		*set |= UINT64_C(1) << v;
	return 0;
}

static int take_field(struct reader *r, size_t i, uint64_t *set)
{
	int e;

	skip_blanks(r);
	r->field = &fields[i];
	if (r->at == r->text.n)
		return bad(r, r->at,
			   "this field is missing: there are five, of minute, hour, day "
			   "of month, month, day of week");
	*set = 0;
	do {
		e = take_item(r, set);
	} while (!e && peek(r) == ',' && ++r->at);
	return e;
}

/* Does any day of the months have one of these numbers? */
static bool has_day(const struct cron *c)
{
	for (int month = 1; month <= 12; month++)
		if (c->months & 1u << month &&
		    c->days & ((2u << zone_month_length(2000, month)) - 2))
			return true;
	return false;
}

static int read_fields(struct reader *r, struct cron *out)
{
	size_t starts[N_FIELDS];
	uint64_t sets[N_FIELDS];
	int e = 0;

	for (size_t i = 0; !e && i < N_FIELDS; i++) {
		skip_blanks(r);
		starts[i] = r->at;
		e = take_field(r, i, &sets[i]);
	}
	if (e)
		return e;
	skip_blanks(r);
	r->field = NULL;
	if (r->at < r->text.n)
		return bad(r, r->at,
			   "there is a sixth field: seconds and years are none of cron's");
	out->minutes = sets[MINUTE];
	out->hours = (uint32_t)sets[HOUR];
	out->days = (uint32_t)sets[DAY];
	out->months = (uint32_t)sets[MONTH];
	out->weekdays = (uint32_t)((sets[WEEKDAY] | sets[WEEKDAY] >> 7) & 0x7f);
	out->is_any_day = r->text.p[starts[DAY]] == '*';
	out->is_any_weekday = r->text.p[starts[WEEKDAY]] == '*';
	r->field = &fields[DAY];
	if (out->is_any_weekday && !has_day(out))
		return bad(r, starts[DAY], "no such day is in these months: it would never be due");
	return 0;
}

static int read_interval(struct reader *r, struct cron *out)
{
	static const struct {
		char letter;
		int64_t ms;
	} units[] = { { 's', 1000 },
		      { 'm', 60000 },
		      { 'h', 3600000 },
		      { 'd', 86400000 },
		      { 'w', 604800000 } };
	size_t begin;
	int64_t n = 0;

	r->at += 5;
	skip_blanks(r);
	begin = r->at;
	for (; r->at - begin < 9 && is_digit(peek(r)); r->at++)
		n = n * 10 + peek(r) - '0';
	if (begin == r->at)
		return bad(r, r->at, "how often? A number and s, m, h, d or w, as in every 10m");
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (peek(r) == units[i].letter)
			out->every_ms = n * units[i].ms;
	r->at++;
	if (r->at <= r->text.n && out->every_ms)
		skip_blanks(r);
	if (r->at < r->text.n || (!out->every_ms && n))
		return bad(r, r->at - 1, "after the number comes s, m, h, d or w and no more");
	if (out->every_ms < CRON_INTERVAL_MIN || out->every_ms > EVERY_MAX)
		return bad(r, begin, "an interval is between 60s and 366d");
	return 0;
}

static int read_name(struct reader *r, struct cron *out)
{
	static const struct {
		struct str name;
		const char *fields;
	} names[] = {
		{ STR("@hourly"), "0 * * * *" },   { STR("@daily"), "0 0 * * *" },
		{ STR("@midnight"), "0 0 * * *" }, { STR("@weekly"), "0 0 * * 0" },
		{ STR("@monthly"), "0 0 1 * *" },  { STR("@yearly"), "0 0 1 1 *" },
		{ STR("@annually"), "0 0 1 1 *" },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq_nocase(str_slice(r->text, r->at, r->text.n), names[i].name)) {
			r->text = str_from(names[i].fields);
			r->at = 0;
			return read_fields(r, out);
		}
	return bad(r, r->at,
		   "there are @hourly, @daily, @weekly, @monthly, @yearly, and every 10m");
}

int cron_parse(struct str text, struct cron *out, struct cron_fault *fault)
{
	struct reader r = { .text = text, .fault = fault };

	*out = (struct cron){ 0 };
	while (r.text.n && is_blank(r.text.p[r.text.n - 1]))
		r.text.n--;
	skip_blanks(&r);
	if (r.at == r.text.n || r.text.n > CRON_TEXT_MAX)
		return bad(&r, 0, "1 to %d characters are needed", CRON_TEXT_MAX);
	if (peek(&r) == '@')
		return read_name(&r, out);
	if (str_eq_nocase(str_slice(r.text, r.at, r.at + 5), STR("every")))
		return read_interval(&r, out);
	return read_fields(&r, out);
}

/* ---- local times ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static bool is_due_day(const struct cron *c, int64_t day, struct zone_date d)
{
	bool is_day = c->days >> d.day & 1, is_weekday = c->weekdays >> zone_weekday(day) & 1;

	return c->is_any_day || c->is_any_weekday ? is_day && is_weekday : is_day || is_weekday;
}

/* The first due minute of a day from this one on; -1. */
static int first_minute(const struct cron *c, int from)
{
	for (int hour = from / 60, minute = from % 60; hour < 24; hour++, minute = 0) {
		uint64_t rest = c->minutes >> minute;

		if (c->hours >> hour & 1 && rest)
			return hour * 60 + minute + __builtin_ctzll(rest);
	}
	return -1;
}

/* The first due local time, from <= t < until. */
static bool find_local(const struct cron *c, int64_t from, int64_t until, int64_t *out)
{
	int64_t minute = floor_div(from + MINUTE_S - 1, MINUTE_S), day = floor_div(minute, DAY_MIN);
	int of_day = (int)(minute - day * DAY_MIN);

	for (; day * DAY_S < until; day++, of_day = 0) {
		struct zone_date d = zone_date(day);
		int found;

		if (!(c->months >> d.month & 1)) {
			day += zone_month_length(d.year, d.month) - d.day;
			continue;
		}
		found = is_due_day(c, day, d) ? first_minute(c, of_day) : -1;
		if (found < 0)
			continue;
		*out = day * DAY_S + found * MINUTE_S;
		return *out < until;
	}
	return false;
}

/* ---- due times ---- */

/* Up to where local clocks had come before the stretch began. */
static int64_t seen_before(const struct zone *z, struct zone_span span)
{
	int64_t seen = INT64_MIN, begin = span.from;

	while (span.from != INT64_MIN && span.from > begin - LOOK_BACK) {
		int64_t end = span.from;

		span = zone_span_at(z, end - 1);
		seen = MAX(seen, end + span.offset);
	}
	return seen;
}

/* In one stretch, from `t` on. */
static bool find_in_span(const struct cron_plan *p, struct zone_span span, int64_t t, int64_t *out)
{
	int64_t until = MIN(span.until, t + SEARCH_S) + span.offset, from = t + span.offset, local;

	if (p->cron.hours != ALL_HOURS && span.from != INT64_MIN && t - span.from <= LOOK_BACK) {
		int64_t seen = seen_before(p->zone, span), begin = span.from + span.offset;

		if (t == span.from && find_local(&p->cron, seen, begin, &local)) {
			*out = t; /* it was skipped */
			return true;
		}
		from = MAX(from, seen);
	}
	if (!find_local(&p->cron, from, until, &local))
		return false;
	*out = local - span.offset;
	return true;
}

static bool next_interval(const struct cron_plan *p, int64_t after_ms, int64_t *out_ms)
{
	int64_t every = p->cron.every_ms, since = after_ms - p->anchor_ms;

	*out_ms = p->anchor_ms + (floor_div(since, every) + 1) * every;
	return *out_ms <= LAST_S * 1000;
}

bool cron_next(const struct cron_plan *p, int64_t after_ms, int64_t *out_ms)
{
	int64_t t, end, due;

	after_ms = MAX(after_ms, FIRST_S * 1000);
	if (after_ms >= LAST_S * 1000)
		return false;
	if (p->cron.every_ms)
		return next_interval(p, after_ms, out_ms);
	t = floor_div(after_ms, 1000) + 1;
	end = MIN(t + SEARCH_S, LAST_S);
	while (t < end) {
		struct zone_span span = zone_span_at(p->zone, t);

		if (find_in_span(p, span, t, &due)) {
			*out_ms = due * 1000;
			return due <= LAST_S;
		}
		t = span.until;
	}
	return false;
}

bool cron_last(const struct cron_plan *p, int64_t after_ms, int64_t until_ms, int64_t *out_ms)
{
	int64_t due, low = after_ms, high = until_ms;

	if (!cron_next(p, low, &due) || due > until_ms)
		return false;
	while (high - low > 1) { /* behind low comes one that is not behind until_ms */
		int64_t middle = low + (high - low) / 2, found;

		if (cron_next(p, middle, &found) && found <= until_ms) {
			low = middle;
			due = found;
		} else {
			high = middle;
		}
	}
	*out_ms = due;
	return true;
}
