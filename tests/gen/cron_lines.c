/* SPDX-License-Identifier: Apache-2.0 */
/* For test_cron.py: answers each line of stdin.
 *   due <tab> ZONE <tab> AFTER <tab> UNTIL <tab> CRON    all due times, in seconds
 *   last <tab> ZONE <tab> AFTER <tab> UNTIL <tab> CRON   the last of them, or "none"
 *   offset <tab> ZONE <tab> T                            seconds ahead of UTC
 *   parse <tab> CRON                                     "ok", or field, column and text */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/cron.h"

static int64_t take_number(struct str *rest)
{
	int64_t n = 0;

	if (!str_to_i64(str_cut(rest, '\t'), &n))
		exit(2);
	return n;
}

static const struct zone *take_zone(struct arena *a, struct str *rest)
{
	const struct zone *zone;

	if (zone_load(a, str_cut(rest, '\t'), &zone))
		exit(3);
	return zone;
}

static void parse(struct str text, struct cron *cron)
{
	struct cron_fault fault;

	if (cron_parse(text, cron, &fault))
		printf("%s\t%zu\t%s", fault.field, fault.column, fault.text);
	else
		printf("ok");
}

static void answer(struct arena *a, struct str rest)
{
	struct str what = str_cut(&rest, '\t');
	struct cron_plan plan = { 0 };
	struct cron_fault fault;
	int64_t after, until, at;

	if (str_eq(what, STR("parse"))) {
		parse(rest, &plan.cron);
		return;
	}
	plan.zone = take_zone(a, &rest);
	after = take_number(&rest);
	if (str_eq(what, STR("offset"))) {
		printf("%lld", (long long)zone_span_at(plan.zone, after).offset);
		return;
	}
	until = take_number(&rest);
	if (cron_parse(rest, &plan.cron, &fault))
		exit(4);
	if (str_eq(what, STR("last"))) {
		if (cron_last(&plan, after * 1000, until * 1000, &at))
			printf("%lld", (long long)at / 1000);
		else
			printf("none");
		return;
	}
	for (at = after * 1000; cron_next(&plan, at, &at) && at <= until * 1000;)
		printf("%lld ", (long long)at / 1000);
}

int main(void)
{
	char *line = NULL;
	size_t room = 0;
	struct arena a;
	ssize_t n;

	arena_init(&a, 0);
	while ((n = getline(&line, &room, stdin)) > 0) {
		answer(&a, (struct str){ line, (size_t)n - 1 });
		printf("\n");
		arena_reset(&a);
	}
	arena_deinit(&a);
	free(line);
	return 0;
}
