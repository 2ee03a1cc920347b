/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions as rows: where people, agents, roles and those outside talk; who takes part, how far
 * they have read, whose answer is waited for. What was said is in messages.h.
 *
 * A participant is a text: "user:<id>", "agent:<id>", "role:<id>", "external:<name>". */
#pragma once

#include "store/store.h"
#include "types.gen.h"

enum { SESSION_PARTICIPANTS_MAX = 100, SESSION_DEPTH_MAX = 16 };

struct store_session {
	struct session session; /* without participants */
	int64_t n, parent;      /* n; 0 = none */
	int64_t forked, depth;
	int64_t n_participants;
	struct str key; /* NONE of a group */
};

/* "s-7". NONE when memory is out, or for 0. */
struct str store_session_short_id(struct arena *a, int64_t n);
/* By id or short id. STORE_NONE. */
int store_session_find(struct store_tx *tx, struct str id, struct store_session *out) must_check;
int store_session_get_n(struct store_tx *tx, int64_t n, struct store_session *out) must_check;
/* The one session of these two participants, this idea, quest or chat. STORE_NONE. */
int store_session_by_key(struct store_tx *tx, enum session_kind kind, struct str key,
			 struct store_session *out) must_check;
/* The key of a direct one: the same whichever is named first. NONE when memory is out. */
struct str store_session_pair(struct arena *a, struct str one, struct str other);
/* Of kind, key, title, parent, forked, depth, created_by; fills in n, ids and times. */
int store_session_add(struct store_tx *tx, struct store_session *s) must_check;
/* Title, last, closed_at. */
int store_session_set(struct store_tx *tx, struct store_session *s) must_check;

/* Takes part from now on, having read up to `read`. *out_is_new false: did already.
 * STORE_TOO_MANY. */
int store_session_join(struct store_tx *tx, struct store_session *s, struct str who, int64_t read,
		       bool *out_is_new) must_check;
/* STORE_NONE: takes no part. */
int store_session_participant(struct store_tx *tx, int64_t n, struct str who,
			      struct participant *out) must_check;
int store_session_participants(struct store_tx *tx, int64_t n,
			       struct participant_list *out) must_check;
/* Has read up to seq: mentions up to there are gone too. */
int store_session_read(struct store_tx *tx, int64_t n, struct str who, int64_t seq) must_check;
/* Their answer to this question is waited for; 0: no more. */
int store_session_ask(struct store_tx *tx, int64_t n, struct str who, int64_t seq) must_check;
/* Nobody's answer is waited for any more. */
int store_session_end_asks(struct store_tx *tx, int64_t n) must_check;

/* Sessions with n < before (0 = from the newest), newest first: all, or those `who` takes part in
 * (NONE = all). Calls `take` with each until it gives another number than 0: that one comes back.
 */
typedef int store_session_fn(void *data, const struct store_session *s);
int store_session_each(struct store_tx *tx, struct str who, int64_t before, store_session_fn *take,
		       void *data) must_check;

/* What waits for somebody: questions, in order of sessions, and unread mentions, in order of
 * sessions and messages; at most max behind the place given. */
struct store_call {
	int64_t session, seq; /* n */
};
struct store_call_list {
	struct store_call *v;
	size_t n;
};
int store_session_asked(struct store_tx *tx, struct str who, const struct store_call *after,
			size_t max, struct store_call_list *out) must_check;
int store_session_mentions(struct store_tx *tx, struct str who, const struct store_call *after,
			   size_t max, struct store_call_list *out) must_check;

/* The task that is an agent's newest turn in it. STORE_NONE. */
int store_session_turn(struct store_tx *tx, int64_t n, struct str agent,
		       struct str *out_task) must_check;
int store_session_set_turn(struct store_tx *tx, int64_t n, struct str agent,
			   struct str task) must_check;
/* Of all its agents, at most SESSION_PARTICIPANTS_MAX. */
int store_session_turns(struct store_tx *tx, int64_t n, struct str_list *out_tasks) must_check;
