/* SPDX-License-Identifier: Apache-2.0 */
/* Whose authority calls have that are made later. */
#include "verbs/authority_later.h"

#include "verbs/authority.h"

#define ROTATIONS_MAX 100

static bool runs_the_server(enum principal_kind kind)
{
	return kind == PRINCIPAL_KIND_OWNER || kind == PRINCIPAL_KIND_ANONYMOUS;
}

int authority_maker(struct call *c, struct authority_maker *out)
{
	const struct principal *p = c->principal;

	if (!runs_the_server(p->kind) && !p->key) {
		c->failure.hint = STR("do it with a key of yours: keys.create");
		return call_fail(c, ERROR_DENIED,
				 "%.*s came with a token whose rights cannot be looked up later",
				 STR_ARG(p->id));
	}
	*out = (struct authority_maker){ p->kind, p->id, p->key ? p->key_id : STR_NONE };
	return 0;
}

static int gone(struct store_tx *tx, struct str *why, struct str id, const char *how)
{
	*why = str_fmt(tx->arena, "%.*s %s", STR_ARG(id), how);
	return why->p ? STORE_NONE : err_nomem();
}

/* The key, or the one that is in its place since it was rotated. */
static int find_key(struct store_tx *tx, struct str id, struct store_key *out)
{
	int e = store_key_find(tx, id, out);

	for (int i = 0; e == 0 && out->key.status == KEY_STATUS_ROTATED && i < ROTATIONS_MAX; i++)
		e = store_key_find(tx, out->key.rotated_to, out);
	return e;
}

int authority_of_maker(struct store_tx *tx, const struct authority_maker *m, struct principal *out,
		       struct str *why)
{
	struct authority a;
	struct store_key k;
	int e;

	if (runs_the_server(m->kind)) {
		*out = authority_all(m->id, m->kind);
		return 0;
	}
	e = find_key(tx, m->key, &k);
	if (e < 0)
		return err_trace(e);
	if (e || k.key.status != KEY_STATUS_ACTIVE)
		return gone(tx, why, m->id, "has no key any more that this was made with");
	e = authority_of_key(tx, &k, &a);
	if (e)
		return e < 0 ? err_trace(e) : gone(tx, why, m->id, "is not there any more");
	*out = a.principal;
	return 0;
}
