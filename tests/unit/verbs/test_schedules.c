/* SPDX-License-Identifier: Apache-2.0 */
/* schedules.*: one run a due time, whatever the clock does. It is 2026-11-21T10:00:00Z, a Saturday,
 * when a test begins. Nobody makes the calls here: firings wait. */
#include <stdlib.h>

#include "store/db.h"
#include "tests/unit/verbs/world.h"

#define MINUTE ((int64_t)60000)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static const struct json *make(struct world *w, const char *more)
{
	return world_say(w, "schedules.create", "{'name': 's', %s}", more);
}

static const struct json *get(struct world *w)
{
	return world_say(w, "schedules.get", "{'id': 's'}");
}

/* Due times that had their run, in the order of the runs. */
static struct str runs(struct world *w)
{
	struct str_list rows = world_rows(
	    w, "select coalesce(group_concat(substr(json_extract(payload, '$.due_at'), 1, 16) || "
	       "iif(json_extract(payload, '$.late_ms') > 60000, '!', '')), '') from (select "
	       "payload from "
	       "events where kind = 'schedule.tick' order by seq)");

	return rows.n ? rows.v[0] : STR_NONE;
}

static size_t count(struct world *w, const char *kind)
{
	return world_count(world_say(w, "events.list", "{'kinds': ['%s'], 'limit': 200}", kind),
			   "items");
}

/* No due time twice? */
static bool is_each_once(struct world *w)
{
	return world_rows(w, "select 1 from events where kind = 'schedule.tick' group by "
			     "subject, json_extract(payload, '$.due_at') having count(*) > 1")
		   .n == 0;
}

static void set_clock(struct world *w, int64_t by_ms)
{
	w->clock.fake_wall_ms += by_ms;
	world_wait(w, 0);
}

#define CALL "'calls': [{'verb': 'quests.create', 'params': {'subject': 'x'}}]"

TEST(schedule_is_run_when_it_is_due_and_not_before)
{
	WORLD_OPEN(w);
	const struct json *s = make(&w, "'cron': '30 11 * * *', 'zone': 'Europe/Berlin', " CALL);

	CHECK_STR(world_text(s, "next_at"), "2026-11-21T10:30:00.000Z");
	world_wait(&w, 30 * MINUTE - 1);
	CHECK_STR(runs(&w), "");
	world_wait(&w, 1);
	CHECK_STR(runs(&w), "2026-11-21T10:30");
	s = get(&w);
	CHECK_INT(world_int(s, "runs"), 1);
	CHECK_STR(world_text(s, "next_at"), "2026-11-22T10:30:00.000Z");
	CHECK_STR(world_text(s, "last_due_at"), "2026-11-21T10:30:00.000Z");
	CHECK_STR(world_text(s, "runs_as"), "uid:1000");
	s = world_say(&w, "tasks.list", "{'queue': 'reactions'}");
	CHECK_INT(world_count(s, "items"), 1);
	CHECK_STR(world_text(s, "items.0.subject"), "s");
	CHECK_STR(world_rows(&w, "select event || by || source from firings").v[0], "2uid:10002");
}

TEST(ik_q22_local_half_past_two_when_clocks_change)
{
	WORLD_OPEN(w);

	/* in Berlin: forward on 28 March 2027, back on 31 October 2027 */
	make(&w, "'cron': '30 2 * * *', 'zone': 'Europe/Berlin', 'catch_up': 100, "
		 "'start_at': '2027-03-27T00:00:00Z'");
	set_clock(&w, 128 * DAY);
	CHECK_STR(runs(&w), "2027-03-27T01:30!,2027-03-28T01:00!,2027-03-29T00:30!");
	world_say(&w, "schedules.update", "{'id': 's', 'start_at': '2027-10-30T00:00:00Z'}");
	set_clock(&w, 217 * DAY);
	CHECK_STR(runs(&w), "2027-03-27T01:30!,2027-03-28T01:00!,2027-03-29T00:30!,"
			    "2027-10-30T00:30!,2027-10-31T00:30!,2027-11-01T01:30!");
}

