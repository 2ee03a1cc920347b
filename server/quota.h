/* SPDX-License-Identifier: Apache-2.0 */
/* What each principal, and all together, may have in flight and do in a minute. Calls are charged
 * while they wait for a lane or in it (an inline read is over before it could count), bytes with
 * them, streams and parked calls as streams, connections as connections. Callers with a key have an
 * account a key, and so many reads and writes a minute as the key says; the owner has no such
 * limit. */
#pragma once

#include <stdint.h>

#include "base/charge.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/macros.h"
#include "base/map.h"
#include "base/str.h"
#include "verbs/call.h"

struct quota;
struct verb;

/* So many a minute, all at once or spread: one more is let in when a minute's share of the time
 * since the first has passed. */
struct quota_rate {
	int64_t used_until_us; /* boot */
};

/* One principal's account, shared by its connections and calls. */
struct quota_user {
	struct map_node node;
	struct quota *quota;
	struct charge_account account;
	struct principal who; /* as it was found last; its texts live as long as the account */
	uint64_t looked_at;   /* access_keys.c: the round in which it was found, */
	bool has_lost;        /* and that it may less than before */
	struct quota_rate reads, writes, quests;
	struct list link;    /* quota->idle: of nobody now */
	struct list counted; /* quota->counted: has reads that are not on record yet */
	int64_t n_reads;
	int64_t idle_since_us;
	int64_t narrow_until_ms; /* loop's clock; 0 = it has its whole share of calls */
	uint32_t n_refs;
	char text[];
};

int quota_new(struct clock *clock, struct quota **out) must_check;
struct quota *quota_free(struct quota *q);
struct charge_account *quota_everybody(struct quota *q);

/* The principal's account, made at need. NULL when memory is out. */
struct quota_user *quota_join(struct quota *q, const struct principal *p);
struct quota_user *quota_ref(struct quota_user *u);
struct quota_user *quota_unref(struct quota_user *u);
/* Is it this principal's account? */
bool quota_is_of(const struct quota_user *u, const struct principal *p);

/* Takes one call of the verb from what the caller has in a minute. */
struct quota_refusal {
	const char *quota; /* "writes_per_minute" */
	int64_t limit, retry_after_ms;
};
bool quota_admit(struct quota_user *u, const struct verb *v, struct quota_refusal *out);
/* A call that was carried out: reads are put on record, and that a key was used. */
void quota_count(struct quota_user *u, bool is_read);
/* The next account with something to put on record, which counts anew; NULL when there is none.
 * Look at it before the next call. */
struct quota_user *quota_take_counted(struct quota *q, int64_t *out_n);

/* charge_take for a call. A share takes in a burst; a crowd that stays gains nothing by it, each of
 * its calls only takes longer and costs more. So a share that was full narrows to what keeps the
 * writer busy, and is whole again after a second. `now_ms`: loop_now_ms. */
int quota_take_call(struct quota_user *u, struct charge *c, int64_t now_ms) must_check;
