/* SPDX-License-Identifier: Apache-2.0 */
/* quests.why_pending: what stands between a quest and its start, each as a code and a sentence. */
#include "handlers.gen.h"
#include "store/workers.h"
#include "verbs/agents_common.h"
#include "verbs/quests_attempt.h"
#include "verbs/quests_common.h"

#define REASONS_MAX 100

struct reasons {
	struct arena *arena;
	struct pending_reason_list *list;
};

static struct pending_reason *add(struct reasons *r, enum pending_kind kind, struct str text)
{
	size_t last = MIN(r->list->n,
			  (size_t)REASONS_MAX - 1); /* written again when all are taken */
	struct pending_reason *reason = &r->list->v[last];

	r->list->n = last + 1;
	*reason = (struct pending_reason){ .kind = kind, .text = text };
	return reason;
}

static const char *say_waiting(enum quest_status s)
{
	switch (s) {
	case QUEST_STATUS_FAILED:
		return "failed: open it again, or take it out of depends_on";
	case QUEST_STATUS_CANCELLED:
		return "was cancelled: take it out of depends_on";
	case QUEST_STATUS_BLOCKED:
		return "must be done first and is blocked";
	case QUEST_STATUS_IN_PROGRESS:
		return "must be done first and is in progress";
	default:
		return "must be done first";
	}
}

static int add_dependencies(struct call *c, const struct store_quest *q, struct reasons *r)
{
	struct quest_context_list all = { NULL, 0 };
	int e = q->dependencies ? store_quest_context(c->tx, q->n, &all) : 0;

	for (size_t i = 0; i < all.n; i++) {
		const struct quest_context *d = &all.v[i];
		struct pending_reason *reason;

		if (d->status == QUEST_STATUS_DONE)
			continue;
		reason = add(r, PENDING_KIND_DEPENDENCY,
			     str_fmt(r->arena, "%.*s %s", STR_ARG(d->quest),
				     say_waiting(d->status)));
		reason->quest = d->quest;
		reason->status = d->status;
	}
	return err_trace(e);
}

/* Who is to do it, and whether they can. */
static int add_assignee(struct call *c, const struct store_quest *q, struct reasons *r)
{
	struct str name = q->quest.assignee;
	enum pending_kind kind = PENDING_KIND_ASSIGNEE_RETIRED; /* or erased */
	const char *what = "is retired: assign it to somebody else";
	struct store_agent a;
	int e;

	if (!q->assignee) {
		(void)add(r, PENDING_KIND_UNASSIGNED,
			  STR("nobody is assigned: whoever claims it has it"));
		return 0;
	}
	e = store_agent_get(c->tx, q->assignee, &a);
	if (e < 0)
		return err_trace(e);
	if (e == 0 && a.agent.status == AGENT_STATUS_ACTIVE) {
		if (a.agent.in_progress < a.agent.max_concurrent)
			return 0;
		kind = PENDING_KIND_ASSIGNEE_BUSY;
		what = "has as many quests in progress as it may";
	} else if (e == 0 && a.agent.status == AGENT_STATUS_PAUSED) {
		kind = PENDING_KIND_ASSIGNEE_PAUSED;
		what = "is paused";
	}
	add(r, kind, str_fmt(r->arena, "%.*s %s", STR_ARG(name), what))->agent = name;
	return 0;
}

/* Whether somebody is there who can do what it asks for. */
static int add_workers(struct call *c, const struct quest *q, struct reasons *r)
{
	struct store_worker_lack lack = { .is_able = true };
	struct pending_reason *reason;
	int e = q->capabilities.n ? store_worker_lack(c->tx, q->capabilities, &lack) : 0;

	if (e || lack.is_able)
		return err_trace(e);
	if (lack.is_any)
		reason = add(r, PENDING_KIND_NO_CAPABILITY,
			     STR("no worker has all the capabilities it needs"));
	else
		reason = add(r, PENDING_KIND_NO_WORKER,
			     STR("it needs capabilities, and no worker is registered"));
	reason->missing = lack.missing;
	return 0;
}

/* What keeps any quest from being started. */
static int add_queue(struct call *c, struct reasons *r)
{
	enum pending_kind kind;
	struct str why;
	int e = quest_attempt_hindrance(c, &kind, &why);

	if (e == 0 && kind)
		(void)add(r, kind, why);
	return err_trace(e);
}

