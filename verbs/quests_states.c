/* SPDX-License-Identifier: Apache-2.0 */
/* The states of a quest. */
#include "verbs/quests_states.h"

#include "base/clock.h"
#include "store/agents.h"
#include "verbs/quests_attempt.h"
#include "verbs/quests_common.h"

#define NAMED_MAX 20 /* children named in a refusal */

static const enum quest_status from_pending[] = { QUEST_STATUS_IN_PROGRESS, QUEST_STATUS_BLOCKED,
						  QUEST_STATUS_CANCELLED };
static const enum quest_status from_in_progress[] = { QUEST_STATUS_DONE, QUEST_STATUS_FAILED,
						      QUEST_STATUS_BLOCKED, QUEST_STATUS_CANCELLED,
						      QUEST_STATUS_PENDING };
static const enum quest_status from_failed[] = { QUEST_STATUS_PENDING };
static const enum quest_status from_blocked[] = { QUEST_STATUS_PENDING, QUEST_STATUS_FAILED,
						  QUEST_STATUS_CANCELLED };

/* The one table; the store's trigger says the same. */
static const struct ways {
	const enum quest_status *v;
	size_t n;
} ways_out[] = {
	[QUEST_STATUS_PENDING] = { from_pending, ARRAY_LEN(from_pending) },
	[QUEST_STATUS_IN_PROGRESS] = { from_in_progress, ARRAY_LEN(from_in_progress) },
	[QUEST_STATUS_DONE] = { NULL, 0 },
	[QUEST_STATUS_FAILED] = { from_failed, ARRAY_LEN(from_failed) },
	[QUEST_STATUS_BLOCKED] = { from_blocked, ARRAY_LEN(from_blocked) },
	[QUEST_STATUS_CANCELLED] = { NULL, 0 },
};

bool quest_may_become(enum quest_status from, enum quest_status to)
{
	for (size_t i = 0; i < ways_out[from].n; i++)
		if (ways_out[from].v[i] == to)
			return true;
	return false;
}

/* What helps who wanted it to become `to`, in the state it is in. */
static struct str way_on(struct arena *a, const struct quest *q, enum quest_status to)
{
	struct str id = q->short_id;

	if (q->status == to && to == QUEST_STATUS_IN_PROGRESS)
		return str_fmt(a,
			       "quests.wait with id: %.*s waits for its end; where its holder is "
			       "gone, the owner takes it back with quests.close, kind: handoff and "
			       "override: true",
			       STR_ARG(id));
	if (q->status == to)
		return STR("it is so already: nothing is to be done");
	switch (q->status) {
	case QUEST_STATUS_PENDING:
		return str_fmt(a, "quests.claim with id: %.*s first", STR_ARG(id));
	case QUEST_STATUS_FAILED:
		return str_fmt(a, "quests.update with id: %.*s and status: pending opens it again",
			       STR_ARG(id));
	case QUEST_STATUS_BLOCKED:
		return str_fmt(a, "quests.why_pending with id: %.*s says what blocks it",
			       STR_ARG(id));
	default: /* closed: one in progress may become anything else */
		return STR("it stays as it is: quests.claim takes the next one, quests.create "
			   "makes another");
	}
}

static int refuse_claimed(struct call *c, const struct quest *q)
{
	char text[CLOCK_RFC3339_MAX];
	struct str at = { text, clock_format(text, q->claimed_at) };

	call_data_str(c, "claimed_by", q->claimed_by);
	call_data_str(c, "claimed_at", str_dup(c->arena, at));
	return call_fail(c, ERROR_ILLEGAL_TRANSITION, "%.*s is claimed by %.*s since %.*s",
			 STR_ARG(q->short_id), STR_ARG(q->claimed_by), STR_ARG(at));
}

