/* SPDX-License-Identifier: Apache-2.0 */
/* What the holder of a claim says: start, heartbeat, complete, fail, release. Each is checked
 * against attempt and token in the statement that changes the row. */
#include "base/id.h"
#include "handlers.gen.h"
#include "store/events.h"
#include "store/tasks_links.h"
#include "store/tasks_list.h"
#include "verbs.gen.h"
#include "verbs/authority.h"
#include "verbs/event_kinds.h"
#include "verbs/tasks_common.h"
#include "verbs/tasks_make.h"
#include "verbs/tasks_retry.h"

/* What a holder's parameters begin with. */
#define PROOF(p) (&(struct task_proof){ (p)->id, (p)->attempt, (p)->token })

int tasks_start(struct call *call, const struct tasks_start_params *p, struct tasks_start_result *r)
{
	struct store_task t;
	int e = task_held(call, PROOF(p), &t);
	bool is_new;

	if (e)
		return e;
	is_new = t.task.state == TASK_STATE_CLAIMED;
	e = task_ensure_started(call, &t);
	if (e == 0 && is_new)
		e = task_event(call, "task.in_progress", &t);
	if (e)
		return e;
	store_task_line(&t, &r->task_line);
	r->next = STR("tasks.complete with its id, attempt and token");
	return 0;
}

int tasks_heartbeat(struct call *call, const struct tasks_heartbeat_params *p,
		    struct tasks_heartbeat_result *r)
{
	struct store_task t;
	int e = task_held(call, PROOF(p), &t);

	if (e == 0)
		e = task_ensure_started(call, &t);
	if (e)
		return e;
	if (p->lease_ms)
		t.claim_ms = p->lease_ms;
	e = store_task_beat(call->tx, &t, p->progress);
	if (e)
		return e == STORE_STALE ? task_refuse_stale(call, &t) : err_trace(e);
	r->id = t.task.id;
	r->state = t.task.state;
	r->lease_until = t.task.lease_until;
	r->cancel_at = t.task.cancel_at;
	r->has_cancel_at = t.task.has_cancel_at;
	return 0;
}

/* ---- complete ---- */

static int tell_event(struct call *c, const struct store_task *t, const struct task_event *event)
{
	struct store_event_new new = { .kind = event->kind,
				       .source = c->principal->id,
				       .subject = event->subject.p ? event->subject : t->task.id,
				       .payload = event->payload.p ? event->payload : STR("{}") };

	return err_trace(store_event_add(c->tx, &new, NULL));
}

/* By the one way of messages, with its gates. */
static int send(struct call *c, const struct task_message *m, struct tasks_complete_result *r)
{
	struct message_to_params p = {
		.to = m->to, .text = m->text, .question = m->question, .from = m->from
	};
	struct message_to_result said = { .turns = 0 };
	int e = authority_also(c, &verb_table[VERB_MESSAGE_TO], "message", STR_NONE);

	if (e)
		return e;
	e = message_to(c, &p, &said);
	if (e == CALL_FAILED && c->failure.field.p)
		c->failure.field = str_fmt(c->arena, "message.%.*s", STR_ARG(c->failure.field));
	r->message_session = said.session;
	r->message_seq = said.seq;
	r->has_message_seq = e == 0;
	return e;
}

static int follow(struct call *c, const struct store_task *t, const struct tasks_complete_params *p,
		  struct tasks_complete_result *r)
{
	struct store_task next;
	int e = p->event ? event_kind_check(c, "event", p->event->kind) : 0;

	if (e)
		return e;
	if (p->next_task) {
		e = task_make_next(c, t, p->next_task, &next);
		if (e)
			return e;
		r->next_id = next.task.id;
	}
	if (p->event)
		e = tell_event(c, t, p->event);
	if (e == 0 && p->message)
		e = send(c, p->message, r);
	return err_trace(e);
}

int tasks_complete(struct call *call, const struct tasks_complete_params *p,
		   struct tasks_complete_result *r)
{
	static const struct store_worker_count done = { .running = -1, .completed = 1 };
	struct store_task t;
	int e = task_held(call, PROOF(p), &t);

	if (e == 0)
		e = task_ensure_started(call, &t);
	if (e)
		return e;
	e = store_task_complete(call->tx, &t, p->result);
	if (e)
		return e == STORE_STALE ? task_refuse_stale(call, &t) : err_trace(e);
	e = task_count_end(call, &t, &done);
	if (e == 0)
		e = task_event(call,
			       t.task.state == TASK_STATE_COMPLETED ? "task.completed"
								    : "task.output_pending_review",
			       &t);
	if (e == 0 && t.task.state == TASK_STATE_COMPLETED && t.dependents)
		e = task_settle_dependents(call, &t);
	if (e == 0)
		e = follow(call, &t, p, r);
	if (e)
		return e;
	store_task_line(&t, &r->task_line);
	r->next = t.task.review ? STR("tasks.review decides about it")
				: STR("tasks.claim takes the next one");
	return 0;
}

/* ---- fail ---- */

