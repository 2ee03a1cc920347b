/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/verbs/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "handlers.gen.h"
#include "schemas/shape.h"
#include "store/credentials.h"
#include "store/db.h"
#include "store/mail.h"
#include "verbs.gen.h"
#include "verbs/authority.h"
#include "verbs/channels_take.h"
#include "verbs/schedules_due.h"
#include "verbs/tasks_due.h"

#define PARAMS_MAX 65536
#define ROOM_MAX   ((size_t)48 * 1024)

static const struct json nothing = { .type = JSON_NONE };

static int fake_config(void *data, struct call *c, struct config_entry_list *out)
{
	struct world *w = data;

	*out = (struct config_entry_list){ ARENA_ARRAY(c->arena, 1, struct config_entry), 0 };
	if (!out->v)
		return err_nomem();
	if (w->company_model.p)
		out->v[out->n++] = (struct config_entry){ .key = STR("company.model"),
							  .value = w->company_model };
	return 0;
}

/* No key that a server would take, but each another. */
static int fake_key(void *data, struct call *c, struct call_key *out)
{
	struct world *w = data;

	out->id = str_fmt(c->arena, "k%07u", ++w->n_keys);
	out->text = out->hash = str_fmt(c->arena, "qd_%.*s", STR_ARG(out->id));
	return out->text.p ? 0 : err_nomem();
}

static struct str fake_chain(void *data, struct arena *a, struct str before, struct str text)
{
	return str_fmt(a, "%zu:%zu", before.n, text.n);
}

/* Sealed is the label and the value, so that what is swapped does not open. */
static int fake_seal(void *data, struct call *c, struct call_secret *s, struct str plain)
{
	struct world *w = data;
	struct store_data_key k;
	int e;

	if (w->is_vault_locked)
		return call_fail(c, ERROR_CREDENTIALS_LOCKED, "locked");
	e = store_data_key_newest(c->tx, &k);
	if (e == STORE_NONE)
		e = store_data_key_add(c->tx, STR("k"), &k.n);
	if (e)
		return err_trace(e);
	s->data_key = k.n;
	s->sealed = str_fmt(c->arena, "%.*s|%lld|%.*s", STR_ARG(s->label), (long long)k.n,
			    STR_ARG(plain));
	return s->sealed.p ? 0 : err_nomem();
}

static int fake_open(void *data, struct call *c, const struct call_secret *s, struct str *out)
{
	struct world *w = data;
	struct str head = str_fmt(c->arena, "%.*s|%lld|", STR_ARG(s->label),
				  (long long)s->data_key);

	if (w->is_vault_locked)
		return call_fail(c, ERROR_CREDENTIALS_LOCKED, "locked");
	if (!head.p)
		return err_nomem();
	if (!str_starts(s->sealed, head))
		return call_fail(c, ERROR_CREDENTIAL_CORRUPT, "corrupt");
	*out = str_slice(s->sealed, head.n, s->sealed.n);
	return 0;
}

static int fake_unbox(void *data, struct call *c, struct str box, struct str *out)
{
	if (!str_starts(box, STR("box:")))
		return call_fail(c, ERROR_CREDENTIAL_CORRUPT, "corrupt");
	*out = str_slice(box, 4, box.n);
	return 0;
}

static int fake_data_key(void *data, struct call *c, int64_t *out)
{
	return err_trace(store_data_key_add(c->tx, STR("k"), out));
}

static int fake_master(void *data, struct call *c)
{
	return 0;
}

static int fake_hide(void *data, const struct credential *k, struct str value)
{
	return 0;
}

static void fake_retire(void *data, struct str id)
{
}

static struct str fake_where(void *data)
{
	return STR_NONE;
}

static struct str fake_clean(void *data, struct arena *a, struct str json)
{
	return json;
}

static const struct call_vault fake_vault = {
	.seal = fake_seal,
	.open = fake_open,
	.unbox = fake_unbox,
	.make_data_key = fake_data_key,
	.master_begin = fake_master,
	.master_seal = fake_master,
	.master_end = fake_master,
	.hide = fake_hide,
	.retire = fake_retire,
	.where = fake_where,
	.clean = fake_clean,
};

