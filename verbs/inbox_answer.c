/* SPDX-License-Identifier: Apache-2.0 */
/* inbox.answer, inbox.dismiss: what waits is answered by the one way there is for each (a message,
 * a decision about a task, a change of a quest), or set aside. */
#include "handlers.gen.h"
#include "store/messages.h"
#include "verbs.gen.h"
#include "verbs/authority.h"
#include "verbs/quests_common.h"
#include "verbs/sessions_common.h"
#include "verbs/talk_say.h"
#include "verbs/tasks_common.h"

/* ---- messages ---- */

static int need_text(struct call *c, const struct inbox_answer_params *p)
{
	return p->text.p ? 0 : call_fail_field(c, ERROR_CONFLICT, "text", "what is the answer?");
}

static int say(struct call *c, const struct inbox_answer_params *p, struct store_session *s,
	       struct inbox_answer_result *r)
{
	struct talk_words w = { .text = p->text };
	struct talk_said said;
	int e = talk_speaker(c, p->from, s, &w.from);

	if (e == 0)
		e = talk_say(c, s, &w, &said);
	if (e)
		return err_trace(e);
	r->seq = said.seq;
	r->has_seq = true;
	r->kind = said.kind == MESSAGE_KIND_ANSWER ? INBOX_KIND_QUESTION : INBOX_KIND_MENTION;
	return 0;
}

static int answer_session(struct call *c, const struct inbox_answer_params *p,
			  struct inbox_answer_result *r)
{
	struct store_session s;
	int e = session_named(c, "id", p->id, &s);

	if (e == 0)
		e = need_text(c, p);
	if (e)
		return e;
	r->id = s.session.short_id;
	return say(c, p, &s, r);
}

/* ---- tasks ---- */

static int refuse_decision(struct call *c, const struct store_task *t, const char *choices)
{
	return call_fail_field(c, ERROR_CONFLICT, "decision", "%.*s needs one: %s",
			       STR_ARG(t->task.short_id), choices);
}

static int approve(struct call *c, const struct inbox_answer_params *p, const struct store_task *t,
		   struct inbox_answer_result *r)
{
	struct tasks_approve_params q = { .id = t->task.id,
					  .note = p->text,
					  .question_id = p->question_id };
	struct tasks_approve_result done = { .next = STR_NONE };
	int e;

	if (p->decision != INBOX_DECISION_APPROVE && p->decision != INBOX_DECISION_REJECT)
		return refuse_decision(c, t, "approve or reject");
	q.decision = p->decision == INBOX_DECISION_APPROVE ? TASK_DECISION_APPROVE
							   : TASK_DECISION_REJECT;
	e = authority_also(c, &verb_table[VERB_TASKS_APPROVE], "id", t->task.id);
	if (e == 0)
		e = tasks_approve(c, &q, &done);
	r->kind = INBOX_KIND_APPROVAL;
	r->state = done.task_line.state;
	r->next = done.next;
	return e;
}

static int review(struct call *c, const struct inbox_answer_params *p, const struct store_task *t,
		  struct inbox_answer_result *r)
{
	struct tasks_review_params q = { .id = t->task.id, .note = p->text };
	struct tasks_review_result done = { .next = STR_NONE };
	int e;

	if (!p->decision || p->decision == INBOX_DECISION_APPROVE)
		return refuse_decision(c, t, "accept, rework or reject");
	q.decision = p->decision == INBOX_DECISION_ACCEPT   ? REVIEW_DECISION_ACCEPT
		     : p->decision == INBOX_DECISION_REWORK ? REVIEW_DECISION_REWORK
							    : REVIEW_DECISION_REJECT;
	e = authority_also(c, &verb_table[VERB_TASKS_REVIEW], "id", t->task.id);
	if (e == 0)
		e = tasks_review(c, &q, &done);
	r->kind = INBOX_KIND_REVIEW;
	r->state = done.task_line.state;
	r->next = done.next;
	return e;
}

static int answer_question(struct call *c, const struct inbox_answer_params *p,
			   const struct store_task *t, struct inbox_answer_result *r)
{
	struct tasks_answer_params q = {
		.id = t->task.id,
		.question_id = p->question_id.p ? p->question_id : t->task.question_id,
		.answer = p->answer.p ? p->answer : call_json_text(c->arena, p->text)
	};
	struct tasks_answer_result done = { .next = STR_NONE };
	int e = authority_also(c, &verb_table[VERB_TASKS_ANSWER], "id", t->task.id);

	if (e == 0 && t->task.state == TASK_STATE_AWAITING_INPUT && !p->answer.p)
		e = need_text(c, p);
	if (e == 0)
		e = tasks_answer(c, &q, &done);
	r->kind = INBOX_KIND_INPUT;
	r->state = done.task_line.state;
	r->next = done.next;
	return e;
}

static int answer_task(struct call *c, const struct inbox_answer_params *p,
		       struct inbox_answer_result *r)
{
	struct store_task t;
	int e = task_named(c, "id", p->id, &t);

