/* SPDX-License-Identifier: Apache-2.0 */
/* POST /hooks/ID: a delivery becomes one event. */
#include "server/http_call.h"

#include "base/err.h"
#include "base/failpoint.h"
#include "server/clean.h"
#include "server/hook_secret.h"
#include "server/http_delivery.h"
#include "server/server.h"
#include "store/events.h"
#include "store/hooks.h"
#include "verbs.gen.h"

#define NAME_CHARS 200 /* of what the sender calls things */

/* In the arena of its request. */
struct http_hook {
	struct str kind, payload;
	int64_t event;
	bool is_known; /* it came before */
};

/* ---- who sends ---- */

static int find(struct store_tx *tx, struct str id, void **out)
{
	struct store_hook *h = ARENA_NEW(tx->arena, struct store_hook);

	*out = h;
	return h ? err_trace(store_hook_get(tx, id, h)) : err_nomem();
}

static int find_rules(const struct server *s, struct arena *a, const void *row,
		      struct hook_rules *out)
{
	const struct store_hook *h = row;
	int e;

	*out = (struct hook_rules){ .kind = HOOK_KIND_HMAC, .signature_header = STR("-") };
	if (!h)
		return 0;
	*out = (struct hook_rules){ .kind = h->hook.kind,
				    .signature_header = h->hook.signature_header,
				    .timestamp_header = h->hook.timestamp_header,
				    .id_header = h->hook.id_header,
				    .window_ms = h->hook.window_s * 1000 };
	e = hook_secret_find(s, a, h->hook.id, h->secret, &out->secret);
	return e ? err_trace(e)
		 : err_trace(hook_secret_find(s, a, h->hook.id, h->old_secret, &out->old_secret));
}

/* ---- what is sent ---- */

static bool is_sign_on(const struct store_hook *h, const struct json *body)
{
	return h->hook.kind == HOOK_KIND_SLACK &&
	       str_eq(json_get_str(body, STR("type")), STR("url_verification"));
}

/* Slack asks once whether somebody is there. */
static void answer_challenge(struct http_call *c, const struct json *body)
{
	struct str challenge = json_get_str(body, STR("challenge"));

	http_call_answer(c, 200, STR("text/plain; charset=utf-8"),
			 challenge.p ? challenge : STR(""));
}

/* What the sender calls this delivery; in the body with Slack and Stripe. */
static struct str id_of(const struct store_hook *h, const struct hook_signed *s,
			const struct json *body)
{
	if (h->hook.kind == HOOK_KIND_SLACK)
		return json_get_str(body, STR("event_id"));
	if (h->hook.kind == HOOK_KIND_STRIPE)
		return json_get_str(body, STR("id"));
	return s->id;
}

static void put_text(struct http_delivery *d, struct json_out *w, const char *key, struct str text)
{
	struct request *r = d->request;

	if (!text.n)
		return;
	json_key(w, str_from(key));
	json_str(w, clean_shown(r->server, &r->arena, text, NAME_CHARS));
}

static struct str make_payload(struct http_delivery *d, const struct store_hook *h,
			       struct str event, struct str id)
{
	CLEANUP(buf_deinit) struct buf b;
	struct json_out w;

	buf_init(&b, 0);
	w = json_out(&b);
	json_begin_object(&w);
	JSON_KV_STR(&w, "hook", h->hook.name);
	put_text(d, &w, "event", event);
	put_text(d, &w, "delivery", id);
	if (d->body.type) {
		json_key(&w, STR("body"));
		json_value(&w, &d->body);
	} else {
		JSON_KV_STR(&w, "text", d->text);
	}
	json_end_object(&w);
	return b.failed ? STR_NONE : str_dup(&d->request->arena, buf_str(&b));
}

static int read_event(struct http_delivery *d, const void *row, const struct hook_signed *s)
{
	struct arena *a = &d->request->arena;
	const struct store_hook *h = row;
	struct http_hook *k = ARENA_NEW(a, struct http_hook);
	struct str id = id_of(h, s, &d->body);

	if (is_sign_on(h, &d->body)) {
		answer_challenge(d->call, &d->body);
		return HTTP_DELIVERY_ANSWERED;
	}
	if (!k)
		return err_nomem();
	d->own = k;
	*k = (struct http_hook){ .kind = str_fmt(a, "hook.%.*s", STR_ARG(h->hook.name)),
				 .payload = make_payload(d, h, s->event, id) };
	return k->payload.p ? err_trace(hook_keys(a, h->hook.kind, s, id, &d->keys)) : err_nomem();
}

/* ---- the event ---- */

static int find_known(struct http_hook *k, struct store_tx *tx, int64_t hook,
		      const struct str_list *keys)
{
	int e = STORE_NONE;

	for (size_t i = 0; e == STORE_NONE && i < keys->n; i++)
		e = store_hook_delivery(tx, hook, keys->v[i], &k->event);
	k->is_known = e == 0;
	return e == STORE_NONE ? 0 : err_trace(e);
}

static int take(struct http_delivery *d, struct store_tx *tx, const void *row)
{
	const struct store_hook *h = row;
	struct http_hook *k = d->own;
	struct store_event_new event = { .kind = k->kind,
					 .source = d->request->principal.id,
					 .subject = d->id,
					 .payload = k->payload };
	int e = find_known(k, tx, h->n, &d->keys);

	if (e || k->is_known)
		return err_trace(e);
	e = store_event_add(tx, &event, &k->event);
	if (!e)
		e = FAIL_POINT("hook_told");
	if (!e)
		e = store_hook_delivered(tx, h->n, d->keys, k->event);
	return err_trace(e);
}

static void answer(struct http_delivery *d)
{
	const struct http_hook *k = d->own;
	CLEANUP(buf_deinit) struct buf b;

	buf_init(&b, 0);
	buf_fmt(&b, "{\"event\":\"%.*s.%lld\",\"duplicate\":%s}\n",
		STR_ARG(store_generation(d->call->server->store)), (long long)k->event,
		k->is_known ? "true" : "false");
	http_call_answer(d->call, 200, STR("application/json"), buf_str(&b));
}

static const struct verb delivery_verb = { .name = { "hooks.deliver", 13 }, .lane = LANE_WRITE };

static const struct http_receiver hooks = {
	.folder = STR("/hooks/"),
	.kind = "hook",
	.verb = &delivery_verb,
	.stranger = { .status = 401,
		      .code = ERROR_UNAUTHENTICATED,
		      .text = "no hook is here that knows this signature",
		      .hint = "hooks.list shows the paths; sign the body as it is sent, with the "
			      "hook's secret" },
	.find = find,
	.rules = find_rules,
	.read = read_event,
	.take = take,
	.answer = answer,
};

void http_hooks_start(struct http_call *c, const struct http_request *r)
{
	http_delivery_start(c, r, &hooks);
}
