/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs/secrets.h"

#include "base/id.h"

#define HIDDEN_MIN 8 /* bytes: shorter ones would be found everywhere */

struct str secret_label(struct arena *a, const struct credential *k)
{
	return str_fmt(a, "credential\n%.*s\n%d\n%.*s\n%.*s\n%.*s\n%d\n%lld", STR_ARG(k->id),
		       (int)k->scope, STR_ARG(k->owner), STR_ARG(k->provider), STR_ARG(k->name),
		       (int)k->kind, (long long)k->version);
}

static int seal(struct call *c, struct store_credential *k, struct str value)
{
	struct call_secret s = { .label = secret_label(c->arena, &k->credential) };
	int e = s.label.p ? c->server->vault.seal(c->server->data, c, &s, value) : err_nomem();

	if (e)
		return err_trace(e);
	k->sealed = s.sealed;
	k->credential.data_key = s.data_key;
	return 0;
}

static int new_id(struct call *c, struct credential *k)
{
	char id[ID_LEN + 1];

	id_make(c->tx->ids, c->now_ms, id);
	k->id = str_dup(c->arena, str_from(id));
	return k->id.p ? 0 : err_nomem();
}

static int refuse_more(struct call *c)
{
	c->failure.hint = STR("credentials.delete those that nobody needs");
	return call_fail(c, ERROR_CONFLICT, "there are %d credentials already",
			 STORE_CREDENTIALS_MAX);
}

int secret_put(struct call *c, struct store_credential *k, struct str value)
{
	struct credential *row = &k->credential;
	bool is_new = !k->n;
	int e = is_new ? new_id(c, row) : 0;

	row->version++;
	row->redacted = row->kind != CREDENTIAL_KIND_SETTING && value.n >= HIDDEN_MIN;
	if (!e)
		e = seal(c, k, value);
	/* before anything can be told of it */
	if (!e && row->redacted)
		e = c->server->vault.hide(c->server->data, row, value);
	if (!e)
		e = is_new ? store_credential_add(c->tx, k) : store_credential_set(c->tx, k);
	return is_new && e == STORE_TOO_MANY ? refuse_more(c) : err_trace(e);
}

int secret_get(struct call *c, const struct store_credential *k, struct str *out)
{
	const struct call_secret s = { .label = secret_label(c->arena, &k->credential),
				       .data_key = k->credential.data_key,
				       .sealed = k->sealed };

	if (!s.label.p)
		return err_nomem();
	return err_trace(c->server->vault.open(c->server->data, c, &s, out));
}
