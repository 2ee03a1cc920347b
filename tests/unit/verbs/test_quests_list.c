/* SPDX-License-Identifier: Apache-2.0 */
/* quests.list: each filter alone and with the others, and cursors that neither skip nor repeat. */
#include <stdio.h>

#include "tests/unit/verbs/world.h"

#define N 60

/* Sixty quests that differ in everything a filter asks for. */
static void fill(struct world *w)
{
	static const char *const priorities[] = { "low", "normal", "high", "critical" };
	static const char *const subjects[] = { "Fix the roof", "fix the door", "Paint", "Plan" };

	world_say(w, "agents.spawn", "{'name': 'ann', 'max_concurrent': 100}");
	world_say(w, "agents.spawn", "{'name': 'bob', 'max_concurrent': 100}");
	for (int i = 1; i <= N; i++) {
		struct str more = STR("");

		if (i % 3)
			more = str_fmt(&w->arena, "%.*s, 'assignee': '%s'", STR_ARG(more),
				       i % 3 == 1 ? "ann" : "bob");
		if (i > 10 && i % 5 == 0)
			more = str_fmt(&w->arena, "%.*s, 'parent': 'q-%d'", STR_ARG(more),
				       i % 10 + 1);
		if (i > 20 && i % 7 == 0)
			more = str_fmt(&w->arena, "%.*s, 'depends_on': ['q-%d']", STR_ARG(more),
				       i - 20);
		CHECK_ERROR(
		    world_say(w, "quests.create",
			      "{'subject': '%s', 'priority': '%s', 'labels': ['l%d', 'all'] %.*s}",
			      subjects[i % 4], priorities[i * 7 % 4], i % 2, STR_ARG(more)),
		    NULL);
		if (i % 11 == 0)
			CHECK_ERROR(world_say(w, "quests.close",
					      "{'id': 'q-%d', 'kind': 'cancelled', 'summary': 's'}",
					      i),
				    NULL);
		if (i % 13 == 0)
			world_say(w, "quests.update", "{'id': 'q-%d', 'status': 'blocked'}", i);
	}
}

/* The short ids of all pages, joined by blanks, in an order of their own. */
static struct str all_pages(struct world *w, const char *filter, int limit)
{
	struct str ids = STR(""), cursor = STR_NONE;

	for (int pages = 0; pages <= N; pages++) {
		struct str from = cursor.p
				      ? str_fmt(&w->arena, ", 'cursor': '%.*s'", STR_ARG(cursor))
				      : STR("");
		const struct json *page = world_say(w, "quests.list", "{'limit': %d%s%.*s}", limit,
						    filter, STR_ARG(from));

		CHECK_ERROR(page, NULL);
		CHECK(world_count(page, "items") <= (size_t)limit);
		for (size_t i = 0; i < world_count(page, "items"); i++)
			ids = str_fmt(&w->arena, "%.*s %.*s", STR_ARG(ids),
				      STR_ARG(json_get_str(&world_at(page, "items")->items[i],
							   STR("short_id"))));
		cursor = world_text(page, "next_cursor");
		if (!cursor.p)
			return ids;
	}
	CHECK(false);
	return ids;
}

/* The same by one statement without any index of ours in mind. */
static struct str by_hand(struct world *w, const char *where, const char *order)
{
	struct str_list rows = world_rows(
	    w, str_fmt(&w->arena,
		       "select 'q-' || q.n from quests q left join agents a on a.n = q.assignee"
		       " where %s order by %s",
		       where, order)
		   .p);
	struct str ids = STR("");

	for (size_t i = 0; i < rows.n; i++)
		ids = str_fmt(&w->arena, "%.*s %.*s", STR_ARG(ids), STR_ARG(rows.v[i]));
	return ids;
}

#define NEWEST "q.n desc"
#define URGENT "q.priority desc, q.n"
#define READY  "q.status = 1 and q.open_dependencies = 0"

