/* SPDX-License-Identifier: Apache-2.0 */
/* quests.create: everything it names is found and checked, then written at once. */
#include "handlers.gen.h"
#include "verbs/agents_common.h"
#include "verbs/authority.h"
#include "verbs/quests_common.h"
#include "verbs/quests_links.h"

static int set_assignee(struct call *c, struct str who, struct store_quest *q)
{
	struct store_agent agent;
	int e = agent_named(c, "assignee", who, &agent);

	if (e)
		return e;
	if (agent.agent.status == AGENT_STATUS_RETIRED)
		return call_fail_field(c, ERROR_CONFLICT, "assignee", "'%.*s' is retired",
				       STR_ARG(agent.agent.name));
	q->assignee = agent.n;
	q->quest.assignee = agent.agent.name;
	q->quest.assignee_id = agent.agent.id;
	return 0;
}

static int set_parent(struct call *c, struct str id, struct store_quest *q)
{
	struct store_quest_key parent = { 0 };
	int e = quest_find_parent(c, id, &parent);

	if (e)
		return e;
	if (q->quest.required)
		e = authority_over_quest(c, "parent", id);
	if (e)
		return e;
	q->parent = parent.n;
	q->quest.parent = store_quest_short_id(c->arena, parent.n);
	q->quest.has_required = true;
	return q->quest.required ? err_trace(store_quest_count_open_children(c->tx, parent.n, 1))
				 : 0;
}

static int set_dependencies(struct call *c, const struct quest_dependencies *d,
			    struct store_quest *q)
{
	struct str_list ids = { ARENA_ARRAY(c->arena, d->n, struct str), d->n };

	if (!ids.v)
		return err_nomem();
	for (size_t i = 0; i < d->n; i++)
		ids.v[i] = store_quest_short_id(c->arena, d->v[i].n);
	q->quest.depends_on = ids;
	q->dependencies = (int64_t)d->n;
	q->quest.open_dependencies = (int64_t)d->n_open;
	q->quest.has_open_dependencies = d->n_open > 0;
	if (d->failed) {
		q->quest.status = QUEST_STATUS_BLOCKED;
		q->blocked_by = d->failed;
		q->quest.blocked_by = store_quest_short_id(c->arena, d->failed);
	}
	return 0;
}

/* What others give: agent, parent, dependencies, ideas; labels and capabilities once each. */
static int settle(struct call *c, const struct quests_create_params *p,
		  struct quest_dependencies *d, struct store_quest *q)
{
	int e = quest_find_idea(c, p->idea_id, &q->quest.idea_id);

	if (e == 0 && p->idea_ids.n)
		e = quest_find_ideas(c, p->idea_ids, &q->quest.idea_ids);
	if (e == 0 && p->assignee.p)
		e = set_assignee(c, p->assignee, q);
	if (e == 0 && p->parent.p)
		e = set_parent(c, p->parent, q);
	if (e == 0 && p->depends_on.n)
		e = quest_find_dependencies(c, p->depends_on, d);
	if (e == 0 && d->n)
		e = set_dependencies(c, d, q);
	if (e == 0 && p->labels.n)
		e = quest_unique(c->arena, p->labels, &q->quest.labels);
	if (e == 0 && p->capabilities.n)
		e = quest_need(c, p->capabilities, &q->quest);
	return e;
}

static int tell(struct call *c, const struct quest *q)
{
	struct call_field fields[] = { { "quest", q->short_id, 0 },
				       { "status", quest_status_text(q->status), 0 },
				       { "subject", q->subject, 0 } };

	return err_trace(call_event(c, "quest.created", q->id, fields, ARRAY_LEN(fields)));
}

int quests_create(struct call *call, const struct quests_create_params *p,
		  struct quests_create_result *r)
{
	struct quest_dependencies d;
	struct store_quest q = {
		.quest = { .subject = p->subject,
			   .description = p->description,
			   .acceptance = p->acceptance,
			   .status = QUEST_STATUS_PENDING,
			   .priority = p->priority,
			   .required = p->required,
			   .due_at = p->due_at,
			   .has_due_at = p->has_due_at,
			   .created_by = call->principal->id },
	};
	int e;

	d.n = 0;
	e = settle(call, p, &d, &q);
	if (e)
		return e;
	e = store_quest_add(call->tx, &q);
	if (e)
		return err_trace(e);
	e = quest_add_dependencies(call, q.n, &d);
	if (e == 0 && d.n && p->parent.p && p->required)
		e = quest_check_cycle(call, &q, "depends_on", true);
	if (e == 0)
		e = tell(call, &q.quest);
	if (e)
		return e;
	r->quest = q.quest;
	r->next = quest_next_step(call->arena, &q.quest);
	return 0;
}
