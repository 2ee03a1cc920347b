/* SPDX-License-Identifier: Apache-2.0 */
/* quests.claim: the quest that is named, or the most urgent ready one, and its attempt. */
#include "handlers.gen.h"
#include "store/quests_list.h"
#include "store/tasks_ready.h"
#include "verbs/agents_common.h"
#include "verbs/authority.h"
#include "verbs/quests_attempt.h"
#include "verbs/quests_common.h"
#include "verbs/quests_states.h"

/* An agent that may start one more: the one named; an agent that names none means itself. */
static int find_claimer(struct call *c, struct str who, struct store_agent *out)
{
	const struct agent *a = &out->agent;
	int e = who.p ? agent_named(c, "agent", who, out) : authority_self(c, out);

	if (e == STORE_NONE && !who.p)
		return 0;
	if (e == 0)
		e = authority_as_agent(c, "agent", out);
	if (e)
		return e;
	if (a->status != AGENT_STATUS_ACTIVE)
		return call_fail_field(c, ERROR_CONFLICT, "agent", "'%.*s' is %.*s",
				       STR_ARG(a->name), STR_ARG(agent_status_text(a->status)));
	if (a->in_progress < a->max_concurrent)
		return 0;
	call_data_int(c, "in_progress", a->in_progress);
	c->failure.hint = STR("close one first, or raise its max_concurrent");
	return call_fail_field(c, ERROR_CONFLICT, "agent",
			       "'%.*s' has %lld of %lld quests in progress", STR_ARG(a->name),
			       (long long)a->in_progress, (long long)a->max_concurrent);
}

static int refuse_waiting(struct call *c, const struct quest *q)
{
	call_data_strs(c, "depends_on", q->depends_on);
	c->failure.hint = str_fmt(c->arena, "quests.why_pending with id: %.*s names them",
				  STR_ARG(q->short_id));
	return call_fail_field(c, ERROR_CONFLICT, "id", "%.*s waits for %lld other%s",
			       STR_ARG(q->short_id), (long long)q->open_dependencies,
			       q->open_dependencies == 1 ? "" : "s");
}

static int refuse_unable(struct call *c, const struct quest *q)
{
	call_data_strs(c, "needs", q->capabilities);
	c->failure.hint = STR("name them in capabilities, if you have them");
	return call_fail_field(c, ERROR_CONFLICT, "capabilities",
			       "%.*s needs capabilities that the claim does not name",
			       STR_ARG(q->short_id));
}

static int check_claim(struct call *c, const struct store_quest *q,
		       const struct store_quest_offer *offer)
{
	if (q->quest.status != QUEST_STATUS_PENDING)
		return quest_refuse_change(c, q, QUEST_STATUS_IN_PROGRESS);
	if (q->quest.open_dependencies)
		return refuse_waiting(c, &q->quest);
	if (!q->assignee || q->assignee == offer->agent)
		return store_words_within(q->quest.capabilities, offer->capabilities)
			   ? 0
			   : refuse_unable(c, &q->quest);
	call_data_str(c, "assignee", q->quest.assignee);
	c->failure.hint = str_fmt(c->arena,
				  "claim it as agent: %.*s, or quests.assign it to another first",
				  STR_ARG(q->quest.assignee));
	return call_fail_field(c, ERROR_CONFLICT, "id", "%.*s is assigned to '%.*s'",
			       STR_ARG(q->quest.short_id), STR_ARG(q->quest.assignee));
}

static int refuse_idle(struct call *c, const struct quests_claim_params *p)
{
	struct str label = p->label.p ? str_fmt(c->arena, " with label '%.*s'", STR_ARG(p->label))
				      : STR("");

	c->failure.hint = STR(
	    "quests.list with status: pending shows those that wait; quests.why_pending says for "
	    "what, quests.wait with until: ready waits for one; those that need capabilities "
	    "are for claims that name them");
	if (p->agent.p)
		return call_fail(c, ERROR_NOT_FOUND, "no quest%.*s is ready for '%.*s'",
				 STR_ARG(label), STR_ARG(p->agent));
	return call_fail(c, ERROR_NOT_FOUND,
			 "no unassigned quest%.*s is ready; with agent it also takes those "
			 "assigned to that one",
			 STR_ARG(label));
}

static int find_next(struct call *c, const struct quests_claim_params *p,
		     const struct store_quest_offer *offer, struct store_quest *out)
{
	int64_t n;
	int e = store_quest_next(c->tx, offer, &n);

	if (e == STORE_NONE)
		return refuse_idle(c, p);
	return e ? err_trace(e) : err_trace(store_quest_get_n(c->tx, n, out));
}

static int find_quest(struct call *c, const struct quests_claim_params *p, int64_t agent,
		      struct store_quest *out)
{
	struct store_quest_offer offer = { .agent = agent,
					   .label = p->label,
					   .capabilities = p->capabilities };
	int e;

	store_words_sort(&offer.capabilities);
	e = p->id.p ? quest_named(c, "id", p->id, out) : find_next(c, p, &offer, out);
	if (e == 0)
		e = check_claim(c, out, &offer);
	if (e == 0 && p->label.p && p->id.p) {
		c->failure.hint = STR("leave out one of the two");
		e = call_fail_field(c, ERROR_CONFLICT, "label",
				    "a label chooses the next one: not beside id");
	}
	return e;
}

int quests_claim(struct call *call, const struct quests_claim_params *p,
		 struct quests_claim_result *r)
{
	struct store_agent agent = { 0 };
	struct store_quest q = { 0 };
	struct store_task attempt;
	int e = find_claimer(call, p->agent, &agent);

	if (e == 0)
		e = find_quest(call, p, agent.n, &q);
	if (e)
		return e;
	e = quest_attempt_begin(call, &q, p->lease_ms, &attempt);
	if (e)
		return e;
	e = store_quest_claim(call->tx, q.n, agent.n, attempt.n, call->principal->id);
	if (e == STORE_REFUSED)
		return quest_refuse_change(call, &q, QUEST_STATUS_IN_PROGRESS);
	if (e == 0 && agent.n)
		e = store_agent_count_quests(call->tx, agent.n, 1);
	if (e == 0)
		e = quest_shown(call, q.n, &r->quest);
	if (e == 0 && q.dependencies)
		e = store_quest_context(call->tx, q.n, &r->context);
	if (e)
		return err_trace(e);
	r->token = attempt.token;
	struct call_field fields[] = { { "quest", q.quest.short_id, 0 },
				       { "attempt", STR_NONE, r->quest.attempt },
				       { "agent", agent.agent.name, 0 } };
	r->next = str_fmt(call->arena, "quests.close with id: %.*s, attempt: %lld and the token",
			  STR_ARG(q.quest.short_id), (long long)r->quest.attempt);
	return err_trace(call_event(call, "quest.claimed", q.quest.id, fields, agent.n ? 3 : 2));
}