int quest_refuse_change(struct call *c, const struct store_quest *q, enum quest_status to)
{
	enum quest_status from = q->quest.status;
	struct str_list allowed = { ARENA_ARRAY(c->arena, ways_out[from].n, struct str), 0 };
	struct str ways;

	if (!allowed.v)
		return err_nomem();
	for (size_t i = 0; i < ways_out[from].n; i++)
		allowed.v[allowed.n++] = quest_status_text(ways_out[from].v[i]);
	call_data_str(c, "from", quest_status_text(from));
	call_data_str(c, "to", quest_status_text(to));
	call_data_strs(c, "allowed", allowed);
	c->failure.hint = way_on(c->arena, &q->quest, to);
	if (from == QUEST_STATUS_IN_PROGRESS && from == to)
		return refuse_claimed(c, &q->quest);
	ways = call_listed(c->arena, allowed, allowed.n);
	return call_fail(c, ERROR_ILLEGAL_TRANSITION, "%.*s is %.*s and cannot become %.*s, %s%.*s",
			 STR_ARG(q->quest.short_id), STR_ARG(quest_status_text(from)),
			 STR_ARG(quest_status_text(to)), ways.p ? "only " : "which is for good",
			 STR_ARG(ways));
}

/* ---- what stands against a change ---- */

static int check_failed_dependency(struct call *c, const struct store_quest *q)
{
	int64_t failed;
	struct str id;
	int e = q->dependencies ? store_quest_failed_dependency(c->tx, q->n, &failed) : STORE_NONE;

	if (e)
		return e == STORE_NONE ? 0 : err_trace(e);
	id = store_quest_short_id(c->arena, failed);
	call_data_str(c, "dependency", id);
	c->failure.hint = STR("open that one again, or take it out of depends_on");
	return call_fail(c, ERROR_CONFLICT, "%.*s depends on %.*s, which failed or was cancelled",
			 STR_ARG(q->quest.short_id), STR_ARG(id));
}

static int check_parent(struct call *c, const struct store_quest *q)
{
	struct store_quest_key parent;
	int e;

	if (!q->parent || !q->quest.required)
		return 0;
	e = store_quest_key_n(c->tx, q->parent, &parent);
	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_CORRUPT, "a quest's parent is missing");
	if (parent.status != QUEST_STATUS_DONE && parent.status != QUEST_STATUS_CANCELLED)
		return 0;
	return call_fail(c, ERROR_CONFLICT, "the parent %.*s of %.*s is closed",
			 STR_ARG(q->quest.parent), STR_ARG(q->quest.short_id));
}

static int check_children(struct call *c, const struct store_quest *q)
{
	struct store_n_list children;
	struct str_list named;
	struct str text;
	int e;

	if (!q->quest.open_children)
		return 0;
	e = store_quest_open_children(c->tx, q->n, NAMED_MAX, &children);
	if (e)
		return err_trace(e);
	named = quest_short_ids(c->arena, &children);
	text = call_listed(c->arena, named, (size_t)q->quest.open_children);
	call_data_strs(c, "children", named);
	c->failure.hint = STR("close them first, or make them not required");
	return call_fail(c, ERROR_CONFLICT, "%.*s has %lld required %s open: %.*s",
			 STR_ARG(q->quest.short_id), (long long)q->quest.open_children,
			 q->quest.open_children == 1 ? "child that is" : "children that are",
			 STR_ARG(text));
}

static int check_change(struct call *c, const struct store_quest *q, enum quest_status to)
{
	int e = 0;

	if (!quest_may_become(q->quest.status, to))
		return quest_refuse_change(c, q, to);
	if (to == QUEST_STATUS_DONE)
		return check_children(c, q);
	if (to == QUEST_STATUS_PENDING)
		e = check_failed_dependency(c, q);
	if (e == 0 && quest_is_open(to) && !quest_is_open(q->quest.status))
		e = check_parent(c, q);
	return e;
}

/* ---- what follows from a change ---- */

static int tell(struct call *c, const char *kind, struct str id, int64_t n,
		enum quest_status status, struct str by)
{
	struct call_field fields[] = { { "quest", store_quest_short_id(c->arena, n), 0 },
				       { "status", quest_status_text(status), 0 },
				       { "by", by, 0 } };

	return err_trace(call_event(c, kind, id, fields, by.p ? 3 : 2));
}

static int set_dependent(struct call *c, const struct store_dependent *d, enum quest_status status,
			 int64_t blocked_by)
{
	struct store_quest_status to = { .status = status, .blocked_by = blocked_by };
	int e = store_quest_set_status(c->tx, d->n, &to);

	return e == STORE_REFUSED ? err_new(ERR_INTERNAL, "a dependent's status is refused")
				  : err_trace(e);
}

