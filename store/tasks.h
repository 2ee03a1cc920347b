/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks as rows: reading one, by UUID or short id, and which state may follow which. Adding and
 * changing one is in tasks_change.h, what makes one ready (needs, lanes, concurrency keys) in
 * tasks_ready.h, dependencies and past attempts in tasks_links.h, timers in tasks_times.h, lists in
 * tasks_list.h. */
#pragma once

#include "store/store.h"
#include "types.gen.h"

struct store_task {
	struct task task;
	int64_t n, queue, needs, lane; /* lane 0 = none */
	int64_t assignee, worker;      /* n; 0 = none */
	int64_t needs_assignee;        /* of the needs: as assignee, but for while it changes */
	int64_t rank, wake_at;         /* wake_at 0 = none */
	int64_t claim_ms;              /* the lease of this attempt; 0 = the task's */
	int64_t ready_at, begins_at;
	int64_t dependencies, dependents;
	int64_t reclaims;
	bool has_progressed;
	struct str token;
	int64_t keep_ms, ageing_ms; /* of its queue; ageing_ms 0 = none */
	bool is_capped;             /* its queue limits what runs */
	bool has_others;            /* and has ready ones */
	int64_t quest;              /* n, of which it is an attempt; 0 = none */
};

/* From where to where a task may go: what the table's trigger lets through. */
bool store_task_may(enum task_state from, enum task_state to);
/* The states it may go to, as texts, for `data.allowed`. NONE list when memory is out. */
struct str_list store_task_ways(struct arena *a, enum task_state from);
bool store_task_is_over(enum task_state s); /* completed, failed, cancelled */
bool store_task_is_held(enum task_state s); /* claimed, in_progress */

/* "t-7". NONE when memory is out, or for 0. */
struct str store_task_short_id(struct arena *a, int64_t n);
/* Who has to do with it. STORE_NONE. */
struct store_task_stakes {
	int64_t n;
	enum task_state state;
	struct str created_by;
	struct str claimed_by; /* the last attempt */
	struct str assignee;   /* who registered the worker that alone may take it */
	bool needs_approval;   /* and nobody has approved it yet */
};
int store_task_stakes(struct store_tx *tx, struct str id, struct store_task_stakes *out) must_check;
/* Did an attempt of `who` end badly? */
int store_task_was_had(struct store_tx *tx, int64_t n, struct str who, bool *out) must_check;
/* The same of a quest: did it have an attempt of it? */
int store_task_was_had_of_quest(struct store_tx *tx, int64_t quest, struct str who,
				bool *out) must_check;
/* Without the payload. STORE_NONE. */
int store_task_get(struct store_tx *tx, struct str id, struct store_task *out) must_check;
int store_task_get_n(struct store_tx *tx, int64_t n, struct store_task *out) must_check;
/* Reads it into t, where there is one. */
int store_task_payload(struct store_tx *tx, struct store_task *t) must_check;
/* The one with this idempotency key. STORE_NONE. */
struct store_task_key {
	int64_t n;
	struct str payload;
	int64_t finished_at; /* 0 = not over */
};
int store_task_by_key(struct store_tx *tx, int64_t queue, struct str key,
		      struct store_task_key *out) must_check;
int store_task_clear_key(struct store_tx *tx, int64_t n) must_check;
