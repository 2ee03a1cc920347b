/* SPDX-License-Identifier: Apache-2.0 */
/* One run of a verb's function in whichever thread, and the idempotent one of a writer. */
#pragma once

#include "base/arena.h"
#include "base/log.h"
#include "base/macros.h"
#include "server/request.h"
#include "store/store.h"

/* Is it a step of long work? */
bool run_is_step(const struct request *r);
/* Cancelled before it began: nothing was done, nothing will be. The call failed. */
bool run_is_stopped(struct request *r);
/* Makes the call ready; params and result are there. */
void run_prepare(struct request *r);
/* Runs the function and encodes its result. r->outcome: 0 (r->out holds the result), CALL_FAILED
 * (r->call.failure says why), CALL_WAIT or CALL_AGAIN. `tx` may be NULL. Returns the fault's class
 * when there was one, ERR_NONE otherwise; with ERR_BUSY and `keep_busy` nothing is logged or
 * failed. */
enum err_class run_verb(struct request *r, struct store_tx *tx, bool keep_busy,
			struct log_limit *limit);
/* In a savepoint: looks for the kept reply of r->request_id, runs, keeps the reply. Same outcomes;
 * with CALL_WAIT all is undone. What a call that has waited needs is taken from `scratch`, so that
 * waiting does not make it grow. Negative when the transaction itself is beyond help. */
struct run_writer {
	struct store *store;
	struct arena scratch;
	struct log_limit *limit;
	bool is_bare; /* calls have no savepoint */
};
/* RUN_SPOILT: the call failed and has no savepoint, and what it changed is still there. */
int run_write(struct request *r, struct run_writer *w) must_check;
enum { RUN_SPOILT = 1 };
/* After the transaction was rolled back, whoever spoilt it: what went well again, what failed on
 * record again. Negative as run_write. */
int run_redo(struct request *r, struct run_writer *w) must_check;
/* May it be done again? What holds a secret may have used it up; what has waited, and the server's
 * own, know of what they did. */
bool run_can_redo(const struct request *r);
/* A key that was revoked while the call waited does nothing any more: false, the call failed. */
bool run_check_key(struct request *r, struct store_tx *tx, struct log_limit *limit) must_check;
/* Puts a failed call on record, in a savepoint of its own. Negative as run_write. */
int run_record_failure(struct request *r, struct store *store) must_check;
/* The first half alone: 0, or CALL_FAILED / replayed (r->is_replayed) as outcome. Negative: fault.
 */
int run_find_reply(struct request *r, struct store_tx *tx, bool *out_is_over) must_check;
/* Keeps the result for whoever repeats the call: without its secrets. */
int run_keep_reply(struct request *r, struct store_tx *tx) must_check;
/* The same with a text of the caller's making; r->request_id is there. */
int run_keep_text(struct request *r, struct store_tx *tx, struct str text) must_check;
