/* SPDX-License-Identifier: Apache-2.0 */
/* Schedules as rows. Which due times had their run is kept as stretches of them: the present one in
 * the row, a few earlier ones beside it. */
#pragma once

#include "store/agents.h"

#define SCHEDULE_SPANS_MAX 8

struct store_schedule {
	struct schedule schedule;
	int64_t n;
	enum principal_kind by_kind;
	struct str by_key;              /* `runs_as` with which key; NONE: without */
	int64_t anchor_at;              /* intervals are counted from here */
	int64_t due_at;                 /* of next_at; 0 = none */
	int64_t span_from;              /* from here to last_due_at every due time had its run; 0 */
	int64_t last_task, before_task; /* its latest firings; 0 = none */
};

/* By id or name. STORE_NONE. */
int store_schedule_find(struct store_tx *tx, struct str who, struct store_schedule *out) must_check;
int store_schedule_get_n(struct store_tx *tx, int64_t n, struct store_schedule *out) must_check;
/* Fills in n, id and created_at; it is not due yet. STORE_NAME_TAKEN. */
int store_schedule_add(struct store_tx *tx, struct store_schedule *s) must_check;
/* What was asked for. STORE_NAME_TAKEN. */
int store_schedule_set(struct store_tx *tx, struct store_schedule *s) must_check;
/* What became of it: due times, runs, counts. */
int store_schedule_set_times(struct store_tx *tx, const struct store_schedule *s) must_check;
int store_schedule_delete(struct store_tx *tx, int64_t n) must_check;
/* By name. *out_after is where the next page begins, NONE when there is none. */
int store_schedule_page(struct store_tx *tx, struct str after, size_t limit,
			struct schedule_line_list *out, struct str *out_after) must_check;

/* Those whose time has come, the longest due first. */
int store_schedule_due(struct store_tx *tx, size_t max, struct store_n_list *out) must_check;
/* When the next one comes; 0 = never. */
int store_schedule_next(struct store_tx *tx, int64_t *out) must_check;
/* By n. */
int store_schedule_after(struct store_tx *tx, int64_t n, size_t max,
			 struct store_n_list *out) must_check;

struct store_span {
	int64_t from_at, through_at;
};
struct store_spans {
	struct store_span v[SCHEDULE_SPANS_MAX + 1];
	size_t n;
};
/* Of earlier due times, in order. */
int store_schedule_spans(struct store_tx *tx, int64_t n, struct store_spans *out) must_check;
/* One more; of too many the first two become one, with what lies between them. */
int store_schedule_span_add(struct store_tx *tx, int64_t n, struct store_span span) must_check;