static int fake_check_actions(void *data, struct call *c, const char *field,
			      const struct action_list *actions)
{
	for (size_t i = 0; i < actions->n; i++)
		if (!verb_find(actions->v[i].verb))
			return call_fail_field(c, ERROR_INVALID_PARAMS, field, "no such verb");
	return 0;
}

/* The first one's value is wanted as text has it; the other kinds are looked at one by one. */
static int fake_check_predicates(void *data, struct call *c, const char *field,
				 const struct event_predicate_list *where, struct call_wanted *out)
{
	int64_t i;

	if (!where->n || !str_to_i64(where->v[0].value, &i))
		return 0;
	out->path = where->v[0].path;
	out->value = str_fmt(c->arena, "i%lld", (long long)i);
	return out->value.p ? 0 : err_nomem();
}

/* As good as sealed. */
static int fake_hook_secret(void *data, struct call *c, struct call_hook_secret *s)
{
	if (!s->text.p)
		s->text = str_dup(c->arena, STR("whs_made"));
	s->sealed = str_fmt(c->arena, "sealed %.*s", STR_ARG(s->text));
	return s->sealed.p ? 0 : err_nomem();
}

static int fake_echo(void *data, struct call *c, const struct store_channel *channel,
		     struct str chat, struct channel_arrival *out, struct str *fault)
{
	struct world *w = data;

	*fault = w->echo_fault;
	*out = (struct channel_arrival){
		.message = { .chat = chat, .from = STR("test"), .text = STR("a test") },
		.keys = { ARENA_ARRAY(c->arena, 1, struct str), 1 },
	};
	if (!out->keys.v)
		return err_nomem();
	out->keys.v[0] = str_fmt(c->arena, "echo %u", ++w->n_keys);
	return out->keys.v[0].p ? 0 : err_nomem();
}

int world_open(struct world *w)
{
	store_options_init(&w->o);
	w->clock = (struct clock){ .is_fake = true,
				   .fake_wall_ms = 1795255200000,
				   .fake_boot_us = 1000000 };
	w->o.clock = &w->clock;
	w->o.database = test_path("questd.db");
	w->o.lock = test_path("questd.lock");
	w->o.backups = test_path("backups");
	w->o.instance = test_path("instance");
	w->o.ballast_bytes = 0;
	w->principal = (struct principal){ .id = STR("uid:1000"),
					   .kind = PRINCIPAL_KIND_OWNER,
					   .roles = UINT32_MAX,
					   .verbs = authority_verbs_of(UINT32_MAX),
					   .is_owner = true };
	w->server = (struct call_server){
		.data = w,
		.config = fake_config,
		.make_key = fake_key,
		.chain = fake_chain,
		.check_actions = fake_check_actions,
		.check_predicates = fake_check_predicates,
		.vault = fake_vault,
		.seal_hook_secret = fake_hook_secret,
		.echo_channel = fake_echo,
	};
	arena_init(&w->arena, 0);
	return store_open(&w->o, &w->store, &w->problem);
}

/* What rows count of each other is counted again. */
static void check_store(struct world *w)
{
	struct str_list wrong = { NULL, 0 };
	struct store_tx tx;

	if (CHECK_OK(store_begin(w->store)) &&
	    CHECK_OK(store_call_begin(w->store, &w->arena, 0, &tx)))
		CHECK_OK(store_check(&tx, false, &wrong));
	store_rollback(w->store);
	for (size_t i = 0; i < wrong.n; i++)
		CHECK_STR(wrong.v[i], "as counted");
}

/* Whatever kinds of events came, a filter may name them. */
static void check_kinds(struct world *w)
{
	struct str_list kinds = world_rows(w, "select distinct kind from events");

	w->is_starving = false;
	for (size_t i = 0; i < kinds.n; i++)
		CHECK_STR(world_text(world_say(w, "events.list", "{'kinds': ['%.*s'], 'limit': 1}",
					       STR_ARG(kinds.v[i])),
				     "items.0.kind"),
			  kinds.v[i].p);
}

void world_deinit(struct world *w)
{
	if (w->store) {
		check_store(w);
		check_kinds(w);
	}
	w->store = store_close(w->store);
	arena_deinit(&w->arena);
}