TEST(ik_q22_ten_due_times_missed_are_one_run)
{
	WORLD_OPEN(w);

	make(&w, "'cron': '0 * * * *'");
	world_wait(&w, HOUR);
	set_clock(&w, 10 * HOUR + 5 * MINUTE);
	CHECK_STR(runs(&w), "2026-11-21T11:00,2026-11-21T21:00!");
	CHECK_INT(world_int(get(&w), "missed"), 9);
	CHECK_INT(count(&w, "schedule.missed"), 1);
	world_wait(&w, 55 * MINUTE);
	CHECK_STR(runs(&w), "2026-11-21T11:00,2026-11-21T21:00!,2026-11-21T22:00");
}

TEST(ik_q22_a_run_that_is_not_over_is_not_overtaken)
{
	WORLD_OPEN(w);

	make(&w, "'cron': '0 * * * *', " CALL);
	world_wait(&w, HOUR);
	world_wait(&w, HOUR);
	CHECK_STR(runs(&w), "2026-11-21T11:00");
	CHECK_INT(world_int(get(&w), "skipped"), 1);
	CHECK_INT(count(&w, "schedule.skipped"), 1);
	world_say(&w, "tasks.cancel", "{'id': 't-1'}");
	world_wait(&w, HOUR);
	CHECK_STR(runs(&w), "2026-11-21T11:00,2026-11-21T13:00");
}

TEST(schedule_with_overlap_queue_has_one_run_wait_for_the_other)
{
	WORLD_OPEN(w);

	make(&w, "'cron': '0 * * * *', 'overlap': 'queue', " CALL);
	for (int i = 0; i < 3; i++)
		world_wait(&w, HOUR);
	CHECK_STR(runs(&w), "2026-11-21T11:00,2026-11-21T12:00");
	CHECK_INT(world_int(get(&w), "skipped"), 1);
	CHECK_STR(world_text(world_say(&w, "tasks.get", "{'id': 't-2'}"), "state"), "pending");
	world_say(&w, "tasks.cancel", "{'id': 't-1'}");
	CHECK_STR(world_text(world_say(&w, "tasks.get", "{'id': 't-2'}"), "state"), "ready");
	world_wait(&w, HOUR);
	CHECK_INT(world_int(get(&w), "runs"), 3);
}

TEST(schedule_with_overlap_allow_waits_for_nothing)
{
	WORLD_OPEN(w);

	make(&w, "'cron': '0 * * * *', 'overlap': 'allow', " CALL);
	for (int i = 0; i < 3; i++)
		world_wait(&w, HOUR);
	CHECK_INT(world_int(get(&w), "runs"), 3);
	CHECK_STR(world_text(world_say(&w, "tasks.get", "{'id': 't-3'}"), "state"), "ready");
}

TEST(tm_cost_02_a_long_absence_is_no_storm)
{
	WORLD_OPEN(w);

	make(&w, "'cron': '* * * * *', " CALL);
	world_say(&w, "schedules.create",
		  "{'name': 'five', 'cron': 'every 60s', 'catch_up': 5, " CALL "}");
	world_say(&w, "schedules.create",
		  "{'name': 'none', 'cron': 'every 60s', 'catch_up': 0, " CALL "}");
	set_clock(&w, 400 * DAY + 30000);
	CHECK_INT(world_int(get(&w), "runs"), 1);
	CHECK_INT(world_int(get(&w), "missed"), 1000);
	CHECK_INT(world_int(world_say(&w, "schedules.get", "{'id': 'five'}"), "runs"), 5);
	/* the last of them is on time */
	CHECK_INT(world_int(world_say(&w, "schedules.get", "{'id': 'none'}"), "runs"), 1);
	CHECK_ERROR(make(&w, "'cron': 'every 59s'"), "bad_cron");
	/* those that are made up for follow each other */
	CHECK_INT(world_rows(&w, "select 1 from tasks where state = 1").n, 4);
	CHECK(is_each_once(&w));
}