static void add_block(const struct quest *q, struct reasons *r)
{
	struct str why = str_utf8_prefix(q->blocked_reason, 400);

	if (!q->blocked_by.p)
		(void)add(r, PENDING_KIND_BLOCKED,
			  why.p
			      ? str_fmt(r->arena, "it was blocked: %.*s", STR_ARG(why))
			      : STR("it was blocked: quests.update with status: pending opens it"));
}

static int explain(struct call *c, const struct store_quest *q, struct reasons *r)
{
	const struct quest *quest = &q->quest;
	int e;

	if (quest->status == QUEST_STATUS_IN_PROGRESS) {
		(void)add(r, PENDING_KIND_IN_PROGRESS,
			  str_fmt(r->arena, "it is being done: claimed by %.*s",
				  STR_ARG(quest->claimed_by)));
		return 0;
	}
	if (!quest_is_open(quest->status)) {
		(void)add(r, PENDING_KIND_CLOSED,
			  str_fmt(r->arena, "it is %.*s",
				  STR_ARG(quest_status_text(quest->status))));
		return 0;
	}
	if (quest->status == QUEST_STATUS_BLOCKED)
		add_block(quest, r);
	e = add_dependencies(c, q, r);
	if (e == 0)
		e = add_assignee(c, q, r);
	if (e == 0)
		e = add_workers(c, quest, r);
	if (e == 0)
		e = add_queue(c, r);
	if (e == 0 && r->list->n == 0)
		(void)add(r, PENDING_KIND_READY, STR("nothing: it can be claimed"));
	return err_trace(e);
}

/* What gets a ready quest going that its assignee or the queue keeps from starting; else NONE. */
static struct str way_around(struct arena *a, const struct pending_reason *why, struct str quest)
{
	if (why->kind == PENDING_KIND_ASSIGNEE_BUSY)
		return str_fmt(a,
			       "quests.close one that %.*s has in progress, or quests.assign with "
			       "id: %.*s",
			       STR_ARG(why->agent), STR_ARG(quest));
	if (why->kind == PENDING_KIND_ASSIGNEE_PAUSED)
		return str_fmt(a,
			       "agents.update with id: %.*s and status: active, or quests.assign "
			       "with id: %.*s",
			       STR_ARG(why->agent), STR_ARG(quest));
	if (why->kind == PENDING_KIND_ASSIGNEE_RETIRED)
		return str_fmt(a, "quests.assign with id: %.*s", STR_ARG(quest));
	if (why->kind == PENDING_KIND_NO_CAPABILITY || why->kind == PENDING_KIND_NO_WORKER)
		return str_fmt(a,
			       "workers.register with capabilities, or quests.claim with id: %.*s "
			       "and capabilities",
			       STR_ARG(quest));
	if (why->kind == PENDING_KIND_QUEUE_PAUSED)
		return STR("queues.resume with name: quests");
	if (why->kind == PENDING_KIND_QUEUE_FULL)
		return STR("quests.close one that is in progress, or queues.update with name: "
			   "quests and max_running");
	return STR_NONE;
}

int quests_why_pending(struct call *call, const struct quests_why_pending_params *p,
		       struct quests_why_pending_result *r)
{
	struct reasons reasons = { call->arena, &r->reasons };
	struct str around = STR_NONE;
	struct store_quest q;
	int e = quest_named(call, "id", p->id, &q);

	if (e)
		return e;
	r->reasons.v = ARENA_ARRAY(call->arena, REASONS_MAX, struct pending_reason);
	if (!r->reasons.v)
		return err_nomem();
	r->id = q.quest.id;
	r->short_id = q.quest.short_id;
	r->status = q.quest.status;
	e = explain(call, &q, &reasons);
	if (e)
		return err_trace(e);
	if (quest_is_ready(&q.quest))
		around = way_around(call->arena, &r->reasons.v[r->reasons.n - 1], q.quest.short_id);
	r->ready = quest_is_ready(&q.quest) && !around.p;
	if (q.quest.status != QUEST_STATUS_BLOCKED)
		r->next = quest_next_step(call->arena, &q.quest);
	if (str_starts(r->next, STR("quests.why_pending")))
		r->next = STR("quests.wait with until: ready");
	if (around.p)
		r->next = around;
	return call->arena->is_out ? err_nomem() : 0;
}
