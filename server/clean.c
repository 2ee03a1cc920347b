/* SPDX-License-Identifier: Apache-2.0 */
#include "server/clean.h"

#include "base/err.h"
#include "server/secrets.h"
#include "server/server.h"
#include "verbs.gen.h"

/* ---- what comes in ---- */

static bool is_secret_field(const struct verb *v, struct str name)
{
	const struct shape_field *f = shape_find(v->params, name);

	return f && f->flags & SHAPE_SECRET;
}

/* With the escapes that the forms know: \u0041 may stand for any letter. What was put together here
 * and not parsed (mcp_params_new) has no source yet. */
static struct str plain_source(const struct json *v, struct buf *b)
{
	struct json_out w = json_out(b);

	if (v->raw.p && !str_contains(v->raw, STR("\\u")))
		return v->raw;
	json_value(&w, v);
	return b->failed ? STR_NONE : buf_str(b);
}

int clean_value(struct request *r, const struct json *v, struct json *out)
{
	CLEANUP(buf_deinit) struct buf source;
	CLEANUP(buf_deinit) struct buf cleaned;
	struct str text;
	int e;

	buf_init(&source, 0);
	buf_init(&cleaned, 0);
	if (!redact_is_on(&r->server->redact))
		return 0;
	text = plain_source(v, &source);
	e = text.p ? redact_text(&r->server->redact, REDACT_GIVEN, text, &cleaned) : err_nomem();
	if (e != REDACT_FOUND)
		return err_trace(e);
	text = str_dup(&r->arena, buf_str(&cleaned));
	e = text.p ? json_parse(&r->arena, text, out, NULL) : err_nomem();
	if (e > 0) /* two names of one object became the same */
		*out = (struct json){ .type = JSON_NULL, .raw = STR("null") };
	return e < 0 ? err_trace(e) : REDACT_FOUND;
}

static int clean_key(struct request *r, struct str *key)
{
	CLEANUP(buf_deinit) struct buf cleaned;
	int e;

	buf_init(&cleaned, 0);
	e = redact_text(&r->server->redact, REDACT_TEXT, *key, &cleaned);
	if (e != REDACT_FOUND)
		return err_trace(e);
	*key = str_dup(&r->arena, buf_str(&cleaned));
	return key->p ? REDACT_FOUND : err_nomem();
}

static int clean_members(struct request *r, const struct json *params, struct json *copy)
{
	int e = 0, found = 0;

	for (uint32_t i = 0; e >= 0 && i < params->n; i++) {
		struct json_member *m = &copy->members[i];

		if (is_secret_field(r->verb, m->key))
			continue;
		e = clean_value(r, &params->members[i].value, &m->value);
		found |= e;
		if (e >= 0)
			e = clean_key(r, &m->key);
		found |= e;
	}
	return e < 0 ? err_trace(e) : found;
}

/* A batch's calls are cleaned one by one. */
bool clean_params(struct request *r, const struct json *params, const struct json **out)
{
	struct json *copy;
	int e;

	*out = params;
	if (!redact_is_on(&r->server->redact) || !params || params->type != JSON_OBJECT ||
	    !params->n || r->verb->id == VERB_SYSTEM_BATCH)
		return true;
	copy = arena_dup(&r->arena, params, sizeof(*params));
	if (copy)
		copy->members = arena_dup(&r->arena, params->members,
					  params->n * sizeof(*params->members));
	e = copy && copy->members ? clean_members(r, params, copy) : err_nomem();
	if (e < 0) {
		err_forget();
		request_fail(r, ERROR_OUT_OF_MEMORY, "memory is out");
		return false;
	}
	if (e)
		*out = copy;
	return true;
}

static bool has_secret(const struct verb *v, const struct json *params)
{
	for (uint32_t i = 0; params && params->type == JSON_OBJECT && i < params->n; i++)
		if (is_secret_field(v, params->members[i].key))
			return true;
	return false;
}

bool clean_is_secret(const struct request *r)
{
	const struct json *calls = r->raw ? json_get(r->raw, STR("calls")) : NULL;
	bool is_secret = has_secret(r->verb, r->raw);

	if (r->verb->id != VERB_SYSTEM_BATCH || !calls || calls->type != JSON_ARRAY)
		return is_secret;
	for (uint32_t i = 0; i < calls->n && !is_secret; i++) {
		const struct verb *v = verb_find(json_get_str(&calls->items[i], STR("method")));

		is_secret = v && has_secret(v, json_get(&calls->items[i], STR("params")));
	}
	return is_secret;
}

struct str clean_kept(struct request *r, enum redact_kind kind, struct arena *a, struct str text)
{
	CLEANUP(buf_deinit) struct buf scratch = { 0 };
	struct str out;

	if (!text.p || !redact_is_on(&r->server->redact))
		return text;
	buf_init(&scratch, 0);
	out = secrets_clean(r->server, kind, text, &scratch);
	return out.p == text.p ? text : str_dup(a, out);
}

struct str clean_shown(struct server *s, struct arena *a, struct str text, size_t max)
{
	CLEANUP(buf_deinit) struct buf scratch = { 0 };
	struct str out;

	if (!text.p || !redact_is_on(&s->redact))
		return str_utf8_prefix(text, max);
	buf_init(&scratch, 0);
	out = secrets_clean(s, REDACT_TEXT, text, &scratch);
	return out.p == text.p ? str_utf8_prefix(text, max) : str_dup(a, str_utf8_prefix(out, max));
}

/* ---- what goes out ---- */

/* Too little memory to look at a message: it is not sent, and its reader cut as one too slow. */
int channel_send(struct channel *c, struct str message)
{
	CLEANUP(buf_deinit) struct buf scratch = { 0 };
	struct server *s = c->server;

	if (!redact_is_on(&s->redact))
		return c->ops->send(c, message);
	buf_init(&scratch, 0);
	message = secrets_clean(s, REDACT_JSON, message, &scratch);
	return message.p ? c->ops->send(c, message) : CHANNEL_SLOW;
}

int channel_answer(struct channel *c, struct str message, int status)
{
	static const struct str nothing = STR(
	    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-31986,\"message\":\"memory "
	    "is out\",\"data\":{\"code\":\"interrupted\",\"retryable\":true}}}");
	CLEANUP(buf_deinit) struct buf scratch = { 0 };
	struct server *s = c->server;

	if (!message.p || !redact_is_on(&s->redact))
		return c->ops->answer(c, message, status);
	buf_init(&scratch, 0);
	message = secrets_clean(s, REDACT_JSON, message, &scratch);
	return message.p ? c->ops->answer(c, message, status) : c->ops->answer(c, nothing, 503);
}

int channel_answer_with(struct channel *c, const struct request *r, struct str message, int status)
{
	return r->call.shows_value && !r->call.failure.code ? c->ops->answer(c, message, status)
							    : channel_answer(c, message, status);
}