TEST(quests_list_gives_what_the_filter_says_on_pages_of_any_size)
{
	static const char *const cases[][3] = {
		{ "", "1", NEWEST },
		{ ", 'status': 'pending'", "q.status = 1", NEWEST },
		{ ", 'status': 'done'", "q.status = 3", NEWEST },
		{ ", 'assignee': 'ann'", "a.name = 'ann'", NEWEST },
		{ ", 'assignee': 'ann', 'status': 'cancelled'", "a.name = 'ann' and q.status = 6",
		  NEWEST },
		{ ", 'label': 'l1'", "q.n % 2 = 1", NEWEST },
		{ ", 'label': 'l1', 'assignee': 'bob', 'status': 'pending'",
		  "q.n % 2 = 1 and a.name = 'bob' and q.status = 1", NEWEST },
		{ ", 'parent': 'q-1'", "q.parent = 1", NEWEST },
		{ ", 'parent': 'q-6', 'label': 'l1'", "q.parent = 6 and q.n % 2 = 1", NEWEST },
		{ ", 'parent': 'q-1', 'label': 'l1'", "0", NEWEST }, /* its children are even */
		{ ", 'subject': 'p', 'parent': 'q-1'", "q.subject like 'p%' and q.parent = 1",
		  NEWEST },
		{ ", 'subject': 'p', 'label': 'l1'", "q.subject like 'p%' and q.n % 2 = 1",
		  NEWEST },
		{ ", 'priority': 'high'", "q.priority = 3", NEWEST },
		{ ", 'priority': 'high', 'status': 'blocked'", "q.priority = 3 and q.status = 5",
		  NEWEST },
		{ ", 'subject': 'FIX'", "q.subject like 'fix%'", "q.subject collate nocase, q.n" },
		{ ", 'subject': 'fix the door', 'priority': 'low'",
		  "q.subject = 'fix the door' and q.priority = 1", "q.n" },
		{ ", 'subject': 'p', 'assignee': 'ann'", "q.subject like 'p%' and a.name = 'ann'",
		  NEWEST },
		{ ", 'ready': true", READY, URGENT },
		{ ", 'ready': true, 'assignee': 'bob'", READY " and a.name = 'bob'", URGENT },
		{ ", 'ready': true, 'label': 'l0'", READY " and q.n % 2 = 0", URGENT },
		{ ", 'ready': true, 'label': 'l0', 'assignee': 'bob'",
		  READY " and q.n % 2 = 0 and a.name = 'bob'", URGENT },
		{ ", 'ready': true, 'priority': 'critical'", READY " and q.priority = 4", URGENT },
		{ ", 'ready': true, 'parent': 'q-1'", READY " and q.parent = 1", URGENT },
		{ ", 'ready': true, 'subject': 'plan'", READY " and q.subject = 'Plan'", URGENT },
		{ ", 'ready': true, 'status': 'done'", "0", URGENT },
	};
	WORLD_OPEN(w);

	fill(&w);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str want = by_hand(&w, cases[i][1], cases[i][2]);

		if (!CHECK_STR_EQ(all_pages(&w, cases[i][0], 200), want))
			printf("  filter %s\n", cases[i][0]);
		CHECK_STR_EQ(all_pages(&w, cases[i][0], 1), want);
		CHECK_STR_EQ(all_pages(&w, cases[i][0], 7), want);
	}
}

TEST(quests_list_neither_skips_nor_repeats_under_inserts)
{
	static const char *const filters[] = { "",
					       ", 'status': 'pending'",
					       ", 'label': 'all'",
					       ", 'ready': true",
					       ", 'subject': 'fix'",
					       ", 'assignee': 'ann'" };
	WORLD_OPEN(w);

	fill(&w);
	for (size_t f = 0; f < ARRAY_LEN(filters); f++) {
		struct str before = all_pages(&w, filters[f], 200), cursor = STR_NONE,
			   seen = STR("");

		do {
			struct str from = cursor.p ? str_fmt(&w.arena, ", 'cursor': '%.*s'",
							     STR_ARG(cursor))
						   : STR("");
			const struct json *page = world_say(&w, "quests.list", "{'limit': 3%s%.*s}",
							    filters[f], STR_ARG(from));

			for (size_t i = 0; i < world_count(page, "items"); i++) {
				struct str id = json_get_str(&world_at(page, "items")->items[i],
							     STR("short_id"));
				struct str mark = str_fmt(&w.arena, "%.*s ", STR_ARG(id));

				CHECK(
				    !str_contains(seen, str_fmt(&w.arena, " %.*s", STR_ARG(mark))));
				seen = str_fmt(&w.arena, "%.*s %.*s", STR_ARG(seen), STR_ARG(mark));
			}
			world_say(&w, "quests.create",
				  "{'subject': 'Fix all', 'priority': 'critical', 'labels': "
				  "['all'], 'assignee': 'ann'}");
			cursor = world_text(page, "next_cursor");
		} while (cursor.p);
		while (before.p) {
			struct str id = str_cut(&before, ' ');

			if (id.n)
				CHECK(str_contains(seen, str_fmt(&w.arena, " %.*s ", STR_ARG(id))));
		}
	}
}

TEST(quests_list_refuses_a_cursor_that_is_none)
{
	static const char *const bad[] = { "x", "1", "1:", "1:x:", ":1:", "1:0:", "1:-1:" };
	WORLD_OPEN(w);

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_ERROR(world_say(&w, "quests.list", "{'cursor': '%s'}", bad[i]),
			    "cursor_invalid");
}

TEST(quests_list_shows_a_line_of_each)
{
	WORLD_OPEN(w);
	const struct json *page;

	world_say(&w, "agents.spawn", "{'name': 'ann'}");
	world_say(&w, "quests.create",
		  "{'subject': 'a', 'due_at': '2027-01-01T00:00:00Z', 'assignee': 'ann'}");
	world_say(&w, "quests.create", "{'subject': 'first'}");
	world_say(&w, "quests.create",
		  "{'subject': 'b', 'parent': 'q-1', 'depends_on': ['q-2'], 'labels': ['l']}");
	page = world_say(&w, "quests.list", "{}");
	CHECK_STR(world_text(page, "items.0.short_id"), "q-3");
	CHECK_STR(world_text(page, "items.0.parent"), "q-1");
	CHECK_STR(world_text(page, "items.0.labels.0"), "l");
	CHECK_INT(world_int(page, "items.0.open_dependencies"), 1);
	CHECK_INT(world_int(page, "items.2.open_children"), 1);
	CHECK_STR(world_text(page, "items.2.assignee"), "ann");
	CHECK_STR(world_text(page, "items.2.due_at"), "2027-01-01T00:00:00.000Z");
	CHECK(!world_at(page, "items.2.description"));
}
