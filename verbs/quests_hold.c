/* SPDX-License-Identifier: Apache-2.0 */
/* What the holder of an attempt says of its quest: heartbeat, release, close. */
#include "handlers.gen.h"
#include "verbs/quests_attempt.h"
#include "verbs/quests_common.h"
#include "verbs/quests_states.h"

int quests_heartbeat(struct call *call, const struct quests_heartbeat_params *p,
		     struct quests_heartbeat_result *r)
{
	const struct quest_proof proof = { p->attempt, p->token, true };
	struct store_task t;
	struct store_quest q;
	int e = quest_named(call, "id", p->id, &q);

	if (e == 0)
		e = quest_attempt_held(call, &q, &proof, &t);
	if (e)
		return e;
	if (p->lease_ms)
		t.claim_ms = p->lease_ms;
	e = store_task_beat(call->tx, &t, p->progress);
	if (e)
		return e == STORE_STALE ? err_new(ERR_INTERNAL, "an attempt is not as it was read")
					: err_trace(e);
	r->id = q.quest.id;
	r->short_id = q.quest.short_id;
	r->lease_until = t.task.lease_until;
	return 0;
}

int quests_release(struct call *call, const struct quests_release_params *p,
		   struct quests_release_result *r)
{
	const struct quest_change change = { .to = QUEST_STATUS_PENDING, .is_freed = true };
	const struct quest_proof proof = { p->attempt, p->token, true };
	struct store_task t;
	struct store_quest q;
	int e = quest_named(call, "id", p->id, &q);

	if (e == 0)
		e = quest_attempt_held(call, &q, &proof, &t);
	if (e == 0)
		e = quest_become(call, &q, &change);
	if (e == 0)
		e = quest_shown(call, q.n, &r->quest);
	if (e)
		return e;
	r->next = quest_after_attempt(call->arena, &r->quest);
	return 0;
}

/* ---- close ---- */

/* Who ends an attempt holds it, or is the owner and says so. */
static int check_holder(struct call *c, const struct quests_close_params *p,
			const struct store_quest *q)
{
	const struct quest_proof proof = { p->attempt, p->token, p->has_attempt };
	struct store_task attempt;

	if (p->override) {
		if (c->principal->is_owner)
			return 0;
		call_data_str(c, "needs", STR("owner"));
		return call_fail_field(c, ERROR_DENIED, "override", "only the owner may override");
	}
	if (q->task || p->token.p || p->has_attempt)
		return quest_attempt_held(c, q, &proof, &attempt);
	return 0;
}

static enum quest_status status_of(enum outcome_kind kind)
{
	switch (kind) {
	case OUTCOME_KIND_DONE:
		return QUEST_STATUS_DONE;
	case OUTCOME_KIND_FAILED:
		return QUEST_STATUS_FAILED;
	case OUTCOME_KIND_BLOCKED:
		return QUEST_STATUS_BLOCKED;
	case OUTCOME_KIND_CANCELLED:
		return QUEST_STATUS_CANCELLED;
	default:
		return QUEST_STATUS_PENDING; /* handoff */
	}
}

int quests_close(struct call *call, const struct quests_close_params *p,
		 struct quests_close_result *r)
{
	struct outcome outcome = { .kind = p->kind,
				   .summary = p->summary,
				   .reason = p->reason,
				   .next_action = p->next_action,
				   .artifacts = p->artifacts,
				   .verification = p->verification };
	struct quest_change change = { .to = status_of(p->kind), .outcome = &outcome };
	struct store_quest q;
	int e = quest_named(call, "id", p->id, &q);

	if (e == 0)
		e = check_holder(call, p, &q);
	if (e)
		return e;
	if (p->kind == OUTCOME_KIND_BLOCKED)
		change.reason = p->reason.p ? p->reason : str_utf8_prefix(p->summary, 2000);
	e = quest_become(call, &q, &change);
	if (e == 0)
		e = quest_shown(call, q.n, &r->quest);
	if (e)
		return e;
	r->next = quest_after_attempt(call->arena, &r->quest);
	return 0;
}
