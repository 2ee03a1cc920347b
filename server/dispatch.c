/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a call: gates, parameters, lane, answer. Reads are over before dispatch_start()
 * returns. What waits (in a lane, behind writes, parked) is charged to its principal first. */
#include "server/dispatch.h"

#include <assert.h>

#include "base/err.h"
#include "base/log.h"
#include "server/access_keys.h"
#include "server/audit.h"
#include "server/batch.h"
#include "server/claims.h"
#include "server/decode.h"
#include "server/faults.h"
#include "server/follow.h"
#include "server/lanes.h"
#include "server/metrics.h"
#include "server/park.h"
#include "server/publish.h"
#include "server/quota.h"
#include "server/reactions.h"
#include "server/run.h"
#include "server/scheduler.h"
#include "server/server.h"
#include "verbs.gen.h"

#define RETRY_MS         100
#define RETRY_SPACING_US 1000
#define RETRY_MAX_US     5000000
#define IDLE_CHECK_MS    100
#define WAIT_MAX_MS      60000

static void tell_log(const struct request *r, int64_t took_us)
{
	const struct log_kv kv[] = {
		LOG_S("verb", r->verb ? r->verb->name : STR("none")),
		LOG_S("principal", r->principal.id),
		LOG_S("outcome",
		      r->call.failure.code ? error_table[r->call.failure.code].name : STR("ok")),
		LOG_I("us", took_us),
		LOG_C("trace", r->trace),
	};

	log_line(LOG_DEBUG, "call", kv, ARRAY_LEN(kv) - !r->trace[0]);
}

void dispatch_finish(struct request *r)
{
	struct server *s = r->server;
	int64_t took_us = clock_boot_us(&s->clock) - r->started_us;

	r->is_over = true;
	if (r->was_woken && r->call.failure.code)
		claims_pass(s->claims, r);
	if (r->verb && r->user && !r->call.failure.code)
		quota_count(r->user, r->verb->is_read_only);
	audit_expect(s);
	assert(!r->claims && !r->is_running && !r->is_parked && !r->is_held && !r->is_queued);
	metrics_call(s->metrics, r, took_us);
	if (log_is_on(LOG_DEBUG))
		tell_log(r, took_us);
	r->ops->done(r);
}

/* A line connection and a batch over HTTP keep the order of their own calls; each of MCP's
 * exchanges is one call. */
static bool keeps_order(const struct channel *c)
{
	return c && c->kind != CHANNEL_HTTP_MCP;
}

/* A connection remembers its writes until they are over. */
static void note_write(struct request *r)
{
	struct channel *c = r->channel;

	r->is_write = true;
	if (!keeps_order(c))
		return;
	c->n_writes++;
	c->last_write = r->serial;
}

/* What was denied is put on record before it is answered. */
void dispatch_refuse(struct request *r)
{
	if (r->call.failure.code != ERROR_DENIED || !decode_quota(r) ||
	    !dispatch_charge(r, CHARGE_CALLS)) {
		dispatch_finish(r);
		return;
	}
	r->is_refused = true;
	note_write(r);
	lanes_write(r->server->lanes, r);
}

static void fault(struct request *r, int e)
{
	struct server *s = r->server;

	faults_fail(r, e, r->verb->name, &s->fault_lines);
	dispatch_finish(r);
}

/* Each is told another moment, so many a second as can be served beside those who were let in: who
 * comes again in a crowd is refused in a crowd, and refusing costs too. */
static int64_t come_again_ms(struct server *s)
{
	int64_t now = clock_boot_us(&s->clock);
	int64_t slot = MIN(MAX(s->next_slot_us, now), now + RETRY_MAX_US);

	s->next_slot_us = slot + RETRY_SPACING_US;
	return RETRY_MS + (slot - now) / 1000;
}

bool dispatch_charge(struct request *r, enum charge_kind kind)
{
	int e = 0;

	if (!r->bytes.account)
		e = charge_take(&r->bytes, &r->user->account, CHARGE_BYTES,
				(int64_t)r->arena.n_bytes);
	if (!e && !r->calls.account && kind == CHARGE_CALLS)
		e = quota_take_call(r->user, &r->calls, loop_now_ms(r->server->loop));
	else if (!e && !r->calls.account)
		e = charge_take(&r->calls, &r->user->account, kind, 1);
	if (!e)
		return true;
	if (e == CHARGE_OVER_OWN && !r->principal.is_owner)
		request_fail(r, ERROR_TOO_MANY_REQUESTS, "%.*s has too many calls in flight",
			     STR_ARG(r->principal.id));
	else
		request_fail(r, ERROR_OVERLOADED, "too many calls are in flight");
	r->call.failure.retry_after_ms = come_again_ms(r->server);
	return false;
}

