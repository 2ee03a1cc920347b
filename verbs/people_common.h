/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the person, the role, or whoever may sit in one, that a parameter names. */
#pragma once

#include "store/agents.h"
#include "store/roles.h"
#include "store/users.h"
#include "verbs/call.h"

/* By id or name; CALL_FAILED with not_found naming the field. */
int user_named(struct call *c, const char *field, struct str who,
	       struct store_user *out) must_check;
int role_named(struct call *c, const char *field, struct str id, struct store_role *out) must_check;

struct occupant {
	enum occupant_kind kind;
	struct str id, name;
};
/* A principal, or "role:<id>", and what people call it. */
struct party {
	struct str id, name;
};
/* Whoever talk_named finds, but nobody outside; another principal as it is written ("uid:7"). */
int party_named(struct call *c, const char *field, struct str who, struct party *out) must_check;

/* An agent or a person; `kind` 0: whichever it is. conflict when both have the name, or the agent
 * is retired. */
int occupant_named(struct call *c, struct str who, enum occupant_kind kind,
		   struct occupant *out) must_check;
