/* SPDX-License-Identifier: Apache-2.0 */
/* Ideas as the store has them: who sees which, what a name means to whom, order and bounds. */
#include <stdio.h>

#include "store/db.h"
#include "store/ideas_links.h"
#include "store/ideas_search.h"
#include "tests/unit/store/world.h"

static const struct idea_reader all = { .sees_all = true };
static const struct idea_reader ann = { .id = { "ann", 3 } };
static const struct idea_reader bob = { .id = { "bob", 3 } };

struct made {
	const char *name, *content, *owner; /* NULL = the company's */
	enum idea_scope scope;              /* 0 = entity */
	const char *tag, *kind;             /* NULL = none, "note" */
};

static struct str or_none(const char *text)
{
	return text ? str_from(text) : STR_NONE;
}

/* As ideas.store does it: the row, then what calls it. */
static struct idea_row add(struct store_tx *tx, struct made m)
{
	struct str *tag = ARENA_NEW(tx->arena, struct str);
	struct idea_row row = {
		.idea = { .name = str_dup(tx->arena, str_from(m.name)),
			  .owner = or_none(m.owner),
			  .content = str_dup(tx->arena, str_from(m.content)),
			  .kind = m.kind ? str_from(m.kind) : STR("note"),
			  .properties = STR("{}"),
			  .scope = m.scope ? m.scope : IDEA_SCOPE_ENTITY,
			  .injection_mode = INJECTION_MODE_ON_DEMAND,
			  .created_by = STR("test") },
	};

	*tag = or_none(m.tag);
	row.idea.tags = (struct str_list){ tag, tag->n > 0 };
	CHECK_INT(store_idea_add(tx, &row), 0);
	CHECK_OK(store_idea_adopt(tx, &row));
	return row;
}

static void mention(struct store_tx *tx, const struct idea_row *from, const char *name)
{
	struct idea_mention m = { STR("mention"), str_from(name) };

	CHECK_OK(store_idea_mentions_set(tx, from, &m, 1));
}

static void link(struct store_tx *tx, const struct idea_row *from, const struct idea_row *to)
{
	bool created;

	CHECK_OK(store_idea_link(tx, from->seq, STR("needs"), to, &created));
	CHECK(created);
}

/* Names of what a list shows, "a b c". */
static struct str listed(struct store_tx *tx, struct idea_filter f, const struct idea_reader *r)
{
	struct idea_brief_list list = { 0 };
	struct str names = STR("");
	int64_t next;

	CHECK_OK(store_idea_list(tx, &f, r, INT64_MAX, 20, &list, &next));
	CHECK_INT(next, 0);
	for (size_t i = 0; i < list.n; i++)
		names = str_fmt(tx->arena, "%.*s%s%.*s", STR_ARG(names), i ? " " : "",
				STR_ARG(list.v[i].name));
	return names;
}

static struct str found(struct store_tx *tx, struct idea_query q)
{
	struct idea_found out = { 0 };
	struct str names = STR("");

	q.half_life_days = 30;
	q.max = 20;
	q.reader = q.reader ? q.reader : &all;
	CHECK_OK(store_idea_search(tx, &q, &out));
	for (size_t i = 0; i < out.hits.n; i++)
		names = str_fmt(tx->arena, "%.*s%s%.*s", STR_ARG(names), i ? " " : "",
				STR_ARG(out.hits.v[i].name));
	return names;
}

/* Names where the links of an idea end; "?" for an end without id. */
static struct str linked(struct store_tx *tx, const struct idea_row *row,
			 const struct idea_reader *r, bool to)
{
	struct idea_link_list list = { 0 };
	struct str ends = STR("");

	CHECK_OK(to ? store_idea_links_to(tx, row, r, &list)
		    : store_idea_links_of(tx, row, r, &list));
	for (size_t i = 0; i < list.n; i++)
		ends = str_fmt(tx->arena, "%.*s%s%.*s%s", STR_ARG(ends), i ? " " : "",
			       STR_ARG(list.v[i].to_name),
			       list.v[i].to.p && list.v[i].from.p ? "" : "?");
	return ends;
}

