/* SPDX-License-Identifier: Apache-2.0 */
/* Intrusive hash map from text to an object that embeds a `struct map_node`. The key's bytes belong
 * to the object and must outlive its stay. SipHash-1-3 with a random seed per map: callers choose
 * many of the keys. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct map_node {
	struct map_node *next;
	struct str key;
	uint64_t hash;
	bool is_linked;
};

struct map {
	struct map_node **slots;
	size_t n_slots, n;
	uint64_t seed[2];
};

void map_init(struct map *m);
void map_deinit(struct map *m); /* asserts that it is empty */
/* 0, or negative when memory is out. The key must not be in the map. */
int map_add(struct map *m, struct map_node *node, struct str key) must_check;
struct map_node *map_find(const struct map *m, struct str key);
void map_remove(struct map *m, struct map_node *node); /* harmless when not linked */
/* Any node, or NULL when empty: for draining. */
struct map_node *map_first(const struct map *m);
/* Iteration in no order; nothing may be added or removed meanwhile. Start with *slot = 0, node
 * NULL. */
struct map_node *map_next(const struct map *m, size_t *slot, struct map_node *node);

uint64_t map_hash(const uint64_t seed[2], struct str s);
