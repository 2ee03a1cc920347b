/* SPDX-License-Identifier: Apache-2.0 */
/* Where is talked: finding the session that a parameter means, and those that there must be. */
#pragma once

#include "verbs/talk_who.h"

/* By id or short id, or CALL_FAILED with not_found: also when the caller may not read it. */
int session_named(struct call *c, const char *field, struct str id,
		  struct store_session *out) must_check;

/* The one session of a key (a direct pair, an idea, a quest, a chat of a channel), made when there
 * is none and opened again when it was closed. Title may be NONE. */
struct talk_key {
	enum session_kind kind;
	struct str key, title;
};
int talk_session_of(struct call *c, const struct talk_key *key, struct store_session *out,
		    bool *out_is_new) must_check;
/* Takes part from now on; tells of it in the session when `tell`. CALL_FAILED with conflict when it
 * is full. */
int talk_join(struct call *c, struct store_session *s, const struct talk_who *who,
	      bool tell) must_check;

/* Whom the caller names takes part, if it may bring them. CALL_FAILED with denied, conflict
 * (between two), session_closed. */
int talk_bring(struct call *c, struct store_session *s, const char *field,
	       const struct talk_who *who) must_check;
/* All that the names say; as participants are kept. */
int talk_bring_all(struct call *c, struct store_session *s, const char *field,
		   const struct str_list *names, struct str_list *out) must_check;

struct talk_target {
	struct store_session session;
	struct talk_who who; /* of a direct one: who is talked to; kind 0 = none */
	bool is_new;
};
/* A session, idea or quest, or whoever can take part (talk_named), by id, short id, prefix or name.
 * `from` as in message_to. */
int talk_where(struct call *c, const char *field, struct str text, struct str from,
	       struct talk_target *out) must_check;
