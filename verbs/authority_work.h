/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of authority.h for work and what makes it: quests, tasks, workers, queues, reactions.
 */
#pragma once

#include "verbs/authority.h"

/* A quest is people's and programs'; an agent's when it made it, has it, or is or is above the one
 * that it is assigned to. Who had an attempt of it hears that it has ended. STORE_NONE. */
int authority_rule_quest(const struct authority_question *q, enum authority_answer *out) must_check;
/* With workflow_admin or org_admin everybody's; of others, agents too, a task is whose it is that
 * made it, has it, or has the worker to which it is given, and whose who sits above them. Nobody
 * decides about an attempt of his own, or approves what he asked for himself, but the server's
 * owner. STORE_NONE: no such task. */
int authority_rule_task(const struct authority_question *q, enum authority_answer *out) must_check;
/* A worker is whose it is that registered it, and whose who sits above him. STORE_NONE. */
int authority_rule_worker(const struct authority_question *q,
			  enum authority_answer *out) must_check;
/* A queue is everybody's who may change queues at all, but no agent's without workflow_admin. */
int authority_rule_queue(const struct authority_question *q, enum authority_answer *out) must_check;
int authority_rule_subscription(const struct authority_question *q,
				enum authority_answer *out) must_check;
/* A schedule is whose authority its calls have; a hook or channel whose it is that made it. A
 * channel speaks to whom its maker may bring along: workflow_admin alone does not change it. */
int authority_rule_schedule(const struct authority_question *q,
			    enum authority_answer *out) must_check;
int authority_rule_hook(const struct authority_question *q, enum authority_answer *out) must_check;
int authority_rule_channel(const struct authority_question *q,
			   enum authority_answer *out) must_check;
