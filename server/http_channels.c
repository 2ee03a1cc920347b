/* SPDX-License-Identifier: Apache-2.0 */
/* POST /channels/ID: a message of a chat, kept in its session. The answer is {"session", "seq",
 * "turns", "duplicate"}. */
#include "server/http_call.h"

#include "base/err.h"
#include "server/channel_in.h"
#include "server/http_delivery.h"
#include "server/request.h"
#include "server/server.h"
#include "verbs.gen.h"

/* In the arena of its request. */
struct http_arrival {
	struct channel_arrival arrival;
	struct channel_taken taken;
};

static int find(struct store_tx *tx, struct str id, void **out)
{
	struct store_channel *k = ARENA_NEW(tx->arena, struct store_channel);
	int e = k ? store_channel_get(tx, id, k) : err_nomem();

	*out = k;
	if (e == 0 && k->channel.kind != CHAT_KIND_WEBHOOK)
		return STORE_NONE;
	return err_trace(e);
}

static int find_rules(const struct server *s, struct arena *a, const void *row,
		      struct hook_rules *out)
{
	return err_trace(channel_in_rules(s, a, row, out));
}

/* In memory that outlives the exchange. */
static void copy(struct arena *a, const struct chat_message *from, struct chat_message *to)
{
	*to = *from;
	to->chat = str_dup(a, from->chat);
	to->title = str_dup(a, from->title);
	to->from = str_dup(a, from->from);
	to->text = str_dup(a, from->text);
}

static void refuse_body(struct http_call *c, struct str why)
{
	const struct http_refusal refusal = {
		.status = 400,
		.code = ERROR_INVALID_PARAMS,
		.text = why.p,
		.hint =
		    "a message is {\"chat\", \"from\", \"text\"}, and perhaps \"id\", \"title\", "
		    "\"direct\": true, \"mentioned\": true"
	};

	http_call_refuse_with(c, &refusal);
}

static int read_message(struct http_delivery *d, const void *row, const struct hook_signed *s)
{
	struct arena *a = &d->request->arena;
	struct http_arrival *k = ARENA_NEW(a, struct http_arrival);
	struct chat_message message;
	struct str why;
	int e = k ? channel_in_read(http_arena(d->call->x), &d->body, &message, &why) : err_nomem();

	if (e == CHANNEL_IN_MALFORMED) {
		refuse_body(d->call, why);
		return HTTP_DELIVERY_ANSWERED;
	}
	if (e)
		return err_trace(e);
	d->own = k;
	*k = (struct http_arrival){ .taken = { .outcome = 0 } };
	copy(a, &message, &k->arrival.message);
	return err_trace(channel_in_keys(a, &message, s, &k->arrival.keys));
}

static int take(struct http_delivery *d, struct store_tx *tx, const void *row)
{
	struct http_arrival *k = d->own;

	return channel_take(&d->request->call, row, &k->arrival, false, &k->taken);
}

static void put_taken(struct http_call *c, const struct channel_taken *t)
{
	CLEANUP(buf_deinit) struct buf b;
	struct json_out w;

	buf_init(&b, 0);
	w = json_out(&b);
	json_begin_object(&w);
	JSON_KV_STR(&w, "session", t->session);
	JSON_KV_INT(&w, "seq", t->seq);
	JSON_KV_INT(&w, "turns", t->turns);
	JSON_KV_BOOL(&w, "duplicate", t->outcome == CHAT_KNOWN);
	json_end_object(&w);
	buf_put_char(&b, '\n');
	http_call_answer(c, 200, STR("application/json"), buf_str(&b));
}

static const struct http_refusal is_off = { .status = 409,
					    .code = ERROR_CONFLICT,
					    .text = "the channel is off",
					    .hint = "channels.enable lets messages in" };
static const struct http_refusal is_not_allowed = {
	.status = 403,
	.code = ERROR_DENIED,
	.text = "the chat is not allowed",
	.hint = "channels.upsert with allowed, all chats that are: channels.get names this one in "
		"last_refused",
};

static void answer(struct http_delivery *d)
{
	const struct http_arrival *k = d->own;

	switch (k->taken.outcome) {
	case CHAT_OFF:
		http_call_refuse_with(d->call, &is_off);
		return;
	case CHAT_NOT_ALLOWED:
		http_call_refuse_with(d->call, &is_not_allowed);
		return;
	default:
		put_taken(d->call, &k->taken);
	}
}

static const struct verb arrival_verb = { .name = { "channels.take", 13 }, .lane = LANE_WRITE };

static const struct http_receiver channels = {
	.folder = STR("/channels/"),
	.kind = "channel",
	.verb = &arrival_verb,
	.stranger = { .status = 401,
		      .code = ERROR_UNAUTHENTICATED,
		      .text = "no channel is here that knows this signature",
		      .hint = "channels.get shows the path; sign the time, a dot and the body as "
			      "it is sent, with the channel's secret" },
	.find = find,
	.rules = find_rules,
	.read = read_message,
	.take = take,
	.answer = answer,
};

void http_channels_start(struct http_call *c, const struct http_request *r)
{
	http_delivery_start(c, r, &channels);
}
