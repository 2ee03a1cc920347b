/* SPDX-License-Identifier: Apache-2.0 */
/* credentials.rotate: a step a batch, each a transaction of its own. What is sealed by which key
 * stands in the rows, so that whoever is killed goes on where he was: a call that finds values of
 * older keys finishes that rotation instead of beginning another. */
#include "handlers.gen.h"
#include "verbs/credentials_common.h"

#define BATCH 200

struct rotation {
	bool has_begun, is_master;
	int64_t data_key; /* that seals from now on */
	int64_t old;      /* whose values are being sealed anew; 0 = the next one is to be found */
	int64_t after;    /* the credential, and */
	int64_t behind;   /* the key, that was done last */
	int64_t resealed, corrupt, removed;
};

/* ---- one transaction ---- */

typedef int step_fn(struct call *c, struct rotation *r, bool *out_more);

static int in_transaction(struct call *c, struct rotation *r, step_fn *step, bool *out_more)
{
	struct store_tx tx;
	int e = store_begin(c->store);

	if (e)
		return err_trace(e);
	e = store_call_begin(c->store, c->arena, c->now_ms, &tx);
	c->tx = &tx;
	if (!e)
		e = step(c, r, out_more);
	c->tx = NULL;
	if (!e)
		e = store_call_keep(c->store);
	if (e) {
		store_rollback(c->store);
		return err_trace(e);
	}
	return err_trace(store_commit(c->store));
}

/* ---- steps ---- */

static int master(struct call *c, struct rotation *r, bool *out_more)
{
	return err_trace(c->server->vault.master_seal(c->server->data, c));
}

static int rotate_master(struct call *c, struct rotation *r)
{
	const struct call_vault *v = &c->server->vault;
	bool more;
	int e = v->master_begin(c->server->data, c);

	if (!e)
		e = in_transaction(c, r, master, &more);
	if (e)
		return err_trace(e);
	c->is_part_done = true;
	return err_trace(v->master_end(c->server->data, c));
}

/* Is there an older key that still seals something? Then that rotation is finished. */
static int begin(struct call *c, struct rotation *r, bool *out_more)
{
	struct store_data_key_list first = { .n = 0 };
	struct store_data_key newest;
	int e = store_data_key_newest(c->tx, &newest);

	if (!e)
		e = store_data_key_page(c->tx, 0, 1, &first);
	if (e < 0)
		return err_trace(e);
	r->has_begun = true;
	if (!first.n || first.v[0].n == newest.n)
		return err_trace(c->server->vault.make_data_key(c->server->data, c, &r->data_key));
	r->data_key = newest.n;
	return 0;
}

/* What is broken stays as it is, and keeps its key. */
static int reseal(struct call *c, struct rotation *r, struct store_credential *k)
{
	struct call_secret s;
	struct str value;
	int e = secret_get(c, k, &value);

	if (e == CALL_FAILED && c->failure.code == ERROR_CREDENTIAL_CORRUPT) {
		c->failure = (struct call_failure){ 0 };
		r->corrupt++;
		return 0;
	}
	if (e)
		return err_trace(e);
	s.label = secret_label(c->arena, &k->credential);
	e = s.label.p ? c->server->vault.seal(c->server->data, c, &s, value) : err_nomem();
	if (e)
		return err_trace(e);
	k->credential.data_key = s.data_key;
	k->sealed = s.sealed;
	r->resealed++;
	return err_trace(store_credential_reseal(c->tx, k));
}

static int tell(struct call *c, const struct rotation *r)
{
	struct call_field fields[] = { { "data_key", STR_NONE, r->data_key },
				       { "resealed", STR_NONE, r->resealed },
				       { "corrupt", STR_NONE, r->corrupt },
				       { "master", r->is_master ? STR("true") : STR("false"), 0 } };

	return err_trace(call_event(c, "credential.rotated", STR_NONE, fields, ARRAY_LEN(fields)));
}

/* The oldest key that seals something and was not tried yet; without one all is told, and done. */
static int find_key(struct call *c, struct rotation *r, bool *out_more)
{
	struct store_data_key_list next;
	int e = store_data_key_page(c->tx, r->behind, 1, &next);

	*out_more = !e && next.n && next.v[0].n < r->data_key;
	if (*out_more)
		r->old = next.v[0].n;
	return e || *out_more ? err_trace(e) : err_trace(tell(c, r));
}

static int leave_key(struct call *c, struct rotation *r)
{
	bool is_gone;
	int e = store_data_key_drop(c->tx, r->old, &is_gone);

	r->removed += !e && is_gone;
	r->behind = r->old;
	r->old = r->after = 0;
	return err_trace(e);
}

/* Up to BATCH values of the oldest key that has some. */
static int step(struct call *c, struct rotation *r, bool *out_more)
{
	struct store_credential_filter f = { .limit = BATCH, .after = r->after };
	struct store_credential_list page;
	int e = 0;

	*out_more = true;
	if (!r->old)
		e = find_key(c, r, out_more);
	if (e || !*out_more)
		return err_trace(e);
	f.data_key = r->old;
	e = store_credential_page(c->tx, &f, &page, &r->after);
	for (size_t i = 0; !e && i < page.n; i++)
		e = reseal(c, r, &page.v[i]);
	if (!e && !r->after)
		e = leave_key(c, r);
	if (!e && !r->old)
		e = find_key(c, r, out_more);
	return err_trace(e);
}

static void end(const struct rotation *r, struct credentials_rotate_result *out)
{
	*out = (struct credentials_rotate_result){ .data_key = r->data_key,
						   .resealed = r->resealed,
						   .corrupt = r->corrupt,
						   .removed = r->removed };
	out->next = r->corrupt
			? STR("questd secrets list shows which have an older data_key: set them "
			      "anew")
		    : r->is_master
			? STR("questd backup: the secrets of older backups opened with the master "
			      "key that is gone")
			: STR("questd backup: older ones hold what the old key sealed");
}

static int go_on(struct call *c, struct rotation *r, bool *out_more)
{
	int e = 0;

	*out_more = true;
	if (r->has_begun)
		return err_trace(in_transaction(c, r, step, out_more));
	if (r->is_master)
		e = rotate_master(c, r);
	return e ? err_trace(e) : err_trace(in_transaction(c, r, begin, out_more));
}

int credentials_rotate(struct call *call, const struct credentials_rotate_params *p,
		       struct credentials_rotate_result *r)
{
	struct rotation *rotation = call->state;
	bool more;
	int e;

	if (!rotation) {
		e = credential_refuse_agent(call);
		if (e)
			return e;
		rotation = call->state = ARENA_NEW(call->arena, struct rotation);
		if (!rotation)
			return err_nomem();
		rotation->is_master = p->master;
		return CALL_AGAIN;
	}
	if (call->is_cancelled)
		return call_fail(call, ERROR_CANCELLED,
				 "the rotation was cancelled: call it "
				 "again to finish it");
	e = go_on(call, rotation, &more);
	if (e)
		return err_trace(e);
	call->is_part_done = true;
	call->progress.done = rotation->resealed;
	if (more)
		return CALL_AGAIN;
	end(rotation, r);
	return 0;
}
