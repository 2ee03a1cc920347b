/* SPDX-License-Identifier: Apache-2.0 */
/* The rule of authority.h for mailboxes. */
#pragma once

#include "verbs/authority.h"

/* Sending is anybody's. What else is done there is its owner's, whose who sits above the owner, and
 * of people org_admin's; other programs have no part in it, whatever their access roles.
 * STORE_NONE: no such mailbox. */
int authority_rule_mailbox(const struct authority_question *q,
			   enum authority_answer *out) must_check;
