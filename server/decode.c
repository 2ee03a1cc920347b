/* SPDX-License-Identifier: Apache-2.0 */
/* Cursors are plain text for verbs and sealed outside: what comes in is opened before the verb
 * runs, what goes out is sealed behind it, bound to the principal, the verb and its other
 * parameters. */
#include "server/decode.h"

#include "base/err.h"
#include "server/access_keys.h"
#include "server/clean.h"
#include "server/pool.h"
#include "server/quota.h"
#include "server/seal.h"
#include "server/server.h"
#include "verbs.gen.h"
#include "verbs/authority.h"

bool decode_verb(struct request *r, struct str method)
{
	const struct verb *v = verb_find(method);
	struct str nearest;

	r->verb = v;
	if (v)
		return true;
	nearest = verb_nearest(method);
	/* before it is cut: half a secret is not found any more */
	method = clean_kept(r, REDACT_TEXT, &r->arena, method);
	request_fail(r, ERROR_METHOD_NOT_FOUND, "no method '%.*s'",
		     STR_ARG(str_utf8_prefix(method, 64)));
	if (mcp_is_method(method)) {
		r->call.failure.hint = STR("a method of MCP, which is spoken at /mcp, and on lines "
					   "outside of a batch of verbs");
	} else if (nearest.p) {
		call_data_str(&r->call, "nearest", nearest);
		r->call.failure.hint = str_fmt(&r->arena, "did you mean %.*s?", STR_ARG(nearest));
	}
	return false;
}

/* A batch's calls are looked at one by one. */
static bool may_change(struct request *r)
{
	if (r->verb->is_read_only || r->verb->lane == LANE_SERVER)
		return true;
	if (r->is_read_only) {
		request_fail(r, ERROR_DENIED,
			     "%.*s changes something, and this connection only reads",
			     STR_ARG(r->verb->name));
		r->call.failure.hint = STR("whoever connected chose that: questd mcp without "
					   "--read-only, or /mcp without /readonly, may change");
		return false;
	}
	if (r->server->options.read_only && r->verb->lane == LANE_WRITE) {
		request_fail(r, ERROR_STORAGE_READONLY,
			     "the server was started with --read-only; nothing was changed");
		r->call.failure.hint = STR("start it without --read-only, and without "
					   "server.read_only in questd.toml; reads go on");
		return false;
	}
	return true;
}

bool decode_allowed(struct request *r)
{
	if (r->principal.expires_ms &&
	    clock_wall_ms(&r->server->clock) >= r->principal.expires_ms) {
		request_fail_ended(r);
		return false;
	}
	return !authority_check_verb(&r->call, &r->principal, r->verb);
}

bool decode_access(struct request *r)
{
	if (!decode_allowed(r))
		return false;
	if (r->server->is_draining) {
		request_fail(r, ERROR_SHUTTING_DOWN, "the server is stopping");
		r->call.failure.retry_after_ms = 1000;
		return false;
	}
	return may_change(r);
}

bool decode_quota(struct request *r)
{
	struct quota_refusal refusal;

	if (!r->user || quota_admit(r->user, r->verb, &refusal))
		return true;
	request_fail(r, ERROR_TOO_MANY_REQUESTS, "%.*s has used its calls of this minute",
		     STR_ARG(r->principal.id));
	r->call.failure.retry_after_ms = refusal.retry_after_ms;
	call_data_str(&r->call, "quota", str_from(refusal.quota));
	call_data_int(&r->call, "limit", refusal.limit);
	return false;
}

static bool out_of_memory(struct request *r)
{
	r->call.failure = (struct call_failure){ .code = ERROR_OUT_OF_MEMORY,
						 .retry_after_ms = 250 };
	err_forget();
	return false;
}

/* The parameters as text with sorted keys, those left out that may differ between pages or tries.
 */
static int canonical(struct request *r, bool for_cursor, struct buf *out)
{
	struct json o = { .type = JSON_OBJECT };

	if (r->raw && r->raw->n) {
		o.members = ARENA_ARRAY(&r->arena, r->raw->n, struct json_member);
		if (!o.members)
			return err_nomem();
	}
	for (uint32_t i = 0; r->raw && i < r->raw->n; i++) {
		struct str key = r->raw->members[i].key;

		if (str_eq(key, STR("request_id")) || str_eq(key, STR("confirm")))
			continue;
		if (for_cursor && (str_eq(key, STR("cursor")) || str_eq(key, STR("limit"))))
			continue;
		o.members[o.n++] = r->raw->members[i];
	}
	return err_trace(json_canonical(&r->arena, &o, out));
}

static struct str params_digest(struct request *r, bool for_cursor)
{
	CLEANUP(buf_deinit) struct buf text;

	buf_init(&text, 0);
	if (canonical(r, for_cursor, &text) || text.failed) {
		err_forget();
		return STR_NONE;
	}
	return seal_digest(&r->arena, buf_str(&text));
}

static bool binding_of(struct request *r, struct seal_binding *b)
{
	*b = (struct seal_binding){
		.principal = r->principal.id,
		.method = r->verb->name,
		.digest = params_digest(r, true),
	};
	return b->digest.p;
}

