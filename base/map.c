/* SPDX-License-Identifier: Apache-2.0 */
/* Chained hash map of embedded nodes. Nodes are allocated by nobody, so only growing the table can
 * fail, and only the first time: later the chains just get longer. */
#include "base/map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/id.h"

#define SLOTS_MIN 8

static uint64_t rotate(uint64_t v, int n)
{
	return v << n | v >> (64 - n);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

uint64_t map_hash(const uint64_t seed[2], struct str s)
{
	uint64_t v[4] = { seed[0] ^ 0x736f6d6570736575ULL, seed[1] ^ 0x646f72616e646f6dULL,
			  seed[0] ^ 0x6c7967656e657261ULL, seed[1] ^ 0x7465646279746573ULL };
	uint64_t word;
	size_t i;

	for (i = 0; s.n - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, s.p + i, sizeof(word));
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	word = (uint64_t)s.n << 56;
	if (s.n > i)
		memcpy(&word, s.p + i, s.n - i);
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void map_init(struct map *m)
{
	*m = (struct map){ 0 };
}

void map_deinit(struct map *m)
{
	assert(m->n == 0);
	free(m->slots);
	m->slots = NULL;
	m->n_slots = 0;
}

static void link_node(struct map *m, struct map_node *node)
{
	struct map_node **slot = &m->slots[node->hash & (m->n_slots - 1)];

	node->next = *slot;
	*slot = node;
}

static void grow(struct map *m)
{
	size_t n_slots = m->n_slots ? m->n_slots * 2 : SLOTS_MIN;
	struct map_node **old = m->slots, **slots = calloc(n_slots, sizeof(struct map_node *));
	size_t n_old = m->n_slots;

	if (!slots)
		return;
	if (!n_old) /* many a map stays empty: the seed's system call waits for a key */
		id_random(m->seed, sizeof(m->seed));
	m->slots = slots;
	m->n_slots = n_slots;
	for (size_t i = 0; i < n_old; i++) {
		struct map_node *node, *next;

		for (node = old[i]; node; node = next) {
			next = node->next;
			link_node(m, node);
		}
	}
	free(old);
}

int map_add(struct map *m, struct map_node *node, struct str key)
{
	if (m->n >= m->n_slots)
		grow(m);
	if (!m->n_slots)
		return err_nomem();
	node->key = key;
	node->hash = map_hash(m->seed, key);
	node->is_linked = true;
	link_node(m, node);
	m->n++;
	return 0;
}

struct map_node *map_find(const struct map *m, struct str key)
{
	struct map_node *node;
	uint64_t hash;

	if (m->n == 0)
		return NULL;
	hash = map_hash(m->seed, key);
	for (node = m->slots[hash & (m->n_slots - 1)]; node; node = node->next)
		if (node->hash == hash && str_eq(node->key, key))
			return node;
	return NULL;
}

void map_remove(struct map *m, struct map_node *node)
{
	struct map_node **at;

	if (!node->is_linked)
		return;
	for (at = &m->slots[node->hash & (m->n_slots - 1)]; *at != node; at = &(*at)->next)
		assert(*at);
	*at = node->next;
	node->next = NULL;
	node->is_linked = false;
	m->n--;
}

struct map_node *map_next(const struct map *m, size_t *slot, struct map_node *node)
{
	if (node && node->next)
		return node->next;
	if (node)
		(*slot)++;
	for (; *slot < m->n_slots; (*slot)++)
		if (m->slots[*slot])
			return m->slots[*slot];
	return NULL;
}

struct map_node *map_first(const struct map *m)
{
	size_t slot = 0;

	return m->n ? map_next(m, &slot, NULL) : NULL;
}
