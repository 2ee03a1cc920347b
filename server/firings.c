/* SPDX-License-Identifier: Apache-2.0 */
/* Making the calls of firings. */
#include "server/firings.h"

#include "base/err.h"
#include "base/failpoint.h"
#include "base/json.h"
#include "base/log.h"
#include "server/audit.h"
#include "server/decode.h"
#include "server/faults.h"
#include "server/placeholders.h"
#include "server/request.h"
#include "server/run.h"
#include "server/server.h"
#include "store/events.h"
#include "store/firings.h"
#include "store/tasks_change.h"
#include "verbs.gen.h"
#include "verbs/authority_later.h"
#include "verbs/schedules_common.h"
#include "verbs/subscriptions_common.h"
#include "verbs/tasks_retry.h"

#define RESULT_MAX 16384 /* of one call, as it is kept */
#define BEGUN_MAX  3     /* times in a row, without an end */

/* All it needs is in its child's arena. */
struct running {
	struct request *round, *child;
	struct run_writer *w;
	struct store_firing f;
	struct store_task task;
	struct json event, about;
	struct json results; /* of the calls so far, as placeholders see them */
	struct buf kept;     /* what is kept of them */
	struct str made;     /* "calls[1] quests.close", the one that is made */
	bool is_powerless;   /* its maker may not call one of its verbs, or is gone */
	bool is_poison;      /* it was begun often enough */
};

static void running_deinit(struct running *m)
{
	buf_deinit(&m->kept);
}

/* ---- what placeholders see ---- */

static int parse(struct running *m, struct str text, struct json *out)
{
	struct str copy = str_dup(&m->child->arena, text);
	int e = copy.p ? json_parse(&m->child->arena, copy, out, NULL) : err_nomem();

	return e > 0 ? err_new(ERR_INTERNAL, "what was written is no JSON") : err_trace(e);
}

static int read_event(struct running *m, struct store_tx *tx)
{
	CLEANUP(buf_deinit) struct buf text;
	struct event event;
	struct json_out w;
	int e = store_event_get(tx, m->f.event, &event);

	buf_init(&text, 0);
	if (e == STORE_NONE) {
		request_fail(m->child, ERROR_NOT_FOUND, "the event %lld is kept no longer",
			     (long long)m->f.event);
		return CALL_FAILED;
	}
	if (e)
		return err_trace(e);
	w = json_out(&text);
	shape_encode(&event_shape, &event, &w);
	return text.failed ? err_nomem() : err_trace(parse(m, buf_str(&text), &m->event));
}

static int describe(struct running *m)
{
	CLEANUP(buf_deinit) struct buf text;
	struct json_out w;

	buf_init(&text, 0);
	w = json_out(&text);
	json_begin_object(&w);
	JSON_KV_STR(&w, "id", m->task.task.id);
	JSON_KV_STR(&w, "short_id", m->task.task.short_id);
	JSON_KV_STR(&w, "source", firing_source_text(m->f.source));
	JSON_KV_STR(&w, "source_id", m->f.source_id);
	JSON_KV_INT(&w, "depth", m->f.depth);
	json_end_object(&w);
	return text.failed ? err_nomem() : err_trace(parse(m, buf_str(&text), &m->about));
}

/* ---- one call ---- */

/* The child as it is for a call of `verb`. */
static void renew(struct request *r, const struct verb *verb)
{
	struct arena *a = &r->arena;

	buf_clear(&r->out);
	r->verb = verb;
	r->raw = NULL;
	r->params = r->result = NULL;
	r->request_id = r->digest = STR_NONE;
	r->is_confirmed = r->is_replayed = false;
	r->outcome = 0;
	r->call = (struct call){ .arena = a, .is_time_over = true }; /* nothing waits here */
	run_prepare(r);
}

