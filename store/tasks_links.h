/* SPDX-License-Identifier: Apache-2.0 */
/* What hangs on tasks: dependencies, attempts that ended badly; and their removal with all that. */
#pragma once

#include "store/tasks.h"

#define TASK_DEPENDENCIES_MAX 100
#define TASK_DEPENDENTS_MAX   1000

/* Short ids. */
int store_task_dependency_ids(struct store_tx *tx, int64_t n, struct str_list *out) must_check;
/* is_open: it is not completed yet, and counted. Counts the dependency's dependents. */
int store_task_depend(struct store_tx *tx, int64_t task, int64_t on, bool is_open) must_check;
/* The task's counts of its dependencies, after rows came; also in t. */
int store_task_recount(struct store_tx *tx, struct store_task *t) must_check;

struct store_task_brief {
	int64_t n;
	enum task_state state;
};
struct store_task_brief_list {
	struct store_task_brief *v;
	size_t n;
};
/* The first of those it still waits for. */
int store_task_open_dependencies(struct store_tx *tx, int64_t n, size_t max,
				 struct store_task_brief_list *out) must_check;
/* Those that wait for it, TASK_DEPENDENTS_MAX at most. */
int store_task_dependents(struct store_tx *tx, int64_t n, struct store_n_list *out) must_check;
/* `task` waits for `on` no more; counted. */
int store_task_settle(struct store_tx *tx, int64_t task, int64_t on) must_check;
/* Does `from` wait for `to`, directly or through others? Looks at a bounded number of tasks:
 * STORE_TOO_MANY beyond. */
int store_task_waits_for(struct store_tx *tx, int64_t from, int64_t to, bool *out) must_check;

/* How an attempt ended that did not end well. */
int store_task_attempt_add(struct store_tx *tx, const struct store_task *t,
			   const struct task_error *error) must_check;
/* The last ones, oldest first. */
int store_task_attempts(struct store_tx *tx, int64_t n, struct task_error_list *out) must_check;

/* A finished task with all that hangs on it. STORE_REFUSED while others wait for it. */
int store_task_remove(struct store_tx *tx, const struct store_task *t) must_check;