	if (e)
		return e;
	if (t.task.state == TASK_STATE_AWAITING_APPROVAL)
		e = approve(c, p, &t, r);
	else if (t.task.state == TASK_STATE_OUTPUT_PENDING_REVIEW)
		e = review(c, p, &t, r);
	else
		e = answer_question(c, p, &t, r);
	r->id = t.task.short_id;
	return e;
}

/* ---- quests ---- */

/* The answer is said where the quest is talked of, and the quest goes on. */
static int answer_quest(struct call *c, const struct inbox_answer_params *p,
			struct inbox_answer_result *r)
{
	struct quests_update_result done = { .next = STR_NONE };
	struct store_quest q;
	struct talk_target t;
	int e = quest_named(c, "id", p->id, &q);

	if (e == 0)
		e = need_text(c, p);
	if (e)
		return e;
	if (q.quest.status != QUEST_STATUS_BLOCKED)
		return call_fail_field(c, ERROR_CONFLICT, "id", "%.*s is not blocked",
				       STR_ARG(q.quest.short_id));
	struct quests_update_params change = { .id = q.quest.id, .status = QUEST_HOLD_PENDING };

	e = authority_also(c, &verb_table[VERB_QUESTS_UPDATE], "id", q.quest.id);
	if (e == 0)
		e = talk_where(c, "id", q.quest.short_id, STR_NONE, &t);
	if (e == 0)
		e = say(c, p, &t.session, r);
	if (e == 0)
		e = quests_update(c, &change, &done);
	r->id = q.quest.short_id;
	r->kind = INBOX_KIND_BLOCKED;
	r->next = done.next;
	return e;
}

/* What an id is the id of: short ones say it. */
static bool is_task(struct call *c, struct str id, int *e)
{
	struct store_task t;

	if (str_starts(id, STR("t-")))
		return true;
	*e = store_task_get(c->tx, id, &t);
	return *e == 0;
}

static bool is_quest(struct call *c, struct str id, int *e)
{
	struct store_quest_key key;

	if (str_starts(id, STR("q-")))
		return true;
	*e = store_quest_key(c->tx, id, &key);
	return *e == 0;
}

int inbox_answer(struct call *call, const struct inbox_answer_params *p,
		 struct inbox_answer_result *r)
{
	int e = 0;

	if (is_task(call, p->id, &e))
		return answer_task(call, p, r);
	if (e >= 0 && is_quest(call, p->id, &e))
		return answer_quest(call, p, r);
	return e < 0 ? err_trace(e) : answer_session(call, p, r);
}

/* ---- set aside ---- */

/* Who asked is told; an agent gets a turn, for it waits. */
static int tell_asker(struct call *c, struct store_session *s, const struct participant *me,
		      int64_t seq)
{
	struct store_message m;
	struct talk_who asker;
	int64_t n_made = 0;
	int e = talk_tell(c, s,
			  str_fmt(c->arena, "%.*s set question %lld aside", STR_ARG(me->name),
				  (long long)seq));

	if (e == 0)
		e = session_event(c, "session.dismissed", s);
	if (e == 0)
		e = store_message_get(c->tx, s, seq, &m);
	if (e)
		return e < 0 ? err_trace(e) : 0; /* retention took it */
	e = talk_of(c, m.message.from, &asker);
	return e || asker.kind != TALK_AGENT ? err_trace(e) : talk_turn(c, s, asker.id, &n_made);
}

static int find_place(struct call *c, const struct inbox_dismiss_params *p,
		      const struct store_session *s, struct participant *out)
{
	struct talk_who who;
	int e;

	if (!p->whose.p) {
		e = talk_place(c, s->n, out);
	} else {
		e = talk_named(c, "whose", p->whose, &who);
		if (e == 0)
			e = authority_looks_for(c, "whose", &who);
		if (e)
			return e;
		e = store_session_participant(c->tx, s->n, who.who, out);
	}
	if (e != STORE_NONE)
		return err_trace(e);
	return call_fail_field(c, ERROR_CONFLICT, p->whose.p ? "whose" : "id",
			       "they take no part in %.*s", STR_ARG(s->session.short_id));
}

int inbox_dismiss(struct call *call, const struct inbox_dismiss_params *p,
		  struct inbox_dismiss_result *r)
{
	struct store_session s;
	struct participant me;
	int64_t seq;
	int e = session_named(call, "id", p->id, &s);

	if (e == 0)
		e = find_place(call, p, &s, &me);
	if (e)
		return e;
	seq = p->has_seq ? MIN(p->seq, s.session.last) : s.session.last;
	r->has_set_aside = me.has_asked && me.asked <= seq && !p->keep_question;
	r->set_aside = me.asked;
	if (r->has_set_aside)
		e = store_session_ask(call->tx, s.n, me.participant, 0);
	if (e == 0 && r->has_set_aside)
		e = tell_asker(call, &s, &me, me.asked);
	if (e == 0)
		e = store_session_read(call->tx, s.n, me.participant,
				       r->has_set_aside && !p->has_seq ? s.session.last : seq);
	if (e == 0)
		e = store_session_participant(call->tx, s.n, me.participant, &me);
	if (e)
		return err_trace(e);
	r->id = s.session.short_id;
	r->read = me.read;
	r->unread = s.session.last - me.read;
	return 0;
}
