/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what to whom: decided here and nowhere else.
 *
 * Which verbs: a set made once, when somebody is let in: those of the access roles, within the
 * key's scopes and, of an agent, within its grants. Asking is looking up a bit.
 *
 * On what: people without org_admin, and agents always, change only what is theirs. Of roles and
 * agents that is what lies below a seat of theirs, what they made, and of agents those they
 * spawned; of quests, which people share, an agent's are those it has, made or has authority over.
 * Workers and platforms are bounded by their access roles alone there, but tasks and workers are
 * only theirs who made or have them, or sit above those, and theirs who administrate workflows: to
 * others such an id is as unknown as one that was never given. A mailbox is its owner's. The
 * server's owner is not bounded. */
#pragma once

#include "store/agents.h"
#include "store/keys.h"
#include "store/roles.h"
#include "store/users.h"
#include "store/workers.h"
#include "verbs/call.h"

struct store_session;
struct talk_who;
struct verb;

/* What the set was made of: for explaining. */
struct authority {
	struct principal principal;
	struct str_list scopes; /* v NULL: all */
	struct agent *agent;    /* of an agent's key */
	struct str name;        /* of the owner */
};

/* Does a pattern of scopes or tools name this verb? */
bool authority_names(struct str pattern, const struct verb *v);
/* All verbs of these access roles. */
struct verb_set authority_verbs_of(access_roles roles);
/* Whoever runs the server: may call every verb, and override. */
struct principal authority_all(struct str id, enum principal_kind kind);
bool authority_has(const struct principal *p, const struct verb *v);
/* Might it ever, whatever its agent's status and grants are now? */
bool authority_might(const struct principal *p, const struct verb *v);
/* The first gate: 0, or CALL_FAILED with `denied`, which of the gates it was and what would help.
 */
int authority_check_verb(struct call *c, const struct principal *p,
			 const struct verb *v) must_check;
/* Whom a key stands for. STORE_NONE: its owner is gone. Texts are the transaction's arena's. */
int authority_of_key(struct store_tx *tx, const struct store_key *k,
		     struct authority *out) must_check;

/* The same for who comes with another's word for it: the person of exactly this id or name.
 * STORE_NONE. */
int authority_of_person(struct store_tx *tx, struct str who, access_roles roles,
			struct principal *out) must_check;
/* Has his key not ended, is the person still here? Always of the server's owner. */
int authority_is_live(struct store_tx *tx, const struct principal *p, bool *out) must_check;

/* The second one, in the call's transaction before its verb: 0, or CALL_FAILED with `denied`. */
int authority_check(struct call *c, const void *params) must_check;
/* In a verb: the role is a seat of the caller's, or below one. */
int authority_over_seat(struct call *c, const char *field, const struct store_role *r) must_check;
/* In a verb: the caller has authority over all who sit in the role and below it. */
int authority_over_seated(struct call *c, const char *field, const struct store_role *r) must_check;
/* In a verb: the caller may have things for whoever "agent:<id>", "user:<id>" or "role:<id>" names.
 */
int authority_over_owner(struct call *c, const char *field, struct str owner) must_check;
/* In a verb: the caller is bounded by access roles alone. */
int authority_over_all(struct call *c, const char *field) must_check;
/* In a verb: the caller is this agent, or has authority over it. */
int authority_as_agent(struct call *c, const char *field, const struct store_agent *a) must_check;
/* In a verb: the caller may write among this agent's own ideas: the agent, who has authority over
 * it, people and programs with org_admin. */
int authority_over_domain(struct call *c, const char *field,
			  const struct store_agent *a) must_check;
/* In a verb: the caller may speak for this worker; else as if there were none. */
int authority_over_worker(struct call *c, const char *field, struct str who) must_check;
/* In a verb: the caller has a part in the quest, as far as it needs one. */
int authority_over_quest(struct call *c, const char *field, struct str quest) must_check;
/* In a verb: what this owner's keys may do is not what it was. */
void authority_changed(struct call *c, enum key_owner kind, struct str owner);
/* The agent that the caller is; STORE_NONE when it is none. */
int authority_self(struct call *c, struct store_agent *out) must_check;

/* In a verb that does another's work too: its gates for that one. 0, or CALL_FAILED. */
int authority_also(struct call *c, const struct verb *v, const char *field,
		   struct str target) must_check;

/* ---- talk ---- */

/* Sessions are read by those who take part, themselves or by their seat, by those who have
 * authority over an agent or role that does, an idea's or quest's by whoever may read that; and by
 * whoever is bounded by access roles alone. */
bool authority_reads_all(const struct principal *p);
int authority_reads(struct store_tx *tx, const struct principal *p, const struct store_session *s,
		    bool *out) must_check;
/* In a verb: is the caller the person or agent with this id? */
bool authority_is_self(struct call *c, struct str id);
/* In a verb: the caller is this participant or sits in that seat, or speaks for whom it likes. */
int authority_speaks_for(struct call *c, const char *field, const struct talk_who *who) must_check;
/* In a verb: what waits for this participant is the caller's to see: its own, that of a seat of its
 * or below, that of an agent that it has authority over. */
int authority_looks_for(struct call *c, const char *field, const struct talk_who *who) must_check;
/* In a verb: the caller takes part in the session, or is bounded by access roles alone. */
int authority_takes_part(struct call *c, const char *field,
			 const struct store_session *s) must_check;
/* In a verb: the caller may bring this participant into a session: people freely, agents and roles
 * with authority over them. */
int authority_brings(struct call *c, const char *field, const struct talk_who *who) must_check;

/* May `who` do this to the target? STORE_NONE: there is no such target. */
struct authority_question {
	struct store_tx *tx;
	const struct principal *who;
	const struct verb *verb;
	struct str target;
};
enum authority_answer {
	AUTHORITY_NO,
	AUTHORITY_YES,
	AUTHORITY_UNKNOWN,  /* no, and to whom asks it is as if there were none */
	AUTHORITY_OWN_WORK, /* it would decide about what it did, or asked for, itself */
	AUTHORITY_ENDED,    /* it speaks of an attempt that it had, and has no more */
};
int authority_may(const struct authority_question *q, enum authority_answer *out) must_check;
/* All that stands in the way of who is asked about, at most AUTHORITY_DENIALS_MAX. STORE_NONE: no
 * such target, or none that the asker may know of. */
#define AUTHORITY_DENIALS_MAX 5
int authority_explain(const struct authority_question *q, const struct principal *asker,
		      struct denial_list *out) must_check;
/* Is there a rule by target at all? And is the target whom the call makes something for (a party's
 * id) rather than what it changes? */
bool authority_is_about(const struct verb *v);
bool authority_is_about_owner(const struct verb *v);
