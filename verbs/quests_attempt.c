/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs/quests_attempt.h"

#include "base/id.h"
#include "store/queues.h"
#include "verbs/quests_common.h"
#include "verbs/quests_states.h"
#include "verbs/tasks_common.h"

#define LAPSES_MAX 3 /* in a row without progress */

/* ---- begin ---- */

/* 128 random bits, as a UUID of version 4. */
static struct str new_token(struct arena *a)
{
	uint64_t r[2];

	id_random(r, sizeof(r));
	r[0] = (r[0] & ~(uint64_t)0xf000) | 0x4000;
	r[1] = (r[1] & ~((uint64_t)3 << 62)) | (uint64_t)2 << 62;
	return str_fmt(a, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(r[0] >> 32),
		       (unsigned)(r[0] >> 16 & 0xffff), (unsigned)(r[0] & 0xffff),
		       (unsigned)(r[1] >> 48), (unsigned long long)(r[1] & 0xffffffffffff));
}

static struct str hindrance(struct arena *a, const struct store_queue *q, enum pending_kind *kind)
{
	const struct task_queue *k = &q->queue;

	*kind = PENDING_KIND_QUEUE_PAUSED;
	if (k->paused)
		return STR("the queue 'quests' is paused: queues.resume");
	*kind = PENDING_KIND_QUEUE_FULL;
	if (k->has_max_running && store_queue_running(q) >= k->max_running)
		return str_fmt(a, "%lld quests are in progress, more may not be: queues.update",
			       (long long)k->max_running);
	*kind = PENDING_KIND_NONE;
	return STR_NONE;
}

int quest_attempt_hindrance(struct call *c, enum pending_kind *kind, struct str *out)
{
	struct store_queue queue;
	int e = store_queue_get(c->tx, QUESTS_QUEUE, &queue);

	*kind = PENDING_KIND_NONE;
	if (e == 0)
		*out = hindrance(c->arena, &queue, kind);
	return e < 0 ? err_trace(e) : 0; /* without a queue nothing was ever claimed */
}

static void describe(struct call *c, const struct store_quest *q, const struct store_queue *queue,
		     struct store_task *t)
{
	*t = (struct store_task){ .queue = queue->n,
				  .needs = queue->plain,
				  .begins_at = c->tx->steady_ms,
				  .ready_at = c->tx->steady_ms,
				  .keep_ms = queue->queue.keep_ms,
				  .quest = q->n,
				  .token = new_token(c->arena) };
	t->task = (struct task){ .queue = queue->queue.name,
				 .state = TASK_STATE_READY,
				 .subject = q->quest.subject,
				 .priority = (int64_t)q->quest.priority - PRIORITY_NORMAL,
				 .on_failed = ON_FAILED_WAIT,
				 .attempt = q->quest.attempt,
				 .claimed_by = c->principal->id,
				 .created_by = c->principal->id };
}

int quest_attempt_begin(struct call *c, const struct store_quest *q, int64_t lease_ms,
			struct store_task *out)
{
	struct store_queue queue;
	enum pending_kind kind;
	struct str why;
	int e = store_queue_have_own(c->tx, QUESTS_QUEUE, &queue);

	if (e)
		return err_trace(e);
	why = hindrance(c->arena, &queue, &kind);
	if (kind) {
		call_data_str(c, "reason", pending_kind_text(kind));
		return call_fail(c, ERROR_CONFLICT, "%.*s", STR_ARG(why));
	}
	describe(c, q, &queue, out);
	out->task.lease_ms = lease_ms;
	e = out->token.p ? store_task_add(c->tx, out) : err_nomem();
	return e ? err_trace(e) : err_trace(store_task_claim(c->tx, out, true));
}

/* ---- the proof ---- */

struct str quest_after_attempt(struct arena *a, const struct quest *q)
{
	if (q->status == QUEST_STATUS_FAILED)
		return str_fmt(a, "quests.update with id: %.*s and status: pending to try again",
			       STR_ARG(q->short_id));
	if (quest_is_open(q->status))
		return quest_next_step(a, q);
	return STR("quests.claim takes the next one");
}

