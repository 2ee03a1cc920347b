/* SPDX-License-Identifier: Apache-2.0 */
/* Each call is a request of its own, without a channel, kept until the batch is answered: later
 * ones may refer to its result. */
#include "server/batch.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "server/audit.h"
#include "server/batch_ref.h"
#include "server/decode.h"
#include "server/dispatch.h"
#include "server/faults.h"
#include "server/lanes.h"
#include "server/pool.h"
#include "server/run.h"
#include "server/seal.h"
#include "server/server.h"
#include "verbs.gen.h"

struct batch {
	struct request *parent;
	const struct json *calls; /* the array */
	size_t n, at;             /* at: the one that runs, or is next */
	int64_t n_failed;
	bool is_atomic, is_looping, is_child_over;
	struct request *children[];
};

struct batch *batch_free(struct batch *b)
{
	if (!b)
		return NULL;
	for (size_t i = 0; i < b->n; i++)
		request_free(b->children[i]);
	free(b);
	return NULL;
}

static struct str result_of(const void *data, size_t i)
{
	const struct batch *b = data;
	const struct request *child;

	if (i >= b->at)
		return STR_NONE;
	child = b->children[i];
	return child->call.failure.code ? STR_NONE : buf_str(&child->out);
}

static void refuse_ref(struct request *child, const struct batch_ref *ref, size_t index)
{
	struct str bad = str_utf8_prefix(ref->bad, 64);
	struct str param = ref->param.p ? str_utf8_prefix(ref->param, 64) : STR("params");

	request_fail(child, ERROR_INVALID_PARAMS,
		     "calls[%zu]: the reference '%.*s' in %.*s leads to no earlier result", index,
		     STR_ARG(bad), STR_ARG(param));
	child->call.failure.field = str_dup(&child->arena, param);
	child->call.failure.hint = STR(
	    "$ref is \"N.path\": the number of an earlier call that went well, counted from "
	    "0, and the way to a field of its result, such as 0.id");
}

/* The child's parameters with the references replaced. False: refused, the child's failure says
 * why. */
static bool resolve(struct batch *b, struct request *child, const struct json **out)
{
	struct batch_ref ref = { .arena = &child->arena, .result = result_of, .data = b };
	const struct json *params = json_get(&b->calls->items[b->at], STR("params"));
	int e = batch_ref_resolve(&ref, params, out);

	if (!e)
		return true;
	if (e < 0) {
		err_forget();
		request_fail(child, ERROR_OUT_OF_MEMORY, "memory is out");
		return false;
	}
	refuse_ref(child, &ref, b->at);
	return false;
}

/* ---- what is checked before anything runs ---- */

static void blame(struct request *r, const struct request *child, size_t index)
{
	struct call_failure *f = &r->call.failure;

	/* its texts live in the child's arena, and the child as long as the batch */
	*f = child->call.failure;
	f->verb = child->verb;
	if (f->n_data < CALL_DATA_MAX)
		call_data_int(&r->call, "index", (int64_t)index);
}

/* Why the verb is for nobody's batch; NONE: it is. */
static struct str unfit(const struct verb *v)
{
	switch (v->lane) {
	case LANE_LONG:
		return STR("it waits");
	case LANE_STREAM:
		return STR("it streams");
	case LANE_SERVER:
		return v->id == VERB_KEYS_USE
			   ? STR("it changes who calls, for all that follows on the connection")
			   : STR("it is a batch itself");
	default:
		return v->id == VERB_CREDENTIALS_LOOKUP
			   ? STR("values are taken out of a batch's answer")
			   : STR_NONE;
	}
}

static bool check_fits(struct request *child)
{
	struct str reason = unfit(child->verb);

	if (!reason.p)
		return true;
	batch_refuse(child, reason, STR("call it by itself"));
	return false;
}

static bool check_admitted(struct batch *b, struct request *child)
{
	struct request *r = b->parent;

	return !r->ops->admit || r->ops->admit(r, child);
}

static const struct request_ops child_ops;

static struct request *make_child(struct batch *b, size_t i)
{
	struct request *r = b->parent;
	struct request *child = pool_take(r->server, &child_ops, b, &r->principal, r->user);

	if (!child)
		return NULL;
	child->call.arena = &child->arena;
	child->call.is_time_over = true; /* nothing waits in a batch */
	child->is_read_only = r->is_read_only;
	b->children[i] = child;
	return child;
}

