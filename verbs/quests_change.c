/* SPDX-License-Identifier: Apache-2.0 */
/* quests.update and quests.assign: what a quest says, hangs on, and who is to do it. */
#include "handlers.gen.h"
#include "verbs/agents_common.h"
#include "verbs/quests_common.h"
#include "verbs/quests_links.h"
#include "verbs/quests_states.h"

static bool is_cleared(const struct quests_update_params *p, enum quest_clear field)
{
	for (size_t i = 0; i < p->clear.n; i++)
		if (p->clear.v[i] == field)
			return true;
	return false;
}

/* A field that is set and cleared, or a reason without a block: NULL when there is none. */
static const char *find_clash(const struct quests_update_params *p)
{
	const struct {
		enum quest_clear field;
		bool is_set;
	} rows[] = {
		{ QUEST_CLEAR_DESCRIPTION, p->description.p != NULL },
		{ QUEST_CLEAR_ACCEPTANCE, p->acceptance.p != NULL },
		{ QUEST_CLEAR_PARENT, p->parent.p != NULL },
		{ QUEST_CLEAR_DEPENDS_ON, p->depends_on.v != NULL },
		{ QUEST_CLEAR_IDEA_ID, p->idea_id.p != NULL },
		{ QUEST_CLEAR_IDEA_IDS, p->idea_ids.v != NULL },
		{ QUEST_CLEAR_LABELS, p->labels.v != NULL },
		{ QUEST_CLEAR_CAPABILITIES, p->capabilities.v != NULL },
		{ QUEST_CLEAR_DUE_AT, p->has_due_at },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].is_set && is_cleared(p, rows[i].field))
			return quest_clear_text(rows[i].field).p;
	return NULL;
}

static int refuse_clash(struct call *c, const char *field)
{
	c->failure.hint = STR("leave it out of one of the two");
	return call_fail_field(c, ERROR_CONFLICT, field, "%s is both set and cleared", field);
}

static bool says_nothing(const struct quests_update_params *p)
{
	return !p->subject.p && !p->description.p && !p->acceptance.p && !p->priority &&
	       !p->status && !p->reason.p && !p->parent.p && !p->has_required && !p->depends_on.v &&
	       !p->labels.v && !p->capabilities.v && !p->idea_id.p && !p->idea_ids.v &&
	       !p->has_due_at && !p->clear.n;
}

static int refuse_claimed(struct call *c, const char *field, const struct store_quest *q)
{
	c->failure.hint = STR("hand it back first: quests.close with kind handoff");
	return call_fail_field(c, ERROR_CONFLICT, field, "%.*s is claimed",
			       STR_ARG(q->quest.short_id));
}

/* agent 0 = nobody */
static int set_assignee(struct call *c, struct store_quest *q, const struct store_agent *agent,
			const char *field)
{
	struct str name = agent ? agent->agent.name : STR("");
	struct call_field fields[] = { { "quest", q->quest.short_id, 0 }, { "assignee", name, 0 } };
	int e;

	if (q->quest.status == QUEST_STATUS_IN_PROGRESS)
		return refuse_claimed(c, field, q);
	if (!quest_is_open(q->quest.status) && q->quest.status != QUEST_STATUS_FAILED)
		return call_fail_field(c, ERROR_CONFLICT, field, "%.*s is %.*s",
				       STR_ARG(q->quest.short_id),
				       STR_ARG(quest_status_text(q->quest.status)));
	e = store_quest_set_assignee(c->tx, q->n, agent ? agent->n : 0);
	if (e == 0)
		e = call_event(c, "quest.assigned", q->quest.id, fields, ARRAY_LEN(fields));
	return err_trace(e);
}

/* Plain fields: set, cleared, or as they are. */
static int set_fields(struct call *c, const struct quests_update_params *p, struct quest *q)
{
	int e = 0;

	if (p->subject.p)
		q->subject = p->subject;
	if (p->description.p || is_cleared(p, QUEST_CLEAR_DESCRIPTION))
		q->description = p->description;
	if (p->acceptance.p || is_cleared(p, QUEST_CLEAR_ACCEPTANCE))
		q->acceptance = p->acceptance;
	if (p->priority)
		q->priority = p->priority;
	if (p->has_due_at || is_cleared(p, QUEST_CLEAR_DUE_AT)) {
		q->has_due_at = p->has_due_at;
		q->due_at = p->due_at;
	}
	if (p->idea_id.p || is_cleared(p, QUEST_CLEAR_IDEA_ID))
		e = quest_find_idea(c, p->idea_id, &q->idea_id);
	if (e == 0 && (p->idea_ids.v || is_cleared(p, QUEST_CLEAR_IDEA_IDS)))
		e = quest_find_ideas(c, p->idea_ids, &q->idea_ids);
	if (e == 0 && (p->labels.v || is_cleared(p, QUEST_CLEAR_LABELS)))
		e = quest_unique(c->arena, p->labels, &q->labels);
	if (e == 0 && (p->capabilities.v || is_cleared(p, QUEST_CLEAR_CAPABILITIES)))
		e = quest_need(c, p->capabilities, q);
	return e;
}