static int fill_params(struct running *m, struct str text, const struct json **out)
{
	struct request *r = m->child;
	const struct placeholder_root roots[] = { { STR("event"), &m->event },
						  { STR("firing"), &m->about },
						  { STR("calls"), &m->results } };
	struct placeholders p = { .arena = &r->arena, .roots = roots, .n_roots = ARRAY_LEN(roots) };
	struct json *params = ARENA_NEW(&r->arena, struct json);
	int e = params ? json_parse(&r->arena, text.p ? text : STR("{}"), params, NULL)
		       : err_nomem();

	if (e)
		return e > 0 ? err_new(ERR_CORRUPT, "a call's parameters are no JSON")
			     : err_trace(e);
	e = placeholders_fill(&p, params, out);
	if (e != PLACEHOLDERS_BAD)
		return err_trace(e);
	request_fail(r, ERROR_MISSING_VALUE, "'%.*s' %s", STR_ARG(p.bad), p.why);
	r->call.failure.field = p.param;
	return CALL_FAILED;
}

/* The secrets of a result are neither kept nor given on. */
static int keep_result(struct running *m)
{
	CLEANUP(buf_deinit) struct buf scratch;
	struct request *r = m->child;
	struct json_out w = json_out(&m->kept);
	struct str text;
	struct json *result = &m->results.items[m->results.n];
	int e;

	buf_init(&scratch, 0);
	e = encode_kept(r, &scratch, &text);
	if (e)
		return err_trace(e);
	if (m->results.n++)
		buf_put_char(&m->kept, ',');
	json_begin_object(&w);
	JSON_KV_STR(&w, "verb", r->verb->name);
	if (text.n <= RESULT_MAX) {
		json_key(&w, STR("result"));
		json_raw(&w, text);
	} else {
		JSON_KV_INT(&w, "bytes", (int64_t)text.n);
	}
	json_end_object(&w);
	return err_trace(parse(m, text, result));
}

/* Keys that were changed are looked at again by the loop: the round's list outlives the child. */
static void hand_up_touched(struct running *m)
{
	struct call *to = &m->round->call;

	for (const struct call_touched *t = m->child->call.touched; t; t = t->next) {
		struct call_touched *copy = ARENA_NEW(&m->round->arena, struct call_touched);

		if (!copy)
			return;
		*copy = (struct call_touched){ to->touched, str_dup(&m->round->arena, t->who) };
		to->touched = copy;
	}
}

static int run_call(struct running *m, struct store_tx *tx, const struct action *action)
{
	struct request *r = m->child;
	struct shape_faults faults;
	const struct json *params;
	bool is_over;
	int e;

	if (!decode_verb(r, action->verb))
		return CALL_FAILED;
	r->call.verb = r->verb;
	m->is_powerless = !decode_allowed(r);
	if (m->is_powerless)
		return CALL_FAILED;
	e = fill_params(m, action->params, &params);
	if (e)
		return e;
	if (!decode_params(r, params, &faults))
		return CALL_FAILED;
	e = run_find_reply(r, tx, &is_over);
	if (!e && !is_over) {
		(void)run_verb(r, tx, false, m->w->limit); /* a fault is its failure by then */
		if (!r->outcome)
			e = run_keep_reply(r, tx);
		if (!e && !r->outcome && !r->verb->is_read_only)
			e = audit_add(r, tx);
	}
	if (e || r->outcome)
		return e ? err_trace(e) : CALL_FAILED;
	hand_up_touched(m);
	return err_trace(keep_result(m));
}

/* ---- all of them ---- */

static int claim(struct running *m, struct store_tx *tx)
{
	struct store_task *t = &m->task;

	t->token = task_new_token(tx->arena);
	t->task.claimed_by = m->round->principal.id;
	if (!t->token.p)
		return err_nomem();
	return err_trace(store_task_claim(tx, t, true));
}

static int find_maker(struct running *m, struct store_tx *tx)
{
	const struct authority_maker maker = { m->f.by_kind, m->f.by, m->f.by_key };
	struct request *r = m->child;
	struct str why;
	int e = authority_of_maker(tx, &maker, &r->principal, &why);

	if (e != STORE_NONE)
		return err_trace(e);
	m->is_powerless = true;
	r->principal = (struct principal){ .id = m->f.by, .key_id = m->f.by_key };
	r->verb = m->f.calls->n ? verb_find(m->f.calls->v[0].verb) : NULL;
	request_fail(r, ERROR_DENIED, "%.*s", STR_ARG(why));
	return CALL_FAILED;
}

