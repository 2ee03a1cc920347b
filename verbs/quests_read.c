/* SPDX-License-Identifier: Apache-2.0 */
/* quests.get, quests.list and quests.wait. */
#include "handlers.gen.h"
#include "store/quests_list.h"
#include "verbs/agents_common.h"
#include "verbs/quests_common.h"

int quests_get(struct call *call, const struct quests_get_params *p, struct quests_get_result *r)
{
	struct store_quest q;
	int e = quest_named(call, "id", p->id, &q);

	if (e)
		return e;
	r->quest = q.quest;
	return q.dependencies ? err_trace(store_quest_context(call->tx, q.n, &r->context)) : 0;
}

/* ---- list ---- */

/* "<priority>:<n>:<subject>", the subject where it is what the order goes by. */
static bool read_cursor(struct str text, struct store_quest_cursor *out)
{
	struct str priority = str_cut(&text, ':'), n = text.p ? str_cut(&text, ':') : STR_NONE;

	out->subject = text;
	return text.p && str_to_i64(priority, &out->priority) && str_to_i64(n, &out->n) &&
	       out->n > 0;
}

static struct str write_cursor(struct arena *a, const struct store_quest_filter *f,
			       const struct store_quest_cursor *at)
{
	return str_fmt(a, "%lld:%lld:%.*s", (long long)at->priority, (long long)at->n,
		       f->subject.p ? (int)at->subject.n : 0, at->subject.p);
}

static int find_filter(struct call *c, const struct quests_list_params *p,
		       struct store_quest_filter *f)
{
	struct store_quest_key parent;
	struct store_agent agent;
	int e = 0;

	if (p->assignee.p)
		e = agent_named(c, "assignee", p->assignee, &agent);
	if (e == 0 && p->assignee.p)
		f->assignee = agent.n;
	if (e || !p->parent.p)
		return e;
	e = store_quest_key(c->tx, p->parent, &parent);
	f->parent = e ? 0 : parent.n;
	return e == STORE_NONE ? call_not_found(c, "quest", "parent", p->parent) : err_trace(e);
}

int quests_list(struct call *call, const struct quests_list_params *p, struct quests_list_result *r)
{
	struct store_quest_filter f = { .is_ready = p->ready,
					.status = p->status,
					.priority = p->priority,
					.label = p->label,
					.capability = p->capability,
					.subject = p->subject,
					.limit = (size_t)p->limit };
	struct store_quest_cursor cursor = { 0 };
	bool has_more;
	int e = find_filter(call, p, &f);

	if (e)
		return e;
	if (p->cursor.p && !read_cursor(p->cursor, &cursor))
		return call_fail_field(call, ERROR_CURSOR_INVALID, "cursor",
				       "this is no cursor of quests.list");
	e = store_quest_page(call->tx, &f, &cursor, &r->items, &has_more);
	if (e)
		return err_trace(e);
	if (has_more)
		r->next_cursor = write_cursor(call->arena, &f, &cursor);
	return 0;
}

/* ---- wait ---- */

static bool is_reached(const struct quest *q, enum quest_until until)
{
	switch (until) {
	case QUEST_UNTIL_SETTLED:
		return !quest_is_open(q->status) || q->status == QUEST_STATUS_BLOCKED;
	case QUEST_UNTIL_STARTED:
		return q->status == QUEST_STATUS_IN_PROGRESS || !quest_is_open(q->status);
	case QUEST_UNTIL_READY:
		return quest_is_ready(q) || q->status == QUEST_STATUS_IN_PROGRESS ||
		       !quest_is_open(q->status);
	default:
		return !quest_is_open(q->status);
	}
}

/* How it stands, for who waits for it. */
static struct str describe(struct arena *a, const struct quest *q)
{
	struct str status = quest_status_text(q->status);

	if (q->status == QUEST_STATUS_IN_PROGRESS)
		return str_fmt(a, "%.*s is %.*s: claimed by %.*s, attempt %lld",
			       STR_ARG(q->short_id), STR_ARG(status), STR_ARG(q->claimed_by),
			       (long long)q->attempt);
	if (q->open_dependencies)
		return str_fmt(a, "%.*s is %.*s and waits for %lld other%s", STR_ARG(q->short_id),
			       STR_ARG(status), (long long)q->open_dependencies,
			       q->open_dependencies == 1 ? "" : "s");
	return str_fmt(a, "%.*s is %.*s%s", STR_ARG(q->short_id), STR_ARG(status),
		       quest_is_ready(q) ? ": it can be claimed" : "");
}

/* Progress that counts the changes seen. */
static int wait_on(struct call *c, const struct quest *q, int64_t timeout_ms)
{
	struct str text = describe(c->arena, q);

	if (!text.p)
		return err_nomem();
	if (c->progress.text.p && !str_eq(text, c->progress.text))
		c->progress.done++;
	c->progress.text = text;
	return call_wait_for(c, q->id, timeout_ms);
}

int quests_wait(struct call *call, const struct quests_wait_params *p, struct quests_wait_result *r)
{
	struct store_quest q;
	int e = quest_named(call, "id", p->id, &q);

	if (e)
		return e;
	r->reached = is_reached(&q.quest, p->until);
	r->has_reached = true;
	if (!r->reached && !call->is_time_over && p->timeout_s > 0)
		return wait_on(call, &q.quest, p->timeout_s * 1000);
	r->quest = q.quest;
	if (!r->reached)
		r->next = str_fmt(call->arena,
				  "quests.wait again, or quests.why_pending with id: %.*s",
				  STR_ARG(q.quest.short_id));
	return 0;
}
