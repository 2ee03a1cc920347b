/* SPDX-License-Identifier: Apache-2.0 */
/* A zone is a table of transitions and a rule for what follows the last of them. The rule's own
 * transitions are computed for the years around the time that is asked for. */
#include "base/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/zone_rule.h"

#define DIR_DEFAULT   "/usr/share/zoneinfo"
#define HEAD          44
#define TIMES_MAX     8192
#define TYPE_BYTES    6
#define DAYS_PER_ERA  146097
#define OFFSET_MAX    (26 * 3600)
#define RULE_TEXT_MAX 128

struct zone {
	int64_t *times;
	int32_t *offsets; /* [n_times + 1]: before the first, then from each time on */
	size_t n_times;
	struct zone_rule rule; /* behind the last time; none: its offset stays */
};

/* ---- calendar ---- */

int64_t zone_days(struct zone_date d)
{
	/* years begin in March, so that the day that may be missing is the last */
	int64_t y = d.month <= 2 ? d.year - 1 : d.year;
	int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (d.month + (d.month > 2 ? -3 : 9)) + 2) / 5 + d.day - 1;

	return era * DAYS_PER_ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct zone_date zone_date(int64_t days)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - DAYS_PER_ERA + 1) / DAYS_PER_ERA;
	int64_t of_era = z - era * DAYS_PER_ERA;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100),
		month = (5 * of_year + 2) / 153;
	int m = (int)(month < 10 ? month + 3 : month - 9);

	return (struct zone_date){ .year = year + era * 400 + (m <= 2),
				   .month = m,
				   .day = (int)(of_year - (153 * month + 2) / 5 + 1) };
}

int zone_weekday(int64_t days)
{
	return (int)(((days + 4) % 7 + 7) % 7);
}

int zone_month_length(int64_t year, int month)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return lengths[month - 1] + (month == 2 && is_leap);
}

/* ---- the file ---- */

static uint64_t big_endian(const char *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | (uint8_t)p[i];
	return v;
}

struct counts {
	size_t isut, isstd, leap, time, type, chars;
};

/* A head and the size of what follows it; false when there is none. */
static bool read_head(struct str bytes, size_t time_bytes, struct counts *out, size_t *out_size)
{
	if (bytes.n < HEAD || !str_starts(bytes, STR("TZif")) || bytes.p[4] < '2')
		return false;
	out->isut = big_endian(bytes.p + 20, 4);
	out->isstd = big_endian(bytes.p + 24, 4);
	out->leap = big_endian(bytes.p + 28, 4);
	out->time = big_endian(bytes.p + 32, 4);
	out->type = big_endian(bytes.p + 36, 4);
	out->chars = big_endian(bytes.p + 40, 4);
	if (out->time > TIMES_MAX || out->type > 256 || out->chars > 4096 || out->leap > 4096 ||
	    out->isstd > 256 || out->isut > 256)
		return false;
	*out_size = out->time * (time_bytes + 1) + out->type * TYPE_BYTES + out->chars +
		    out->leap * (time_bytes + 4) + out->isstd + out->isut;
	return bytes.n - HEAD >= *out_size;
}

static bool read_offset(const char *types, size_t n_types, size_t i, int32_t *out)
{
	if (i >= n_types)
		return false;
	*out = (int32_t)(uint32_t)big_endian(types + i * TYPE_BYTES, 4);
	return *out >= -OFFSET_MAX && *out <= OFFSET_MAX;
}

static bool read_table(struct zone *z, const char *data, const struct counts *n)
{
	const char *indices = data + n->time * 8, *types = indices + n->time;

	if (!read_offset(types, n->type, 0, &z->offsets[0]))
		return false;
	for (size_t i = 0; i < n->time; i++) {
		z->times[i] = (int64_t)big_endian(data + i * 8, 8);
		if ((i && z->times[i] <= z->times[i - 1]) ||
		    !read_offset(types, n->type, (uint8_t)indices[i], &z->offsets[i + 1]))
			return false;
	}
	z->n_times = n->time;
	return true;
}