TEST(f_11_due_times_are_run_once_when_the_clock_goes_on_and_back)
{
	WORLD_OPEN(w);

	make(&w, "'cron': '0 * * * *'");
	world_wait(&w, HOUR);
	set_clock(&w, DAY + 30000); /* a day on: what lay in between was jumped over */
	CHECK_STR(runs(&w), "2026-11-21T11:00,2026-11-22T11:00");
	set_clock(&w, -DAY - 30000); /* it was wrong */
	for (int i = 0; i < 26; i++)
		world_wait(&w, HOUR);
	CHECK(is_each_once(&w));
	CHECK_INT(count(&w, "schedule.tick"), 27); /* each hour from 11:00 to 13:00 the next day */
	set_clock(&w, -HOUR);
	world_wait(&w, 59 * MINUTE);
	CHECK_INT(count(&w, "schedule.tick"), 27);
	world_wait(&w, HOUR + MINUTE);
	CHECK_INT(count(&w, "schedule.tick"), 28);
	CHECK(is_each_once(&w));
}

TEST(f_11_a_clock_at_1970_runs_nothing_twice_and_goes_on_when_it_is_right_again)
{
	WORLD_OPEN(w);
	int64_t now = w.clock.fake_wall_ms;

	make(&w, "'cron': '0 0 * * *'");
	world_wait(&w, DAY);
	set_clock(&w, -now);
	CHECK_STR(world_text(get(&w), "next_at"), "1970-01-03T00:00:00.000Z");
	world_wait(&w, 3 * DAY);
	set_clock(&w, now);
	world_wait(&w, DAY);
	CHECK(is_each_once(&w));
	CHECK_STR(world_text(get(&w), "next_at"), "2026-11-27T00:00:00.000Z");
}

/* Whatever happens to the clock, and however often: no due time twice, and each that the clock
 * showed while it went on by itself. */
TEST(f_11_random_clocks)
{
	WORLD_OPEN(w);
	unsigned seed = 20261121;

	make(
	    &w,
	    "'cron': '*/7 8-20 * * *', 'zone': 'America/New_York', 'jitter_s': 100, 'catch_up': 2");
	for (int i = 0; i < 300; i++) {
		int64_t by = (int64_t)(rand_r(&seed) % 86400) * 1000 - 43200000;

		if (rand_r(&seed) % 4 == 0)
			set_clock(&w, by);
		else
			world_wait(&w, (int64_t)(rand_r(&seed) % 900) * 1000);
	}
	CHECK(is_each_once(&w));
	CHECK(world_rows(&w, "select 1 from events where kind = 'schedule.tick'").n > 50);
	CHECK(world_rows(&w, "select 1 from schedule_spans").n <= 8);
}

TEST(schedule_jitter_is_the_same_for_a_due_time_and_never_reaches_the_next)
{
	WORLD_OPEN(w);
	int64_t before = 0;

	make(&w, "'cron': '* * * * *', 'jitter_s': 3600");
	for (int i = 0; i < 20; i++) {
		int64_t next = world_int(get(&w), "next_at"), due;

		due = atoll(world_rows(&w, "select due_at from schedules").v[0].p);
		next = atoll(world_rows(&w, "select next_at from schedules").v[0].p);
		CHECK(due <= next && next < due + MINUTE && due > before);
		before = due;
		w.clock.fake_wall_ms = next;
		world_wait(&w, 0);
	}
	CHECK_INT(count(&w, "schedule.tick"), 20);
}

TEST(schedule_begins_and_ends_when_it_is_told_to)
{
	WORLD_OPEN(w);

	make(&w, "'cron': 'every 10m', 'start_at': '2026-11-21T11:05:00Z', "
		 "'end_at': '2026-11-21T11:25:00Z'");
	for (int i = 0; i < 120; i++)
		world_wait(&w, MINUTE);
	CHECK_STR(runs(&w), "2026-11-21T11:05,2026-11-21T11:15,2026-11-21T11:25");
	CHECK(!world_text(get(&w), "next_at").p);
	CHECK_ERROR(world_say(&w, "schedules.update", "{'id': 's', 'enabled': true}"), "conflict");
	CHECK_STR(world_text(world_say(&w, "schedules.update",
				       "{'id': 's', 'clear': ['end_at', 'start_at']}"),
			     "next_at"),
		  "2026-11-21T12:10:00.000Z");
}

