/* SPDX-License-Identifier: Apache-2.0 */
/* What is said in sessions: dense by seq within a session, never changed. Up to where a session was
 * forked its messages are its parent's, read from there. */
#pragma once

#include "store/sessions.h"

enum { MESSAGE_MENTIONS_MAX = 16, MESSAGE_ATTACHMENTS_MAX = 16 };

struct store_message {
	struct message message;
	int64_t n, session;
	struct str role_id; /* when it is added: of the role that is spoken for */
};

/* The next of the session: fills in seq and time, moves s->session.last. Mentions become calls. */
int store_message_add(struct store_tx *tx, struct store_session *s,
		      struct store_message *m) must_check;
/* Of the session or of what it was forked from. STORE_NONE. */
int store_message_get(struct store_tx *tx, const struct store_session *s, int64_t seq,
		      struct store_message *out) must_check;
/* The first that retention has left, of the whole history; last + 1 when there is none. */
int store_message_floor(struct store_tx *tx, const struct store_session *s,
			int64_t *out) must_check;

struct store_message_filter {
	uint32_t kinds;             /* bits of enum message_kind; those that are meant */
	struct str from;            /* a participant; NONE = anybody */
	int64_t since_ms, until_ms; /* 0 = any time */
	struct str text;            /* that it holds, whatever the case of a to z; NONE = any */
	size_t limit;
};
/* Those behind `since`, oldest first. *next is where to go on; *has_more: there are further ones
 * to look at (a page may be short when many had to be passed over). */
int store_message_after(struct store_tx *tx, const struct store_session *s,
			const struct store_message_filter *f, int64_t since,
			struct message_list *out, int64_t *next, bool *has_more) must_check;
/* The newest of those before `before` (0 = of all), in order of seq. *next is the `before` of the
 * page of older ones, 0 when there is none. */
int store_message_before(struct store_tx *tx, const struct store_session *s,
			 const struct store_message_filter *f, int64_t before,
			 struct message_list *out, int64_t *next) must_check;
