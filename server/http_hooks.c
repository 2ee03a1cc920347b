/* SPDX-License-Identifier: Apache-2.0 */
/* POST /hooks/ID: a delivery from another service. Its signature is checked on the loop; then it is
 * one event of the writer's batch, and answered when that is on disk. Whoever has no hook's secret
 * learns nothing: not whether there is such a hook, nor which secrets it has, nor what was wrong.
 *
 * A delivery is taken once (ag-51): its id is kept, and where the id is not signed also what was
 * signed, so that nobody who recorded one can send it again under another id. */
#include "server/http_call.h"

#include "base/err.h"
#include "base/failpoint.h"
#include "base/json.h"
#include "base/log.h"
#include "server/clean.h"
#include "server/hook_secret.h"
#include "server/hook_sign.h"
#include "server/lanes.h"
#include "server/pool.h"
#include "server/quota.h"
#include "server/request.h"
#include "server/server.h"
#include "store/events.h"
#include "store/hooks.h"
#include "verbs.gen.h"

#define NAME_CHARS 200 /* of what the sender calls things */

/* What deliveries are called in logs and measurements. */
static const struct verb delivery_verb = { .name = { "hooks.deliver", 13 }, .lane = LANE_WRITE };

/* In the arena of its request. */
struct http_hook {
	struct http_call *call; /* NULL: the sender has gone */
	struct request *request;
	struct str hook; /* id */
	struct str kind, payload;
	struct str keys[2];
	size_t n_keys;
	int64_t event;
	bool is_known; /* it came before */
	bool is_gone;  /* the hook was deleted meanwhile */
};

/* ---- who sends ---- */

static void refuse(struct http_call *c)
{
	http_call_refuse_with(c, &(struct http_refusal){
				     .status = 401,
				     .code = ERROR_UNAUTHENTICATED,
				     .text = "no hook is here that knows this signature",
				     .hint = "hooks.list shows the paths; sign the body as it is "
					     "sent, with the hook's secret" });
}

static int read_hook(struct http_call *c, struct str id, struct arena *a, struct store_hook *out)
{
	struct server *s = c->server;
	struct store_tx tx;
	int e = store_read_begin(s->reader, a, clock_wall_ms(&s->clock), &tx);

	if (e)
		return err_trace(e);
	e = store_hook_get(&tx, id, out);
	store_read_end(s->reader);
	s->last_read_ms = clock_boot_ms(&s->clock);
	return err_trace(e);
}

static int open_secret(const struct server *s, struct arena *a, const struct store_hook *h,
		       struct str sealed, struct str *out)
{
	struct call_hook_secret secret = { .hook = h->hook.id, .sealed = sealed };
	int e = sealed.p ? hook_secret_open(s, a, &secret) : 0;

	*out = secret.text;
	return e;
}

/* A secret that nobody can know any more lets nobody in. */
static int find_rules(struct http_call *c, const struct store_hook *h, struct arena *a,
		      struct hook_rules *out)
{
	const struct hook *hook = &h->hook;
	int e;

	*out = (struct hook_rules){ .kind = hook->kind,
				    .signature_header = hook->signature_header,
				    .timestamp_header = hook->timestamp_header,
				    .id_header = hook->id_header,
				    .window_ms = hook->window_s * 1000 };
	e = open_secret(c->server, a, h, h->secret, &out->secret);
	if (e >= 0)
		e = open_secret(c->server, a, h, h->old_secret, &out->old_secret);
	if (e > 0)
		log_warn("a hook's secret cannot be opened: hooks.rotate it",
			 LOG_S("hook", hook->name));
	return e < 0 ? err_trace(e) : 0;
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

static bool is_id_signed(enum hook_kind kind)
{
	return kind == HOOK_KIND_SLACK || kind == HOOK_KIND_STRIPE;
}

/* GitLab signs nothing: what it sends is as good as its token. */
static void find_keys(struct http_hook *k, const struct store_hook *h, const struct hook_signed *s,
		      struct str id)
{
	struct arena *a = &k->request->arena;

	if (id.n)
		k->keys[k->n_keys++] = seal_digest(a, id);
	if (!id.n || (!is_id_signed(h->hook.kind) && h->hook.kind != HOOK_KIND_GITLAB))
		k->keys[k->n_keys++] = str_dup(a, str_from(s->mac.hex));
}

static void put_text(struct http_hook *k, struct json_out *w, const char *key, struct str text)
{
	struct request *r = k->request;

	if (!text.n)
		return;
	json_key(w, str_from(key));
	json_str(w, clean_shown(r->server, &r->arena, text, NAME_CHARS));
}

static int make_payload(struct http_hook *k, const struct store_hook *h, struct str event,
			struct str id, const struct json *body, struct str text)
{
	struct arena *a = &k->request->arena;
	CLEANUP(buf_deinit) struct buf b;
	struct json cleaned;
	struct json_out w;
	int e = body->type ? clean_value(k->request, body, &cleaned) : 0;

