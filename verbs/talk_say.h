/* SPDX-License-Identifier: Apache-2.0 */
/* Saying something in a session: the one way of a message into its history, with all that follows
 * from it in the same transaction: who is waited for and who no more, who is called, which agents
 * get a turn, the events. */
#pragma once

#include "store/messages.h"
#include "verbs/talk_who.h"

struct talk_words {
	struct talk_speaker from;
	struct str text;
	int64_t reply_to;         /* 0 = none; a question that waits for the speaker is meant */
	struct str_list mentions; /* participants, as they are kept */
	struct attachment_list attachments;
	struct str_list awaiting; /* whose answers are waited for: a question */
	bool is_question;         /* of the other one, where there are two */
};
struct talk_said {
	int64_t seq;
	enum message_kind kind;
	int64_t turns; /* made for agents; one that waits already counts for all before it */
};
/* The speaker takes part from then on. CALL_FAILED with session_closed, not_found (reply_to),
 * conflict, overloaded. */
int talk_say(struct call *c, struct store_session *s, const struct talk_words *w,
	     struct talk_said *out) must_check;

/* The next "@name" of a text from *at on, without the sign and the full stop of its sentence; NONE
 * when there is none. */
struct str talk_next_name(struct str text, size_t *at);

/* A message as it is, with its event: nobody is called, no agent gets a turn. */
int talk_note(struct call *c, struct store_session *s, struct store_message *m) must_check;
/* The same of the runtime's own words. */
int talk_tell(struct call *c, struct store_session *s, struct str text) must_check;
/* CALL_FAILED. */
int talk_refuse_closed(struct call *c, const struct store_session *s);
/* "session.<what>" of the session. */
int session_event(struct call *c, const char *kind, const struct store_session *s) must_check;

/* The queue of the turns of agents. */
#define TURNS_QUEUE "agent.turns"

/* One turn of the agent with this id in the session, unless one waits already. *n_made counts it.
 * CALL_FAILED with overloaded. */
int talk_turn(struct call *c, const struct store_session *s, struct str agent,
	      int64_t *n_made) must_check;
/* Its turns that nobody has taken yet are not needed any more. `agent` NONE: of all. */
int talk_drop_turns(struct call *c, const struct store_session *s, struct str agent) must_check;

/* The agent with this id takes no more turns: those that wait, in its newest 1,000 sessions, are
 * cancelled. */
int talk_retire(struct call *c, struct str agent) must_check;

/* ---- seats ---- */

/* The role has another occupant (or none): its sessions are told, and what waits there goes to the
 * new one: of its newest 1,000 sessions. `role` is as it is now; `before` who sat there, kind 0 =
 * nobody. */
struct talk_seat {
	struct str role; /* id */
	struct str title;
	enum talk_kind before_kind;
	struct str before, before_name; /* id and name */
};
int talk_hand_over(struct call *c, const struct talk_seat *seat) must_check;
/* The same of all seats of somebody who leaves: found before they are vacated, handed over after.
 */
struct talk_seats {
	struct talk_seat *v;
	size_t n;
};
int talk_seats_of(struct call *c, enum talk_kind kind, struct str occupant, struct str name,
		  struct talk_seats *out) must_check;
int talk_hand_over_all(struct call *c, const struct talk_seats *seats) must_check;