static bool check_all(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct request *child = make_child(b, i);

		if (!child) {
			request_fail(b->parent, ERROR_OUT_OF_MEMORY, "memory is out");
			return false;
		}
		if (!decode_verb(child, json_get_str(&b->calls->items[i], STR("method"))) ||
		    !decode_access(child) || !check_fits(child) || !check_admitted(b, child) ||
		    (b->is_atomic && !decode_quota(child))) {
			blame(b->parent, child, i);
			return false;
		}
	}
	return true;
}

/* ---- the answer ---- */

/* What the calls of a batch one by one have done is done; an atomic one is undone. */
static void cannot_put(struct batch *b)
{
	struct request *r = b->parent;
	bool is_over = r->out.is_over;

	buf_clear(&r->out);
	if (!is_over) {
		request_fail(r, b->is_atomic ? ERROR_OUT_OF_MEMORY : ERROR_INTERRUPTED,
			     "memory is out");
		return;
	}
	request_fail(r, ERROR_TOO_LARGE, "the results together are larger than %zu bytes",
		     REQUEST_RESULT_MAX);
	call_data_int(&r->call, "limit", (int64_t)REQUEST_RESULT_MAX);
}

static int put_result(struct request *child, bool for_keeping, struct json_out *w)
{
	CLEANUP(buf_deinit) struct buf scratch;
	struct str text = buf_str(&child->out);
	int e;

	buf_init(&scratch, 0);
	e = for_keeping ? encode_kept(child, &scratch, &text) : 0;
	if (!e)
		json_raw(w, text);
	return err_trace(e);
}

static int put_children(struct batch *b, bool for_keeping, struct buf *out)
{
	struct json_out w = json_out(out);
	int e = 0;

	json_begin_object(&w);
	json_key(&w, STR("items"));
	json_begin_array(&w);
	for (size_t i = 0; i < b->n && !e; i++) {
		struct request *child = b->children[i];

		json_begin_object(&w);
		if (child->call.failure.code) {
			json_key(&w, STR("error"));
			request_put_error(&child->call.failure, child->verb, &w);
		} else {
			json_key(&w, STR("result"));
			e = put_result(child, for_keeping, &w);
		}
		json_end_object(&w);
	}
	json_end_array(&w);
	JSON_KV_INT(&w, "failed", b->n_failed);
	json_end_object(&w);
	if (!e && out->failed)
		e = err_nomem();
	return err_trace(e);
}

static void put_all(struct batch *b)
{
	buf_clear(&b->parent->out);
	if (put_children(b, false, &b->parent->out)) {
		err_forget();
		cannot_put(b);
	}
}

/* ---- atomic: on the writer ---- */

/* The calls' arenas live as long as the batch. */
static void hand_up_touched(struct request *child, struct request *parent)
{
	struct call_touched **end = &child->call.touched;

	while (*end)
		end = &(*end)->next;
	*end = parent->call.touched;
	parent->call.touched = TAKE(child->call.touched, NULL);
}

static int run_child(struct batch *b, struct request *child, struct store_tx *tx,
		     struct log_limit *limit)
{
	struct shape_faults scratch;
	const struct json *params;
	bool is_over;
	int e;

	child->outcome = CALL_FAILED;
	run_prepare(child);
	if (!resolve(b, child, &params) || !decode_params(child, params, &scratch))
		return 0;
	child->outcome = 0;
	tx->arena = &child->arena;
	e = run_find_reply(child, tx, &is_over);
	if (e || is_over)
		return err_trace(e);
	(void)run_verb(child, tx, false, limit); /* a fault is the child's failure by then */
	if (child->outcome)
		return 0;
	hand_up_touched(child, b->parent);
	e = run_keep_reply(child, tx);
	if (e || child->verb->is_read_only || child->call.is_idle)
		return err_trace(e);
	return err_trace(audit_add(child, tx));
}

static int run_children(struct batch *b, struct store_tx *tx, struct log_limit *limit)
{
	for (b->at = 0; b->at < b->n; b->at++) {
		struct request *child = b->children[b->at];
		int e = run_child(b, child, tx, limit);

		if (e)
			return err_trace(e);
		if (child->outcome) {
			blame(b->parent, child, b->at);
			b->parent->outcome = CALL_FAILED;
			return 0;
		}
	}
	put_all(b);
	b->parent->outcome = b->parent->call.failure.code ? CALL_FAILED : 0;
	return 0;
}

/* What is kept of its answer has no secrets of its calls. */
static int keep_all(struct request *r, struct store_tx *tx)
{
	CLEANUP(buf_deinit) struct buf kept = { 0 };
	int e;

	if (!r->request_id.p)
		return 0;
	buf_init(&kept, 0);
	e = put_children(r->batch, true, &kept);
	return e ? err_trace(e) : run_keep_text(r, tx, buf_str(&kept));
}

