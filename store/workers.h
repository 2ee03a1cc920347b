/* SPDX-License-Identifier: Apache-2.0 */
/* Workers as rows. Times (heartbeat_at, drain_by) are steady. */
#pragma once

#include "store/tasks.h"

enum { WORKERS_MAX = 10000 };

struct store_worker {
	struct worker worker;
	int64_t n;
	int64_t connection; /* 0 = none */
	bool is_draining;
	bool resumes; /* it came back, and some of its claims were not handed out to it again */
};

/* By id or name. STORE_NONE. */
int store_worker_get(struct store_tx *tx, struct str who, struct store_worker *out) must_check;
int store_worker_get_n(struct store_tx *tx, int64_t n, struct store_worker *out) must_check;
/* Fills in n, id, status and times. STORE_TOO_MANY. */
int store_worker_add(struct store_tx *tx, struct store_worker *w) must_check;
/* All but its counters. */
int store_worker_set(struct store_tx *tx, struct store_worker *w) must_check;
struct store_worker_count {
	int64_t running, completed, failed; /* more */
};
/* Busy or online go along. */
int store_worker_count(struct store_tx *tx, int64_t n,
		       const struct store_worker_count *more) must_check;
/* Nothing refers to it any more. */
int store_worker_remove(struct store_tx *tx, int64_t n) must_check;
/* What it holds, oldest first. */
int store_worker_held(struct store_tx *tx, int64_t n, size_t max,
		      struct store_n_list *out) must_check;
/* By name; *after is the last one's. */
int store_worker_page(struct store_tx *tx, enum worker_status status, size_t limit,
		      struct str *after, struct worker_list *out, bool *has_more) must_check;
int store_worker_due(struct store_tx *tx, size_t max, struct store_n_list *out) must_check;
int store_worker_of_connection(struct store_tx *tx, int64_t connection, size_t max,
			       struct store_n_list *out) must_check;
/* Does any say on which connection it came? */
int store_worker_has_connection(struct store_tx *tx, bool *out) must_check;
/* No connection of an earlier process is one of this. */
int store_worker_forget_connections(struct store_tx *tx) must_check;
struct store_worker_lack {
	struct str_list missing; /* what none that is there can do; absent when each can be done */
	bool is_any;             /* one is there */
	bool is_able;            /* one can do it all */
};
/* Who is there for `wanted`. */
int store_worker_lack(struct store_tx *tx, struct str_list wanted,
		      struct store_worker_lack *out) must_check;
/* When it must be looked at again; 0 = never. */
int64_t store_worker_due_at(const struct store_worker *w);
