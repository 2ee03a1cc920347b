/* SPDX-License-Identifier: Apache-2.0 */
/* Requests come from a pool and go back to it with their arena and their out buffer, so that a call
 * in the steady state allocates nothing. */
#include "server/request.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "schemas/shape.h"
#include "server/batch.h"
#include "server/pool.h"
#include "server/quota.h"
#include "server/server.h"
#include "verbs.gen.h"

#define SPARE_MAX   256
#define ARENA_LIMIT ((size_t)64 * 1024 * 1024)

static struct request *from_pool(struct server *s)
{
	struct list *l = list_pop_front(&s->spare);
	struct request *r;

	if (l) {
		s->n_spare--;
		return container_of(l, struct request, lane_link);
	}
	r = calloc(1, sizeof(*r));
	if (r) {
		arena_init(&r->arena, ARENA_LIMIT);
		buf_init(&r->out, REQUEST_RESULT_MAX);
	}
	return r;
}

struct request *pool_take(struct server *s, const struct request_ops *ops, void *owner,
			  const struct principal *principal, struct quota_user *user)
{
	struct request *r = from_pool(s);
	struct arena arena;
	struct buf out;

	if (!r)
		return NULL;
	arena = r->arena;
	out = r->out;
	*r = (struct request){
		.server = s,
		.user = quota_ref(user),
		.ops = ops,
		.owner = owner,
		.serial = ++s->next_serial,
		.arena = arena,
		.out = out,
		.principal = *principal,
		.started_us = loop_now_us(s->loop),
	};
	r->principal.id = user->who.id;
	r->principal.key_id = user->who.key_id;
	list_init(&r->link);
	list_init(&r->lane_link);
	s->n_requests++;
	return r;
}

void request_set_trace(struct request *r, struct str id)
{
	assert(!id.p || id.n == TRACE_ID_LEN);
	if (id.p)
		memcpy(r->trace, id.p, id.n);
	r->trace[id.p ? id.n : 0] = '\0';
}

struct request *request_new(struct channel *c, const struct request_ops *ops, void *owner)
{
	struct request *r = pool_take(c->server, ops, owner, &c->principal, c->user);

	if (!r)
		return NULL;
	r->channel = c;
	r->call.connection = c->serial;
	request_set_trace(r, c->trace);
	r->is_read_only = c->is_read_only;
	list_push_back(&c->requests, &r->link);
	return r;
}

static void destroy(struct request *r)
{
	arena_deinit(&r->arena);
	buf_deinit(&r->out);
	free(r);
}

struct request *request_free(struct request *r)
{
	struct channel *c;
	struct server *s;

	if (!r)
		return NULL;
	s = r->server;
	c = r->channel;
	r->batch = batch_free(r->batch);
	if (r->holds_secret || r->call.shows_value) {
		arena_wipe(&r->arena);
		buf_wipe(&r->out);
	}
	list_unlink(&r->link);
	list_unlink(&r->lane_link);
	charge_release(&r->bytes);
	charge_release(&r->calls);
	r->user = quota_unref(r->user);
	s->n_requests--;
	if (c && c->ops->eased)
		c->ops->eased(c);
	if (s->n_spare >= SPARE_MAX) {
		destroy(r);
		return NULL;
	}
	arena_reset(&r->arena);
	buf_clear(&r->out);
	s->n_spare++;
	list_push_front(&s->spare, &r->lane_link);
	return NULL;
}

void pool_empty(struct server *s)
{
	struct list *l;

	while ((l = list_pop_front(&s->spare)))
		destroy(container_of(l, struct request, lane_link));
	s->n_spare = 0;
}

void request_fail(struct request *r, enum error_code code, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	r->call.failure.code = code;
	/* without memory the table's text for the code is said */
	r->call.failure.message = str_dup(&r->arena, str_utf8_prefix(str_from(text), sizeof(text)));
}

void request_fail_ended(struct request *r)
{
	request_fail(r, ERROR_UNAUTHENTICATED, "the caller's key or token has ended");
	r->call.failure.hint = STR("come again with another key (keys.create, keys.rotate) or a "
				   "new token, on a new connection");
}

/* ---- failures as JSON ---- */

static void put_faults(const struct shape_faults *faults, struct json_out *w)
{
	json_key(w, STR("fields"));
	json_begin_array(w);
	for (size_t i = 0; i < faults->n; i++) {
		const struct shape_fault *f = &faults->v[i];

		json_begin_object(w);
		JSON_KV_STR(w, "field", f->field);
		if (f->expected.p)
			JSON_KV_STR(w, "expected", f->expected);
		if (f->got.p)
			JSON_KV_STR(w, "got", f->got);
		if (f->nearest.p)
			JSON_KV_STR(w, "nearest", f->nearest);
		json_end_object(w);
	}
	json_end_array(w);
	if (faults->n_all > faults->n)
		JSON_KV_INT(w, "n_wrong", (int64_t)faults->n_all);
}

static void put_datum(const struct call_datum *d, struct json_out *w)
{
	json_key(w, str_from(d->key));
	switch (d->kind) {
	case CALL_DATUM_STR:
		json_str(w, d->s);
		return;
	case CALL_DATUM_INT:
		json_int(w, d->i);
		return;
	case CALL_DATUM_STRS:
		json_begin_array(w);
		for (size_t i = 0; i < d->list.n; i++)
			json_str(w, d->list.v[i]);
		json_end_array(w);
	}
}

static struct str message_of(const struct call_failure *f)
{
	return f->message.p ? f->message : error_table[f->code].message;
}

static void put_hint(const struct call_failure *f, const struct verb *verb, struct json_out *w)
{
	char text[128];

	if (f->verb)
		verb = f->verb;
	if (f->hint.p) {
		JSON_KV_STR(w, "hint", f->hint);
	} else if (f->code == ERROR_INVALID_PARAMS && verb) {
		snprintf(text, sizeof(text), "verbs.describe with name %s shows the schema",
			 verb->name.p);
		JSON_KV_STR(w, "hint", str_from(text));
	} else {
		JSON_KV_STR(w, "hint", error_table[f->code].hint);
	}
}

/* What both forms share, behind the code. */
static void put_details(const struct call_failure *f, const struct verb *verb, struct json_out *w)
{

	if (f->field.p)
		JSON_KV_STR(w, "field", f->field);
	if (f->faults)
		put_faults(f->faults, w);
	put_hint(f, verb, w);
	JSON_KV_BOOL(w, "retryable", error_table[f->code].is_retryable);
	if (f->retry_after_ms)
		JSON_KV_INT(w, "retry_after_ms", f->retry_after_ms);
	for (size_t i = 0; i < f->n_data; i++)
		put_datum(&f->data[i], w);
}

void request_put_error(const struct call_failure *f, const struct verb *verb, struct json_out *w)
{
	const struct error_info *info = &error_table[f->code];

	json_begin_object(w);
	JSON_KV_INT(w, "code", info->code);
	JSON_KV_STR(w, "message", message_of(f));
	json_key(w, STR("data"));
	json_begin_object(w);
	JSON_KV_STR(w, "code", info->name);
	put_details(f, verb, w);
	json_end_object(w);
	json_end_object(w);
}

void request_put_tool_error(const struct call_failure *f, const struct verb *verb,
			    struct json_out *w)
{
	json_begin_object(w);
	JSON_KV_STR(w, "error", error_table[f->code].name);
	JSON_KV_STR(w, "message", message_of(f));
	put_details(f, verb, w);
	json_end_object(w);
}
