/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a message from a channel's chat into its session, in two layers: each message of an
 * allowed chat is kept; an agent gets a turn only for one that was written to the channel alone or
 * that calls somebody by name. */
#pragma once

#include "store/channels.h"
#include "verbs/call.h"

/* What came, after its signature was found right. */
struct channel_arrival {
	struct chat_message message;
	struct str_list keys; /* by these it is known when it comes again */
};

enum chat_outcome {
	CHAT_TAKEN = 1,
	CHAT_KNOWN, /* it came before */
	CHAT_OFF,
	CHAT_NOT_ALLOWED, /* the chat is not; counted */
};
struct channel_taken {
	enum chat_outcome outcome;
	struct str session; /* short id; of what was taken now or before */
	int64_t seq, turns;
};
/* `is_test`: kept, and nobody is called. CALL_FAILED as talk_say(). */
int channel_take(struct call *c, const struct store_channel *channel,
		 const struct channel_arrival *a, bool is_test,
		 struct channel_taken *out) must_check;
