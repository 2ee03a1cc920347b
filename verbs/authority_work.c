/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs/authority_work.h"

#include "store/channels.h"
#include "store/hooks.h"
#include "store/quests.h"
#include "store/schedules.h"
#include "store/subscriptions.h"
#include "store/tasks.h"
#include "store/workers.h"
#include "verbs.gen.h"
#include "verbs/authority_over.h"

static bool is_bounded(const struct principal *p)
{
	const access_roles all = 1u << ACCESS_ROLE_WORKFLOW_ADMIN | 1u << ACCESS_ROLE_ORG_ADMIN;

	return !p->is_owner && !(p->roles & all);
}

/* ---- quests ---- */

static bool is_of_attempt(const struct verb *v)
{
	return v->id == VERB_QUESTS_HEARTBEAT || v->id == VERB_QUESTS_RELEASE ||
	       v->id == VERB_QUESTS_CLOSE;
}

/* As its assignee, or over that one. */
static int may_as_assignee(const struct authority_question *q, int64_t assignee, bool *out)
{
	struct store_agent a;
	int e = store_agent_get(q->tx, assignee, &a);

	*out = e == 0 && str_eq(a.agent.id, authority_own_id(q->who));
	if (e || *out)
		return e < 0 ? err_trace(e) : 0;
	return err_trace(authority_over_agent(q->tx, q->who, &a, out));
}

int authority_rule_quest(const struct authority_question *q, enum authority_answer *out)
{
	const struct principal *p = q->who;
	struct store_quest quest;
	bool may, was_its = false;
	int e = store_quest_get(q->tx, q->target, &quest);

	if (e)
		return e < 0 ? err_trace(e) : STORE_NONE;
	may = p->kind != PRINCIPAL_KIND_AGENT || str_eq(quest.quest.created_by, p->id) ||
	      (quest.quest.claimed_by.p && str_eq(quest.quest.claimed_by, p->id));
	if (!may && quest.assignee)
		e = may_as_assignee(q, quest.assignee, &may);
	if (e == 0 && !may && is_of_attempt(q->verb))
		e = store_task_was_had_of_quest(q->tx, quest.n, p->id, &was_its);
	*out = may ? AUTHORITY_YES : was_its ? AUTHORITY_ENDED : AUTHORITY_NO;
	return err_trace(e);
}

int authority_over_quest(struct call *c, const char *field, struct str quest)
{
	struct authority_question q = { c->tx, c->principal, c->verb, quest };
	enum authority_answer answer = AUTHORITY_YES;
	int e = authority_is_bounded(c->principal) ? authority_rule_quest(&q, &answer) : 0;

	if (e || answer == AUTHORITY_YES)
		return e < 0 ? err_trace(e) : 0;
	return authority_refuse(c, str_from(field), quest);
}

/* ---- tasks ---- */

/* What is said with the proof of a claim: the verb answers whose proof is not good. */
static bool is_with_proof(const struct verb *v)
{
	switch (v->id) {
	case VERB_TASKS_START:
	case VERB_TASKS_HEARTBEAT:
	case VERB_TASKS_COMPLETE:
	case VERB_TASKS_FAIL:
	case VERB_TASKS_RELEASE:
		return true;
	default:
		return false;
	}
}

static bool is_decision(const struct verb *v)
{
	return v->id == VERB_TASKS_APPROVE || v->id == VERB_TASKS_REVIEW ||
	       v->id == VERB_TASKS_ANSWER;
}

/* Of what it did itself, or of what it asked for: of a task that was rejected, trying it again too.
 */
static bool is_of_its_own(const struct authority_question *q, const struct store_task_stakes *t)
{
	bool approves = q->verb->id == VERB_TASKS_APPROVE || q->verb->id == VERB_TASKS_REQUEUE;

	if (is_decision(q->verb) && str_eq(t->claimed_by, q->who->id))
		return true;
	return approves && t->needs_approval && str_eq(t->created_by, q->who->id);
}

static int is_any_ones(const struct authority_question *q, const struct str *whose, size_t n,
		       bool *out)
{
	int e = 0;

	*out = false;
	for (size_t i = 0; e == 0 && !*out && i < n; i++)
		if (whose[i].p)
			e = authority_over_principal(q->tx, q->who, whose[i], out);
	return err_trace(e);
}