static int run_calls(struct running *m, struct store_tx *tx)
{
	const struct action_list *calls = m->f.calls;
	int e = find_maker(m, tx);

	if (!e)
		e = read_event(m, tx);
	if (!e)
		e = describe(m);
	m->results = (struct json){
		.type = JSON_ARRAY, .items = ARENA_ARRAY(tx->arena, FIRING_CALLS_MAX, struct json)
	};
	if (!m->results.items)
		return err_nomem();
	buf_put_str(&m->kept, STR("{\"calls\":["));
	for (size_t i = 0; !e && i < calls->n && i < FIRING_CALLS_MAX; i++) {
		e = FAIL_POINT("firing_call_before");
		renew(m->child, NULL);
		m->made = str_fmt(tx->arena, "calls[%zu] %.*s", i, STR_ARG(calls->v[i].verb));
		if (!e)
			e = run_call(m, tx, &calls->v[i]);
	}
	buf_put_str(&m->kept, STR("]}"));
	if (!e)
		m->made = STR_NONE;
	return !e && m->kept.failed ? err_nomem() : e;
}

/* Those that are made one after the other. */
static int let_others_go(struct running *m, struct store_tx *tx)
{
	struct call *c = &m->round->call;
	int e;

	c->tx = tx;
	e = task_settle_dependents(c, &m->task);
	c->tx = NULL;
	return err_trace(e);
}

static int try_it(struct running *m, struct store_tx *tx)
{
	int e = claim(m, tx);

	tx->firing = m->task.n;
	tx->depth = m->f.depth;
	if (!e)
		e = FAIL_POINT("firing_claimed");
	if (!e)
		e = run_calls(m, tx);
	if (!e)
		e = FAIL_POINT("firing_complete_before");
	if (!e)
		e = store_task_complete(tx, &m->task, buf_str(&m->kept));
	if (!e && m->task.dependents)
		e = let_others_go(m, tx);
	return e == STORE_STALE ? err_new(ERR_INTERNAL, "a firing is not as it was claimed") : e;
}

/* ---- what went wrong ---- */

static bool is_of_store(enum error_code code)
{
	return code == ERROR_STORAGE_FULL || code == ERROR_STORAGE_READONLY ||
	       code == ERROR_STORAGE_BUSY || code == ERROR_STORAGE_CORRUPT;
}

/* Without a policy of its own only what may pass by itself is tried again. */
static int fail_attempt(struct running *m, struct call *c)
{
	const struct call_failure *f = &m->child->call.failure;
	const struct error_info *info = &error_table[f->code];
	struct str message = f->message.p ? f->message : info->message;
	struct task_failing failing = {
		.ended = TASK_REASON_ERROR,
		.code = info->name,
		.is_final = !m->task.task.retry && !info->is_retryable && f->code != ERROR_INTERNAL,
	};

	m->task.reclaims = 0; /* it came to an end */
	if (m->is_poison)
		failing = (struct task_failing){ .ended = TASK_REASON_NO_PROGRESS,
						 .code = STR("server_ended"),
						 .is_final = true };
	if (m->made.p)
		message = str_fmt(c->arena, "%.*s: %.*s", STR_ARG(m->made), STR_ARG(message));
	failing.message = str_utf8_prefix(message, 500);
	return err_trace(task_fail_attempt(c, &m->task, &failing));
}

static int tell_failed(struct running *m, struct call *c)
{
	const struct task *t = &m->task.task;
	const struct call_field fields[] = { { "task", t->short_id, 0 },
					     { "by", m->f.by, 0 },
					     { "source", firing_source_text(m->f.source), 0 },
					     { "source_id", m->f.source_id, 0 },
					     { "code", t->error_code, 0 },
					     { "message", t->error_message, 0 } };

	return err_trace(call_event(c, "firing.failed", t->id, fields, ARRAY_LEN(fields)));
}

/* Whatever made it: would the next one fail as surely, it makes none. */
static int tell_source(struct running *m, struct call *c)
{
	struct str said = m->task.task.error_message, why = STR_NONE;

	if (m->is_powerless)
		why = STR("denied");
	else if (m->is_poison)
		why = STR("poison");
	if (m->f.source == FIRING_SOURCE_SUBSCRIPTION)
		return err_trace(subscription_firing_failed(c, m->f.source_id, said, why));
	if (m->f.source == FIRING_SOURCE_SCHEDULE && m->is_poison)
		return err_trace(schedule_switch_off(c, m->f.source_id, said));
	return 0;
}

