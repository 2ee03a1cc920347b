/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks, and RFC 3339 both ways. Calendar arithmetic by days since 1970 in the proleptic Gregorian
 * calendar, years from March so that the leap day comes last. */
#include "base/clock.h"

#include <time.h>

#define DAY_S  86400LL
#define MS_MIN (-62135596800000LL) /* 0001-01-01T00:00:00.000Z */
#define MS_MAX 253402300799999LL   /* 9999-12-31T23:59:59.999Z */

int64_t clock_wall_ms(const struct clock *c)
{
	struct timespec t;

	if (c->is_fake)
		return __atomic_load_n(&c->fake_wall_ms, __ATOMIC_RELAXED);
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_boot_us(const struct clock *c)
{
	struct timespec t;

	if (c->is_fake)
		return __atomic_load_n(&c->fake_boot_us, __ATOMIC_RELAXED);
	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_boot_ms(const struct clock *c)
{
	return clock_boot_us(c) / 1000;
}

void clock_advance(struct clock *c, int64_t ms)
{
	/* a server's other threads read it meanwhile */
	__atomic_fetch_add(&c->fake_wall_ms, ms, __ATOMIC_RELAXED);
	__atomic_fetch_add(&c->fake_boot_us, ms * 1000, __ATOMIC_RELAXED);
}

static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
	int64_t y = year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
	       day_of_year - 719468;
}

static void date_from_days(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097; /* day of era */
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t m = (5 * doy + 2) / 153;

	*day = (int)(doy - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
}

/* Two digits and what stands behind them. */
static char *put_pair(char *p, int v, char behind)
{
	p[0] = (char)('0' + v / 10);
	p[1] = (char)('0' + v % 10);
	p[2] = behind;
	return p + 3;
}

size_t clock_format(char out[CLOCK_RFC3339_MAX], int64_t ms)
{
	int64_t clamped = MIN(MAX(ms, MS_MIN), MS_MAX);
	int64_t days = (clamped - MS_MIN) / (DAY_S * 1000) + MS_MIN / (DAY_S * 1000);
	int rest = (int)(clamped - days * DAY_S * 1000), seconds = rest / 1000;
	int year, month, day;
	char *p = out;

	date_from_days(days, &year, &month, &day);
	put_pair(p, year / 100, 0);
	p = put_pair(p + 2, year % 100, '-');
	p = put_pair(p, month, '-');
	p = put_pair(p, day, 'T');
	p = put_pair(p, seconds / 3600, ':');
	p = put_pair(p, seconds / 60 % 60, ':');
	p = put_pair(p, seconds % 60, '.');
	*p++ = (char)('0' + rest % 1000 / 100);
	p = put_pair(p, rest % 100, 'Z');
	*p = '\0';
	return (size_t)(p - out);
}

/* Reads n digits at *at; -1 when there are fewer. */
static int take_digits(struct str s, size_t *at, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++, (*at)++) {
		if (*at >= s.n || s.p[*at] < '0' || s.p[*at] > '9')
			return -1;
		v = v * 10 + (s.p[*at] - '0');
	}
	return v;
}

static bool take_char(struct str s, size_t *at, const char *any)
{
	if (*at >= s.n || !strchr(any, s.p[*at]) || s.p[*at] == '\0')
		return false;
	(*at)++;
	return true;
}

static int days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && is_leap);
}

/* ".123456" to 123; false when a point has no digit behind it. */
static bool take_fraction(struct str s, size_t *at, int *out_ms)
{
	int scale = 100;
	size_t from;

	*out_ms = 0;
	if (!take_char(s, at, "."))
		return true;
	for (from = *at; *at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9'; (*at)++) {
		*out_ms += (s.p[*at] - '0') * scale;
		scale /= 10;
	}
	return *at > from;
}

/* "Z" or "+02:00", in seconds. */
static bool take_offset(struct str s, size_t *at, int64_t *out_s)
{
	int64_t sign = *at < s.n && s.p[*at] == '-' ? -1 : 1;
	int hours, minutes;

	*out_s = 0;
	if (take_char(s, at, "Zz"))
		return true;
	if (!take_char(s, at, "+-"))
		return false;
	hours = take_digits(s, at, 2);
	if (!take_char(s, at, ":"))
		return false;
	minutes = take_digits(s, at, 2);
	if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
		return false;
	*out_s = sign * (hours * 3600 + minutes * 60);
	return true;
}

static bool take_date(struct str s, size_t *at, int64_t *out_days)
{
	int year, month, day;

	year = take_digits(s, at, 4);
	if (year < 0 || !take_char(s, at, "-"))
		return false;
	month = take_digits(s, at, 2);
	if (month < 1 || month > 12 || !take_char(s, at, "-"))
		return false;
	day = take_digits(s, at, 2);
	if (day < 1 || day > days_in_month(year, month))
		return false;
	*out_days = days_from_date(year, month, day);
	return true;
}

static bool take_time(struct str s, size_t *at, int64_t *out_s)
{
	int hour, minute, second;

	hour = take_digits(s, at, 2);
	if (hour < 0 || hour > 23 || !take_char(s, at, ":"))
		return false;
	minute = take_digits(s, at, 2);
	if (minute < 0 || minute > 59 || !take_char(s, at, ":"))
		return false;
	second = take_digits(s, at, 2);
	if (second < 0 || second > 60)
		return false;
	*out_s = hour * 3600 + minute * 60 + second;
	return true;
}

bool clock_parse(struct str s, int64_t *out_ms)
{
	int64_t days, seconds, offset, ms;
	bool is_leap;
	size_t at = 0;
	int fraction;

	if (!take_date(s, &at, &days) || !take_char(s, &at, "Tt ") || !take_time(s, &at, &seconds))
		return false;
	is_leap = s.p[at - 2] == '6';
	if (!take_fraction(s, &at, &fraction) || !take_offset(s, &at, &offset) || at != s.n)
		return false;
	seconds += days * DAY_S - offset;
	if (is_leap && seconds % DAY_S != 0) /* only the last minute of a day has one */
		return false;
	ms = seconds * 1000 + (is_leap ? 0 : fraction);
	if (ms < MS_MIN || ms > MS_MAX)
		return false;
	*out_ms = ms;
	return true;
}
