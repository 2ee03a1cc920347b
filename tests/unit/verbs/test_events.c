/* SPDX-License-Identifier: Apache-2.0 */
/* events.fire, list, poll: what transcripts cannot bring about. */
#include "tests/unit/test.h"
#include "tests/unit/verbs/world.h"

#define DAY_MS ((int64_t)86400000)

static void forget_old_events(struct world *w)
{
	int64_t next_ms = 0;

	clock_advance(&w->clock, 40 * DAY_MS);
	for (int i = 0; i < 100; i++)
		CHECK_OK(store_housekeep(w->store, &next_ms));
}

TEST(events_poll_behind_retention_is_told_what_is_gone)
{
	WORLD_OPEN(w);
	struct str start = str_dup(&w.arena,
				   world_text(world_say(&w, "events.poll", "{}"), "since"));
	const struct json *r;

	world_say(&w, "events.fire", "{'kind': 'a.old'}");
	world_say(&w, "events.fire", "{'kind': 'a.older'}");
	forget_old_events(&w);
	world_say(&w, "events.fire", "{'kind': 'a.new'}");
	r = world_say(&w, "events.poll", "{'since': '%.*s'}", STR_ARG(start));
	CHECK_ERROR(r, "cursor_expired");
	CHECK(str_ends(world_text(r, "head"), STR(".3")));
	CHECK(str_ends(world_text(r, "floor"), STR(".3")));
	r = world_say(&w, "events.poll", "{'since': '%.*s.2'}", STR_ARG(store_generation(w.store)));
	CHECK_INT(world_count(r, "items"), 1);
	CHECK_INT(world_int(r, "items.0.seq"), 3);
}

TEST(events_poll_waits_only_when_there_is_nothing)
{
	WORLD_OPEN(w);
	struct str start = str_dup(&w.arena,
				   world_text(world_say(&w, "events.poll", "{}"), "since"));

	CHECK_STR(world_text(world_say(&w, "events.poll", "{'subject': 's', 'timeout_s': 5}"),
			     "waits_for"),
		  "s");
	CHECK_INT(w.wait.timeout_ms, 5000);
	w.is_time_over = true;
	CHECK_INT(world_count(world_say(&w, "events.poll", "{'timeout_s': 5}"), "items"), 0);
	w.is_time_over = false;
	world_say(&w, "events.fire", "{'kind': 'a.b', 'subject': 's'}");
	CHECK_INT(world_count(world_say(&w, "events.poll",
					"{'since': '%.*s', 'subject': 's', 'timeout_s': 5}",
					STR_ARG(start)),
			      "items"),
		  1);
}

TEST(events_of_another_generation_are_told_apart)
{
	WORLD_OPEN(w);
	const struct json *r = world_say(&w, "events.poll", "{'since': 'zzzzzzzz.0'}");

	CHECK_ERROR(r, "cursor_invalid");
	CHECK_HAS(world_text(r, "message"), "from before a restore");
}

TEST(events_fire_names_the_reserved_word_that_a_kind_begins_with)
{
	WORLD_OPEN(w);
	const struct json *r = world_say(&w, "events.fire", "{'kind': 'quest.x'}");

	CHECK_ERROR(r, "invalid_params");
	CHECK_HAS(world_text(r, "message"), "begin with 'quest.' are");
}