static bool open_cursor(struct request *r)
{
	const struct shape_field *f = r->verb->params->cursor;
	struct seal_binding binding;
	struct str *cursor;
	int e;

	if (!f)
		return true;
	cursor = (struct str *)((char *)r->params + f->offset);
	if (!cursor->p)
		return true;
	if (!binding_of(r, &binding))
		return out_of_memory(r);
	e = seal_open(r->server->seal, &r->arena, &binding, *cursor, r->call.now_ms, cursor);
	if (e < 0)
		return out_of_memory(r);
	if (!e)
		return true;
	request_fail(r, ERROR_CURSOR_INVALID,
		     "the cursor is not one that was given for this query");
	r->call.failure.field = f->name;
	return false;
}

static int close_cursor(struct request *r)
{
	const struct shape_field *f = r->verb->result->cursor;
	struct seal_binding binding;
	struct str *cursor;

	if (!f)
		return 0;
	cursor = (struct str *)((char *)r->result + f->offset);
	if (!cursor->p)
		return 0;
	if (!binding_of(r, &binding))
		return err_nomem();
	*cursor = seal_close(r->server->seal, &r->arena, &binding, *cursor, 0);
	return cursor->p ? 0 : err_nomem();
}

static bool decode_shape(struct request *r, const struct json *params, struct shape_faults *scratch)
{
	struct shape_faults *kept;
	int e;

	if (params && params->type != JSON_OBJECT && params->type != JSON_NONE) {
		request_fail(r, ERROR_INVALID_PARAMS,
			     "params must be an object: parameters have names");
		return false;
	}
	r->params = arena_zalloc(&r->arena, r->verb->params->size);
	r->result = arena_zalloc(&r->arena, r->verb->result->size);
	if (!r->params || !r->result)
		return out_of_memory(r);
	scratch->n = scratch->n_all = 0;
	e = shape_decode(r->verb->params, params, &r->arena, r->params, scratch);
	if (e < 0)
		return out_of_memory(r);
	if (!e)
		return true;
	kept = arena_dup(&r->arena, scratch, sizeof(*scratch));
	if (!kept)
		return out_of_memory(r);
	if (kept->n_all == 1)
		request_fail(r, ERROR_INVALID_PARAMS, "parameter '%.*s' is wrong",
			     STR_ARG(kept->v[0].field));
	else
		request_fail(r, ERROR_INVALID_PARAMS, "%zu parameters are wrong", kept->n_all);
	r->call.failure.field = kept->n_all == 1 ? kept->v[0].field : STR_NONE;
	r->call.failure.faults = kept;
	return false;
}

/* What the database keeps must confirm no guess of a secret. */
static struct str secret_digest(struct request *r)
{
	CLEANUP(buf_deinit) struct buf text;
	struct str digest = STR_NONE;

	buf_init(&text, 0);
	if (canonical(r, false, &text) || text.failed)
		err_forget();
	else
		digest = access_keys_digest(r->server->keys, &r->arena, buf_str(&text));
	buf_wipe(&text);
	return digest;
}

static bool take_request_id(struct request *r)
{
	uint32_t offset = r->verb->request_id_offset;

	if (!r->request_id.p && offset != UINT32_MAX)
		r->request_id = *(struct str *)((char *)r->params + offset);
	if (!r->request_id.p || offset == UINT32_MAX)
		return true;
	r->digest = r->holds_secret ? secret_digest(r) : params_digest(r, false);
	return r->digest.p ? true : out_of_memory(r);
}

static bool check_confirm(struct request *r)
{
	uint32_t offset = r->verb->confirm_offset;

	if (offset == UINT32_MAX)
		return true;
	r->is_confirmed |= *(bool *)((char *)r->params + offset);
	if (r->is_confirmed)
		return true;
	request_fail(r, ERROR_CONFIRMATION_REQUIRED, "%.*s was not confirmed: %.*s",
		     STR_ARG(r->verb->name), STR_ARG(r->verb->summary));
	r->call.failure.field = STR("confirm");
	return false;
}

bool decode_params(struct request *r, const struct json *params, struct shape_faults *scratch)
{
	r->raw = params;
	r->holds_secret = clean_is_secret(r);
	if (!clean_params(r, params, &params))
		return false;
	r->raw = params;
	return decode_shape(r, params, scratch) && check_confirm(r) && take_request_id(r) &&
	       open_cursor(r);
}

int encode_result(struct request *r)
{
	struct json_out w;
	int e = close_cursor(r);

	if (e)
		return err_trace(e);
	buf_clear(&r->out);
	w = json_out(&r->out);
	shape_encode(r->verb->result, r->result, &w);
	if (!r->out.failed)
		return 0;
	if (!r->out.is_over)
		return err_nomem();
	buf_clear(&r->out);
	request_fail(r, ERROR_TOO_LARGE, "the result is larger than %zu bytes", REQUEST_RESULT_MAX);
	call_data_int(&r->call, "limit", (int64_t)REQUEST_RESULT_MAX);
	return CALL_FAILED;
}

int encode_kept(struct request *r, struct buf *scratch, struct str *out)
{
	struct json_out w;

	*out = buf_str(&r->out);
	if (r->is_replayed || !shape_hide_secrets(r->verb->result, r->result))
		return 0;
	buf_clear(scratch);
	w = json_out(scratch);
	shape_encode(r->verb->result, r->result, &w);
	*out = buf_str(scratch);
	return scratch->failed ? err_nomem() : 0;
}