static struct str walked(struct store_tx *tx, const struct idea_row *start, struct idea_walk w,
			 bool *cut)
{
	struct str_list any = { 0 };
	struct idea_step_list out = { 0 };
	struct str names = STR("");
	bool ignored;

	w.types = &any;
	w.reader = w.reader ? w.reader : &all;
	w.depth = 5;
	w.max = w.max ? w.max : 100;
	CHECK_OK(store_idea_walk(tx, start, &w, &out, cut ? cut : &ignored));
	for (size_t i = 0; i < out.n; i++)
		names = str_fmt(tx->arena, "%.*s%s%.*s", STR_ARG(names), i ? " " : "",
				STR_ARG(out.v[i].name));
	return names;
}

TEST(ideas_of_a_domain_are_seen_by_their_owner_alone_on_every_way)
{
	static const char *const text = "the same words about stone and wood and water and iron";
	WORLD_OPEN(w);
	struct store_tx tx;
	struct idea_near_list near;

	CHECK_OK(world_write_begin(&w, &tx));
	struct idea_row open = add(&tx, (struct made){ "open", text });
	struct idea_row own = add(&tx, (struct made){ "own", text, "ann", IDEA_SCOPE_DOMAIN });

	link(&tx, &open, &own);
	link(&tx, &own, &open);
	mention(&tx, &open, "own");
	CHECK_STR(listed(&tx, (struct idea_filter){ 0 }, &all), "own open");
	CHECK_STR(listed(&tx, (struct idea_filter){ 0 }, &ann), "own open");
	CHECK_STR(listed(&tx, (struct idea_filter){ 0 }, &bob), "open");
	CHECK_STR(found(&tx, (struct idea_query){ .text = STR("stone"), .reader = &ann }),
		  "own open");
	CHECK_STR(found(&tx, (struct idea_query){ .text = STR("stone"), .reader = &bob }), "open");
	CHECK_OK(store_idea_near(&tx, &open, &ann, &near));
	CHECK_INT(near.n, 1);
	CHECK_OK(store_idea_near(&tx, &open, &bob, &near));
	CHECK_INT(near.n, 0);
	CHECK_STR(linked(&tx, &open, &ann, false), "own? own");
	CHECK_STR(linked(&tx, &open, &bob, false), "own?"); /* the name it calls, no more */
	CHECK_STR(linked(&tx, &open, &ann, true), "open");
	CHECK_STR(linked(&tx, &open, &bob, true), "");
	CHECK_STR(walked(&tx, &open, (struct idea_walk){ .reader = &ann }, NULL), "own");
	CHECK_STR(walked(&tx, &open, (struct idea_walk){ .reader = &bob }, NULL), "");
	CHECK_OK(world_write_end(&w));
}

TEST(ideas_a_name_means_the_owners_idea_else_the_companys)
{
	WORLD_OPEN(w);
	struct store_tx tx;

	CHECK_OK(world_write_begin(&w, &tx));
	struct idea_row of_ann = add(&tx, (struct made){ "from ann", "x", "ann" });
	struct idea_row of_bob = add(&tx, (struct made){ "from bob", "y", "bob" });

	mention(&tx, &of_ann, "place");
	mention(&tx, &of_bob, "place");
	CHECK_STR(linked(&tx, &of_ann, &all, false), "place?");

	/* Who has the name later is meant by his own that called it; the company's by the rest. */
	struct idea_row his = add(&tx, (struct made){ "place", "ann's", "ann" });

	CHECK_STR(linked(&tx, &his, &all, true), "place");
	CHECK_STR(linked(&tx, &of_bob, &all, false), "place?");
	struct idea_row common = add(&tx, (struct made){ "place", "all's" });

	CHECK_STR(linked(&tx, &of_bob, &all, false), "place");
	CHECK_STR(linked(&tx, &common, &all, true), "place");

	/* The same when the names are there first. */
	mention(&tx, &of_bob, "place");
	mention(&tx, &of_ann, "place");
	CHECK_STR(linked(&tx, &his, &all, true), "place");
	CHECK_STR(linked(&tx, &common, &all, true), "place");
	CHECK_OK(world_write_end(&w));
}