int tasks_fail(struct call *call, const struct tasks_fail_params *p, struct tasks_fail_result *r)
{
	struct task_failing f = { .ended = TASK_REASON_ERROR,
				  .code = p->code,
				  .message = p->message,
				  .is_final = !p->retryable };
	struct store_task t;
	int e = task_held(call, PROOF(p), &t);

	if (e == 0)
		e = task_fail_attempt(call, &t, &f);
	if (e)
		return e;
	store_task_line(&t, &r->task_line);
	r->next = t.task.state == TASK_STATE_FAILED
		      ? str_fmt(call->arena, "tasks.requeue with id: %.*s to try again",
				STR_ARG(t.task.short_id))
		      : STR("tasks.claim takes the next one");
	return 0;
}

/* ---- release ---- */

static int park(struct call *c, struct store_task *t, const struct tasks_release_params *p)
{
	bool is_input = p->kind == RELEASE_KIND_INPUT;
	char id[ID_LEN + 1];
	int e;

	if (!p->question.p)
		return call_fail_field(c, ERROR_CONFLICT, "question", "what is asked?");
	e = task_ensure_started(c, t);
	if (e)
		return e;
	id_make(c->tx->ids, c->now_ms, id);
	t->task.question_id = str_dup(c->arena, (struct str){ id, ID_LEN });
	t->task.question = p->question;
	t->task.answer = t->task.note = STR_NONE;
	return task_become(c, t,
			   is_input ? TASK_STATE_AWAITING_INPUT : TASK_STATE_AWAITING_APPROVAL,
			   TASK_REASON_RELEASED);
}

static int wait_for(struct call *c, struct store_task *t, struct str id)
{
	struct store_task on;
	bool is_circle;
	int e = task_named(c, "wait_for", id, &on);

	if (e)
		return e;
	e = store_task_waits_for(c->tx, on.n, t->n, &is_circle);
	if (e < 0)
		return err_trace(e);
	if (e || is_circle) {
		c->failure.hint = STR("wait for another task, or leave wait_for out");
		return call_fail_field(c, ERROR_CYCLE, "wait_for", "%.*s waits for %.*s",
				       STR_ARG(on.task.short_id), STR_ARG(t->task.short_id));
	}
	if (store_task_is_over(on.task.state))
		return 0;
	t->task.open_dependencies++;
	return err_trace(store_task_depend(c->tx, t->n, on.n, true));
}

/* Not before those are over. The row says so before it becomes pending. */
static int wait_for_all(struct call *c, struct store_task *t, struct str_list ids)
{
	struct str_list unique = { ARENA_ARRAY(c->arena, ids.n, struct str), 0 };
	int e = 0;

	if (!unique.v)
		return err_nomem();
	for (size_t i = 0; e == 0 && i < ids.n; i++) {
		bool is_known = false;

		for (size_t k = 0; k < unique.n; k++)
			is_known |= str_eq(unique.v[k], ids.v[i]);
		if (is_known)
			continue;
		unique.v[unique.n++] = ids.v[i];
		e = wait_for(c, t, ids.v[i]);
	}
	if (e)
		return e;
	t->task.has_open_dependencies = t->task.open_dependencies > 0;
	return err_trace(store_task_recount(c->tx, t));
}

static int give_back(struct call *c, struct store_task *t, const struct tasks_release_params *p)
{
	int e;

	if (p->question.p)
		return call_fail_field(c, ERROR_CONFLICT, "question",
				       "it goes with approval and input");
	e = wait_for_all(c, t, p->wait_for);
	if (e)
		return e;
	if (t->task.has_open_dependencies)
		return task_become(c, t, TASK_STATE_PENDING, TASK_REASON_WAITING);
	if (!p->delay_ms)
		return task_become(c, t, TASK_STATE_READY, TASK_REASON_RELEASED);
	t->task.retry_at = c->tx->steady_ms + p->delay_ms;
	t->task.has_retry_at = true;
	return task_become(c, t, TASK_STATE_PENDING, TASK_REASON_RELEASED);
}

static int release(struct call *c, struct store_task *t, const struct tasks_release_params *p)
{
	switch (p->kind) {
	case RELEASE_KIND_APPROVAL:
	case RELEASE_KIND_INPUT:
		return park(c, t, p);
	case RELEASE_KIND_CANCELLED:
		if (!t->task.has_cancel_at)
			return call_fail_field(c, ERROR_CONFLICT, "kind",
					       "nobody asked for %.*s to be cancelled",
					       STR_ARG(t->task.short_id));
		return task_become(c, t, TASK_STATE_CANCELLED, TASK_REASON_CANCELLED);
	default:
		if (t->task.has_cancel_at)
			return task_become(c, t, TASK_STATE_CANCELLED, TASK_REASON_CANCELLED);
		return give_back(c, t, p);
	}
}

int tasks_release(struct call *call, const struct tasks_release_params *p,
		  struct tasks_release_result *r)
{
	struct store_task t;
	int e = task_held(call, PROOF(p), &t);

	if (e == 0)
		e = release(call, &t, p);
	if (e)
		return e;
	store_task_line(&t, &r->task_line);
	if (t.task.state == TASK_STATE_AWAITING_APPROVAL ||
	    t.task.state == TASK_STATE_AWAITING_INPUT)
		r->question_id = t.task.question_id;
	r->next = STR("tasks.claim takes the next one");
	return 0;
}
