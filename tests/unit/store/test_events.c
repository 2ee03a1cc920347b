/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/err.h"
#include "tests/unit/store/world.h"

/* "quest.created" of a, "idea.stored" of b, "quest.closed" of a, … n of them, sources p0 and p1. */
static void fire_many(struct world *w, int n)
{
	static const char *const kinds[] = { "quest.created", "idea.stored", "quest.closed" };
	struct store_tx tx;

	CHECK_OK(world_write_begin(w, &tx));
	for (int i = 0; i < n; i++) {
		struct store_event_new e = { str_from(kinds[i % 3]), i % 2 ? STR("p1") : STR("p0"),
					     i % 3 == 1 ? STR("b") : STR("a"), STR("{\"n\":1}") };

		CHECK_OK(store_event_add(&tx, &e, NULL));
	}
	CHECK_OK(world_write_end(w));
}

/* The seqs of a page as "1 3 4 >9". */
static struct str page(struct world *w, const struct store_event_filter *f, int64_t since,
		       size_t max)
{
	static char text[256];
	struct event_list list;
	struct store_tx tx;
	int64_t to;
	int n = 0;

	CHECK_OK(world_read_begin(w, &tx));
	if (CHECK_OK(store_event_page(&tx, f, since, max, &list, &to))) {
		for (size_t i = 0; i < list.n; i++)
			n += snprintf(text + n, sizeof(text) - (size_t)n, "%lld ",
				      (long long)list.v[i].seq);
		n += snprintf(text + n, sizeof(text) - (size_t)n, ">%lld", (long long)to);
	}
	world_read_end(w);
	return (struct str){ text, (size_t)n };
}

static struct str list_down(struct world *w, const struct store_event_filter *f, int64_t before,
			    size_t max)
{
	static char text[256];
	struct event_list list;
	struct store_tx tx;
	int n = 0;

	CHECK_OK(world_read_begin(w, &tx));
	if (CHECK_OK(store_event_list(&tx, f, before, max, &list)))
		for (size_t i = 0; i < list.n; i++)
			n += snprintf(text + n, sizeof(text) - (size_t)n, "%lld ",
				      (long long)list.v[i].seq);
	world_read_end(w);
	return (struct str){ text, (size_t)n };
}

TEST(events_a_page_gives_all_after_since_and_where_to_go_on)
{
	WORLD_OPEN(w);
	struct store_event_filter all = { 0 };

	CHECK_STR(page(&w, &all, 0, 10), ">0");
	fire_many(&w, 7);
	CHECK_STR(page(&w, &all, 0, 3), "1 2 3 >3");
	CHECK_STR(page(&w, &all, 3, 3), "4 5 6 >6");
	CHECK_STR(page(&w, &all, 6, 3), "7 >7");
	CHECK_STR(page(&w, &all, 7, 3), ">7");
}

TEST(events_a_filter_says_how_far_it_looked)
{
	WORLD_OPEN(w);
	struct str quests = STR("quest.*"), ideas = STR("idea.stored"), none = STR("agent.*");

	fire_many(&w, 7);
	CHECK_STR(page(&w, &(struct store_event_filter){ .kinds = { &quests, 1 } }, 0, 10),
		  "1 3 4 6 7 >7");
	CHECK_STR(page(&w, &(struct store_event_filter){ .kinds = { &quests, 1 } }, 0, 2),
		  "1 3 >3");
	CHECK_STR(page(&w, &(struct store_event_filter){ .kinds = { &ideas, 1 } }, 0, 10),
		  "2 5 >7");
	CHECK_STR(page(&w, &(struct store_event_filter){ .kinds = { &none, 1 } }, 0, 10), ">7");
	CHECK_STR(page(&w, &(struct store_event_filter){ .subject = STR("b") }, 2, 10), "5 >7");
	CHECK_STR(page(&w, &(struct store_event_filter){ .source = STR("p1") }, 0, 10), "2 4 6 >7");
	CHECK_STR(page(&w, &(struct store_event_filter){ .source = STR("p1"), .subject = STR("b") },
		       0, 10),
		  "2 >7");
	CHECK_STR(page(&w,
		       &(struct store_event_filter){ .subject = STR("a"), .kinds = { &ideas, 1 } },
		       0, 10),
		  ">7");
}

TEST(events_a_page_that_matches_nothing_still_comes_back_and_gets_on)
{
	WORLD_OPEN(w);
	struct str none = STR("agent.*");
	struct store_event_filter f = { .kinds = { &none, 1 } };

	fire_many(&w, 9000);
	CHECK_STR(page(&w, &f, 0, 10), ">4000");
	CHECK_STR(page(&w, &f, 4000, 10), ">8000");
	CHECK_STR(page(&w, &f, 8000, 10), ">9000");
}

