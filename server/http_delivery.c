/* SPDX-License-Identifier: Apache-2.0 */
#include "server/http_delivery.h"

#include "base/err.h"
#include "server/clean.h"
#include "server/lanes.h"
#include "server/pool.h"
#include "server/quota.h"
#include "server/server.h"

/* ---- on the writer, and back ---- */

static int take(struct request *r, struct store_tx *tx)
{
	struct http_delivery *d = r->owner;
	void *row;
	int e = d->to->find(tx, d->id, &row);

	d->is_gone = e == STORE_NONE;
	if (e)
		return d->is_gone ? 0 : err_trace(e);
	return d->to->take(d, tx, row);
}

static void on_done(struct request *r)
{
	struct http_delivery *d = r->owner;

	if (d->call) {
		d->call->delivery = NULL;
		if (r->call.failure.code)
			http_call_refuse_failure(d->call, &r->call.failure, NULL);
		else if (d->is_gone)
			http_call_refuse_with(d->call, &d->to->stranger);
		else
			d->to->answer(d);
	}
	request_free(r);
}

static const struct request_ops request_ops = { .done = on_done };

void http_delivery_gone(struct http_delivery *d)
{
	d->call = NULL; /* it is taken all the same */
}

/* ---- the way in ---- */

static struct http_delivery *delivery_new(struct http_call *c, const struct http_receiver *to,
					  struct str id)
{
	struct principal who = { .id = str_fmt(http_arena(c->x), "%s:%.*s", to->kind, STR_ARG(id)),
				 .kind = PRINCIPAL_KIND_PLATFORM };
	struct quota_user *user = who.id.p ? quota_join(c->server->quota, &who) : NULL;
	struct request *r = user ? pool_take(c->server, &request_ops, NULL, &who, user) : NULL;
	struct http_delivery *d = r ? ARENA_NEW(&r->arena, struct http_delivery) : NULL;

	quota_unref(user); /* the request has its own */
	if (!d) {
		request_free(r);
		return NULL;
	}
	r->owner = d;
	r->verb = to->verb;
	r->job = take;
	r->call.arena = &r->arena;
	*d = (struct http_delivery){
		.to = to, .call = c, .request = r, .id = str_dup(&r->arena, id)
	};
	return d;
}

static int read_body(struct http_delivery *d, struct str text)
{
	struct request *r = d->request;
	struct json cleaned;
	int e = json_parse(http_arena(d->call->x), text, &d->body, NULL);

	if (e < 0)
		return err_trace(e);
	if (e == 0) {
		e = clean_value(r, &d->body, &cleaned);
		if (e == REDACT_FOUND)
			d->body = cleaned;
		return e < 0 ? err_trace(e) : 0;
	}
	d->body = (struct json){ .type = JSON_NONE }; /* a form, or JSON of its own kind */
	d->text = clean_kept(r, REDACT_TEXT, &r->arena, text);
	return d->text.p || !text.p ? 0 : err_nomem();
}

static int start(struct http_delivery *d, const struct http_request *r, const void *row,
		 const struct hook_signed *s)
{
	int e = read_body(d, r->body);

	if (e == 0)
		e = d->to->read(d, row, s);
	if (e == 0 && d->request->arena.is_out)
		e = err_nomem();
	if (e) {
		request_free(d->request);
		return e == HTTP_DELIVERY_ANSWERED ? 0 : err_trace(e);
	}
	d->body = (struct json){ .type = JSON_NONE };
	d->call->delivery = d;
	lanes_write(d->call->server->lanes, d->request);
	return 0;
}

static int read_row(struct http_call *c, const struct http_receiver *to, struct str id, void **out)
{
	struct server *s = c->server;
	struct store_tx tx;
	int e = store_read_begin(s->reader, http_arena(c->x), clock_wall_ms(&s->clock), &tx);

	if (e)
		return err_trace(e);
	e = to->find(&tx, id, out);
	store_read_end(s->reader);
	s->last_read_ms = clock_boot_ms(&s->clock);
	return err_trace(e);
}

/* The same work whether there is such a receiver or not. */
static int come(struct http_call *c, const struct http_request *r, const struct http_receiver *to)
{
	struct str id = str_slice(r->path, to->folder.n, r->path.n);
	struct hook_rules rules;
	struct hook_signed is_signed;
	struct http_delivery *d;
	void *row = NULL;
	int found = read_row(c, to, id, &row);
	int e = found < 0 ? found
			  : to->rules(c->server, http_arena(c->x), found ? NULL : row, &rules);

	if (e)
		return err_trace(e);
	if (hook_verify(&rules, r, clock_wall_ms(&c->server->clock), &is_signed) || found) {
		http_call_refuse_with(c, &to->stranger);
		return 0;
	}
	http_mark_authenticated(c->x);
	d = delivery_new(c, to, id);
	return d ? err_trace(start(d, r, row, &is_signed)) : err_nomem();
}

void http_delivery_start(struct http_call *c, const struct http_request *r,
			 const struct http_receiver *to)
{
	if (come(c, r, to)) {
		err_forget();
		http_call_refuse(c, 503, ERROR_STORAGE_BUSY, "the delivery cannot be taken now");
	}
}