/* added: a field that makes it wait for more, or its parent for it; NULL when none does. */
static int set_links(struct call *c, const struct quests_update_params *p, struct store_quest *q,
		     const char **added)
{
	bool leaves = is_cleared(p, QUEST_CLEAR_PARENT), is_awaited = false, waits = false;
	int e = 0;

	if (p->parent.p || leaves || p->has_required) {
		struct str parent = p->parent.p ? p->parent : leaves ? STR_NONE : q->quest.parent;

		e = quest_move(c, q, parent, p->has_required ? p->required : q->quest.required,
			       &is_awaited);
	}
	if (e == 0 && is_cleared(p, QUEST_CLEAR_ASSIGNEE))
		e = set_assignee(c, q, NULL, "clear");
	if (e == 0 && (p->depends_on.v || is_cleared(p, QUEST_CLEAR_DEPENDS_ON)))
		e = quest_replace_dependencies(c, q, p->depends_on, &waits);
	*added = waits ? "depends_on" : !is_awaited ? NULL : p->parent.p ? "parent" : "required";
	return e;
}

/* was: before its dependencies changed, which may have opened it already. */
static int set_status(struct call *c, const struct quests_update_params *p, struct store_quest *q,
		      enum quest_status was)
{
	struct quest_change change = { .to = QUEST_STATUS_PENDING };

	if (p->reason.p && p->status != QUEST_HOLD_BLOCKED) {
		c->failure.hint = STR("set the status too, or leave the reason out");
		return call_fail_field(c, ERROR_CONFLICT, "reason",
				       "a reason goes with status: blocked");
	}
	if (!p->status)
		return 0;
	if (q->quest.status == QUEST_STATUS_IN_PROGRESS)
		return refuse_claimed(c, "status", q);
	if (p->status == QUEST_HOLD_BLOCKED)
		change = (struct quest_change){ .to = QUEST_STATUS_BLOCKED, .reason = p->reason };
	else if (was == QUEST_STATUS_BLOCKED && q->quest.status == QUEST_STATUS_PENDING)
		return 0;
	return quest_become(c, q, &change);
}

int quests_update(struct call *call, const struct quests_update_params *p,
		  struct quests_update_result *r)
{
	const char *clash = find_clash(p), *added = NULL;
	struct store_quest q;
	enum quest_status was;
	int e;

	if (says_nothing(p))
		return call_fail(call, ERROR_INVALID_PARAMS,
				 "nothing to change: name at least one field");
	if (clash)
		return refuse_clash(call, clash);
	e = quest_named(call, "id", p->id, &q);
	if (e)
		return e;
	was = q.quest.status;
	e = set_fields(call, p, &q.quest);
	if (e == 0)
		e = set_links(call, p, &q, &added);
	if (e == 0)
		e = err_trace(store_quest_set(call->tx, &q));
	if (e == 0 && added)
		e = quest_check_cycle(call, &q, added, false);
	if (e == 0 && (p->labels.v || is_cleared(p, QUEST_CLEAR_LABELS)))
		e = err_trace(store_quest_set_labels(call->tx, &q));
	if (e == 0)
		e = set_status(call, p, &q, was);
	if (e)
		return e;
	e = call_event(call, "quest.updated", q.quest.id,
		       &(struct call_field){ "quest", q.quest.short_id, 0 }, 1);
	if (e == 0)
		e = quest_shown(call, q.n, &r->quest);
	r->next = quest_next_step(call->arena, &r->quest);
	return err_trace(e);
}

int quests_assign(struct call *call, const struct quests_assign_params *p,
		  struct quests_assign_result *r)
{
	struct store_agent agent;
	struct store_quest q;
	int e = quest_named(call, "id", p->id, &q);

	if (e == 0)
		e = agent_named(call, "assignee", p->assignee, &agent);
	if (e)
		return e;
	if (agent.agent.status == AGENT_STATUS_RETIRED)
		return call_fail_field(call, ERROR_CONFLICT, "assignee", "'%.*s' is retired",
				       STR_ARG(agent.agent.name));
	e = set_assignee(call, &q, &agent, "id");
	if (e == 0)
		e = quest_shown(call, q.n, &r->quest);
	if (e)
		return e;
	if (quest_is_ready(&r->quest))
		r->next = str_fmt(call->arena, "%.*s and agent: %.*s",
				  STR_ARG(quest_next_step(call->arena, &r->quest)),
				  STR_ARG(agent.agent.name));
	else
		r->next = quest_next_step(call->arena, &r->quest);
	return 0;
}
