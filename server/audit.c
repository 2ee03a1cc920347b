/* SPDX-License-Identifier: Apache-2.0 */
#include "server/audit.h"

#include "base/err.h"
#include "schemas/shape.h"
#include "server/clean.h"
#include "server/lanes.h"
#include "server/pool.h"
#include "server/quota.h"
#include "server/seal.h"
#include "server/server.h"
#include "store/audit.h"
#include "store/keys.h"
#include "verbs.gen.h"

#define FLUSH_MS  5000
#define FLUSH_MAX 500

/* ---- one row ---- */

struct str audit_chain(struct arena *a, struct str before, struct str text)
{
	struct str both = str_fmt(a, "%.*s\n%.*s", STR_ARG(before), STR_ARG(text));

	return both.p ? seal_digest(a, both) : STR_NONE;
}

static struct str text_at(const struct shape *shape, struct str name, const void *object)
{
	const struct shape_field *f = name.p && object ? shape_find(shape, name) : NULL;

	if (!f || f->kind != SHAPE_STRING)
		return STR_NONE;
	return *(const struct str *)(const void *)((const char *)object + f->offset);
}

/* What the call was about: the object that a parameter names, or the one that was made. */
static struct str target_of(const struct request *r)
{
	struct str name = r->verb->target_param;
	struct str target = text_at(r->verb->params, name, r->params);

	if (!r->params && r->raw && name.p) /* it was denied before it was decoded */
		target = json_get_str(r->raw, name);
	return target.p ? target : text_at(r->verb->result, STR("id"), r->result);
}

static bool is_denial(const struct call_failure *f)
{
	return f->is_denial || f->code == ERROR_DENIED;
}

static enum audit_outcome outcome_of(const struct request *r)
{
	if (!r->call.failure.code)
		return AUDIT_OUTCOME_DONE;
	return is_denial(&r->call.failure) ? AUDIT_OUTCOME_DENIED : AUDIT_OUTCOME_FAILED;
}

int audit_add(struct request *r, struct store_tx *tx)
{
	const struct call_failure *f = &r->call.failure;
	enum error_code code = is_denial(f) ? ERROR_DENIED : f->code;
	struct store_audit_head head;
	struct audit_entry row;
	struct str text;
	int e = store_audit_head(tx, &head);

	if (e)
		return err_trace(e);
	row = (struct audit_entry){
		.seq = head.seq + 1,
		.at = tx->now_ms,
		.principal = r->principal.id,
		.key = r->principal.key_id,
		.verb = r->verb->name,
		.target = str_utf8_prefix(clean_kept(r, REDACT_TEXT, tx->arena, target_of(r)), 128),
		.outcome = outcome_of(r),
		.reason = code ? error_table[code].name : STR_NONE,
	};
	text = store_audit_text(tx->arena, &row);
	if (!text.p)
		return err_nomem();
	row.hash = audit_chain(tx->arena, head.hash, text);
	return row.hash.p ? err_trace(store_audit_add(tx, &row)) : err_nomem();
}

/* ---- what was counted ---- */

struct count {
	struct str principal;
	int64_t key, n_reads;
};

struct counts {
	struct count *v;
	size_t n;
};

static int put_on_record(struct request *r, struct store_tx *tx)
{
	const struct counts *all = r->owner;
	int e = 0;

	for (size_t i = 0; i < all->n && !e; i++) {
		const struct count *c = &all->v[i];

		if (c->n_reads)
			e = store_audit_reads_add(tx, tx->now_ms / STORE_DAY_MS, c->principal,
						  c->n_reads);
		if (!e && c->key)
			e = store_key_used(tx, c->key, tx->now_ms);
	}
	return err_trace(e);
}

static void on_done(struct request *r)
{
	request_free(r);
}

static const struct request_ops job_ops = { .done = on_done };

static struct request *job_new(struct server *s)
{
	struct principal self = { .id = STR("questd"), .is_owner = true };
	struct quota_user *user = quota_join(s->quota, &self);
	struct request *r = user ? pool_take(s, &job_ops, NULL, &self, user) : NULL;

	quota_unref(user);
	if (!r)
		return NULL;
	r->verb = &verb_table[VERB_AUDIT_LIST]; /* lanes look at its lane; it is not run */
	r->job = put_on_record;
	return r;
}

static bool collect(struct server *s, struct arena *a, struct counts *out)
{
	struct quota_user *u;
	int64_t n;

	out->v = ARENA_ARRAY(a, FLUSH_MAX, struct count);
	while (out->v && out->n < FLUSH_MAX && (u = quota_take_counted(s->quota, &n)))
		out->v[out->n++] = (struct count){ str_dup(a, u->who.id), u->who.key, n };
	return out->n && !a->is_out;
}

void audit_flush(struct server *s)
{
	struct request *r = job_new(s);
	struct counts *all = r ? ARENA_NEW(&r->arena, struct counts) : NULL;

	if (!all || !collect(s, &r->arena, all)) {
		request_free(r);
		return;
	}
	r->owner = all;
	lanes_write(s->lanes, r);
}

static void on_time(struct loop_timer *t)
{
	audit_flush(container_of(t, struct server, audit));
}

void audit_expect(struct server *s)
{
	if (s->audit.slot || s->options.read_only || s->is_draining)
		return;
	if (loop_arm(s->loop, &s->audit, loop_now_ms(s->loop) + FLUSH_MS, on_time))
		err_forget(); /* the next call tries again */
}
