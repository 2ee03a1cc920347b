/* SPDX-License-Identifier: Apache-2.0 */
#include "base/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/zone_rule.h"
#include "tests/unit/alloc.h"
#include "tests/unit/test.h"

#define HEAD 44

static struct arena arena;

/* A file of version 2: one type (an hour ahead), `n` transitions a day apart, and the footer. */
static struct str make_file(char *out, uint8_t n, const char *footer)
{
	char *at = out;

	memset(out, 0, 512);
	for (int part = 0; part < 2; part++) {
		memcpy(at, "TZif2", 5);
		at[35] = part ? (char)n : 0;
		at[39] = 1;
		at[43] = 4;
		at += HEAD;
		for (uint8_t i = 0; part && i < n; i++, at += 8)
			at[5] = (char)(i + 1);
		at += part ? n : 0;
		at[2] = 0x0e;
		at[3] = 0x10;
		memcpy(at + 6, "XXX", 3);
		at += 10;
	}
	memcpy(at, footer, strlen(footer));
	return (struct str){ out, (size_t)(at - out) + strlen(footer) };
}

static int parse(struct str bytes)
{
	const struct zone *z;
	int e;

	arena_reset(&arena);
	e = zone_parse(&arena, bytes, &z);
	if (!e)
		CHECK_INT(zone_span_at(z, 0).offset, 3600);
	return e;
}

TEST(zone_file_is_read_or_refused_at_every_length)
{
	char file[512];
	struct str whole = make_file(file, 3, "\nXXX-1\n");

	arena_init(&arena, 0);
	CHECK_INT(parse(whole), 0);
	for (size_t n = 0; n < whole.n; n++)
		CHECK_INT(parse(str_slice(whole, 0, n)), ZONE_BROKEN);
	arena_deinit(&arena);
}

TEST(zone_file_that_is_broken_is_refused)
{
	/* where, and what stands there instead */
	static const struct {
		size_t at;
		uint8_t byte;
		const char *what;
	} cases[] = {
		{ 0, 'X', "no zone file" },
		{ 4, 0, "the first version has 32 bits only" },
		{ HEAD + 10 + 31, 1, "leap seconds" },
		{ HEAD + 10 + 39, 0, "no type" },
		{ HEAD + 10 + 32, 1, "millions of transitions" },
		{ HEAD + 10 + HEAD + 5 + 8, 0, "times that do not rise" },
		{ HEAD + 10 + HEAD + 24, 7, "a type that is not there" },
		{ HEAD + 10 + HEAD + 27, 0x7f, "an offset of years" },
	};
	char file[512];

	arena_init(&arena, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str bytes = make_file(file, 3, "\nXXX-1\n");

		file[cases[i].at] = (char)cases[i].byte;
		if (!CHECK_INT(parse(bytes), ZONE_BROKEN))
			printf("# %s\n", cases[i].what);
	}
	CHECK_INT(parse(make_file(file, 0, "\n\n")), 0);
	CHECK_INT(parse(make_file(file, 0, "\nXXX\n")), ZONE_BROKEN);
	arena_deinit(&arena);
}

static const char *const good_rules[] = {
	"UTC0",
	"<+0330>-3:30",
	"CET-1CEST,M3.5.0,M10.5.0/3",
	"EST5EDT4:30:15,J60/-1,365/167:59:59",
	"<-03>3<-02>,M3.5.0/-2,M10.5.0/-1",
};
static const char *const bad_rules[] = {
	"",
	"AB1",
	"CET",
	"CET-25",
	"CET-1x",
	"CET-1CEST",
	"CET-1CEST,M3.5.0",
	"CET-1CEST,M3.5.0,M13.5.0",
	"<x-1",
	"CET-1:60",
	"CET-1CEST,M3.6.0,J1",
	"CET-1CEST,M3.5.7,J1",
	"CET-1CEST,J0,J1",
	"CET-1CEST,366,J1",
	"CET-1CEST,J1/168,J2",
	"CET-1CEST,J1,J2/",
	"<>1",
	"CET+",
	"CET-1CEST,M3-5.0,J1",
	"CET-1CEST,M3.5-0,J1",
	"CET-1C",
	"CET-1CEST99,J1,J2",
};

TEST(zone_rule_is_read_or_refused)
{
	struct zone_rule r;

	for (size_t i = 0; i < ARRAY_LEN(good_rules); i++)
		if (!CHECK(zone_rule_parse(str_from(good_rules[i]), &r)))
			printf("# %s\n", good_rules[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad_rules); i++)
		if (!CHECK(!zone_rule_parse(str_from(bad_rules[i]), &r)))
			printf("# %s\n", bad_rules[i]);
}

TEST(zone_rule_with_summer_all_the_year)
{
	struct zone_rule r;

	CHECK(zone_rule_parse(STR("XXX3EDT4,0/0,J365/23"), &r));
	for (int64_t day = 0; day < 400; day++)
		CHECK_INT(zone_rule_span(&r, day * 86400 + 3 * 3600).offset, r.summer);
}

TEST(zone_names_cannot_leave_the_folder)
{
	static const char *const names[] = { "",       "../etc/passwd", "/etc/passwd", "Europe/",
					     "Europe", "Europe//Paris", "Europe/..",   "Mars/Base",
					     "UTC\n",  "a\\b" };
	const struct zone *z;

	arena_init(&arena, 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		CHECK_INT(zone_load(&arena, str_from(names[i]), &z), ZONE_UNKNOWN);
	arena_deinit(&arena);
}

TEST(zone_files_that_are_missing_are_told_apart_from_a_name_that_is)
{
	const struct zone *z;
	const char *dir = test_path("zones");

	arena_init(&arena, 0);
	setenv("TZDIR", dir, 1);
	CHECK_INT(zone_load(&arena, STR("Europe/Berlin"), &z), ZONE_NO_DATA);
	CHECK_OK(zone_load(&arena, STR("UTC"), &z));
	CHECK_INT(zone_span_at(z, 0).offset, 0);
	CHECK_OK(fd_mkdir_all(dir, 0700));
	CHECK_INT(zone_load(&arena, STR("Europe/Berlin"), &z), ZONE_UNKNOWN);
	CHECK_OK(fd_write_file(test_path("zones/Bad"), STR("TZif?"), 0600));
	CHECK_INT(zone_load(&arena, STR("Bad"), &z), ZONE_BROKEN);
	setenv("TZDIR", "relative", 1); /* not looked at */
	CHECK(zone_load(&arena, STR("Europe/Berlin"), &z) != ZONE_NO_DATA);
	unsetenv("TZDIR");
	arena_deinit(&arena);
}

TEST(zone_says_when_memory_is_out)
{
	const struct zone *z;
	int e = -1;

	for (unsigned n = 1; e; n++) {
		arena_init(&arena, 0);
		alloc_fail_at(n);
		e = zone_load(&arena, STR("Europe/Berlin"), &z);
		alloc_fail_at(0);
		if (e)
			CHECK_FAULT(e, ERR_NOMEM);
		arena_deinit(&arena);
		if (!CHECK(n < 50))
			return;
	}
}
