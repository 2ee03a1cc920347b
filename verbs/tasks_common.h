/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of tasks share: finding the one that a parameter names, checking that a claim is
 * still its holder's, and the one way from state to state. */
#pragma once

#include "store/tasks_change.h"
#include "store/workers.h"
#include "verbs/call.h"

/* By id or short id, or CALL_FAILED with not_found. */
int task_named(struct call *c, const char *field, struct str id, struct store_task *out) must_check;
/* The same to change it: not an attempt of a quest (illegal_transition). */
int task_to_change(struct call *c, struct str id, struct store_task *out) must_check;
int worker_named(struct call *c, const char *field, struct str who,
		 struct store_worker *out) must_check;

/* Refuses (`conflict`) the queue whose tasks the runtime alone makes and takes. */
int task_refuse_own_queue(struct call *c, const char *field, struct str queue) must_check;

/* The proof of a claim as a holder's calls carry it. */
struct task_proof {
	struct str id;
	int64_t attempt;
	struct str token;
};
/* The task, or CALL_FAILED with not_found or stale_attempt. */
int task_held(struct call *c, const struct task_proof *proof, struct store_task *out) must_check;
/* Is that the token? It takes the same time whatever differs. NONE is none's. */
bool task_is_token(struct str token, struct str given);
int task_refuse_stale(struct call *c, const struct store_task *t) must_check;
/* Any sign of life of a holder starts it. */
int task_ensure_started(struct call *c, struct store_task *t) must_check;
int task_refuse_change(struct call *c, const struct store_task *t, enum task_state to) must_check;

/* The one way of a task to another state, with all that goes along: leases and concurrency keys
 * given back, ranks and lanes, those that wait for it, the event. What else t says is kept too. */
int task_become(struct call *c, struct store_task *t, enum task_state to,
		enum task_reason reason) must_check;
/* Nothing keeps it pending any more? Then it is ready, or waits for its approval. */
int task_let_go(struct call *c, struct store_task *t, enum task_reason reason) must_check;
/* After a task's end by a way of its own: those that wait for it. */
int task_settle_dependents(struct call *c, const struct store_task *t) must_check;
/* It is not held any more: the worker's and the concurrency key's counters. */
int task_count_end(struct call *c, const struct store_task *t,
		   const struct store_worker_count *more) must_check;
/* "task.<what>" of the task. */
int task_event(struct call *c, const char *kind, const struct store_task *t) must_check;

/* 128 random bits. NONE when memory is out. */
struct str task_new_token(struct arena *a);