TEST(schedule_that_is_off_makes_nothing_up_for_it)
{
	WORLD_OPEN(w);

	make(&w, "'cron': '0 * * * *', 'enabled': false, 'catch_up': 10");
	world_wait(&w, 3 * HOUR);
	CHECK_STR(runs(&w), "");
	world_say(&w, "schedules.update", "{'id': 's', 'enabled': true}");
	world_wait(&w, HOUR);
	CHECK_STR(runs(&w), "2026-11-21T14:00");
}

TEST(schedule_is_run_by_hand_beside_its_due_times)
{
	WORLD_OPEN(w);
	const struct json *r;

	make(&w, "'cron': '0 * * * *', 'enabled': false, " CALL);
	r = world_say(&w, "schedules.run", "{'id': 's'}");
	CHECK_STR(world_text(r, "task"), "t-1");
	CHECK_INT(world_int(get(&w), "runs"), 0);
	CHECK_INT(count(&w, "schedule.tick"), 1);
}

TEST(schedule_waits_while_as_many_calls_wait_as_may)
{
	WORLD_OPEN(w);

	make(&w, "'cron': '0 * * * *', " CALL);
	world_say(&w, "queues.update", "{'name': 'reactions', 'max_pending': 0}");
	world_wait(&w, HOUR);
	CHECK_STR(runs(&w), "");
	CHECK_HAS(world_text(get(&w), "problem"), "as many calls wait");
	CHECK_ERROR(world_say(&w, "schedules.run", "{'id': 's'}"), "overloaded");
	world_say(&w, "queues.update", "{'name': 'reactions', 'max_pending': 10}");
	world_wait(&w, 10000);
	CHECK_STR(runs(&w), "2026-11-21T11:00");
	CHECK(!world_text(get(&w), "problem").p);
}

TEST(schedule_says_so_when_the_files_of_its_zone_go)
{
	WORLD_OPEN(w);

	make(&w, "'cron': '0 * * * *', 'zone': 'Europe/Berlin'");
	setenv("TZDIR", "/nonexistent", 1);
	world_wait(&w, HOUR);
	CHECK_HAS(world_text(get(&w), "problem"), "no files of time zones");
	CHECK_ERROR(make(&w, "'cron': '@daily', 'zone': 'Europe/Paris'"), "unsupported");
	CHECK_ERROR(world_say(&w, "schedules.preview", "{'id': 's'}"), "unsupported");
	CHECK_ERROR(world_say(&w, "schedules.create", "{'name': 'u', 'cron': '@daily'}"), NULL);
	unsetenv("TZDIR");
	world_wait(&w, MINUTE);
	CHECK_STR(runs(&w), "2026-11-21T11:00");
	CHECK(!world_text(get(&w), "problem").p);
}

TEST(schedule_calls_are_of_whoever_wrote_them_last)
{
	WORLD_OPEN(w);

	make(&w, "'cron': '@daily', " CALL);
	w.principal.id = STR("uid:2000");
	CHECK_STR(world_text(world_say(&w, "schedules.update", "{'id': 's', 'jitter_s': 5}"),
			     "runs_as"),
		  "uid:1000");
	CHECK_STR(world_text(world_say(&w, "schedules.update", "{'id': 's', " CALL "}"), "runs_as"),
		  "uid:2000");
	w.principal = (struct principal){ .id = STR("user:1"),
					  .kind = PRINCIPAL_KIND_USER,
					  .roles = UINT32_MAX & ~1u };
	CHECK_ERROR(world_say(&w, "schedules.create", "{'name': 't', 'cron': '@daily'}"), "denied");
}
