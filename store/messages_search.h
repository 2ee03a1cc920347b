/* SPDX-License-Identifier: Apache-2.0 */
/* Finding messages by words: every word first, any of them when no message has all. Newest first;
 * at most MESSAGE_CANDIDATES_MAX of those that match are looked at. */
#pragma once

#include "store/messages.h"

enum { MESSAGE_CANDIDATES_MAX = 5000 };

struct store_message_query {
	struct str text;
	const struct store_session *session; /* NULL = any */
	size_t max;
	/* Whether one may be among what is found, and with what title: 0, or an error. */
	int (*may)(void *data, int64_t session, bool *out, struct str *title);
	void *data;
};
struct store_message_found {
	struct message_hit_list hits;
	struct str_list words;
	bool is_any; /* no message has all the words */
	bool is_cut; /* more matched than were looked at */
};
int store_message_search(struct store_tx *tx, const struct store_message_query *q,
			 struct store_message_found *out) must_check;
