/* SPDX-License-Identifier: Apache-2.0 */
/* Who talks: finding the participant that a parameter names, and whom a caller speaks as. */
#pragma once

#include "store/sessions.h"
#include "verbs/call.h"

enum talk_kind { TALK_USER = 1, TALK_AGENT, TALK_ROLE, TALK_EXTERNAL };

struct talk_who {
	enum talk_kind kind;
	struct str who;  /* as participants are kept: "agent:<id>" */
	struct str name; /* what people call them */
	struct str id;   /* behind the colon */
	/* Of a role: who sits there; kind 0 = nobody. */
	enum talk_kind occupant_kind;
	struct str occupant, occupant_name;
	bool is_retired; /* an agent that is */
};

/* "user:ann", "agent:ID", "role:r-3", "r-3", "external:NAME", "owner", or an id or name that only
 * one has. CALL_FAILED with not_found or ambiguous naming the field. */
int talk_named(struct call *c, const char *field, struct str text, struct talk_who *out) must_check;
/* The same where nobody of that name is no fault: TALK_NOBODY. */
enum { TALK_NOBODY = 16 }; /* none of a call's own results */
int talk_find(struct call *c, const char *field, struct str text, struct talk_who *out) must_check;
/* By what it begins with; 0: none. */
enum talk_kind talk_kind_of(struct str who);
/* Of a participant as it is kept; one that is gone has its id for a name. */
int talk_of(struct call *c, struct str who, struct talk_who *out) must_check;

/* How a principal takes part in sessions, by its id (`created_by`); the caller. */
struct str talk_principal(struct call *c, struct str id);
struct str talk_self(struct call *c);

struct talk_speaker {
	struct str who, name;
	struct str role_id; /* the seat that is spoken for; NONE */
	struct str as;      /* which participant that is: `who`, or the role */
};
/* Whom the caller is in this session (NULL: a new one): itself, or the seat by which it takes part.
 * `from` names another that it may speak for. */
int talk_speaker(struct call *c, struct str from, const struct store_session *s,
		 struct talk_speaker *out) must_check;
/* The caller's own place among the participants: its row, or that of a seat of its. STORE_NONE. */
int talk_place(struct call *c, int64_t session, struct participant *out) must_check;