/* "\nRULE\n", the rule perhaps empty. */
static bool read_footer(struct zone *z, struct str footer)
{
	struct str rule;

	if (footer.n < 2 || footer.p[0] != '\n')
		return false;
	footer = str_slice(footer, 1, footer.n);
	rule = str_cut(&footer, '\n');
	return footer.p && rule.n <= RULE_TEXT_MAX && (!rule.n || zone_rule_parse(rule, &z->rule));
}

int zone_parse(struct arena *a, struct str bytes, const struct zone **out)
{
	struct counts n;
	struct zone *z;
	size_t size;

	if (!read_head(bytes, 4, &n, &size))
		return ZONE_BROKEN;
	bytes = str_slice(bytes, HEAD + size, bytes.n);
	/* zones that count leap seconds are of another time than ours */
	if (!read_head(bytes, 8, &n, &size) || n.leap)
		return ZONE_BROKEN;
	z = ARENA_NEW(a, struct zone);
	if (!z)
		return err_nomem();
	z->times = ARENA_ARRAY(a, n.time + 1, int64_t);
	z->offsets = ARENA_ARRAY(a, n.time + 1, int32_t);
	if (!z->times || !z->offsets)
		return err_nomem();
	if (!read_table(z, bytes.p + HEAD, &n) ||
	    !read_footer(z, str_slice(bytes, HEAD + size, bytes.n)))
		return ZONE_BROKEN;
	*out = z;
	return 0;
}

/* ---- by name ---- */

static bool is_name(struct str name)
{
	bool is_start = true; /* of a part */

	if (!name.n || name.n > ZONE_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
		bool is_other = (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-';

		if (is_start ? !is_letter : !is_letter && !is_other && c != '/')
			return false;
		is_start = c == '/';
	}
	return !is_start;
}

static const char *zone_dir(void)
{
	const char *dir = getenv("TZDIR");

	return dir && dir[0] == '/' ? dir : DIR_DEFAULT;
}

static int load_file(struct arena *a, struct str name, const struct zone **out)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/%.*s", zone_dir(), STR_ARG(name));
	int e;

	if (n < 0 || (size_t)n >= sizeof(path))
		return ZONE_UNKNOWN;
	buf_init(&b, ZONE_FILE_MAX);
	e = fd_read_file(path, ZONE_FILE_MAX, &b);
	if (err_class(e) == ERR_NOMEM)
		return err_trace(e);
	if (e < 0) /* a folder, or what may not be read */
		err_forget();
	return e ? ZONE_UNKNOWN : zone_parse(a, buf_str(&b), out);
}

static int make_utc(struct arena *a, const struct zone **out)
{
	struct zone *z = ARENA_NEW(a, struct zone);

	if (z)
		z->offsets = ARENA_ARRAY(a, 1, int32_t);
	*out = z;
	return a->is_out ? err_nomem() : 0;
}

int zone_load(struct arena *a, struct str name, const struct zone **out)
{
	int e;

	if (str_eq(name, STR("UTC")))
		return err_trace(make_utc(a, out));
	e = is_name(name) ? load_file(a, name, out) : ZONE_UNKNOWN;
	if (e == ZONE_UNKNOWN && access(zone_dir(), R_OK) != 0)
		return ZONE_NO_DATA;
	return e;
}

/* ---- what time it is there ---- */

/* Of the rule, no further back than `from`. */
static struct zone_span behind_table(const struct zone *z, int64_t from, int64_t utc_s)
{
	struct zone_span span;

	if (!z->rule.is_there)
		return (struct zone_span){ from, INT64_MAX, z->offsets[z->n_times] };
	span = zone_rule_span(&z->rule, utc_s);
	span.from = MAX(span.from, from);
	return span;
}

struct zone_span zone_span_at(const struct zone *z, int64_t utc_s)
{
	size_t low = 0, high = z->n_times;

	while (low < high) { /* the first time behind it */
		size_t middle = low + (high - low) / 2;

		if (z->times[middle] <= utc_s)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == z->n_times)
		return behind_table(z, low ? z->times[low - 1] : INT64_MIN, utc_s);
	return (struct zone_span){ low ? z->times[low - 1] : INT64_MIN, z->times[low],
				   z->offsets[low] };
}
