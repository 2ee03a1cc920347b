/* SPDX-License-Identifier: Apache-2.0 */
/* Parse + validate + decode of a 300-byte call: the least of several rounds, so that what else runs
 * on the machine counts less. Prints one line: name, figure, limit. */
#include <assert.h>
#include <stdio.h>
#include <time.h>

#include "base/json.h"
#include "verbs.gen.h"

#define LIMIT_NS 1000.0
#define ROUNDS   40
#define CALLS    20000

static const char call[] =
    "{\"subject\":\"Fix the login page so that long names do not break it\","
    "\"description\":\"Names of more than sixty characters push the button out of view; see the "
    "picture.\",\"priority\":\"high\",\"assignee\":\"researcher\","
    "\"labels\":[\"frontend\",\"bug\"],\"due_at\":\"2026-12-01T10:00:00Z\","
    "\"request_id\":\"3f0c9a52-7d1e-4a57\"}";

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void run(struct arena *a, bool is_decoded, const struct json *ready)
{
	struct quests_create_params params = { 0 };
	struct shape_faults faults;
	struct json json;
	int e;

	arena_reset(a);
	if (!ready) {
		e = json_parse(a, (struct str){ call, sizeof(call) - 1 }, &json, NULL);
		assert(e == 0);
		ready = &json;
	}
	if (is_decoded) {
		e = shape_decode(&quests_create_params_shape, ready, a, &params, &faults);
		assert(e == 0 && params.labels.n == 2);
	}
}

static double least_ns(struct arena *a, bool is_decoded, const struct json *ready)
{
	double least = 1e18;

	for (int round = 0; round < ROUNDS; round++) {
		int64_t begun = now_ns();
		for (int i = 0; i < CALLS; i++)
			run(a, is_decoded, ready);
		double each = (double)(now_ns() - begun) / CALLS;
		if (each < least)
			least = each;
	}
	return least;
}

int main(void)
{
	struct arena a, kept;
	struct json ready;
	double whole, parse, decode;
	int e;

	arena_init(&a, 0);
	arena_init(&kept, 0);
	e = json_parse(&kept, (struct str){ call, sizeof(call) - 1 }, &ready, NULL);
	assert(e == 0);
	parse = least_ns(&a, false, NULL);
	decode = least_ns(&a, true, &ready);
	whole = least_ns(&a, true, NULL);
	printf("decode %zu bytes: parse %.0f ns, decode %.0f ns\n", sizeof(call) - 1, parse,
	       decode);
	printf("%s decode %.0f ns, limit %.0f ns\n", whole <= LIMIT_NS ? "ok" : "not ok", whole,
	       LIMIT_NS);
	arena_deinit(&kept);
	arena_deinit(&a);
	return whole <= LIMIT_NS ? 0 : 1;
}
