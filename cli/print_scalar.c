/* SPDX-License-Identifier: Apache-2.0 */
/* Single values as text: times in words, the rest as it is. */
#include "cli/print.h"

#include "base/clock.h"
#include "cli/width.h"

/* "3 min ago", "in 2 h"; NONE beyond a month, where the date says more. */
static struct str relative(const struct print *p, int64_t ms)
{
	static const struct {
		int64_t ms;
		const char *unit;
	} units[] = { { 86400000, "d" }, { 3600000, "h" }, { 60000, "min" }, { 1000, "s" } };
	int64_t away = p->now_ms > ms ? p->now_ms - ms : ms - p->now_ms;

	if (away > 31 * units[0].ms)
		return STR_NONE;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		long long n = away / units[i].ms;

		if (n > 0)
			return p->now_ms > ms ? str_fmt(p->arena, "%lld %s ago", n, units[i].unit)
					      : str_fmt(p->arena, "in %lld %s", n, units[i].unit);
	}
	return STR("now");
}

static bool is_time(struct str s, int64_t *ms)
{
	return s.n == CLOCK_RFC3339_MAX - 1 && s.p[10] == 'T' && s.p[s.n - 1] == 'Z' &&
	       clock_parse(s, ms);
}

static struct str time_text(const struct print *p, struct str s, int64_t ms, bool is_short)
{
	struct str words = relative(p, ms);

	if (is_short)
		return words.p ? words : str_slice(s, 0, 10);
	return words.p ? str_fmt(p->arena, "%.*s (%.*s)", STR_ARG(s), STR_ARG(words)) : s;
}

static struct str joined(const struct print *p, const struct json *array)
{
	struct str all = STR("");

	for (uint32_t i = 0; i < array->n && all.n < 2000; i++) {
		struct str one = print_scalar(p, &array->items[i], true);

		all = str_fmt(p->arena, "%.*s%s%.*s", STR_ARG(all), i ? ", " : "", STR_ARG(one));
	}
	return all;
}

struct str print_scalar(const struct print *p, const struct json *v, bool is_short)
{
	int64_t ms;

	switch (v->type) {
	case JSON_STRING:
		if (is_time(v->s, &ms))
			return time_text(p, v->s, ms, is_short);
		return v->s;
	case JSON_BOOL:
		return v->b ? STR("yes") : STR("no");
	case JSON_NONE:
	case JSON_NULL:
		return STR("");
	case JSON_ARRAY:
		return joined(p, v);
	case JSON_INT:
	case JSON_DOUBLE:
	case JSON_OBJECT:
		break;
	}
	return v->raw;
}
