/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a task whose attempt did not end well. */
#include "verbs/tasks_retry.h"

#include "base/id.h"
#include "store/tasks_links.h"
#include "verbs/quests_attempt.h"

#define RECLAIMS_MAX   3 /* in a row without progress */
#define INITIAL_MS     1000
#define LONGEST_MS     300000
#define FACTOR         2
#define JITTER_PERCENT 10
#define ATTEMPTS_MAX   5

static const struct task_retry usual = { .kind = RETRY_KIND_EXPONENTIAL };

static int64_t max_attempts(const struct task_retry *r)
{
	return r->has_max_attempts ? r->max_attempts : ATTEMPTS_MAX;
}

/* Up or down by so many percent, evenly. */
static int64_t jittered(int64_t ms, int64_t percent)
{
	int64_t span = ms * percent / 100;
	uint32_t random;

	if (span <= 0)
		return ms;
	id_random(&random, sizeof(random));
	return ms - span + (int64_t)(random % (uint64_t)(2 * span + 1));
}

static int64_t wait_ms(const struct task_retry *r, int64_t tries)
{
	int64_t initial = r->has_initial_ms ? r->initial_ms : INITIAL_MS;
	int64_t longest = r->has_max_ms ? r->max_ms : LONGEST_MS;
	double factor = r->has_factor ? r->factor : FACTOR;
	double ms = (double)initial;

	if (r->kind == RETRY_KIND_LINEAR)
		ms *= (double)tries;
	for (int64_t i = 1; r->kind == RETRY_KIND_EXPONENTIAL && i < tries; i++) {
		ms *= factor;
		if (ms > (double)longest)
			break;
	}
	if (ms > (double)longest)
		ms = (double)longest;
	return jittered((int64_t)ms, r->has_jitter ? r->jitter : JITTER_PERCENT);
}

static bool is_listed(struct str_list codes, struct str code)
{
	for (size_t i = 0; code.p && i < codes.n; i++)
		if (str_eq(codes.v[i], code))
			return true;
	return false;
}

static const struct task_retry *policy_of(const struct store_task *t)
{
	return t->task.retry ? t->task.retry : &usual;
}

static int note_attempt(struct call *c, struct store_task *t, const struct task_failing *f)
{
	struct task_error error = { .ended = f->ended, .code = f->code, .message = f->message };

	t->task.tries++;
	t->task.has_tries = true;
	t->task.error_code = f->code;
	t->task.error_message = f->message;
	return err_trace(store_task_attempt_add(c->tx, t, &error));
}

/* Told as the reason, for which there was no further attempt. */
static bool says_more(enum task_reason r)
{
	return r == TASK_REASON_START_TO_CLOSE || r == TASK_REASON_HEARTBEAT ||
	       r == TASK_REASON_SCHEDULE_TO_START || r == TASK_REASON_SCHEDULE_TO_CLOSE ||
	       r == TASK_REASON_NO_PROGRESS;
}

int task_fail_attempt(struct call *c, struct store_task *t, const struct task_failing *f)
{
	const struct task_retry *policy = policy_of(t);
	bool is_final = f->is_final || is_listed(policy->non_retryable, f->code);
	int e = note_attempt(c, t, f);

	if (e)
		return err_trace(e);
	if (t->task.has_cancel_at)
		return task_become(c, t, TASK_STATE_CANCELLED, TASK_REASON_CANCELLED);
	if (is_final)
		return task_become(c, t, TASK_STATE_FAILED,
				   says_more(f->ended) ? f->ended : TASK_REASON_NON_RETRYABLE);
	if (t->task.tries >= max_attempts(policy))
		return task_become(c, t, TASK_STATE_FAILED,
				   says_more(f->ended) ? f->ended : TASK_REASON_EXHAUSTED);
	t->task.retry_at = c->tx->steady_ms + wait_ms(policy, t->task.tries);
	t->task.has_retry_at = true;
	return task_become(c, t, TASK_STATE_PENDING, TASK_REASON_RETRY);
}

int task_lapse(struct call *c, struct store_task *t, enum task_reason why)
{
	struct task_failing f = { .ended = why, .message = STR("the lease was over") };
	int e;

	if (t->quest)
		return err_trace(quest_attempt_lapse(c, t));
	e = note_attempt(c, t, &f);
	if (e)
		return err_trace(e);
	t->reclaims = t->has_progressed ? 0 : t->reclaims + 1;
	if (t->task.has_cancel_at)
		return task_become(c, t, TASK_STATE_CANCELLED, TASK_REASON_CANCELLED);
	if (t->reclaims >= RECLAIMS_MAX)
		return task_become(c, t, TASK_STATE_FAILED, TASK_REASON_NO_PROGRESS);
	if (t->task.tries >= max_attempts(policy_of(t)))
		return task_become(c, t, TASK_STATE_FAILED, TASK_REASON_EXHAUSTED);
	return task_become(c, t, TASK_STATE_READY, TASK_REASON_LAPSED);
}
