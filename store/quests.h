/* SPDX-License-Identifier: Apache-2.0 */
/* Quests as rows: one at a time, by UUID or short id. What hangs between them (dependencies,
 * parents, counters) is in quests_graph.h, lists and the queue in quests_list.h. */
#pragma once

#include "store/store.h"
#include "types.gen.h"

/* Sets of capabilities that open quests ask for: a claim may have to look at each. */
enum { QUEST_SORTS_MAX = 1000 };

struct store_quest {
	struct quest quest;
	int64_t n;
	int64_t assignee, parent, blocked_by; /* n; 0 = none */
	int64_t dependencies, dependents;     /* how many */
	int64_t task;                         /* n: the attempt in progress; 0 = none */
	int64_t lapses;                       /* attempts in a row without progress */
};

/* "q-7". NONE when memory is out. */
struct str store_quest_short_id(struct arena *a, int64_t n);
/* STORE_NONE. */
int store_quest_get(struct store_tx *tx, struct str id, struct store_quest *out) must_check;
int store_quest_get_n(struct store_tx *tx, int64_t n, struct store_quest *out) must_check;

/* What others need to know of a quest that they name. */
struct store_quest_key {
	int64_t n;
	enum quest_status status;
	int64_t parent; /* n; 0 = none */
	int64_t dependents;
};
int store_quest_key(struct store_tx *tx, struct str id,
		    struct store_quest_key *out) must_check; /* STORE_NONE */
int store_quest_key_n(struct store_tx *tx, int64_t n,
		      struct store_quest_key *out) must_check; /* STORE_NONE */

/* Fills in n, id, short_id and times; the status is pending or blocked. Labels come along,
 * dependencies are the graph's. */
int store_quest_add(struct store_tx *tx, struct store_quest *q) must_check;
/* What describes it: subject, description, acceptance, priority, parent, required, labels,
 * capabilities (sorted), ideas, due_at. */
int store_quest_set(struct store_tx *tx, const struct store_quest *q) must_check;
/* How many such sets there are besides this one (sorted). */
int store_quest_sorts(struct store_tx *tx, struct str_list besides, size_t *out) must_check;
/* The rows behind quest.labels: after a change of them. */
int store_quest_set_labels(struct store_tx *tx, const struct store_quest *q) must_check;
int store_quest_set_assignee(struct store_tx *tx, int64_t n,
			     int64_t agent) must_check; /* 0 = nobody */

/* pending → in_progress, a new attempt. STORE_REFUSED by the trigger. */
int store_quest_claim(struct store_tx *tx, int64_t n, int64_t agent, int64_t task,
		      struct str by) must_check;

struct store_quest_status {
	enum quest_status status;
	int64_t blocked_by;      /* n; 0 = none */
	struct str reason;       /* of being blocked */
	struct outcome *outcome; /* NULL: the last one stays */
	bool is_closed;
	bool is_freed; /* whose it is only by the attempt has it no longer */
	int64_t lapses;
};
/* Any other change of status; the attempt ends. STORE_REFUSED by the trigger. */
int store_quest_set_status(struct store_tx *tx, int64_t n,
			   const struct store_quest_status *to) must_check;
