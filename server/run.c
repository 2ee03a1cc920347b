/* SPDX-License-Identifier: Apache-2.0 */
#include "server/run.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "handlers.gen.h"
#include "server/audit.h"
#include "server/clean.h"
#include "server/decode.h"
#include "server/faults.h"
#include "server/server.h"
#include "verbs.gen.h"
#include "verbs/authority.h"

bool run_is_step(const struct request *r)
{
	return r->verb->lane == LANE_LONG && !r->is_refused;
}

bool run_is_stopped(struct request *r)
{
	if (!atomic_load_explicit(&r->is_cancelled, memory_order_relaxed))
		return false;
	request_fail(r, ERROR_CANCELLED, "the call was cancelled");
	r->outcome = CALL_FAILED;
	return true;
}

void run_prepare(struct request *r)
{
	struct call *c = &r->call;

	c->verb = r->verb;
	c->principal = &r->principal;
	c->arena = &r->arena;
	c->touched = NULL;
	c->is_idle = false;
	c->store = r->server->store;
	c->server = &r->server->for_verbs;
	c->now_ms = clock_wall_ms(&r->server->clock);
}

enum err_class run_verb(struct request *r, struct store_tx *tx, bool keep_busy,
			struct log_limit *limit)
{
	enum err_class class;
	int e;

	r->call.tx = tx;
	e = authority_check(&r->call, r->params);
	if (!e)
		e = verb_functions[r->verb->id](&r->call, r->params, r->result);
	if (!e && r->arena.is_out)
		e = err_nomem(); /* some part of the result was left out for want of memory */
	if (!e)
		e = encode_result(r);
	r->call.tx = NULL;
	if (e >= 0) {
		r->outcome = e;
		return ERR_NONE;
	}
	class = err_class(e);
	r->outcome = CALL_FAILED;
	if (class == ERR_BUSY && keep_busy)
		err_forget();
	else
		faults_fail(r, e, r->verb->name, limit);
	return class;
}

int run_find_reply(struct request *r, struct store_tx *tx, bool *out_is_over)
{
	struct store_reply reply;
	int e;

	*out_is_over = false;
	if (!r->request_id.p)
		return 0;
	e = store_reply_find(tx, r->principal.id, r->verb->name, r->request_id, &reply);
	if (e < 0)
		return err_trace(e);
	if (e == STORE_NONE)
		return 0;
	*out_is_over = true;
	r->is_replayed = true;
	r->outcome = 0;
	if (str_eq(reply.digest, r->digest)) {
		buf_clear(&r->out);
		buf_put_str(&r->out, reply.result);
		return r->out.failed ? err_nomem() : 0;
	}
	r->outcome = CALL_FAILED;
	request_fail(r, ERROR_IDEMPOTENCY_CONFLICT,
		     "request_id '%.*s' was used with other parameters", STR_ARG(r->request_id));
	r->call.failure.field = STR("request_id");
	return 0;
}

int run_keep_text(struct request *r, struct store_tx *tx, struct str text)
{
	struct store_reply reply = { .digest = r->digest,
				     .result = clean_kept(r, REDACT_JSON, tx->arena, text) };

	if (!reply.result.p)
		return err_nomem();
	return err_trace(
	    store_reply_add(tx, r->principal.id, r->verb->name, r->request_id, &reply));
}

int run_keep_reply(struct request *r, struct store_tx *tx)
{
	CLEANUP(buf_deinit) struct buf scratch = { 0 };
	struct str kept;
	int e;

	if (!r->request_id.p)
		return 0;
	buf_init(&scratch, 0);
	e = encode_kept(r, &scratch, &kept);
	return e ? err_trace(e) : run_keep_text(r, tx, kept);
}

/* A fault of the statements around the verb: the call's, not the batch's. */
static void fault(struct request *r, int e, struct log_limit *limit)
{
	r->outcome = CALL_FAILED;
	faults_fail(r, e, r->verb->name, limit);
}

/* A key that was revoked while the call waited does nothing any more. */
bool run_check_key(struct request *r, struct store_tx *tx, struct log_limit *limit)
{
	bool is_live = true;
	int e = authority_is_live(tx, &r->principal, &is_live);

	if (e) {
		fault(r, e, limit);
	} else if (!is_live) {
		r->outcome = CALL_FAILED;
		request_fail_ended(r);
	}
	return !e && is_live;
}

static void run_in_savepoint(struct request *r, struct store_tx *tx, struct log_limit *limit)
{
	bool is_over;
	int e;

	if (!run_check_key(r, tx, limit))
		return;
	e = run_find_reply(r, tx, &is_over);
	if (!e && is_over)
		return;
	if (!e) {
		(void)run_verb(r, tx, false, limit); /* a fault is the call's failure by then */
		if (r->outcome)
			return;
		e = run_keep_reply(r, tx);
	}
	if (!e && !r->call.is_idle)
		e = audit_add(r, tx);
	if (e)
		fault(r, e, limit);
}