static const struct json *parse(struct world *w, struct str text)
{
	struct json *value = ARENA_NEW(&w->arena, struct json);

	if (!CHECK(value) || !CHECK_INT(json_parse(&w->arena, text, value, NULL), 0))
		return &nothing;
	return value;
}

static void put_data(struct json_out *out, const struct call_datum *d)
{
	json_key(out, str_from(d->key));
	if (d->kind == CALL_DATUM_INT) {
		json_int(out, d->i);
	} else if (d->kind == CALL_DATUM_STR) {
		json_str(out, d->s);
	} else {
		json_begin_array(out);
		for (size_t i = 0; i < d->list.n; i++)
			json_str(out, d->list.v[i]);
		json_end_array(out);
	}
}

static void put_failure(struct json_out *out, const struct call_failure *f)
{
	json_begin_object(out);
	JSON_KV_STR(out, "error", error_table[f->code].name);
	JSON_KV_STR(out, "message", f->message);
	if (f->field.p)
		JSON_KV_STR(out, "field", f->field);
	if (f->hint.p)
		JSON_KV_STR(out, "hint", f->hint);
	for (size_t i = 0; i < f->n_data; i++)
		put_data(out, &f->data[i]);
	json_end_object(out);
}

/* What the call came to, as text; the batch is over. */
static void finish(struct world *w, const struct verb *v, struct call *c, void *result, int e,
		   struct buf *text)
{
	struct json_out out = json_out(text);

	CHECK_INT(e == 0 ? store_call_keep(w->store) : store_call_undo(w->store), 0);
	CHECK_INT(store_commit(w->store), 0);
	if (e == 0) {
		shape_encode(v->result, result, &out);
	} else if (e == CALL_FAILED) {
		put_failure(&out, &c->failure);
	} else if (e == CALL_WAIT) {
		w->wait = c->wait;
		json_begin_object(&out);
		JSON_KV_STR(&out, "waits_for", c->wait.subject);
		json_end_object(&out);
	} else {
		CHECK_OK(e);
		json_null(&out);
	}
}

static int call_verb(struct world *w, const struct verb *v, const void *params, void *result,
		     struct arena *a, struct call *c, struct store_tx *tx)
{
	*c = (struct call){ .verb = v,
			    .principal = &w->principal,
			    .arena = a,
			    .tx = tx,
			    .store = w->store,
			    .server = &w->server,
			    .now_ms = clock_wall_ms(&w->clock),
			    .connection = w->connection,
			    .is_time_over = w->is_time_over };
	if (!CHECK_OK(store_begin(w->store)) ||
	    !CHECK_OK(store_call_begin(w->store, a, c->now_ms, tx)))
		return CALL_AGAIN;
	return verb_functions[v->id](c, params, result);
}

/* An arena with so many bytes left, and no more to come. */
static bool leave_room(struct arena *a, size_t room)
{
	arena_init(a, 0);
	while ((size_t)(a->end - a->at) < ROOM_MAX)
		if (!CHECK(arena_alloc(a, 1024)))
			return false;
	a->limit = a->n_bytes;
	return CHECK(arena_alloc(a, (size_t)(a->end - a->at) - room));
}

/* The call again and again with a little more memory, until there is enough; each time it is
 * undone. */
static void starve(struct world *w, const struct verb *v, const void *params)
{
	for (size_t room = 0; room < ROOM_MAX; room += 16) {
		CLEANUP(arena_deinit) struct arena a;
		struct store_tx tx;
		struct call c;
		void *result = arena_zalloc(&w->arena, v->result->size);
		int e = leave_room(&a, room) ? call_verb(w, v, params, result, &a, &c, &tx) : 0;

		if (e < 0)
			CHECK_FAULT(e, ERR_NOMEM);
		store_rollback(w->store);
		if (e >= 0 && !a.is_out)
			return;
		w->n_starved++;
	}
}

static const struct json *run(struct world *w, const struct verb *v, const void *params)
{
	CLEANUP(buf_deinit) struct buf text;
	void *result = arena_zalloc(&w->arena, v->result->size);
	struct store_tx tx;
	struct call c;
	int e;

	if (w->is_starving)
		starve(w, v, params);
	buf_init(&text, 0);
	e = call_verb(w, v, params, result, &w->arena, &c, &tx);
	finish(w, v, &c, result, e, &text);
	return parse(w, str_dup(&w->arena, buf_str(&text)));
}