	buf_init(&b, 0);
	if (e < 0)
		return err_trace(e);
	w = json_out(&b);
	json_begin_object(&w);
	JSON_KV_STR(&w, "hook", h->hook.name);
	put_text(k, &w, "event", event);
	put_text(k, &w, "delivery", id);
	if (body->type) {
		json_key(&w, STR("body"));
		json_value(&w, e ? &cleaned : body);
	} else {
		JSON_KV_STR(&w, "text", clean_kept(k->request, REDACT_TEXT, a, text));
	}
	json_end_object(&w);
	k->payload = b.failed ? STR_NONE : str_dup(a, buf_str(&b));
	k->kind = str_fmt(a, "hook.%.*s", STR_ARG(h->hook.name));
	k->hook = str_dup(a, h->hook.id);
	return k->payload.p && !a->is_out ? 0 : err_nomem();
}

/* ---- the event ---- */

static int find_known(struct http_hook *k, struct store_tx *tx, int64_t hook)
{
	int e = STORE_NONE;

	for (size_t i = 0; e == STORE_NONE && i < k->n_keys; i++)
		e = store_hook_delivery(tx, hook, k->keys[i], &k->event);
	k->is_known = e == 0;
	return e == STORE_NONE ? 0 : err_trace(e);
}

static int deliver(struct request *r, struct store_tx *tx)
{
	struct http_hook *k = r->owner;
	struct store_event_new event = { .kind = k->kind,
					 .source = r->principal.id,
					 .subject = k->hook,
					 .payload = k->payload };
	struct store_hook h;
	int e = store_hook_get(tx, k->hook, &h);

	k->is_gone = e == STORE_NONE;
	if (e)
		return k->is_gone ? 0 : err_trace(e);
	e = find_known(k, tx, h.n);
	if (e || k->is_known)
		return err_trace(e);
	e = store_event_add(tx, &event, &k->event);
	if (!e)
		e = FAIL_POINT("hook_told");
	if (!e)
		e = store_hook_delivered(tx, h.n, (struct str_list){ k->keys, k->n_keys },
					 k->event);
	return err_trace(e);
}

static void answer(struct http_hook *k)
{
	struct http_call *c = k->call;
	CLEANUP(buf_deinit) struct buf b;

	buf_init(&b, 0);
	buf_fmt(&b, "{\"event\":\"%.*s.%lld\",\"duplicate\":%s}\n",
		STR_ARG(store_generation(c->server->store)), (long long)k->event,
		k->is_known ? "true" : "false");
	http_call_answer(c, 200, STR("application/json"), buf_str(&b));
}

static void on_done(struct request *r)
{
	struct http_hook *k = r->owner;

	if (k->call) {
		k->call->hook = NULL;
		if (r->call.failure.code)
			http_call_refuse_failure(k->call, &r->call.failure, NULL);
		else if (k->is_gone)
			refuse(k->call);
		else
			answer(k);
	}
	request_free(r);
}

static const struct request_ops request_ops = { .done = on_done };

void http_hooks_gone(struct http_hook *k)
{
	k->call = NULL; /* it is delivered all the same */
}

/* ---- the way in ---- */

static struct http_hook *hook_new(struct http_call *c, const struct store_hook *h)
{
	struct arena *a = http_arena(c->x);
	struct principal who = { .id = str_fmt(a, "hook:%.*s", STR_ARG(h->hook.id)),
				 .kind = PRINCIPAL_KIND_PLATFORM };
	struct quota_user *user = who.id.p ? quota_join(c->server->quota, &who) : NULL;
	struct request *r = user ? pool_take(c->server, &request_ops, NULL, &who, user) : NULL;
	struct http_hook *k = r ? ARENA_NEW(&r->arena, struct http_hook) : NULL;

	quota_unref(user); /* the request has its own */
	if (!k) {
		request_free(r);
		return NULL;
	}
	r->owner = k;
	r->verb = &delivery_verb;
	r->job = deliver;
	r->call.arena = &r->arena;
	*k = (struct http_hook){ .call = c, .request = r };
	return k;
}

static int start(struct http_call *c, const struct http_request *r, const struct store_hook *h,
		 const struct hook_signed *s)
{
	struct arena *a = http_arena(c->x);
	struct json body = { .type = JSON_NONE };
	struct http_hook *k;
	struct str id;
	int e = json_parse(a, r->body, &body, NULL);

	if (e < 0)
		return err_trace(e);
	if (e > 0)
		body = (struct json){ .type = JSON_NONE }; /* a form, or JSON of its own kind */
	if (is_sign_on(h, &body)) {
		answer_challenge(c, &body);
		return 0;
	}
	k = hook_new(c, h);
	if (!k)
		return err_nomem();
	id = id_of(h, s, &body);
	find_keys(k, h, s, id);
	e = make_payload(k, h, s->event, id, &body, r->body);
	if (e) {
		request_free(k->request);
		return err_trace(e);
	}
	c->hook = k;
	lanes_write(c->server->lanes, k->request);
	return 0;
}

/* The same work whether there is such a hook or not. */
static int take(struct http_call *c, const struct http_request *r)
{
	const struct str folder = STR("/hooks/");
	struct hook_rules rules = { .kind = HOOK_KIND_HMAC, .signature_header = STR("-") };
	struct store_hook h = { .n = 0 };
	struct arena *a = http_arena(c->x);
	struct hook_signed s;
	int e = read_hook(c, str_slice(r->path, folder.n, r->path.n), a, &h);

	if (!e)
		e = find_rules(c, &h, a, &rules);
	if (e < 0)
		return err_trace(e);
	if (hook_verify(&rules, r, clock_wall_ms(&c->server->clock), &s) || e == STORE_NONE) {
		refuse(c);
		return 0;
	}
	http_mark_authenticated(c->x);
	return err_trace(start(c, r, &h, &s));
}

void http_hooks_start(struct http_call *c, const struct http_request *r)
{
	int e = take(c, r);

	if (!e)
		return;
	err_forget();
	http_call_refuse(c, 503, ERROR_STORAGE_BUSY, "the delivery cannot be taken now");
}