TEST(ideas_names_are_found_however_they_are_spelled)
{
	static const char *const spellings[] = { "CAFE\u0301 STRASSE", "caf\u00e9 stra\u00dfe" };
	WORLD_OPEN(w);
	struct idea_row cafe, hub, out;
	struct str_list ids;
	struct store_tx tx;

	CHECK_OK(store_begin(w.store));
	CHECK_OK(store_call_begin(w.store, &w.arena, 0, &tx));
	hub = add(&tx, (struct made){ "hub", "h", .owner = NULL });
	mention(&tx, &hub, "CAFE\u0301 Strasse"); /* dangles, and is adopted */
	cafe = add(&tx, (struct made){ "Caf\u00e9 Stra\u00dfe", "c", .owner = NULL });
	CHECK_STR(linked(&tx, &hub, &all, false), "CAFE\u0301 Strasse");
	for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
		struct idea_row twin = cafe;

		CHECK_OK(store_idea_find(&tx, STR_NONE, str_from(spellings[i]), &out, &ids));
		CHECK_STR_EQ(out.idea.id, cafe.idea.id);
		CHECK_OK(store_idea_named(&tx, str_from(spellings[i]), &ann, &out, &ids));
		CHECK_STR_EQ(out.idea.id, cafe.idea.id);
		twin.idea.name = str_from(spellings[i]);
		CHECK_INT(store_idea_add(&tx, &twin), IDEA_NAME_TAKEN);
		twin = hub;
		twin.idea.name = str_from(spellings[i]);
		CHECK_INT(store_idea_change(&tx, &hub, &twin), IDEA_NAME_TAKEN);
	}
	store_rollback(w.store);
}

/* As a store from before names were folded may hold them. */
TEST(ideas_that_are_twins_are_told_apart_by_spelling_or_not_at_all)
{
	WORLD_OPEN(w);
	struct idea_row first, second, out;
	struct str_list ids;
	struct store_tx tx;

	CHECK_OK(store_begin(w.store));
	CHECK_OK(store_call_begin(w.store, &w.arena, 0, &tx));
	first = add(&tx, (struct made){ "Voice", "c", .owner = NULL });
	second = add(&tx, (struct made){ "other", "d", .owner = NULL });
	CHECK_OK(
	    db_exec(tx.db, "update ideas set name = 'voice', name_key = 'voice' where seq = 2"));
	CHECK_OK(store_idea_find(&tx, STR_NONE, STR("Voice"), &out, &ids));
	CHECK_STR_EQ(out.idea.id, first.idea.id);
	CHECK_OK(store_idea_named(&tx, STR("voice"), &ann, &out, &ids));
	CHECK_STR_EQ(out.idea.id, second.idea.id);
	CHECK_INT(store_idea_named(&tx, STR("VOICE"), &ann, &out, &ids), IDEA_AMBIGUOUS);
	CHECK_INT(ids.n, 2);
	CHECK_INT(store_idea_find(&tx, STR_NONE, STR("VOICE"), &out, &ids), IDEA_AMBIGUOUS);
	CHECK_STR_EQ(out.idea.id, first.idea.id);
	second = out; /* what a twin says may change; its name is free to be another */
	CHECK_OK(store_idea_change(&tx, &out, &second));
	store_rollback(w.store);
}

TEST(ideas_lists_keep_to_every_part_of_their_filter)
{
	WORLD_OPEN(w);
	struct store_tx tx;

	CHECK_OK(world_write_begin(&w, &tx));
	add(&tx, (struct made){ "a", "1", "ann", IDEA_SCOPE_ENTITY, "red", "note" });
	add(&tx, (struct made){ "b", "2", "bob", IDEA_SCOPE_ENTITY, "red", "rule" });
	add(&tx, (struct made){ "c", "3", NULL, IDEA_SCOPE_SYSTEM, "blue", "rule" });
	CHECK_STR(listed(&tx, (struct idea_filter){ .tag = STR("red") }, &all), "b a");
	CHECK_STR(listed(&tx, (struct idea_filter){ .tag = STR("red"), .kind = STR("note") }, &all),
		  "a");
	CHECK_STR(listed(&tx, (struct idea_filter){ .tag = STR("red"), .owner = STR("bob") }, &all),
		  "b");
	CHECK_STR(listed(&tx, (struct idea_filter){ .owner = STR("ann") }, &all), "a");
	CHECK_STR(listed(&tx, (struct idea_filter){ .kind = STR("rule") }, &all), "c b");
	CHECK_STR(listed(&tx, (struct idea_filter){ .scope = IDEA_SCOPE_SYSTEM }, &all), "c");
	CHECK_STR(listed(&tx, (struct idea_filter){ .mode = INJECTION_MODE_ALWAYS }, &all), "");
	CHECK_STR(listed(&tx, (struct idea_filter){ .mode = INJECTION_MODE_ON_DEMAND }, &all),
		  "c b a");
	CHECK_OK(world_write_end(&w));
}