static int record(struct running *m, struct store_tx *tx)
{
	struct request *r = m->child;
	struct call *c = &m->round->call;
	int e;

	tx->firing = m->f.n;
	tx->depth = m->f.depth;
	c->tx = tx;
	c->arena = &r->arena;
	e = store_task_get_n(tx, m->f.n, &m->task);
	if (e > 0)
		e = err_new(ERR_CORRUPT, "a firing is missing");
	if (!e)
		e = claim(m, tx);
	if (!e && r->verb && !r->verb->is_read_only)
		e = audit_add(r, tx);
	if (!e)
		e = fail_attempt(m, c);
	if (!e)
		e = FAIL_POINT("firing_failed_before");
	if (!e && m->task.task.state == TASK_STATE_FAILED)
		e = tell_failed(m, c);
	if (!e && m->task.task.state == TASK_STATE_FAILED)
		e = tell_source(m, c);
	c->tx = NULL;
	c->arena = &m->round->arena;
	return err_trace(e);
}

/* What cannot even be put on record is left as it was. */
static int record_failure(struct running *m)
{
	struct store *store = m->w->store;
	struct store_tx tx;
	int e = store_call_begin(store, &m->child->arena, m->round->call.now_ms, &tx);

	if (e)
		return err_trace(e);
	e = record(m, &tx);
	if (!e)
		return err_trace(store_call_keep(store));
	faults_fail(m->round, e, STR("firing"), m->w->limit);
	e = store_call_undo(store);
	return e ? err_trace(e) : FIRINGS_LATER;
}

/* ---- one after the other ---- */

static int run_it(struct running *m, struct store_tx *tx)
{
	int e = try_it(m, tx);

	if (!e)
		return err_trace(store_call_keep(m->w->store));
	if (e < 0)
		faults_fail(m->child, e, STR("firing"), m->w->limit);
	e = store_call_undo(m->w->store);
	if (e)
		return err_trace(e);
	return is_of_store(m->child->call.failure.code) ? FIRINGS_LATER
							: err_trace(record_failure(m));
}

/* ---- with care ---- */

/* Put down in a commit of its own, so that it is known if the server ends in the middle of it. */
static int begin(struct running *m, struct store_tx *tx, struct firings_care *care)
{
	int e;

	m->task.reclaims++;
	e = store_task_set(tx, &m->task, m->task.task.state);
	if (!e)
		e = FAIL_POINT("firing_begun");
	if (e)
		return err_trace(e);
	care->begins = m->f.n;
	return FIRINGS_BEGUN;
}

static int give_up(struct running *m)
{
	int e = store_call_undo(m->w->store);

	if (e)
		return err_trace(e);
	m->is_poison = true;
	request_fail(m->child, ERROR_INTERNAL,
		     "begun %d times, and each time the server ended in the middle of it",
		     BEGUN_MAX);
	log_warn("a firing has ended the server too often and is not tried again",
		 LOG_S("task", m->task.task.short_id), LOG_S("source_id", m->f.source_id));
	return err_trace(record_failure(m));
}

int firings_run_next(struct request *round, struct request *child, struct run_writer *w,
		     struct firings_care *care)
{
	CLEANUP(running_deinit) struct running m = { .round = round, .child = child, .w = w };
	struct store_tx tx;
	int e, found;

	arena_reset(&child->arena);
	renew(child, NULL);
	buf_init(&m.kept, 0);
	e = store_call_begin(w->store, &child->arena, round->call.now_ms, &tx);
	if (e)
		return err_trace(e);
	found = store_firing_next(&tx, &m.f, &m.task);
	if (!found && (m.f.event > care->through || m.f.n == care->begun))
		return run_it(&m, &tx);
	if (!found && m.task.reclaims >= BEGUN_MAX)
		return give_up(&m);
	if (!found)
		found = begin(&m, &tx, care);
	if (found == FIRINGS_BEGUN) {
		e = store_call_keep(w->store);
		return e ? err_trace(e) : FIRINGS_BEGUN;
	}
	if (found < 0)
		faults_fail(round, found, STR("firing"), w->limit);
	e = store_call_undo(w->store);
	return e ? err_trace(e) : found < 0 ? FIRINGS_LATER : FIRINGS_NONE;
}
