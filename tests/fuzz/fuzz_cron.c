/* SPDX-License-Identifier: Apache-2.0 */
/* A line of cron, and behind it a zone file (UTC where it is none). What is found is behind what
 * was asked, nothing lies in between, the way back finds the same, and it all ends soon. */
#include <assert.h>

#include "base/cron.h"
#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t starts[] = { INT64_C(-62135596800000), INT64_C(-1), INT64_C(1234567890123),
				  INT64_C(1792893599999), INT64_C(253402300799000) };

static void look(const struct cron_plan *plan, int64_t after)
{
	int64_t due, again, last;

	for (int i = 0; i < 3; i++) {
		if (!cron_next(plan, after, &due))
			return;
		assert(due > after);
		assert(cron_next(plan, due - 1, &again) && again == due);
		assert(cron_next(plan, after + (due - after) / 2, &again) && again >= due);
		assert(again == due || after + (due - after) / 2 == due);
		assert(cron_last(plan, after, due, &last) && last == due);
		after = due;
	}
}

static void check_spans(const struct zone *z, int64_t t)
{
	for (int i = 0; i < 4; i++) {
		struct zone_span span = zone_span_at(z, t);

		assert(span.from <= t && t < span.until);
		if (span.until == INT64_MAX || span.until > INT64_C(1) << 39)
			return;
		t = span.until;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = { (const char *)data, size }, line = str_cut(&rest, '\n');
	struct cron_plan plan = { .zone = NULL };
	struct cron_fault fault;
	struct arena a;
	int e;

	arena_init(&a, (size_t)4 * 1024 * 1024);
	e = zone_parse(&a, rest, &plan.zone);
	assert(e == 0 || e == ZONE_BROKEN);
	if (e)
		e = zone_load(&a, STR("UTC"), &plan.zone);
	assert(!e);
	for (size_t i = 0; i < ARRAY_LEN(starts); i++)
		check_spans(plan.zone, starts[i] / 1000);
	e = cron_parse(line, &plan.cron, &fault);
	assert(e == 0 || (e == CRON_BAD && fault.field && fault.column && fault.text[0]));
	assert(!e || fault.column <= MAX(line.n, (size_t)60) + 1);
	for (size_t i = 0; !e && i < ARRAY_LEN(starts); i++)
		look(&plan, starts[i]);
	arena_deinit(&a);
	return 0;
}
