/* SPDX-License-Identifier: Apache-2.0 */
/* Whether one is above another: what the rules of authority.h rest on. */
#pragma once

#include "verbs/authority.h"

/* Agents, and people without org_admin: they change only what is theirs. */
bool authority_is_bounded(const struct principal *p);
/* No agent, whatever its key says: it has what is below it, and no more. */
bool authority_is_org_admin(const struct principal *p);
/* CALL_FAILED with denied. */
int authority_refuse(struct call *c, struct str field, struct str target);
/* "agent:<id>" and "user:<id>" without what is before the colon. */
struct str authority_own_id(const struct principal *p);
/* Not over itself: nobody widens himself. */
int authority_over_agent(struct store_tx *tx, const struct principal *p,
			 const struct store_agent *a, bool *out) must_check;
/* Is `who` (as `created_by` says it, or a role) p itself, or somebody that p sits above or has
 * spawned, or a seat of p's? */
int authority_over_principal(struct store_tx *tx, const struct principal *p, struct str who,
			     bool *out) must_check;
