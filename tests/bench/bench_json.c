/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing and printing of a 305-byte call: the least of several rounds, so that what else runs on
 * the machine counts less. */
#include <assert.h>
#include <stdio.h>
#include <time.h>

#include "base/json.h"

#define PARSE_LIMIT_NS 400.0
#define PRINT_LIMIT_NS 400.0
#define ROUNDS         60
#define CALLS          20000

static const char call[] =
    "{\"jsonrpc\":\"2.0\",\"id\":4711,\"method\":\"quests.create\",\"params\":{"
    "\"subject\":\"Fix the login page so that long names do not break it\","
    "\"description\":\"Names of more than sixty characters push the button\","
    "\"priority\":\"high\",\"assignee\":\"researcher\",\"labels\":[\"frontend\",\"bug\"],"
    "\"weight\":3,\"request_id\":\"3f0c9a52-7d\"}}";

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void parse(struct arena *a, struct json *out)
{
	int e;

	arena_reset(a);
	e = json_parse(a, (struct str){ call, sizeof(call) - 1 }, out, NULL);
	assert(e == 0);
}

static void print(const struct json *v, struct buf *b)
{
	struct json_out w = json_out(b);

	buf_clear(b);
	json_value(&w, v);
	assert(buf_len(b) == sizeof(call) - 1);
}

/* `ready` NULL: parses; else prints it. */
static double least_ns(struct arena *a, struct buf *b, const struct json *ready)
{
	double least = 1e18;
	struct json v;

	for (int round = 0; round < ROUNDS; round++) {
		int64_t begun = now_ns();
		double each;

		for (int i = 0; i < CALLS; i++) {
			if (ready)
				print(ready, b);
			else
				parse(a, &v);
		}
		each = (double)(now_ns() - begun) / CALLS;
		least = MIN(least, each);
	}
	return least;
}

static bool tell(const char *name, double ns, double limit_ns)
{
	printf("%s %s %.0f ns, limit %.0f ns\n", ns <= limit_ns ? "ok" : "not ok", name, ns,
	       limit_ns);
	return ns <= limit_ns;
}

int main(void)
{
	bool held;
	struct arena a, kept;
	struct json v;
	struct buf b;

	arena_init(&a, 0);
	arena_init(&kept, 0);
	buf_init(&b, 0);
	parse(&kept, &v);
	printf("a call of %zu bytes\n", sizeof(call) - 1);
	held = tell("json_parse", least_ns(&a, &b, NULL), PARSE_LIMIT_NS);
	held &= tell("json_print", least_ns(&a, &b, &v), PRINT_LIMIT_NS);
	buf_deinit(&b);
	arena_deinit(&kept);
	arena_deinit(&a);
	return held ? 0 : 1;
}
