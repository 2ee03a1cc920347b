/* SPDX-License-Identifier: Apache-2.0 */
/* What people decide about tasks that wait for them: approve, review, answer. */
#include "handlers.gen.h"
#include "store/tasks_list.h"
#include "verbs.gen.h"
#include "verbs/tasks_common.h"

#define REWORKS_MAX 10

/* Is that the question that is open? */
static int check_question(struct call *c, const struct store_task *t, struct str given)
{
	if (str_eq(t->task.question_id, given))
		return 0;
	if (t->task.question_id.p)
		call_data_str(c, "question_id", t->task.question_id);
	return call_fail_field(c, ERROR_CONFLICT, "question_id", "%.*s does not wait for that one",
			       STR_ARG(t->task.short_id));
}

static const struct {
	enum task_state state;
	enum verb_id verb;
} decisions[] = {
	{ TASK_STATE_AWAITING_APPROVAL, VERB_TASKS_APPROVE },
	{ TASK_STATE_AWAITING_INPUT, VERB_TASKS_ANSWER },
	{ TASK_STATE_OUTPUT_PENDING_REVIEW, VERB_TASKS_REVIEW },
};

/* It waits for another decision, or for none. */
static int refuse_decision(struct call *c, const struct store_task *t, enum task_state wanted)
{
	enum task_state is = t->task.state;

	for (size_t i = 0; i < ARRAY_LEN(decisions); i++)
		if (decisions[i].state == is)
			c->failure.hint = str_fmt(c->arena, "%.*s decides about it",
						  STR_ARG(verb_table[decisions[i].verb].name));
	call_data_str(c, "from", task_state_text(is));
	call_data_str(c, "needs", task_state_text(wanted));
	return call_fail(c, ERROR_ILLEGAL_TRANSITION, "%.*s is %.*s, not %.*s",
			 STR_ARG(t->task.short_id), STR_ARG(task_state_text(is)),
			 STR_ARG(task_state_text(wanted)));
}

/* It stands in the state that the decision is about. */
static int find_waiting(struct call *c, struct str id, enum task_state state,
			struct store_task *out)
{
	int e = task_to_change(c, id, out);

	if (e)
		return e;
	return out->task.state == state ? 0 : refuse_decision(c, out, state);
}

static struct str after_decision(const struct store_task *t)
{
	return t->task.state == TASK_STATE_READY ? STR("tasks.claim takes it") : STR_NONE;
}

int tasks_approve(struct call *call, const struct tasks_approve_params *p,
		  struct tasks_approve_result *r)
{
	bool is_yes = p->decision == TASK_DECISION_APPROVE;
	struct store_task t;
	int e = find_waiting(call, p->id, TASK_STATE_AWAITING_APPROVAL, &t);

	if (e == 0 && p->question_id.p)
		e = check_question(call, &t, p->question_id);
	if (e)
		return e;
	t.task.note = p->note;
	if (is_yes)
		t.task.approval = t.task.has_approval = false;
	if (t.task.question_id.p && is_yes)
		t.task.answer = STR("\"approved\"");
	t.task.question_id = STR_NONE;
	e = is_yes ? task_become(call, &t, TASK_STATE_READY, TASK_REASON_NONE)
		   : task_become(call, &t, TASK_STATE_FAILED, TASK_REASON_REJECTED);
	if (e)
		return e;
	store_task_line(&t, &r->task_line);
	r->next = after_decision(&t);
	return 0;
}

int tasks_answer(struct call *call, const struct tasks_answer_params *p,
		 struct tasks_answer_result *r)
{
	struct store_task t;
	int e = find_waiting(call, p->id, TASK_STATE_AWAITING_INPUT, &t);

	if (e == 0)
		e = check_question(call, &t, p->question_id);
	if (e)
		return e;
	t.task.answer = p->answer;
	t.task.note = p->note;
	t.task.question_id = STR_NONE;
	e = task_become(call, &t, TASK_STATE_READY, TASK_REASON_NONE);
	if (e)
		return e;
	store_task_line(&t, &r->task_line);
	r->next = after_decision(&t);
	return 0;
}

static int rework(struct call *c, struct store_task *t)
{
	t->task.reworks++;
	if (t->task.reworks > REWORKS_MAX)
		return task_become(c, t, TASK_STATE_FAILED, TASK_REASON_MAX_REWORK);
	return task_become(c, t, TASK_STATE_READY, TASK_REASON_REWORK);
}

int tasks_review(struct call *call, const struct tasks_review_params *p,
		 struct tasks_review_result *r)
{
	struct store_task t;
	int e = find_waiting(call, p->id, TASK_STATE_OUTPUT_PENDING_REVIEW, &t);

	if (e)
		return e;
	t.task.note = p->note;
	if (p->decision == REVIEW_DECISION_ACCEPT)
		e = task_become(call, &t, TASK_STATE_COMPLETED, TASK_REASON_NONE);
	else if (p->decision == REVIEW_DECISION_REJECT)
		e = task_become(call, &t, TASK_STATE_FAILED, TASK_REASON_REJECTED);
	else
		e = rework(call, &t);
	if (e)
		return e;
	store_task_line(&t, &r->task_line);
	r->next = after_decision(&t);
	return 0;
}
