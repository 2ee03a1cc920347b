/* SPDX-License-Identifier: Apache-2.0 */
/* Subscriptions as rows: what they wait for, what they did, and which of them an event may concern.
 * However many there are, an event looks only at those whose kind begins as its own does and which
 * want its subject, or a value of its payload, or none in particular. */
#pragma once

#include "store/events.h"
#include "store/firings.h"

#define SUBSCRIPTIONS_MAX 200000

/* By what a subscription is found; texts of at most STORE_INTEREST_TEXT_MAX bytes, else path is
 * STORE_INTEREST_ANY. */
#define STORE_INTEREST_ANY      STR("-")
#define STORE_INTEREST_SUBJECT  STR("$")
#define STORE_INTEREST_TEXT_MAX 200
struct store_interest_key {
	struct str path, value; /* path ".repo.name": of the payload */
};

struct store_subscription {
	struct subscription subscription; /* its short lists too; without problem */
	int64_t n;
	struct store_interest_key key;
	int64_t since;
	enum principal_kind by_kind;
	struct str by_key; /* subscription.created_by is the maker's id */
	int64_t minute, in_minute;
};

struct str store_subscription_short_id(struct arena *a, int64_t n);
/* By id, short id or name. STORE_NONE. */
int store_subscription_find(struct store_tx *tx, struct str who,
			    struct store_subscription *out) must_check;
int store_subscription_get_n(struct store_tx *tx, int64_t n,
			     struct store_subscription *out) must_check;
/* Fills in n, ids, times and counts; it answers the events that come from now on.
 * STORE_SUBSCRIPTION_NAMED: another has the name; STORE_TOO_MANY. */
enum { STORE_SUBSCRIPTION_NAMED = 2 };
int store_subscription_add(struct store_tx *tx, struct store_subscription *s) must_check;
int store_subscription_delete(struct store_tx *tx, int64_t n) must_check;
int store_subscription_stop(struct store_tx *tx, int64_t n, struct str reason) must_check;

struct store_subscription_filter {
	enum subscription_state state; /* NONE = any */
	int64_t after;                 /* n */
	size_t limit;
};
/* By n. *out_after is where the next page begins, 0 when there is none. */
int store_subscription_page(struct store_tx *tx, const struct store_subscription_filter *f,
			    struct store_subscription **out, size_t *out_n,
			    int64_t *out_after) must_check;

/* ---- what they did ---- */

/* fired, suppressed, fired_at, minute, in_minute, as it says. */
int store_subscription_count(struct store_tx *tx, const struct store_subscription *s) must_check;
int store_subscription_failed(struct store_tx *tx, int64_t n, struct str error) must_check;
/* One match more, those further away in time than `window_ms` forgotten (ahead of it too: the clock
 * may have been set back); how many there are now. */
int store_subscription_hit(struct store_tx *tx, int64_t n, const struct event *event,
			   int64_t window_ms, int64_t *out) must_check;
/* One more than is wanted, while it may not fire: the first counts no longer. */
int store_subscription_drop_hit(struct store_tx *tx, int64_t n) must_check;
int store_subscription_forget_hits(struct store_tx *tx, int64_t n) must_check;

/* ---- events that are to be held against them ---- */

struct store_match {
	int64_t seq, depth, after;
};
/* The first. STORE_NONE. */
int store_match_first(struct store_tx *tx, struct store_match *out) must_check;
int store_matches_wait(struct store_tx *tx, bool *out) must_check; /* is there one? */
int store_match_go_on(struct store_tx *tx, int64_t seq, int64_t after) must_check;
int store_match_end(struct store_tx *tx, int64_t seq) must_check;
/* Those that may answer the event, behind `after`, at most `max`, by n. `payload` NULL: none. */
struct json;
int store_match_candidates(struct store_tx *tx, const struct event *event,
			   const struct json *payload, int64_t after, size_t max,
			   struct store_n_list *out) must_check;