/* What failed is undone, that it was tried is kept. */
int run_record_failure(struct request *r, struct store *store)
{
	struct store_tx tx;
	int e = store_call_begin(store, &r->arena, r->call.now_ms, &tx);

	if (e)
		return err_trace(e);
	e = audit_add(r, &tx);
	if (!e)
		return err_trace(store_call_keep(store));
	err_forget(); /* the call's own failure is what its caller is told */
	return err_trace(store_call_undo(store));
}

/* A job that fails is tried again by whoever gave it. */
static int run_job(struct request *r, struct run_writer *w)
{
	struct store_tx tx;
	int e = store_call_begin(w->store, &r->arena, r->call.now_ms, &tx);

	if (e)
		return err_trace(e);
	r->call.tx = &tx;
	e = r->job(r, &tx);
	r->call.tx = NULL;
	r->outcome = e == CALL_FAILED ? CALL_FAILED : 0;
	if (!e)
		return err_trace(store_call_keep(w->store));
	if (e != CALL_FAILED)
		fault(r, e, w->limit);
	return err_trace(store_call_undo(w->store));
}

/* Whoever waited and has gone meanwhile is not given anything. */
static void cancel_late(struct request *r)
{
	if (!r->has_waited || r->outcome ||
	    !atomic_load_explicit(&r->is_cancelled, memory_order_relaxed))
		return;
	r->outcome = CALL_FAILED;
	request_fail(r, ERROR_CANCELLED, "the call was cancelled");
}

/* What a failure says must outlive the scratch. */
static void keep_failure(struct request *r)
{
	struct call_failure *f = &r->call.failure;

	f->message = str_dup(&r->arena, f->message);
	f->field = str_dup(&r->arena, f->field);
	f->hint = str_dup(&r->arena, f->hint);
	for (size_t i = 0; i < f->n_data; i++) {
		f->data[i].s = str_dup(&r->arena, f->data[i].s);
		for (size_t k = 0; k < f->data[i].list.n; k++)
			f->data[i].list.v[k] = str_dup(&r->arena, f->data[i].list.v[k]);
		f->data[i].list.v = arena_dup(&r->arena, f->data[i].list.v,
					      f->data[i].list.n * sizeof(struct str));
		if (!f->data[i].list.v)
			f->data[i].list.n = 0;
	}
}

/* A call that has waited runs in the scratch; what it waits for is known from its first run. */
static void run_again(struct request *r, struct store_tx *tx, struct run_writer *w)
{
	struct call_wait wait = r->call.wait;
	bool is_there;

	r->call.arena = tx->arena = &w->scratch;
	memset(r->result, 0, r->verb->result->size);
	run_in_savepoint(r, tx, w->limit);
	is_there = r->call.wait.is_there;
	r->call.wait.offer = wait.offer;
	r->call.wait.is_there = is_there;
	if (r->outcome == CALL_FAILED)
		keep_failure(r);
	r->call.arena = &r->arena;
	arena_reset(&w->scratch);
}

static int begin(struct request *r, struct run_writer *w, struct store_tx *tx)
{
	if (!w->is_bare)
		return store_call_begin(w->store, &r->arena, r->call.now_ms, tx);
	store_call_begin_bare(w->store, &r->arena, r->call.now_ms, tx);
	return 0;
}

int run_write(struct request *r, struct run_writer *w)
{
	struct store_tx tx;
	int e;

	run_prepare(r);
	if (r->job)
		return err_trace(run_job(r, w));
	if (r->round)
		return err_trace(r->round(r, w));
	if (r->is_refused) {
		r->outcome = CALL_FAILED;
		return err_trace(run_record_failure(r, w->store));
	}
	e = begin(r, w, &tx);
	if (e)
		return err_trace(e);
	if (r->has_waited)
		run_again(r, &tx, w);
	else
		run_in_savepoint(r, &tx, w->limit);
	if (r->outcome == CALL_AGAIN)
		fault(r, err_new(ERR_INTERNAL, "a write cannot go on later"), w->limit);
	cancel_late(r);
	if (!r->outcome)
		return err_trace(store_call_keep(w->store));
	e = store_call_undo(w->store);
	if (e == STORE_SPOILT)
		return RUN_SPOILT;
	if (e || r->outcome == CALL_WAIT)
		return err_trace(e);
	return err_trace(run_record_failure(r, w->store));
}

bool run_can_redo(const struct request *r)
{
	return !r->job && !r->round && !r->has_waited && !r->holds_secret &&
	       (r->is_refused || r->verb->lane != LANE_SERVER);
}

int run_redo(struct request *r, struct run_writer *w)
{
	assert(!w->is_bare && run_can_redo(r));
	if (r->outcome == CALL_WAIT || r->call.failure.code == ERROR_CANCELLED)
		return 0;
	if (r->outcome)
		return err_trace(run_record_failure(r, w->store));
	r->is_replayed = false;
	memset(r->result, 0, r->verb->result->size);
	return err_trace(run_write(r, w));
}
