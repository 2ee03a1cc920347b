/* SPDX-License-Identifier: Apache-2.0 */
/* Who is above whom. Beside the edges stands their closure, with the number of ways from each role
 * down to each below it, so that asking for authority is one look-up, and an edge that goes takes
 * with it what only it carried. */
#pragma once

#include "store/roles.h"

struct store_role_ns {
	int64_t v[ROLE_PARENTS_MAX];
	size_t n;
};

int store_role_parents(struct store_tx *tx, int64_t n, struct store_role_ns *out) must_check;
/* Fills in parents, children and below. */
int store_role_place(struct store_tx *tx, struct store_role *r) must_check;

enum { STORE_CYCLE = 2, STORE_TOO_MANY_WAYS };
/* STORE_CYCLE when the child is above the parent, or is it. STORE_TOO_MANY_WAYS when too many roles
 * lie above and below the edge. */
int store_role_edge_add(struct store_tx *tx, int64_t parent, int64_t child) must_check;
int store_role_edge_remove(struct store_tx *tx, int64_t parent, int64_t child) must_check;
/* Short ids from `above` down to `below`, which it is above of, or is. */
int store_role_way(struct store_tx *tx, int64_t above, int64_t below,
		   struct str_list *out) must_check;

/* The roles from `from` on (0: from the roots) downwards, each once, nearest first; at most
 * `limit`, and whether there are more. */
int store_role_tree(struct store_tx *tx, int64_t from, size_t limit, struct role_node_list *out,
		    bool *out_is_cut) must_check;

/* Does somebody (an id) sit above this role; above a seat of that occupant (an id)? */
int store_seat_above_role(struct store_tx *tx, struct str who, int64_t role, bool *out) must_check;
int store_seat_above_occupant(struct store_tx *tx, struct str who, struct str occupant,
			      bool *out) must_check;
/* Who sits in this role or below it ("agent:<id>", "user:<id>") where `who` (an id) does not sit
 * above. */
int store_role_seated_aside(struct store_tx *tx, struct str who, int64_t role,
			    struct str_list *out) must_check;
