/* SPDX-License-Identifier: Apache-2.0 */
/* What hangs between quests: dependencies (a DAG) and parents (a tree), with the counters that rows
 * keep of them. Everything is bounded: QUEST_DEPENDENCIES_MAX a quest, QUEST_DEPENDENTS_MAX that
 * wait for one, QUEST_LEVELS_MAX above one. */
#pragma once

#include "store/store.h"
#include "types.gen.h"

#define QUEST_DEPENDENCIES_MAX 100
#define QUEST_DEPENDENTS_MAX   1000
#define QUEST_LEVELS_MAX       64

/* In order of n. */
int store_quest_dependencies(struct store_tx *tx, int64_t n, int64_t out[QUEST_DEPENDENCIES_MAX],
			     size_t *out_n) must_check;
int store_quest_dependency_ids(struct store_tx *tx, int64_t n, struct str_list *out) must_check;
/* What they hand on. */
int store_quest_context(struct store_tx *tx, int64_t n, struct quest_context_list *out) must_check;

/* Both also count the dependency's dependents. */
int store_quest_dependency_add(struct store_tx *tx, int64_t quest, int64_t dependency) must_check;
int store_quest_dependency_remove(struct store_tx *tx, int64_t quest,
				  int64_t dependency) must_check;
/* The quest's own counters. */
int store_quest_count_dependencies(struct store_tx *tx, int64_t n, int64_t all,
				   int64_t open) must_check;
/* A dependency that failed or was cancelled; STORE_NONE. */
int store_quest_failed_dependency(struct store_tx *tx, int64_t n, int64_t *out) must_check;

struct store_dependent {
	int64_t n;
	struct str id;
	enum quest_status status;
	int64_t open_dependencies, blocked_by;
};
struct store_dependent_list {
	struct store_dependent *v;
	size_t n;
};
int store_quest_dependents(struct store_tx *tx, int64_t n,
			   struct store_dependent_list *out) must_check;
int store_quest_count_open_dependencies(struct store_tx *tx, int64_t n, int64_t more) must_check;

enum { STORE_TOO_FAR = 2 };
/* It and its parents up to the root. STORE_TOO_FAR beyond QUEST_LEVELS_MAX. */
int store_quest_ancestors(struct store_tx *tx, int64_t n, struct store_n_list *out) must_check;

int store_quest_count_open_children(struct store_tx *tx, int64_t n, int64_t more) must_check;
/* The first `max` required children that are not closed. */
int store_quest_open_children(struct store_tx *tx, int64_t n, size_t max,
			      struct store_n_list *out) must_check;
