/* SPDX-License-Identifier: Apache-2.0 */
/* Channels as rows, with their secrets sealed, the chats that are allowed, and what was delivered.
 */
#pragma once

#include "store/store.h"
#include "types.gen.h"

#define CHANNELS_MAX      1000
#define CHANNEL_CHATS_MAX 200

struct store_channel {
	struct chat_channel channel; /* without who_name and allowed */
	int64_t n;
	struct str secret; /* sealed */
};

/* By id or name. STORE_NONE. */
int store_channel_find(struct store_tx *tx, struct str who, struct store_channel *out) must_check;
int store_channel_get(struct store_tx *tx, struct str id, struct store_channel *out) must_check;
/* Fills in n and times; the id is given. STORE_TOO_MANY. The name is not there yet. */
int store_channel_add(struct store_tx *tx, struct store_channel *c) must_check;
/* Secret, who, enabled. */
int store_channel_set(struct store_tx *tx, struct store_channel *c) must_check;
int store_channel_delete(struct store_tx *tx, int64_t n) must_check;
/* By name. *out_after is where the next page begins, NONE when there is none. */
int store_channel_page(struct store_tx *tx, struct str after, size_t limit,
		       struct chat_channel_line_list *out, struct str *out_after) must_check;
/* Is one enabled? */
int store_channel_any(struct store_tx *tx, bool *out) must_check;

/* ---- chats ---- */
int store_channel_chats(struct store_tx *tx, int64_t n, struct str_list *out) must_check;
int store_channel_allow(struct store_tx *tx, int64_t n, const struct str_list *chats) must_check;
int store_channel_allows(struct store_tx *tx, int64_t n, struct str chat, bool *out) must_check;
/* One came from a chat that is not allowed; counted. */
int store_channel_refused(struct store_tx *tx, int64_t n, struct str chat) must_check;

/* ---- deliveries ---- */
struct store_delivery {
	int64_t session, seq; /* n; the message that it became */
};
/* STORE_NONE. */
int store_channel_delivery(struct store_tx *tx, int64_t n, struct str key,
			   struct store_delivery *out) must_check;
/* It became this message, under each of the keys; counted. */
int store_channel_took(struct store_tx *tx, int64_t n, const struct str_list *keys,
		       const struct store_delivery *d) must_check;