/* ---- reads on the loop ---- */

/* Lets go of the snapshot some time after the last read, so that the WAL can be reset. */
static void on_idle(struct loop_timer *t)
{
	struct server *s = container_of(t, struct server, idle);

	if (loop_now_ms(s->loop) - s->last_read_ms < IDLE_CHECK_MS) {
		if (loop_arm(s->loop, t, loop_now_ms(s->loop) + IDLE_CHECK_MS, on_idle))
			err_forget(); /* the next read arms it */
		return;
	}
	store_reader_idle(s->reader);
}

static void note_read(struct server *s)
{
	s->last_read_ms = loop_now_ms(s->loop);
	if (!s->idle.slot && loop_arm(s->loop, &s->idle, s->last_read_ms + IDLE_CHECK_MS, on_idle))
		err_forget(); /* the next read tries again */
}

/* One run with the inline reader. False: the store was busy, nothing happened. */
static bool run_inline(struct request *r)
{
	struct server *s = r->server;
	struct store_tx tx;
	enum err_class class;
	int e = store_read_begin(s->reader, &r->arena, r->call.now_ms, &tx);

	note_read(s);
	if (e && err_class(e) == ERR_BUSY) {
		err_forget();
		return false;
	}
	if (e) {
		r->outcome = CALL_FAILED;
		faults_fail(r, e, r->verb->name, &s->fault_lines);
		return true;
	}
	class = run_verb(r, &tx, true, &s->fault_lines);
	store_read_end(s->reader);
	return class != ERR_BUSY;
}

static void send_to_scan(struct request *r)
{
	if (dispatch_charge(r, CHARGE_CALLS))
		lanes_scan(r->server->lanes, r);
	else
		dispatch_finish(r);
}

static void start_read(struct request *r)
{
	if (!run_inline(r)) {
		send_to_scan(r);
		return;
	}
	if (r->outcome == CALL_WAIT || r->outcome == CALL_AGAIN) {
		fault(r, err_new(ERR_INTERNAL, "a read cannot wait"));
		return;
	}
	dispatch_refuse(r);
}

/* ---- long calls ---- */

static void tell_progress(struct request *r)
{
	if (!r->ops->progress || (r->progress.done == r->call.progress.done &&
				  str_eq(r->progress.text, r->call.progress.text)))
		return;
	r->progress = r->call.progress;
	r->ops->progress(r);
}

static void park_it(struct request *r)
{
	int e;

	if (r->call.is_time_over) {
		request_fail(r, ERROR_TIMEOUT, "nothing happened in time");
		dispatch_finish(r);
		return;
	}
	if (!dispatch_charge(r, CHARGE_STREAMS)) {
		dispatch_finish(r);
		return;
	}
	r->call.wait.timeout_ms = MIN(r->call.wait.timeout_ms, WAIT_MAX_MS);
	e = park_add(r->server->park, r);
	if (e)
		fault(r, e);
	else
		tell_progress(r);
}

static void step_on(struct request *r)
{
	if (r->verb->is_read_only)
		send_to_scan(r);
	else if (dispatch_charge(r, CHARGE_CALLS))
		lanes_write(r->server->lanes, r);
	else
		dispatch_finish(r);
}

static void go_on(struct request *r)
{
	if (r->outcome == CALL_WAIT)
		park_it(r);
	else if (r->outcome == CALL_AGAIN)
		step_on(r);
	else
		dispatch_finish(r);
}

static void run_long(struct request *r)
{
	if (!run_inline(r)) {
		request_fail(r, ERROR_STORAGE_BUSY, "another program holds the database");
		r->call.failure.retry_after_ms = RETRY_MS;
		dispatch_finish(r);
		return;
	}
	go_on(r);
}

static void start_long(struct request *r)
{
	int e = publish_watch(r->server->publish);

	if (e)
		fault(r, e);
	else
		run_long(r);
}