static int may_task(const struct authority_question *q, const struct store_task_stakes *t,
		    bool *out)
{
	bool is_held = store_task_is_held(t->state);
	const struct str whose[] = { is_held ? t->claimed_by : STR_NONE, t->created_by,
				     t->assignee };
	int e;

	*out = true;
	if (!is_bounded(q->who))
		return 0;
	if (is_with_proof(q->verb) && str_eq(t->claimed_by, q->who->id))
		return 0;
	e = is_any_ones(q, whose, ARRAY_LEN(whose), out);
	if (e == 0 && !*out && is_with_proof(q->verb))
		e = store_task_was_had(q->tx, t->n, q->who->id, out);
	return err_trace(e);
}

int authority_rule_task(const struct authority_question *q, enum authority_answer *out)
{
	struct store_task_stakes t;
	bool may;
	int e = store_task_stakes(q->tx, q->target, &t);

	if (e)
		return e < 0 ? err_trace(e) : STORE_NONE;
	if (is_of_its_own(q, &t)) {
		*out = AUTHORITY_OWN_WORK;
		return 0;
	}
	e = may_task(q, &t, &may);
	*out = may ? AUTHORITY_YES : AUTHORITY_UNKNOWN;
	return err_trace(e);
}

/* ---- workers, queues ---- */

int authority_rule_worker(const struct authority_question *q, enum authority_answer *out)
{
	struct store_worker w;
	bool may = true;
	int e = store_worker_get(q->tx, q->target, &w);

	if (e)
		return e < 0 ? err_trace(e) : STORE_NONE;
	if (is_bounded(q->who))
		e = is_any_ones(q, &w.worker.principal, 1, &may);
	*out = may ? AUTHORITY_YES : AUTHORITY_UNKNOWN;
	return err_trace(e);
}

int authority_rule_queue(const struct authority_question *q, enum authority_answer *out)
{
	bool is_agents = q->who->kind == PRINCIPAL_KIND_AGENT;

	*out = is_agents && is_bounded(q->who) ? AUTHORITY_NO : AUTHORITY_YES;
	return 0;
}

/* ---- reactions ---- */

/* It is whose it is, whose who sits above him, and org_admin's: it acts with his authority. */
static int rule_of(const struct authority_question *q, struct str whose, enum authority_answer *out)
{
	bool may = authority_is_org_admin(q->who);
	int e = 0;

	if (!may)
		e = authority_over_principal(q->tx, q->who, whose, &may);
	*out = may ? AUTHORITY_YES : AUTHORITY_NO;
	return err_trace(e);
}

int authority_rule_subscription(const struct authority_question *q, enum authority_answer *out)
{
	struct store_subscription s;
	int e = store_subscription_find(q->tx, q->target, &s);

	if (e)
		return e < 0 ? err_trace(e) : STORE_NONE;
	return err_trace(rule_of(q, s.subscription.created_by, out));
}

int authority_rule_schedule(const struct authority_question *q, enum authority_answer *out)
{
	struct store_schedule s;
	int e = store_schedule_find(q->tx, q->target, &s);

	if (e)
		return e < 0 ? err_trace(e) : STORE_NONE;
	return err_trace(rule_of(q, s.schedule.runs_as, out));
}

int authority_rule_hook(const struct authority_question *q, enum authority_answer *out)
{
	struct store_hook h;
	int e = store_hook_find(q->tx, q->target, &h);

	if (e)
		return e < 0 ? err_trace(e) : STORE_NONE;
	return err_trace(rule_of(q, h.hook.created_by, out));
}

int authority_rule_channel(const struct authority_question *q, enum authority_answer *out)
{
	struct store_channel k;
	bool may;
	int e = store_channel_find(q->tx, q->target, &k);

	if (e)
		return e < 0 ? err_trace(e) : STORE_NONE;
	e = authority_over_principal(q->tx, q->who, k.channel.created_by, &may);
	*out = may ? AUTHORITY_YES : AUTHORITY_NO;
	return err_trace(e);
}
