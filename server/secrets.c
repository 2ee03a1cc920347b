/* SPDX-License-Identifier: Apache-2.0 */
#include "server/secrets.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "server/server.h"
#include "store/credentials.h"
#include "verbs/secrets.h"

#define PAGE 100

/* ---- what verbs see ---- */

static int refuse(struct server *s, struct call *c, int e)
{
	struct str advice;

	if (e <= 0)
		return err_trace(e);
	if (e == VAULT_CORRUPT)
		return call_fail(c, ERROR_CREDENTIAL_CORRUPT, "%.*s",
				 STR_ARG(error_table[ERROR_CREDENTIAL_CORRUPT].message));
	if (e == VAULT_GIVEN) {
		c->failure.hint = STR("put a new one in the first line of what it gives, start "
				      "again, and repeat this");
		return call_fail(c, ERROR_UNSUPPORTED, "the service manager gives the master key");
	}
	if (e == VAULT_FULL) {
		c->failure.hint = STR("start the server anew, and repeat this");
		return call_fail(c, ERROR_UNSUPPORTED,
				 "it was rotated too often since the server began");
	}
	advice = vault_advice(s->vault, c->arena);
	if (advice.p)
		c->failure.hint = advice;
	return call_fail(c, ERROR_CREDENTIALS_LOCKED, "%.*s",
			 STR_ARG(error_table[ERROR_CREDENTIALS_LOCKED].message));
}

static int look_again(struct server *s, struct store_tx *tx);

static int seal(void *data, struct call *c, struct call_secret *secret, struct str plain)
{
	struct server *s = data;
	struct vault_label label = { .text = secret->label };
	int e = look_again(s, c->tx);

	if (!e)
		e = vault_seal(s->vault, c->tx, &label, plain, &secret->sealed);
	secret->data_key = label.data_key;
	return refuse(s, c, e);
}

static int open_value(void *data, struct call *c, const struct call_secret *secret, struct str *out)
{
	struct server *s = data;
	const struct vault_label label = { secret->label, secret->data_key };
	int e = c->tx->is_write ? look_again(s, c->tx) : 0;

	if (!e)
		e = vault_open(s->vault, c->tx, &label, secret->sealed, out);
	return refuse(s, c, e);
}

static int unbox(void *data, struct call *c, struct str box, struct str *out)
{
	struct server *s = data;

	return refuse(s, c, vault_unbox(s->vault, c->arena, box, out));
}

static int make_data_key(void *data, struct call *c, int64_t *out)
{
	struct server *s = data;

	return refuse(s, c, vault_make_data_key(s->vault, c->tx, out));
}

static int master_begin(void *data, struct call *c)
{
	struct server *s = data;

	return refuse(s, c, vault_master_begin(s->vault));
}

static int master_seal(void *data, struct call *c)
{
	struct server *s = data;

	return refuse(s, c, vault_master_seal(s->vault, c->tx));
}

static int master_end(void *data, struct call *c)
{
	struct server *s = data;

	return refuse(s, c, vault_master_end(s->vault));
}

static int hide(void *data, const struct credential *k, struct str value)
{
	struct server *s = data;
	const struct redact_value v = { k->id, k->version, k->name, value };
	int e = redact_add(&s->redact, &v);

	return e ? err_trace(e) : err_trace(redact_apply(&s->redact));
}

static void retire(void *data, struct str id)
{
	struct server *s = data;

	redact_retire(&s->redact, id);
}

static struct str where(void *data)
{
	struct server *s = data;

	return vault_why(s->vault) == VAULT_IS_NEW ? STR_NONE : str_from(vault_file(s->vault));
}

static struct str clean(void *data, struct arena *a, struct str json)
{
	CLEANUP(buf_deinit) struct buf scratch = { 0 };
	struct server *s = data;
	struct str text;

	if (!redact_is_on(&s->redact))
		return json;
	buf_init(&scratch, 0);
	text = secrets_clean(s, REDACT_GIVEN, json, &scratch);
	return text.p == json.p ? json : str_dup(a, text);
}

void secrets_fill(struct call_vault *out)
{
	*out = (struct call_vault){
		.seal = seal,
		.open = open_value,
		.unbox = unbox,
		.make_data_key = make_data_key,
		.master_begin = master_begin,
		.master_seal = master_seal,
		.master_end = master_end,
		.hide = hide,
		.retire = retire,
		.where = where,
		.clean = clean,
	};
}