void dispatch_resume(struct request *r)
{
	r->call.now_ms = clock_wall_ms(&r->server->clock);
	if (r->verb->lane == LANE_WRITE)
		lanes_write(r->server->lanes, r);
	else
		run_long(r);
}

/* ---- writes ---- */

/* A connection on which a worker tells of itself is that worker's. */
static void note_worker(struct request *r)
{
	if (r->channel &&
	    (r->verb->id == VERB_WORKERS_REGISTER || r->verb->id == VERB_WORKERS_HEARTBEAT))
		r->channel->has_worker = r->channel->serial != 0;
}

static void start_write(struct request *r)
{
	if (!dispatch_charge(r, CHARGE_CALLS)) {
		dispatch_finish(r);
		return;
	}
	note_write(r);
	note_worker(r);
	lanes_write(r->server->lanes, r);
}

static void start_stream(struct request *r)
{
	if (!run_inline(r)) {
		send_to_scan(r);
		return;
	}
	if (r->outcome)
		dispatch_finish(r);
	else
		follow_start(r);
}

static void to_lane(struct request *r)
{
	switch (r->verb->lane) {
	case LANE_READ:
		start_read(r);
		return;
	case LANE_SCAN:
		send_to_scan(r);
		return;
	case LANE_WRITE:
		start_write(r);
		return;
	case LANE_LONG:
		start_long(r);
		return;
	case LANE_STREAM:
		start_stream(r);
		return;
	case LANE_SERVER:
		if (r->verb->id == VERB_KEYS_USE)
			access_keys_use(r);
		else
			batch_start(r);
		return;
	}
}

/* ---- order: a read waits for its connection's earlier writes, all wait for an earlier batch ----
 */

static bool must_wait(const struct request *r)
{
	const struct channel *c = r->channel;

	if (!keeps_order(c) || !c->n_writes)
		return false;
	return r->verb->lane != LANE_WRITE || c->n_batches || c->n_held_writes;
}

static bool is_changing(const struct request *r)
{
	return r->verb->lane == LANE_WRITE || r->verb->lane == LANE_SERVER;
}

static void hold(struct request *r)
{
	if (!dispatch_charge(r, CHARGE_CALLS)) {
		dispatch_finish(r);
		return;
	}
	r->is_held = true;
	r->waits_for = r->channel->last_write;
	r->channel->n_held_writes += is_changing(r);
	list_push_back(&r->channel->held, &r->lane_link);
}

static void unhold(struct request *r)
{
	list_unlink(&r->lane_link);
	r->is_held = false;
	charge_release(&r->calls);
	if (r->channel)
		r->channel->n_held_writes -= is_changing(r);
}

static void let_go(struct request *r)
{
	unhold(r);
	r->call.now_ms = clock_wall_ms(&r->server->clock);
	to_lane(r);
}

/* The writes up to `serial` are over; the held ones go on in their order, up to the first that has
 * to wait for a write that was held before it. */
static void release_held(struct channel *c, uint64_t serial)
{
	bool has_begun_write = false;

	while (!list_is_empty(&c->held)) {
		struct request *r = container_of(c->held.next, struct request, lane_link);
		bool is_write = r->verb->lane == LANE_WRITE;

		if (c->n_batches || (r->waits_for > serial && !is_write))
			return;
		if (has_begun_write && !is_write) {
			r->waits_for = c->last_write;
			return;
		}
		let_go(r);
		has_begun_write |= is_write || c->n_batches;
	}
}

/* The connection that remembers this write, or NULL. */
static struct channel *writer_of(const struct request *r)
{
	return r->is_write && keeps_order(r->channel) ? r->channel : NULL;
}

/* Behind the answer: `r` may be gone. `serial` is 0 when earlier writes may still be on their way.
 */
static void write_over(struct channel *c, uint64_t serial, bool is_batch)
{
	c->n_writes--;
	c->n_batches -= is_batch;
	release_held(c, c->n_writes ? serial : UINT64_MAX);
}

void dispatch_batch_started(struct request *r)
{
	note_write(r);
	if (writer_of(r))
		r->channel->n_batches++;
}

/* Answers, then lets go what waited for it. Writes come back in their order, but for those that
 * were cancelled before the writer had them. */