/* One that waited for `q`, which is done. */
static int dependent_goes_on(struct call *c, const struct store_quest *q,
			     const struct store_dependent *d)
{
	int e = store_quest_count_open_dependencies(c->tx, d->n, -1);

	if (e || d->open_dependencies > 1 || d->status != QUEST_STATUS_PENDING)
		return err_trace(e);
	return tell(c, "quest.unblocked", d->id, d->n, d->status, q->quest.short_id);
}

/* One that waits for `q`, which failed or was cancelled. */
static int dependent_is_blocked(struct call *c, const struct store_quest *q,
				const struct store_dependent *d)
{
	int e;

	if (d->status != QUEST_STATUS_PENDING)
		return 0;
	e = set_dependent(c, d, QUEST_STATUS_BLOCKED, q->n);
	return e ? e
		 : tell(c, "quest.blocked", d->id, d->n, QUEST_STATUS_BLOCKED, q->quest.short_id);
}

/* One that `q` had blocked, which is tried again. */
static int dependent_is_freed(struct call *c, const struct store_quest *q,
			      const struct store_dependent *d)
{
	int64_t other;
	int e;

	if (d->status != QUEST_STATUS_BLOCKED || d->blocked_by != q->n)
		return 0;
	e = store_quest_failed_dependency(c->tx, d->n, &other);
	if (e == 0)
		return set_dependent(c, d, QUEST_STATUS_BLOCKED, other);
	if (e == STORE_NONE)
		e = set_dependent(c, d, QUEST_STATUS_PENDING, 0);
	return e ? err_trace(e)
		 : tell(c, "quest.unblocked", d->id, d->n, QUEST_STATUS_PENDING, q->quest.short_id);
}

/* Only the direct ones: those further on wait for these. At most QUEST_DEPENDENTS_MAX. */
static int follow_dependents(struct call *c, const struct store_quest *q, enum quest_status from,
			     enum quest_status to)
{
	struct store_dependent_list list;
	int e;

	if (!q->dependents || (quest_is_open(to) && from != QUEST_STATUS_FAILED))
		return 0;
	e = store_quest_dependents(c->tx, q->n, &list);
	for (size_t i = 0; i < list.n && e == 0; i++)
		e = to == QUEST_STATUS_DONE      ? dependent_goes_on(c, q, &list.v[i])
		    : to == QUEST_STATUS_PENDING ? dependent_is_freed(c, q, &list.v[i])
						 : dependent_is_blocked(c, q, &list.v[i]);
	return err_trace(e);
}

static int follow_counters(struct call *c, const struct store_quest *q, enum quest_status from,
			   enum quest_status to)
{
	int more = (int)quest_is_open(to) - (int)quest_is_open(from);
	int e = 0;

	if (from == QUEST_STATUS_IN_PROGRESS && q->assignee)
		e = store_agent_count_quests(c->tx, q->assignee, -1);
	if (e == 0 && more && q->parent && q->quest.required)
		e = store_quest_count_open_children(c->tx, q->parent, more);
	return err_trace(e);
}

static const char *event_of(enum quest_status from, enum quest_status to)
{
	if (!quest_is_open(to))
		return "quest.closed";
	if (to == QUEST_STATUS_BLOCKED)
		return "quest.blocked";
	return from == QUEST_STATUS_IN_PROGRESS ? "quest.released" : "quest.unblocked";
}

int quest_become(struct call *c, struct store_quest *q, const struct quest_change *change)
{
	enum quest_status from = q->quest.status, to = change->to;
	struct store_quest_status row = { .status = to,
					  .blocked_by = change->blocked_by,
					  .reason = change->reason,
					  .outcome = change->outcome,
					  .lapses = change->lapses,
					  .is_freed = change->is_freed,
					  .is_closed = !quest_is_open(to) };
	int e = check_change(c, q, to);

	if (e)
		return e;
	e = store_quest_set_status(c->tx, q->n, &row);
	if (e == STORE_REFUSED)
		return quest_refuse_change(c, q, to);
	if (e)
		return err_trace(e);
	q->quest.status = to;
	q->blocked_by = change->blocked_by;
	if (q->task)
		e = quest_attempt_end(c, q, to, change->why);
	q->task = 0;
	if (e == 0)
		e = follow_counters(c, q, from, to);
	if (e == 0)
		e = tell(c, change->why ? "quest.lapsed" : event_of(from, to), q->quest.id, q->n,
			 to, store_quest_short_id(c->arena, change->blocked_by));
	return e ? e : follow_dependents(c, q, from, to);
}