TEST(events_a_list_goes_down_from_the_head)
{
	WORLD_OPEN(w);
	struct str quests = STR("quest.*"), created = STR("quest.created");
	struct store_event_filter all = { 0 };

	fire_many(&w, 7);
	CHECK_STR(list_down(&w, &all, 0, 3), "7 6 5 ");
	CHECK_STR(list_down(&w, &all, 5, 10), "4 3 2 1 ");
	CHECK_STR(list_down(&w, &(struct store_event_filter){ .kinds = { &quests, 1 } }, 0, 3),
		  "7 6 4 ");
	CHECK_STR(list_down(&w, &(struct store_event_filter){ .kinds = { &created, 1 } }, 7, 3),
		  "4 1 ");
	CHECK_STR(list_down(&w, &(struct store_event_filter){ .subject = STR("b") }, 0, 3), "5 2 ");
}

TEST(events_an_id_is_generation_and_seq)
{
	WORLD_OPEN(w);
	struct store_tx tx;
	struct event e;

	fire_many(&w, 2);
	CHECK_OK(world_read_begin(&w, &tx));
	CHECK_OK(store_event_get(&tx, 2, &e));
	CHECK_STR_EQ(e.id, str_fmt(&w.arena, "%.*s.2", STR_ARG(store_generation(w.store))));
	CHECK_STR(e.subject, "b");
	CHECK_STR(e.source, "p1");
	CHECK_STR(e.payload, "{\"n\":1}");
	CHECK_INT(e.time, w.clock.fake_wall_ms);
	CHECK_INT(store_event_get(&tx, 3, &e), STORE_NONE);
	world_read_end(&w);
}

TEST(events_globs_match_any_run_of_characters)
{
	static const struct {
		const char *glob, *kind;
		bool is_match;
	} cases[] = {
		{ "quest.*", "quest.created", true },
		{ "quest.*", "quest.", true },
		{ "quest.*", "quests", false },
		{ "*", "anything", true },
		{ "*", "", true },
		{ "*.created", "a.b.created", true },
		{ "a*b*c", "a-b-b-c", true },
		{ "a*b*c", "a-b-b-d", false },
		{ "quest", "quest", true },
		{ "quest", "quest.x", false },
		{ "", "x", false },
		{ "***x", "aax", true },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str glob = str_from(cases[i].glob);
		struct store_event_filter f = { .kinds = { &glob, 1 } };
		struct event e = { .kind = str_from(cases[i].kind) };

		if (!CHECK_INT(store_event_matches(&f, &e), cases[i].is_match))
			printf("  of '%s' and '%s'\n", cases[i].glob, cases[i].kind);
	}
}

TEST(events_retention_moves_the_floor_and_never_gives_a_number_twice)
{
	WORLD_OPEN(w);
	int64_t next;

	fire_many(&w, 700);
	clock_advance(&w.clock, w.o.keep_events_ms / 2);
	fire_many(&w, 10);
	clock_advance(&w.clock, w.o.keep_events_ms / 2 + 1000);
	CHECK_OK(store_housekeep(w.store, &next));
	CHECK_INT(world_floor(&w), 501);
	CHECK(next < 100);
	CHECK_OK(store_housekeep(w.store, &next));
	CHECK_INT(world_floor(&w), 701);
	CHECK_INT(world_head(&w), 710);

	clock_advance(&w.clock, w.o.keep_events_ms);
	CHECK_OK(store_housekeep(w.store, &next));
	CHECK_INT(world_floor(&w), 711);
	CHECK_INT(world_head(&w), 710);
	CHECK_INT(world_open(&w), 0);
	CHECK_INT(world_fire(&w, "next"), 711);
	CHECK_INT(world_floor(&w), 711);
}

TEST(replies_are_kept_for_their_time_and_no_longer)
{
	WORLD_OPEN(w);
	struct store_reply reply = { STR("digest"), STR("{}") }, got;
	struct store_tx tx;
	int64_t next;

	CHECK_OK(world_write_begin(&w, &tx));
	CHECK_OK(store_reply_add(&tx, STR("p"), STR("m"), STR("r"), &reply));
	CHECK_OK(world_write_end(&w));
	clock_advance(&w.clock, w.o.keep_replies_ms - 1000);
	CHECK_OK(store_housekeep(w.store, &next));
	CHECK_OK(world_read_begin(&w, &tx));
	CHECK_OK(store_reply_find(&tx, STR("p"), STR("m"), STR("r"), &got));
	world_read_end(&w);
	clock_advance(&w.clock, 2000);
	CHECK_OK(store_housekeep(w.store, &next));
	CHECK_OK(world_read_begin(&w, &tx));
	CHECK_INT(store_reply_find(&tx, STR("p"), STR("m"), STR("r"), &got), STORE_NONE);
	world_read_end(&w);
}