struct str secrets_clean(struct server *s, enum redact_kind kind, struct str text,
			 struct buf *scratch)
{
	int e = redact_text(&s->redact, kind, text, scratch);

	if (e < 0)
		err_forget();
	return e < 0 ? STR_NONE : e ? buf_str(scratch) : text;
}

/* ---- what is hidden from the start on, or since the key came back ---- */

static int hide_row(struct server *s, struct store_tx *tx, const struct store_credential *k)
{
	const struct vault_label label = { secret_label(tx->arena, &k->credential),
					   k->credential.data_key };
	struct str value;
	int e;

	if (!k->credential.redacted)
		return 0;
	e = label.text.p ? vault_open(s->vault, tx, &label, k->sealed, &value) : err_nomem();
	if (e)
		return e < 0 ? err_trace(e) : 0; /* what cannot be opened cannot leave */
	return err_trace(
	    redact_add(&s->redact, &(struct redact_value){ k->credential.id, k->credential.version,
							   k->credential.name, value }));
}

static int hide_all(struct server *s, struct store_tx *tx)
{
	struct store_credential_filter f = { .limit = PAGE };
	struct store_credential_list page;
	int e;

	do {
		e = store_credential_page(tx, &f, &page, &f.after);
		for (size_t i = 0; !e && i < page.n; i++)
			e = hide_row(s, tx, &page.v[i]);
	} while (!e && f.after);
	return e ? err_trace(e) : err_trace(redact_apply(&s->redact));
}

/* The key may have come back: then what it opens is hidden first. */
static int look_again(struct server *s, struct store_tx *tx)
{
	int e;

	if (vault_why(s->vault) == VAULT_IS_OPEN)
		return 0;
	e = vault_look(s->vault, tx);
	if (!e && vault_why(s->vault) == VAULT_IS_OPEN)
		e = hide_all(s, tx);
	return err_trace(e);
}

/* ---- the log's way ---- */

static size_t clean_log(void *data, struct str text, char *out, size_t cap)
{
	CLEANUP(buf_deinit) struct buf scratch = { 0 };
	struct server *s = data;
	struct str cleaned;

	if (!redact_is_on(&s->redact))
		return 0;
	buf_init(&scratch, 0);
	cleaned = secrets_clean(s, REDACT_TEXT, text, &scratch);
	if (cleaned.p == text.p)
		return 0;
	if (!cleaned.p)
		cleaned = STR("[redacted: memory is out]");
	cleaned = str_utf8_prefix(cleaned, cap);
	memcpy(out, cleaned.p, cleaned.n);
	return cleaned.n;
}

/* ---- life ---- */

static int options_of(struct server *s, struct vault_options *out)
{
	const char *given = getenv("CREDENTIALS_DIRECTORY");
	struct arena *a = &s->options.arena;
	struct str path = given && *given == '/' ? str_fmt(a, "%s/kek", given) : STR_NONE;
	int e;

	*out = (struct vault_options){ .data_dir = s->options.paths.data_dir,
				       .instance = store_instance(s->store) };
	if (path.p && access(path.p, F_OK) == 0) {
		out->file = path.p;
		out->is_given = true;
		return 0;
	}
	e = paths_find_key(a, &s->options.paths, out->instance);
	if (e < 0)
		return err_trace(e);
	out->file = e ? NULL : s->options.paths.key;
	return 0;
}

static void tell(struct server *s, struct arena *a)
{
	struct str advice = vault_advice(s->vault, a);

	if (advice.p)
		log_warn("credentials are locked, all else works", LOG_S("why", advice));
}

int secrets_start(struct server *s)
{
	struct vault_options o;
	struct arena arena;
	struct store_tx tx;
	int e = options_of(s, &o);

	if (!e)
		e = vault_new(&o, &s->vault);
	if (e)
		return err_trace(e);
	log_set_filter(clean_log, s);
	arena_init(&arena, 0);
	e = store_read_begin(s->reader, &arena, clock_wall_ms(&s->clock), &tx);
	if (!e) {
		e = look_again(s, &tx);
		store_read_end(s->reader);
	}
	store_reader_idle(s->reader);
	if (!e)
		tell(s, &arena);
	arena_wipe(&arena);
	arena_deinit(&arena);
	return err_trace(e);
}

void secrets_stop(struct server *s)
{
	log_set_filter(NULL, NULL);
	redact_deinit(&s->redact);
	s->vault = vault_free(s->vault);
}
