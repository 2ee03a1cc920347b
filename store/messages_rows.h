/* SPDX-License-Identifier: Apache-2.0 */
/* What reading messages in order and by words share. */
#pragma once

#include "store/db.h"
#include "store/messages.h"

/* Columns of message_get, message_after, message_before and message_search. */
int message_row_read(struct store_tx *tx, struct db_stmt *q, struct store_message *out) must_check;

/* Where a session's history lies, its own stretch first: seqs of (after, to] of that session. */
struct message_stretch {
	int64_t session, after, to;
};
struct message_stretches {
	struct message_stretch v[SESSION_DEPTH_MAX + 1];
	size_t n;
};
int message_stretches(struct store_tx *tx, const struct store_session *s,
		      struct message_stretches *out) must_check;
