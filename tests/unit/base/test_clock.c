/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <time.h>

#include "tests/unit/test.h"

TEST(clock_formats_and_reads_back)
{
	static const struct {
		int64_t ms;
		const char *text;
	} table[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ -1, "1969-12-31T23:59:59.999Z" },
		{ 951782400000, "2000-02-29T00:00:00.000Z" },
		{ 951868799999, "2000-02-29T23:59:59.999Z" },
		{ 1795255200123, "2026-11-21T10:00:00.123Z" },
		{ 4107542400000, "2100-03-01T00:00:00.000Z" },
		{ -62135596800000, "0001-01-01T00:00:00.000Z" },
		{ 253402300799999, "9999-12-31T23:59:59.999Z" },
	};
	char text[CLOCK_RFC3339_MAX];
	int64_t ms;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		CHECK_INT(clock_format(text, table[i].ms), 24);
		CHECK_CSTR(text, table[i].text);
		CHECK(clock_parse(str_from(text), &ms));
		CHECK_INT(ms, table[i].ms);
	}
}

TEST(clock_format_clamps_to_four_digit_years)
{
	char text[CLOCK_RFC3339_MAX];

	clock_format(text, INT64_MIN);
	CHECK_CSTR(text, "0001-01-01T00:00:00.000Z");
	clock_format(text, INT64_MAX);
	CHECK_CSTR(text, "9999-12-31T23:59:59.999Z");
}

TEST(clock_agrees_with_libc_on_every_day)
{
	char text[CLOCK_RFC3339_MAX], want[64];

	for (int64_t day = -719162; day < 2932897; day += 13) {
		time_t t = day * 86400 + 3723;
		struct tm tm;

		gmtime_r(&t, &tm);
		clock_format(text, (int64_t)t * 1000 + 45);
		strftime(want, sizeof(want), "%FT%T", &tm);
		/* %F does not pad the year */
		if (tm.tm_year >= -900 &&
		    !CHECK_STR_EQ(str_slice(str_from(text), 0, 19), str_from(want)))
			return;
		if (!CHECK_STR(str_slice(str_from(text), 19, 24), ".045Z"))
			return;
	}
}

TEST(clock_reads_rfc3339_with_offset_and_fraction)
{
	static const struct {
		const char *text;
		int64_t ms;
	} table[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1970-01-01t00:00:00z", 0 },
		{ "1970-01-01 00:00:00Z", 0 },
		{ "1970-01-01T01:00:00+01:00", 0 },
		{ "1969-12-31T19:30:00-04:30", 0 },
		{ "1970-01-01T00:00:00-00:00", 0 },
		{ "1970-01-01T00:00:00.5Z", 500 },
		{ "1970-01-01T00:00:00.1239999999999999999999Z", 123 },
		{ "1990-12-31T23:59:60Z", 662688000000 },
		{ "1990-12-31T15:59:60.9-08:00", 662688000000 },
		{ "2024-02-29T00:00:00Z", 1709164800000 },
	};
	int64_t ms;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (!CHECK(clock_parse(str_from(table[i].text), &ms)) ||
		    !CHECK_INT(ms, table[i].ms))
			CHECK_CSTR(table[i].text, NULL);
	}
}

TEST(clock_refuses_what_is_no_time)
{
	static const char *const bad[] = {
		"",
		"2026",
		"2026-11-21",
		"2026-11-21T10:00Z",
		"2026-11-21T10:00:00",
		"2026-11-21T10:00:00.Z",
		"2026-11-21T24:00:00Z",
		"2026-11-21T10:60:00Z",
		"2026-11-21T10:00:61Z",
		"2026-11-21T10:00:60Z",
		"2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-02-29T00:00:00Z",
		"2100-02-29T00:00:00Z",
		"2026-04-31T00:00:00Z",
		"2026-11-00T00:00:00Z",
		"2026-11-21T10:00:00+24:00",
		"2026-11-21T10:00:00+0100",
		"2026-11-21T10:00:00Z ",
		" 2026-11-21T10:00:00Z",
		"26-11-21T10:00:00Z",
		"2026-1-21T10:00:00Z",
		"0000-01-01T00:00:00Z",
		"0001-01-01T00:00:00+01:00",
		"9999-12-31T23:59:59-01:00",
		"2026-11-21T10:00:00+01:60",
		"+2026-11-21T10:00:00Z",
		"2026-11-21T10:00:00.123",
		"2026/11/21T10:00:00Z",
	};
	int64_t ms = 77;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (!CHECK(!clock_parse(str_from(bad[i]), &ms)))
			CHECK_CSTR(bad[i], NULL);
	CHECK_INT(ms, 77);
	CHECK(!clock_parse(STR_NONE, &ms));
}

TEST(clock_fake_moves_only_when_told)
{
	struct clock c = { .is_fake = true, .fake_wall_ms = 1000, .fake_boot_us = 5000000 };

	CHECK_INT(clock_wall_ms(&c), 1000);
	CHECK_INT(clock_boot_ms(&c), 5000);
	clock_advance(&c, 250);
	CHECK_INT(clock_wall_ms(&c), 1250);
	CHECK_INT(clock_boot_us(&c), 5250000);
}

TEST(clock_real_boot_time_never_goes_back)
{
	struct clock c = { 0 };
	int64_t before = clock_boot_us(&c);

	CHECK(before > 0);
	for (int i = 0; i < 1000; i++) {
		int64_t now = clock_boot_us(&c);

		CHECK(now >= before);
		before = now;
	}
	CHECK(clock_wall_ms(&c) > 1600000000000);
}
