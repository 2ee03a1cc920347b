/* SPDX-License-Identifier: Apache-2.0 */
/* Roles (seats) as rows, and lists of them. What hangs between them is in roles_graph.h. */
#pragma once

#include "store/store.h"
#include "types.gen.h"

/* Of all together: what is worked out over the whole graph stays within a call. */
#define ROLES_MAX        10000
#define ROLE_PARENTS_MAX 8

struct store_role {
	struct role role; /* without parents, children and below: those are the graph's */
	int64_t n;
};

/* "r-7"; NONE when memory is out. */
struct str store_role_short_id(struct arena *a, int64_t n);
/* By id or short id. STORE_NONE. */
int store_role_find(struct store_tx *tx, struct str id, struct store_role *out) must_check;
int store_role_count(struct store_tx *tx, int64_t *out) must_check;
/* Fills in n, ids and times; above and below nobody. */
int store_role_add(struct store_tx *tx, struct store_role *r) must_check;
/* Title, type, description. */
int store_role_set(struct store_tx *tx, struct store_role *r) must_check;
/* Kind, occupant and since when; no occupant: vacant. */
int store_role_set_occupant(struct store_tx *tx, struct store_role *r) must_check;
/* It has nobody above or below any more. */
int store_role_remove(struct store_tx *tx, int64_t n) must_check;
/* Whoever has this id leaves all their seats; how many those were. */
int store_roles_vacate(struct store_tx *tx, struct str occupant, int64_t *out_n) must_check;

struct store_role_filter {
	enum role_type type; /* 0 = any */
	struct str occupant; /* an id; NONE = any */
	bool is_vacant;
	int64_t after; /* n; 0 = from the first */
	size_t limit;
};
/* By n. *out_after is where the next page begins, 0 when there is none. */
int store_role_page(struct store_tx *tx, const struct store_role_filter *f,
		    struct role_line_list *out, int64_t *out_after) must_check;