/* The attempt is over: what may be done is the quest's to say. */
static int refuse_stale(struct call *c, const struct store_quest *q, struct str why)
{
	struct str next = quest_after_attempt(c->arena, &q->quest);

	if (!c->failure.hint.p)
		c->failure.hint = str_fmt(c->arena, "stop working on it; %.*s", STR_ARG(next));
	return call_fail(c, ERROR_STALE_ATTEMPT, "%.*s %.*s", STR_ARG(q->quest.short_id),
			 STR_ARG(why));
}

int quest_attempt_refuse_ended(struct call *c, const struct store_quest *q)
{
	struct str status = quest_status_text(q->quest.status);
	struct str why = str_fmt(c->arena, "is %.*s: the attempt has ended", STR_ARG(status));

	return refuse_stale(c, q, why);
}

static int get_attempt(struct call *c, const struct store_quest *q, struct store_task *out)
{
	int e = store_task_get_n(c->tx, q->task, out);

	return e == STORE_NONE ? err_new(ERR_CORRUPT, "the attempt of a quest is missing")
			       : err_trace(e);
}

int quest_attempt_held(struct call *c, const struct store_quest *q, const struct quest_proof *proof,
		       struct store_task *out)
{
	int e;

	if (!q->task)
		return quest_attempt_refuse_ended(c, q);
	if (!proof->token.p) {
		c->failure.hint = STR(
		    "give attempt and token as quests.claim gave them, or override as the owner");
		return refuse_stale(c, q, STR("is claimed: attempt and token are missing"));
	}
	if (proof->has_attempt && proof->attempt != q->quest.attempt)
		return refuse_stale(c, q, STR("is at another attempt"));
	e = get_attempt(c, q, out);
	if (e)
		return err_trace(e);
	return task_is_token(out->token, proof->token)
		   ? 0
		   : refuse_stale(c, q, STR("has another token"));
}

/* ---- the end ---- */

static const enum task_state ends[] = {
	[QUEST_STATUS_PENDING] = TASK_STATE_CANCELLED,
	[QUEST_STATUS_DONE] = TASK_STATE_COMPLETED,
	[QUEST_STATUS_FAILED] = TASK_STATE_FAILED,
	[QUEST_STATUS_BLOCKED] = TASK_STATE_CANCELLED,
	[QUEST_STATUS_CANCELLED] = TASK_STATE_CANCELLED,
};

static const enum task_reason reasons[] = {
	[QUEST_STATUS_PENDING] = TASK_REASON_RELEASED,
	[QUEST_STATUS_FAILED] = TASK_REASON_ERROR,
	[QUEST_STATUS_BLOCKED] = TASK_REASON_WAITING,
	[QUEST_STATUS_CANCELLED] = TASK_REASON_CANCELLED,
};

int quest_attempt_end(struct call *c, const struct store_quest *q, enum quest_status to,
		      enum task_reason why)
{
	struct store_task t;
	int e = get_attempt(c, q, &t);

	if (e)
		return err_trace(e);
	return task_become(c, &t, ends[to], why ? why : reasons[to]);
}

int quest_attempt_lapse(struct call *c, const struct store_task *t)
{
	struct quest_change change = { .to = QUEST_STATUS_PENDING,
				       .why = TASK_REASON_LAPSED,
				       .is_freed = true };
	struct store_quest q;
	int e = store_quest_get_n(c->tx, t->quest, &q);

	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_CORRUPT, "an attempt's quest is missing");
	change.lapses = t->has_progressed ? 0 : q.lapses + 1;
	if (change.lapses >= LAPSES_MAX) {
		change = (struct quest_change){ .to = QUEST_STATUS_BLOCKED,
						.why = TASK_REASON_NO_PROGRESS,
						.is_freed = true,
						.reason = STR("its lease was over three times in a "
							      "row, and no progress was told") };
	}
	e = quest_become(c, &q, &change);
	return e > 0 ? err_new(ERR_INTERNAL, "a quest cannot be given back") : err_trace(e);
}
