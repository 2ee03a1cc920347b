/* SPDX-License-Identifier: Apache-2.0 */
#include "server/channel_in.h"

#include "base/err.h"
#include "base/id.h"
#include "base/json.h"
#include "schemas/shape.h"
#include "server/hook_secret.h"
#include "server/hook_sign.h"
#include "server/server.h"

#define TIME_HEADER "X-Timestamp"
#define WINDOW_MS   300000

static const struct hook_rules plain_rules = { .kind = HOOK_KIND_HMAC,
					       .signature_header = STR(HOOK_SIGNATURE_HEADER),
					       .timestamp_header = STR(TIME_HEADER),
					       .id_header = STR(HOOK_ID_HEADER),
					       .window_ms = WINDOW_MS };

int channel_in_rules(const struct server *s, struct arena *a, const struct store_channel *channel,
		     struct hook_rules *out)
{
	*out = plain_rules;
	return channel ? err_trace(hook_secret_find(s, a, channel->channel.id, channel->secret,
						    &out->secret))
		       : 0;
}

/* What is wrong with a body, of its first fault. */
static struct str why_not(struct arena *a, const struct shape_fault *f)
{
	if (!f->field.n)
		return STR("the body is no JSON object");
	if (f->is_missing)
		return str_fmt(a, "'%.*s' is missing", STR_ARG(f->field));
	if (f->is_unknown)
		return str_fmt(a, "there is no '%.*s'", STR_ARG(f->field));
	return str_fmt(a, "'%.*s': expected %.*s, got %.*s", STR_ARG(f->field),
		       STR_ARG(f->expected), STR_ARG(f->got));
}

int channel_in_read(struct arena *a, const struct json *body, struct chat_message *out,
		    struct str *why)
{
	struct shape_faults faults = { .n = 0 };
	int e;

	*why = STR("the body is no JSON, or says a name twice");
	if (!body->type)
		return CHANNEL_IN_MALFORMED;
	e = shape_decode(&chat_message_shape, body, a, out, &faults);
	if (e <= 0)
		return err_trace(e);
	*why = why_not(a, &faults.v[0]);
	return why->p ? CHANNEL_IN_MALFORMED : err_nomem();
}

int channel_in_keys(struct arena *a, const struct chat_message *m, const struct hook_signed *s,
		    struct str_list *out)
{
	return err_trace(hook_keys(a, HOOK_KIND_HMAC, s, m->id.p ? m->id : s->id, out));
}

/* ---- a message made here ---- */

static struct str make_body(struct arena *a, struct str chat)
{
	CLEANUP(buf_deinit) struct buf b;
	struct json_out w;

	buf_init(&b, 0);
	w = json_out(&b);
	json_begin_object(&w);
	JSON_KV_STR(&w, "chat", chat);
	JSON_KV_STR(&w, "from", STR("test"));
	JSON_KV_STR(&w, "text", STR("A test of this channel."));
	json_end_object(&w);
	return b.failed ? STR_NONE : str_dup(a, buf_str(&b));
}

/* Through the checks of what a service posts. */
static int check(struct arena *a, const struct hook_rules *rules, const struct http_request *r,
		 int64_t now_ms, struct channel_arrival *out)
{
	struct hook_signed is_signed;
	struct str why;
	struct json body;
	int e;

	if (hook_verify(rules, r, now_ms, &is_signed))
		return CHANNEL_IN_UNSIGNED;
	e = json_parse(a, r->body, &body, NULL);
	if (e == 0)
		e = channel_in_read(a, &body, &out->message, &why);
	return e ? err_trace(e)
		 : err_trace(channel_in_keys(a, &out->message, &is_signed, &out->keys));
}

int channel_in_echo(const struct server *s, struct call *c, const struct store_channel *channel,
		    struct str chat, struct channel_arrival *out, struct str *fault)
{
	struct arena *a = c->arena;
	int64_t now_ms = clock_wall_ms(&s->clock);
	struct str time = str_fmt(a, "%lld", (long long)(now_ms / 1000));
	struct str body = make_body(a, chat);
	const struct str parts[] = { time, STR("."), body };
	struct hook_rules rules;
	char id[ID_LEN + 1];
	struct seal_mac mac;
	int e = body.p && time.p ? channel_in_rules(s, a, channel, &rules) : err_nomem();

	if (e)
		return err_trace(e);
	id_random_text(id, ID_LEN);
	seal_hmac_sha256(rules.secret, parts, ARRAY_LEN(parts), &mac);
	const struct http_header headers[] = {
		{ STR(HOOK_SIGNATURE_HEADER), str_from(mac.hex) },
		{ STR(TIME_HEADER), time },
		{ STR(HOOK_ID_HEADER), { id, ID_LEN } },
	};
	const struct http_request request = { .method = STR("POST"),
					      .path = channel->channel.path,
					      .headers = headers,
					      .n_headers = ARRAY_LEN(headers),
					      .body = body };

	e = check(a, &rules, &request, now_ms, out);
	if (e == CHANNEL_IN_UNSIGNED)
		*fault = STR("its secret cannot be opened: channels.upsert with another");
	return e < 0 ? err_trace(e) : 0;
}
