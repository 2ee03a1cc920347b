/* SPDX-License-Identifier: Apache-2.0 */
/* Agents as rows. An erased one is not found any more; its name lives on in the quests it had. */
#pragma once

#include "store/store.h"
#include "types.gen.h"

struct store_agent {
	struct agent agent;
	int64_t n;
	int64_t parent; /* n; 0 = none */
};

enum { STORE_NAME_TAKEN = 2 };

/* By id or name. STORE_NONE. */
int store_agent_find(struct store_tx *tx, struct str who, struct store_agent *out) must_check;
int store_agent_get(struct store_tx *tx, int64_t n,
		    struct store_agent *out) must_check; /* STORE_NONE */
/* Fills in n, id and times. STORE_NAME_TAKEN. */
int store_agent_add(struct store_tx *tx, struct store_agent *a) must_check;
/* Name, status, instructions, model, grants, max_concurrent, retired_at. STORE_NAME_TAKEN. */
int store_agent_set(struct store_tx *tx, struct store_agent *a) must_check;
int store_agent_erase(struct store_tx *tx, int64_t n) must_check;
int store_agent_count_children(struct store_tx *tx, int64_t n, int64_t more) must_check;
int store_agent_count_quests(struct store_tx *tx, int64_t n, int64_t more) must_check;

struct store_child {
	struct str name;
	struct agent_grants *grants; /* NULL = none */
};
struct store_child_list {
	struct store_child *v;
	size_t n;
};
/* The first `max` agents under it, by name. */
int store_agent_children(struct store_tx *tx, int64_t n, size_t max,
			 struct store_child_list *out) must_check;

/* Does it stand below the agent with this id, at any depth? */
int store_agent_is_below(struct store_tx *tx, int64_t n, struct str id, bool *out) must_check;

struct store_agent_filter {
	enum agent_status status; /* 0 = any */
	int64_t parent;           /* 0 = any */
	struct str after;         /* a name; NONE = from the first */
	size_t limit;
};
/* By name. *out_after is where the next page begins, NONE when there is none. */
int store_agent_page(struct store_tx *tx, const struct store_agent_filter *f,
		     struct agent_line_list *out, struct str *out_after) must_check;
