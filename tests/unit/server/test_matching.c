/* SPDX-License-Identifier: Apache-2.0 */
/* How often a subscription fires, to the millisecond: its count within a window, its cooldown. */
#include <stdio.h>

#include "base/json.h"
#include "tests/unit/test.h"
#include "world.h"

#define SECOND INT64_C(1000)
#define HOUR   (3600 * SECOND)

/* A door is opened so long after the time before (the clock may be set back), and so often had the
 * subscription to it fired then, and was held back by its cooldown. */
struct opening {
	int64_t after_ms;
	int fired, suppressed;
};

static struct str say(struct peer *p, const char *method, const char *params)
{
	char line[320];

	snprintf(line, sizeof(line),
		 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}", method, params);
	peer_forget(p);
	return peer_ask(p, line);
}

static int64_t shown(struct peer *p, struct arena *a, const char *path)
{
	const struct json *found;
	struct json answer;

	if (!CHECK_INT(json_parse(a, say(p, "events.subscriptions", "{}"), &answer, NULL), 0))
		return -1;
	found = json_at(&answer, str_from(path));
	return found ? found->i : 0;
}

static void open_door(struct world *w, struct peer *p, const struct opening *o)
{
	CLEANUP(arena_deinit) struct arena arena;

	arena_init(&arena, 0);
	w->server.clock.fake_wall_ms += o->after_ms;
	CHECK_HAS(say(p, "events.fire", "{\"kind\":\"door.opened\"}"), "\"result\"");
	CHECK_INT(shown(p, &arena, "result.items.0.fired"), o->fired);
	CHECK_INT(shown(p, &arena, "result.items.0.suppressed"), o->suppressed);
}

static void check(const char *how_often, const struct opening *openings, size_t n)
{
	char params[200];
	struct world w;
	struct peer p;

	snprintf(params, sizeof(params),
		 "{\"kind\":\"door.opened\",\"calls\":[{\"verb\":\"system.ping\"}],%s}", how_often);
	if (!world_open(&w, NULL, true))
		return;
	if (peer_open(&p, &w, NULL)) {
		/* what it fires waits: nobody looks at the clock while it is moved */
		say(&p, "queues.pause", "{\"name\":\"reactions\"}");
		CHECK_HAS(say(&p, "events.subscribe", params), "\"s-1\"");
		for (size_t i = 0; i < n; i++)
			open_door(&w, &p, &openings[i]);
		peer_close(&p);
	}
	world_close(&w);
}

#define CHECK_OPENINGS(how_often, ...)                                    \
	do {                                                              \
		static const struct opening openings[] = { __VA_ARGS__ }; \
		check("" how_often, openings, ARRAY_LEN(openings));       \
	} while (0)

TEST(count_fires_at_the_nth_match_within_the_window_and_begins_anew)
{
	CHECK_OPENINGS("\"count\":3,\"window_s\":10", { 0, 0, 0 }, { 0, 0, 0 }, { 0, 1, 0 },
		       { 0, 1, 0 }, { 0, 1, 0 }, { 0, 2, 0 });
}

TEST(count_looks_back_from_each_match)
{
	CHECK_OPENINGS("\"count\":3,\"window_s\":10", { 0, 0, 0 }, { 6 * SECOND, 0, 0 },
		       { 6 * SECOND, 0, 0 }, { 3 * SECOND, 1, 0 }, { 0, 1, 0 }, { 0, 1, 0 });
}

TEST(count_takes_a_match_that_is_as_old_as_the_window_and_none_older)
{
	CHECK_OPENINGS("\"count\":2,\"window_s\":10", { 0, 0, 0 }, { 10 * SECOND, 1, 0 },
		       { SECOND, 1, 0 }, { 10 * SECOND + 1, 1, 0 }, { 10 * SECOND, 2, 0 });
}

TEST(count_takes_no_match_of_a_time_that_the_clock_left)
{
	CHECK_OPENINGS("\"count\":2,\"window_s\":10", { 0, 0, 0 }, { -HOUR, 0, 0 },
		       { SECOND, 1, 0 }, { 0, 1, 0 }, { -5 * SECOND, 2, 0 });
}

TEST(cooldown_holds_back_until_it_is_over_and_catches_nothing_up)
{
	CHECK_OPENINGS("\"cooldown_s\":10", { 0, 1, 0 }, { 0, 1, 1 }, { 10 * SECOND - 1, 1, 2 },
		       { 1, 2, 2 }, { 1, 2, 3 }, { HOUR, 3, 3 });
}

TEST(cooldown_is_over_when_the_clock_is_set_back_behind_it)
{
	CHECK_OPENINGS("\"cooldown_s\":10", { 0, 1, 0 }, { -HOUR, 2, 0 }, { SECOND, 2, 1 });
}

TEST(cooldown_holds_back_each_match_also_before_they_are_enough)
{
	CHECK_OPENINGS("\"count\":3,\"window_s\":60,\"cooldown_s\":10", { 0, 0, 0 }, { 0, 0, 0 },
		       { 0, 1, 0 }, { SECOND, 1, 1 }, { 0, 1, 2 }, { 0, 1, 3 }, { 0, 1, 4 });
}

TEST(cooldown_lets_count_go_on_and_the_first_match_behind_it_fires_when_they_are_enough)
{
	CHECK_OPENINGS("\"count\":2,\"window_s\":60,\"cooldown_s\":10", { 0, 0, 0 }, { 0, 1, 0 },
		       { 9 * SECOND, 1, 1 }, { SECOND, 2, 1 }, { 0, 2, 2 }, { 0, 2, 3 },
		       { 10 * SECOND, 3, 3 });
}

TEST(cooldown_that_outlasts_the_window_leaves_nothing_counted)
{
	CHECK_OPENINGS("\"count\":2,\"window_s\":5,\"cooldown_s\":10", { 0, 0, 0 }, { 0, 1, 0 },
		       { SECOND, 1, 1 }, { SECOND, 1, 2 }, { 8 * SECOND, 1, 2 }, { SECOND, 2, 2 });
}