static int run_in_savepoint(struct request *r, struct store_tx *tx, struct log_limit *limit)
{
	bool is_over;
	int e = run_find_reply(r, tx, &is_over);

	if (e || is_over)
		return err_trace(e);
	e = run_children(r->batch, tx, limit);
	if (e || r->outcome)
		return err_trace(e);
	tx->arena = &r->arena;
	return err_trace(keep_all(r, tx));
}

int batch_run_atomic(struct request *r, struct store *store, struct log_limit *limit)
{
	struct store_tx tx;
	int e;

	run_prepare(r);
	e = store_call_begin(store, &r->arena, r->call.now_ms, &tx);
	if (e)
		return err_trace(e);
	e = run_check_key(r, &tx, limit) ? run_in_savepoint(r, &tx, limit) : 0;
	if (e) {
		r->outcome = CALL_FAILED;
		faults_fail(r, e, r->verb->name, limit);
	}
	if (!r->outcome)
		return err_trace(store_call_keep(store));
	e = store_call_undo(store);
	return e ? err_trace(e) : err_trace(run_record_failure(r, store));
}

/* ---- one after the other: on the loop ---- */

/* The batch as a whole may be repeated with its request_id: so its calls get one each, made of it.
 */
static void lend_request_id(struct batch *b, struct request *child)
{
	struct request *r = b->parent;
	struct str digest;

	if (!r->request_id.p || child->verb->is_read_only)
		return;
	digest = seal_digest(&child->arena,
			     str_fmt(&child->arena, "%.*s\n%zu", STR_ARG(r->request_id), b->at));
	child->request_id = str_slice(digest, 0, 40);
}

static void start_child(struct batch *b)
{
	struct request *child = b->children[b->at];
	struct str method = child->verb->name;
	const struct json *params, *own = NULL;

	b->is_child_over = false;
	if (!resolve(b, child, &params)) {
		b->is_child_over = true;
		return;
	}
	own = params ? json_get(params, STR("request_id")) : NULL;
	if (!own)
		lend_request_id(b, child);
	dispatch_start(child, method, params);
}

/* A loop, not a recursion: reads are over before dispatch_start() returns. */
static void go_on(struct batch *b)
{
	struct request *r = b->parent;

	b->is_looping = true;
	while (b->at < b->n && !atomic_load(&r->is_cancelled)) {
		start_child(b);
		if (!b->is_child_over) {
			b->is_looping = false;
			return;
		}
		b->n_failed += b->children[b->at]->call.failure.code != 0;
		b->at++;
	}
	b->is_looping = false;
	if (b->at < b->n)
		request_fail(r, ERROR_CANCELLED, "the call was cancelled");
	else
		put_all(b);
	dispatch_batch_finished(r);
}

static void on_child_done(struct request *child)
{
	struct batch *b = child->owner;

	b->is_child_over = true;
	if (b->is_looping)
		return;
	b->n_failed += child->call.failure.code != 0;
	b->at++;
	go_on(b);
}

static const struct request_ops child_ops = { .done = on_child_done };

/* ---- in and out ---- */

static struct batch *batch_new(struct request *r)
{
	const struct json *calls = json_get(r->raw, STR("calls"));
	const struct json *atomic = json_get(r->raw, STR("atomic"));
	struct batch *b = calloc(1, sizeof(*b) + calls->n * sizeof(struct request *));

	if (!b)
		return NULL;
	b->parent = r;
	b->calls = calls;
	b->n = calls->n;
	b->is_atomic = atomic && atomic->b;
	return b;
}

void batch_start(struct request *r)
{
	r->batch = batch_new(r);
	if (!r->batch)
		request_fail(r, ERROR_OUT_OF_MEMORY, "memory is out");
	if (!r->batch || !check_all(r->batch) || !dispatch_charge(r, CHARGE_CALLS)) {
		dispatch_refuse(r);
		return;
	}
	dispatch_batch_started(r);
	if (r->batch->is_atomic)
		lanes_write(r->server->lanes, r);
	else
		go_on(r->batch);
}

void batch_refuse(struct request *child, struct str reason, struct str hint)
{
	request_fail(child, ERROR_UNSUPPORTED, "%.*s cannot be in a batch: %.*s",
		     STR_ARG(child->verb->name), STR_ARG(reason));
	call_data_str(&child->call, "reason", reason);
	child->call.failure.hint = hint;
}

void batch_cancel(struct request *r)
{
	struct batch *b = r->batch;

	if (b && !b->is_atomic && !b->is_looping && b->at < b->n)
		dispatch_cancel(b->children[b->at]);
}
