/* SPDX-License-Identifier: Apache-2.0 */
/* Few keys are compared each with each; many go through a hash table with a random seed, because
 * the caller chooses them. */
#include "base/json_keys.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/id.h"
#include "base/map.h"

#define LINEAR_MAX 16

static int check_few(const struct json_member *members, size_t n, const struct json_member **out)
{
	for (size_t i = 1; i < n; i++) {
		for (size_t j = 0; j < i; j++) {
			if (str_eq(members[i].key, members[j].key)) {
				*out = &members[i];
				return JSON_KEYS_AGAIN;
			}
		}
	}
	return 0;
}

/* Open addressing; a slot holds a member's index + 1. */
static int check_many(const struct json_member *members, size_t n, const struct json_member **out)
{
	size_t n_slots = 64;
	uint64_t seed[2];
	uint32_t *slots;
	int e = 0;

	while (n_slots < n * 2)
		n_slots *= 2;
	slots = calloc(n_slots, sizeof(*slots));
	if (!slots)
		return err_nomem();
	id_random(seed, sizeof(seed));
	for (size_t i = 0; i < n && !e; i++) {
		size_t at = map_hash(seed, members[i].key) & (n_slots - 1);

		while (slots[at] && !str_eq(members[slots[at] - 1].key, members[i].key))
			at = (at + 1) & (n_slots - 1);
		if (slots[at]) {
			*out = &members[i];
			e = JSON_KEYS_AGAIN;
		}
		slots[at] = (uint32_t)i + 1;
	}
	free(slots);
	return e;
}

int json_keys_check(const struct json_member *members, size_t n, const struct json_member **out)
{
	return n <= LINEAR_MAX ? check_few(members, n, out) : check_many(members, n, out);
}