TEST(ideas_lists_look_at_so_many_rows_and_say_where_to_go_on)
{
	WORLD_OPEN(w);
	struct idea_filter f = { .mode = INJECTION_MODE_ALWAYS };
	struct idea_brief_list list;
	struct store_tx tx;
	int64_t next = 0;

	CHECK_OK(world_write_begin(&w, &tx));
	for (int i = 0; i <= 2000; i++)
		add(&tx, (struct made){ str_fmt(&w.arena, "n%d", i).p, "" });
	CHECK_OK(store_idea_list(&tx, &f, &all, INT64_MAX, 20, &list, &next));
	CHECK_INT(list.n, 0);
	CHECK_INT(next, 2); /* one row is left below it */
	CHECK_OK(store_idea_list(&tx, &f, &all, next, 20, &list, &next));
	CHECK_INT(next, 0);

	f.mode = INJECTION_MODE_NONE;
	CHECK_OK(store_idea_list(&tx, &f, &all, INT64_MAX, 20, &list, &next));
	CHECK_INT(list.n, 20);
	CHECK_STR(list.v[19].name, "n1981");
	CHECK_OK(store_idea_list(&tx, &f, &all, next, 1, &list, &next));
	CHECK_STR(list.v[0].name, "n1980");
	CHECK_OK(world_write_end(&w));
}

TEST(ideas_searches_score_so_many_and_say_when_there_are_more)
{
	WORLD_OPEN(w);
	struct idea_query q = { STR("stone"), .half_life_days = 30, .max = 3, .reader = &all };
	struct idea_found out;
	struct store_tx tx;

	CHECK_OK(world_write_begin(&w, &tx));
	for (int i = 0; i < 2000; i++)
		add(&tx, (struct made){ str_fmt(&w.arena, "n%d", i).p, "stone" });
	CHECK_OK(store_idea_search(&tx, &q, &out));
	CHECK_INT(out.hits.n, 3);
	CHECK(!out.is_cut);
	add(&tx, (struct made){ "one more", "stone" });
	CHECK_OK(store_idea_search(&tx, &q, &out));
	CHECK_INT(out.hits.n, 3);
	CHECK(out.is_cut);
	CHECK_OK(world_write_end(&w));
}

TEST(ideas_searches_ask_for_any_word_when_no_idea_that_counts_has_all)
{
	WORLD_OPEN(w);
	struct idea_query q = { .text = STR("stone wood"), .tag = STR("red") };
	struct store_tx tx;

	CHECK_OK(world_write_begin(&w, &tx));
	add(&tx, (struct made){ "untagged", "stone and wood" });
	add(&tx, (struct made){ "other tag", "stone and wood", .tag = "blue" });
	CHECK_STR(found(&tx, q), "");
	add(&tx, (struct made){ "half", "stone", .tag = "red" });
	CHECK_STR(found(&tx, q), "half");
	add(&tx, (struct made){ "whole", "wood on stone", .tag = "red" });
	CHECK_STR(found(&tx, q), "whole");
	CHECK_OK(world_write_end(&w));
}

TEST(ideas_searches_put_older_ones_behind_but_for_evergreens)
{
	WORLD_OPEN(w);
	struct idea_query q = { STR("stone"), .half_life_days = 1, .max = 3, .reader = &all };
	struct idea_found out;
	struct store_tx tx;

	CHECK_OK(world_write_begin(&w, &tx));
	struct idea_row lasting = add(&tx, (struct made){ "lasting", "stone" }), after = lasting;

	after.idea.evergreen = true;
	CHECK_INT(store_idea_change(&tx, &lasting, &after), 0);
	add(&tx, (struct made){ "old", "stone" });
	tx.now_ms += 86400000;
	add(&tx, (struct made){ "new", "stone" });
	q.explain = true;
	CHECK_OK(store_idea_search(&tx, &q, &out));
	CHECK_INT(out.hits.n, 3);
	CHECK_STR(out.hits.v[2].name, "old");
	CHECK(out.hits.v[2].parts->recency == 0.5);
	CHECK(out.hits.v[1].parts->recency == 1 && out.hits.v[0].parts->recency == 1);
	CHECK_OK(world_write_end(&w));
}

