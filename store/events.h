/* SPDX-License-Identifier: Apache-2.0 */
/* The outbox: occurrences, written in the transaction of the change they tell of, dense by seq,
 * never changed, removed from the front by retention. An event's id outside is
 * "<generation>.<seq>". */
#pragma once

#include "store/store.h"
#include "types.gen.h"

struct store_event_new {
	struct str kind;    /* "quest.created" */
	struct str source;  /* a principal's id */
	struct str subject; /* an object's id, or NONE */
	struct str payload; /* JSON object */
};

/* out_seq may be NULL. */
int store_event_add(struct store_tx *tx, const struct store_event_new *e,
		    int64_t *out_seq) must_check;

/* First kept and last written seq; head 0 when there never was one, floor = head + 1 when none is
 * kept. */
int store_event_bounds(struct store_tx *tx, int64_t *floor, int64_t *head) must_check;

struct store_event_filter {
	struct str_list kinds; /* globs: "quest.*"; empty = all */
	struct str subject;    /* NONE = all */
	struct str source;
};

/* Events with seq > since in order, at most max; *scanned_to is how far it looked. */
int store_event_page(struct store_tx *tx, const struct store_event_filter *f, int64_t since,
		     size_t max, struct event_list *out, int64_t *scanned_to) must_check;
/* Newest first, before seq (0 = from the head). */
int store_event_list(struct store_tx *tx, const struct store_event_filter *f, int64_t before,
		     size_t max, struct event_list *out) must_check;
int store_event_get(struct store_tx *tx, int64_t seq,
		    struct event *out) must_check; /* STORE_NONE */
/* The firing whose calls made it; 0 = none, or no such event. */
int store_event_firing(struct store_tx *tx, int64_t seq, int64_t *out) must_check;
bool store_event_kind_matches(struct str glob, struct str kind);
bool store_event_matches(const struct store_event_filter *f, const struct event *e);