static void finish_write(struct request *r, bool is_in_order)
{
	struct channel *c = writer_of(r);
	bool is_batch = r->verb->lane == LANE_SERVER && !r->is_refused;
	uint64_t serial = is_in_order ? r->serial : 0;

	dispatch_finish(r);
	if (c)
		write_over(c, serial, is_batch);
}

void dispatch_batch_finished(struct request *r)
{
	finish_write(r, true);
}

/* ---- in and out ---- */

void dispatch_start(struct request *r, struct str method, const struct json *params)
{
	struct server *s = r->server;
	bool is_sound;

	r->raw = params && params->type == JSON_OBJECT ? params : NULL;
	r->call.arena = &r->arena;
	if (!decode_verb(r, method)) {
		dispatch_finish(r);
		return;
	}
	if (!decode_access(r)) {
		dispatch_refuse(r);
		return;
	}
	if (!decode_quota(r)) {
		dispatch_finish(r);
		return;
	}
	run_prepare(r);
	is_sound = decode_params(r, params, &s->faults);
	if (r->channel)
		r->channel->has_secret |= r->holds_secret;
	if (!is_sound) {
		if (r->verb->id == VERB_KEYS_USE)
			access_keys_end_use(r);
		else
			dispatch_finish(r);
		return;
	}
	if (must_wait(r))
		hold(r);
	else
		to_lane(r);
}

static void fail_cancelled(struct request *r)
{
	if (r->is_revoked)
		request_fail_ended(r);
	else
		request_fail(r, ERROR_CANCELLED, "the call was cancelled");
}

/* It waits to take something: nothing behind it waits for it any more, and it counts as waiting. */
static void wait_to_take(struct request *r)
{
	struct channel *c = writer_of(r);
	struct server *s = r->server;
	int e = 0;

	r->is_write = false;
	if (s->is_draining)
		request_fail(r, ERROR_SHUTTING_DOWN, "the server is stopping");
	else if (atomic_load(&r->is_cancelled))
		fail_cancelled(r);
	else if (!r->has_waited)
		charge_release(&r->calls);
	if (r->call.failure.code || !dispatch_charge(r, CHARGE_WAITS))
		dispatch_finish(r);
	else
		e = claims_add(s->claims, r);
	if (e)
		fault(r, e);
	if (c)
		write_over(c, 0, false);
}

void dispatch_returned(struct request *r)
{
	for (const struct call_touched *t = r->outcome ? NULL : r->call.touched; t; t = t->next)
		access_keys_changed(r->server->keys, t->who);
	if (r->job || r->round) {
		r->ops->done(r);
	} else if (r->verb->lane == LANE_WRITE && r->outcome == CALL_WAIT) {
		wait_to_take(r);
	} else if (r->verb->lane == LANE_STREAM && !r->outcome) {
		follow_start(r);
	} else if (r->outcome == CALL_AGAIN) {
		tell_progress(r);
		step_on(r);
	} else {
		finish_write(r, true);
	}
}

void dispatch_news(struct server *s, const struct store_news *news)
{
	claims_tell(s->claims, news);
	if (s->scheduler)
		scheduler_tell(s->scheduler, news);
	if (s->reactions)
		reactions_tell(s->reactions, news);
}

void dispatch_batch_over(struct server *s, bool has_written)
{
	if (has_written)
		publish_committed(s->publish);
}

static void cancelled(struct request *r)
{
	fail_cancelled(r);
	finish_write(r, false);
}

void dispatch_left(struct request *r)
{
	if (r->outlives_channel || r->is_write)
		return;
	if (r->is_held && is_changing(r))
		let_go(r);
	else
		dispatch_cancel(r);
}

void dispatch_cancel(struct request *r)
{
	if (r->is_over || atomic_exchange(&r->is_cancelled, true))
		return;
	if (r->stream) {
		stream_close(r->stream, r->is_revoked ? STREAM_REVOKED : STREAM_CANCELLED);
	} else if (r->is_held) {
		unhold(r);
		cancelled(r);
	} else if (r->claims) {
		claims_remove(r->server->claims, r);
		cancelled(r);
	} else if (r->is_parked) {
		park_remove(r->server->park, r);
		cancelled(r);
	} else if (r->is_running || r->is_queued) {
		if (lanes_cancel(r->server->lanes, r))
			cancelled(r);
	} else if (r->batch) {
		batch_cancel(r);
	}
}