/* Texts of which ever more is the same. */
static struct str alike(struct arena *a, int n_changed)
{
	struct str text = STR("");

	for (int i = 0; i < 120; i++)
		text = str_fmt(a, "%.*s %s%d", STR_ARG(text), i < n_changed ? "other" : "word", i);
	return text;
}

TEST(ideas_near_are_the_ten_most_alike_best_first)
{
	WORLD_OPEN(w);
	struct idea_near_list near;
	struct store_tx tx;

	CHECK_OK(world_write_begin(&w, &tx));
	struct idea_row row = add(&tx, (struct made){ "it", alike(&w.arena, 0).p });

	for (int i = 1; i <= 12; i++) /* worse and better by turns */
		add(&tx, (struct made){ str_fmt(&w.arena, "n%d", i).p,
					alike(&w.arena, i % 2 ? 13 - i : i - 1).p });
	add(&tx, (struct made){ "far", "nothing of that" });
	CHECK_OK(store_idea_near(&tx, &row, &all, &near));
	CHECK_INT(near.n, 10);
	CHECK_INT(near.v[0].similarity, 1);
	for (size_t i = 1; i < near.n; i++)
		CHECK(near.v[i].similarity <= near.v[i - 1].similarity &&
		      near.v[i].similarity >= 0.7);
	CHECK_OK(world_write_end(&w));
}

TEST(ideas_walks_go_the_way_that_was_asked_and_say_when_they_are_cut)
{
	WORLD_OPEN(w);
	struct store_tx tx;
	bool cut = true;

	CHECK_OK(world_write_begin(&w, &tx));
	struct idea_row before = add(&tx, (struct made){ "before", "" });
	struct idea_row middle = add(&tx, (struct made){ "middle", "" });
	struct idea_row behind = add(&tx, (struct made){ "behind", "" });

	link(&tx, &before, &middle);
	link(&tx, &middle, &behind);
	CHECK_STR(walked(&tx, &middle, (struct idea_walk){ .direction = WALK_DIRECTION_OUT }, &cut),
		  "behind");
	CHECK(!cut);
	CHECK_STR(walked(&tx, &middle, (struct idea_walk){ .direction = WALK_DIRECTION_IN }, NULL),
		  "before");
	CHECK_STR(walked(&tx, &before, (struct idea_walk){ .direction = WALK_DIRECTION_BOTH },
			 NULL),
		  "middle behind");
	CHECK_STR(walked(&tx, &before, (struct idea_walk){ .max = 1 }, &cut), "middle");
	CHECK(cut);
	CHECK_OK(world_write_end(&w));
}

TEST(ideas_links_are_shown_up_to_200_and_a_walk_says_that_there_are_more)
{
	WORLD_OPEN(w);
	struct idea_walk walk = { .direction = WALK_DIRECTION_OUT, .max = 500 };
	struct idea_link_list list;
	struct store_tx tx;
	bool cut = true;

	CHECK_OK(world_write_begin(&w, &tx));
	struct idea_row hub = add(&tx, (struct made){ "hub", "" }), last;

	for (int i = 0; i < 200; i++) {
		last = add(&tx, (struct made){ str_fmt(&w.arena, "n%d", i).p, "" });
		link(&tx, &hub, &last);
	}
	CHECK(walked(&tx, &hub, walk, &cut).n > 0);
	CHECK(!cut);
	last = add(&tx, (struct made){ "one more", "" });
	link(&tx, &hub, &last);
	CHECK_OK(store_idea_links_of(&tx, &hub, &all, &list));
	CHECK_INT(list.n, 200);
	CHECK(walked(&tx, &hub, walk, &cut).n > 0);
	CHECK(cut);
	CHECK_OK(world_write_end(&w));
}
