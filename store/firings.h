/* SPDX-License-Identifier: Apache-2.0 */
/* Firings: calls that events and time make. Each is a task of the queue `reactions`, which the
 * server alone makes, claims and completes; what it is about stands beside it. */
#pragma once

#include "store/tasks.h"

#define FIRINGS_QUEUE     STR("reactions")
#define FIRING_CALLS_MAX  8
#define FIRINGS_DEPTH_MAX 8

struct store_firing {
	const struct action_list *calls; /* at most FIRING_CALLS_MAX */
	/* Whose authority they have: looked up anew when they are made. */
	enum principal_kind by_kind;
	struct str by, by_key; /* by_key NONE: without a key */
	enum firing_source source;
	struct str source_id;
	struct str subject;             /* one line for lists of tasks; NONE: none */
	const struct task_retry *retry; /* NULL: the usual way */
	int64_t event; /* seq of the event that it answers, which has been written */
	int64_t depth; /* of that event's firing, or 0, and one more */
	int64_t after; /* a firing that must be over first; 0 = none */
	/* What it is when it was read or added: */
	int64_t n, root;
};

/* In the transaction of whoever fires. Nothing runs before `at_ms`. STORE_TOO_MANY: as many wait as
 * may. */
int store_firing_add(struct store_tx *tx, struct store_firing *f, int64_t at_ms) must_check;
/* May one more wait? */
int store_firings_have_room(struct store_tx *tx, bool *out) must_check;
/* Is it waiting, or between two attempts? */
int store_firing_is_open(struct store_tx *tx, int64_t task, bool *out) must_check;
/* The first that is ready, its task without payload. STORE_NONE: none, or they are paused. */
int store_firing_next(struct store_tx *tx, struct store_firing *out,
		      struct store_task *out_task) must_check;
/* The firing that a task is, without its calls. STORE_NONE: another task. */
int store_firing_get(struct store_tx *tx, int64_t task, struct store_firing *out) must_check;
/* Its calls, from the task's payload, which is read into t. */
int store_firing_calls(struct store_tx *tx, struct store_task *t,
		       struct store_firing *out) must_check;
/* The ids of what each call gave, from a firing's result; "" where it gave none. */
int store_firing_gave(struct arena *a, struct str result, struct str_list *out) must_check;
/* What answered an event, what a firing's calls made: at most `max`, in order. */
int store_firings_of_event(struct store_tx *tx, int64_t seq, size_t max,
			   struct store_n_list *out) must_check;
int store_events_of_firing(struct store_tx *tx, int64_t task, size_t max,
			   struct store_n_list *out) must_check;
/* The number of the queue; 0 while there has been no firing. */
int store_firings_queue(struct store_tx *tx, int64_t *out) must_check;
/* Is there one that is ready? */
int store_firings_wait(struct store_tx *tx, bool *out) must_check;