const struct json *world_say(struct world *w, const char *verb, const char *fmt, ...)
{
	const struct verb *v = verb_find(str_from(verb));
	struct shape_faults faults = { .n = 0 };
	char *text = arena_alloc(&w->arena, PARAMS_MAX);
	const struct json *given;
	va_list args;
	void *params;

	if (!CHECK(v) || !CHECK(text))
		return &nothing;
	va_start(args, fmt);
	CHECK(vsnprintf(text, PARAMS_MAX, fmt, args) < PARAMS_MAX);
	va_end(args);
	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	given = parse(w, str_from(text));
	params = arena_zalloc(&w->arena, v->params->size);
	if (shape_decode(v->params, given, &w->arena, params, &faults))
		return parse(w,
			     str_fmt(&w->arena, "{\"error\":\"invalid_params\",\"field\":\"%.*s\"}",
				     STR_ARG(faults.v[0].field)));
	return run(w, v, params);
}

void world_wait(struct world *w, int64_t ms)
{
	struct principal system = { .id = STR("system"), .roles = UINT32_MAX };
	bool has_more = true;
	int64_t due;

	clock_advance(&w->clock, ms);
	while (has_more) {
		struct store_tx tx;
		struct call c = { .principal = &system,
				  .arena = &w->arena,
				  .tx = &tx,
				  .store = w->store,
				  .server = &w->server,
				  .now_ms = clock_wall_ms(&w->clock) };

		if (!CHECK_OK(store_begin(w->store)) ||
		    !CHECK_OK(store_call_begin(w->store, &w->arena, c.now_ms, &tx)) ||
		    !CHECK_OK(tasks_tick(&c, 200, &has_more)) ||
		    !CHECK_OK(store_mail_tick(&tx, 200, &has_more)) ||
		    !CHECK_OK(schedules_tick(&c, 200, &has_more)))
			return;
		CHECK_OK(store_call_keep(w->store));
		CHECK_OK(store_commit(w->store));
		due = store_news(w->store)->due_at;
		has_more |= due && due <= store_steady_ms(w->store);
	}
}

const struct json *world_at(const struct json *o, const char *path)
{
	struct str rest = str_from(path);

	while (o && rest.p) {
		struct str key = str_cut(&rest, '.');
		int64_t i;

		if (o->type == JSON_ARRAY && str_to_i64(key, &i))
			o = i < (int64_t)o->n ? &o->items[i] : NULL;
		else
			o = json_get(o, key);
	}
	return o;
}

struct str world_text(const struct json *o, const char *path)
{
	const struct json *v = world_at(o, path);

	return v && v->type == JSON_STRING ? v->s : STR_NONE;
}

int64_t world_int(const struct json *o, const char *path)
{
	const struct json *v = world_at(o, path);

	if (v && v->type == JSON_BOOL)
		return v->b;
	return v && v->type == JSON_INT ? v->i : 0;
}

size_t world_count(const struct json *o, const char *path)
{
	const struct json *v = world_at(o, path);

	return v && v->type == JSON_ARRAY ? v->n : 0;
}

struct str_list world_rows(struct world *w, const char *sql)
{
	struct str_list rows = { NULL, 0 };
	struct store_tx tx;

	if (CHECK_OK(store_begin(w->store)) &&
	    CHECK_OK(store_call_begin(w->store, &w->arena, 0, &tx)))
		CHECK_OK(db_exec_lines(tx.db, sql, &w->arena, 100, &rows));
	store_rollback(w->store);
	return rows;
}

struct str world_refusal(struct world *w, const char *sql)
{
	struct str reason = STR_NONE;
	struct err_report report;
	struct store_tx tx;
	int e;

	if (!CHECK_OK(store_begin(w->store)) ||
	    !CHECK_OK(store_call_begin(w->store, &w->arena, 0, &tx)))
		return reason;
	e = db_exec(tx.db, sql);
	if (e) {
		err_take(e, &report);
		reason = str_dup(&w->arena, str_from(report.text));
	}
	store_rollback(w->store);
	return reason;
}
