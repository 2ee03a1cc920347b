/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <stdio.h>

#include "base/list.h"
#include "tests/unit/alloc.h"
#include "tests/unit/test.h"

struct thing {
	char name[16];
	bool is_seen;
	struct map_node node;
};

#define N 1000

static void fill(struct map *m, struct thing *things)
{
	for (int i = 0; i < N; i++) {
		int n = snprintf(things[i].name, sizeof(things[i].name), "thing-%d", i);

		CHECK_OK(map_add(m, &things[i].node, (struct str){ things[i].name, (size_t)n }));
	}
}

TEST(map_finds_what_was_added_until_it_is_removed)
{
	static struct thing things[N];
	struct map m;

	map_init(&m);
	CHECK(map_find(&m, STR("thing-1")) == NULL);
	CHECK(map_first(&m) == NULL);
	fill(&m, things);
	CHECK_INT(m.n, N);
	for (int i = 0; i < N; i++)
		CHECK(map_find(&m, str_from(things[i].name)) == &things[i].node);
	CHECK(map_find(&m, STR("thing-1000")) == NULL);
	for (int i = 0; i < N; i += 2)
		map_remove(&m, &things[i].node);
	map_remove(&m, &things[0].node);
	CHECK_INT(m.n, N / 2);
	for (int i = 0; i < N; i++)
		CHECK((map_find(&m, str_from(things[i].name)) != NULL) == (i % 2 == 1));
	while (map_first(&m))
		map_remove(&m, map_first(&m));
	map_deinit(&m);
}

TEST(map_iteration_meets_every_node_once)
{
	static struct thing things[N];
	struct map_node *node = NULL;
	size_t slot = 0, n = 0;
	struct map m;

	map_init(&m);
	fill(&m, things);
	while ((node = map_next(&m, &slot, node))) {
		struct thing *t = container_of(node, struct thing, node);

		CHECK(!t->is_seen);
		t->is_seen = true;
		n++;
	}
	CHECK_INT(n, N);
	for (int i = 0; i < N; i++)
		map_remove(&m, &things[i].node);
	map_deinit(&m);
}

TEST(map_goes_on_when_it_cannot_grow)
{
	static struct thing things[N];
	struct map m;

	map_init(&m);
	alloc_fail_at(1);
	CHECK_FAULT(map_add(&m, &things[0].node, STR("x")), ERR_NOMEM);
	CHECK_INT(m.n, 0);
	alloc_fail_at(3);
	fill(&m, things);
	alloc_fail_at(0);
	for (int i = 0; i < N; i++)
		CHECK(map_find(&m, str_from(things[i].name)) == &things[i].node);
	for (int i = 0; i < N; i++)
		map_remove(&m, &things[i].node);
	map_deinit(&m);
}

TEST(map_hash_is_siphash_1_3)
{
	const uint64_t seed[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };

	CHECK_INT(map_hash(seed, STR("")), (int64_t)0xabac0158050fc4dc);
}

TEST(map_hash_depends_on_seed_and_every_byte)
{
	const uint64_t one[2] = { 1, 2 }, two[2] = { 1, 3 };

	CHECK(map_hash(one, STR("abc")) != map_hash(two, STR("abc")));
	CHECK(map_hash(one, STR("abcdefgh")) != map_hash(one, STR("abcdefgi")));
	CHECK(map_hash(one, STR("abcdefghi")) != map_hash(one, STR("abcdefghj")));
	CHECK(map_hash(one, STR("a")) != map_hash(one, STR("a\0")));
	CHECK_INT(map_hash(one, STR("same")), map_hash(one, STR("same")));
}

struct item {
	int v;
	struct list link;
};

TEST(list_keeps_order_and_unlinking_twice_is_harmless)
{
	struct item items[4] = { { .v = 0 }, { .v = 1 }, { .v = 2 }, { .v = 3 } };
	struct list head, other;
	int want = 0;

	list_init(&head);
	list_init(&other);
	CHECK(list_pop_front(&head) == NULL);
	list_push_back(&head, &items[1].link);
	list_push_front(&head, &items[0].link);
	list_push_back(&other, &items[2].link);
	list_push_back(&other, &items[3].link);
	list_splice_back(&head, &other);
	list_splice_back(&head, &other);
	CHECK(list_is_empty(&other));
	list_for_each (it, tmp, &head) {
		CHECK_INT(list_entry(it, struct item, link)->v, want++);
		list_unlink(it);
		list_unlink(it);
	}
	CHECK_INT(want, 4);
	CHECK(list_is_empty(&head));
}
