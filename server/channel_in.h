/* SPDX-License-Identifier: Apache-2.0 */
/* What a service posts to a channel: {"chat", "from", "text", …} (schemas/types/chat_message.json),
 * signed with the channel's secret:
 *
 *   X-Signature-256: sha256=HEX of HMAC-SHA256 of time "." body
 *   X-Timestamp:     time, in seconds
 *   X-Delivery-Id:   what the service calls this delivery; may be absent, as "id" in the body */
#pragma once

#include "server/hook_sign.h"
#include "verbs/channels_take.h"

struct json;
struct server;

/* `channel` NULL: there is none. */
int channel_in_rules(const struct server *s, struct arena *a, const struct store_channel *channel,
		     struct hook_rules *out) must_check;
/* The message of a body (JSON_NONE: it was no JSON); *why it is none. */
enum { CHANNEL_IN_UNSIGNED = 1, CHANNEL_IN_MALFORMED };
int channel_in_read(struct arena *a, const struct json *body, struct chat_message *out,
		    struct str *why) must_check;
/* By what the delivery is known again: the message's id, else the delivery's, and what was signed.
 */
int channel_in_keys(struct arena *a, const struct chat_message *m, const struct hook_signed *s,
		    struct str_list *out) must_check;

/* A message made here, signed and checked as those that come; what is wrong comes out as text. */
int channel_in_echo(const struct server *s, struct call *c, const struct store_channel *channel,
		    struct str chat, struct channel_arrival *out, struct str *fault) must_check;
