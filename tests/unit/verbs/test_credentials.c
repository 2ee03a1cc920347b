/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials where the front door does not come: of other objects, at their bounds, half sealed.
 */
#include "handlers.gen.h"
#include "store/credentials.h"
#include "store/db.h"
#include "tests/unit/verbs/world.h"
#include "verbs/secrets.h"

#define INGEST "credentials.ingest", "{'name': '%s', 'value': 'the-value-of-%s'}"

/* A call in a transaction of its own, as a verb of another object has it. */
static int within(struct world *w, int (*run)(struct call *c, void *data), void *data)
{
	struct call c = { .principal = &w->principal,
			  .arena = &w->arena,
			  .store = w->store,
			  .server = &w->server,
			  .now_ms = 1 };
	struct store_tx tx;
	int e = store_begin(w->store);

	if (!CHECK_OK(e) || !CHECK_OK(store_call_begin(w->store, &w->arena, 1, &tx)))
		return -1;
	c.tx = &tx;
	e = run(&c, data);
	if (e) {
		store_rollback(w->store);
		return c.failure.code ? (int)c.failure.code : e;
	}
	CHECK_OK(store_call_keep(w->store));
	CHECK_OK(store_commit(w->store));
	return 0;
}

static const struct secret_of hook = { STR("hook:1"), STR("signing") };

static int keep(struct call *c, void *data)
{
	return secret_keep(c, &hook, str_from(data));
}

static int read_it(struct call *c, void *data)
{
	return secret_read(c, &hook, data);
}

static int drop(struct call *c, void *data)
{
	return secret_drop(c, hook.owner);
}

TEST(secrets_of_other_objects_are_kept_read_and_dropped)
{
	struct str value = STR_NONE;
	const struct json *list;
	WORLD_OPEN(w);

	CHECK_INT(within(&w, read_it, &value), ERROR_NOT_FOUND);
	CHECK_OK(within(&w, keep, (void *)"whsec-first"));
	CHECK_OK(within(&w, keep, (void *)"whsec-second"));
	CHECK_OK(within(&w, read_it, &value));
	CHECK_STR(value, "whsec-second");
	list = world_say(&w, "credentials.list", "{}");
	CHECK_STR(world_text(list, "items.0.scope"), "internal");
	CHECK_INT(world_int(list, "items.0.version"), 2);
	CHECK_ERROR(world_say(&w, "credentials.delete", "{'id': '%.*s', 'confirm': true}",
			      STR_ARG(world_text(list, "items.0.id"))),
		    "conflict");
	w.is_vault_locked = true;
	CHECK_INT(within(&w, read_it, &value), ERROR_CREDENTIALS_LOCKED);
	CHECK_INT(within(&w, keep, (void *)"whsec-third"), ERROR_CREDENTIALS_LOCKED);
	w.is_vault_locked = false;
	CHECK_OK(within(&w, drop, NULL));
	CHECK_INT(within(&w, read_it, &value), ERROR_NOT_FOUND);
}

TEST(credentials_are_bounded)
{
	WORLD_OPEN(w);

	for (int i = 0; i < STORE_CREDENTIALS_MAX; i++)
		world_say(&w, "credentials.ingest", "{'name': 'N%d', 'value': 'a-value-%d'}", i, i);
	CHECK_ERROR(world_say(&w, "credentials.ingest", "{'name': 'X', 'value': 'one-more'}"),
		    "conflict");
	CHECK_INT(world_int(world_say(&w, "credentials.ingest",
				      "{'name': 'N7', 'value': 'another'}"),
			    "version"),
		  2);
}

/* As the dispatcher runs it: a look on the loop, then step by step. CALL_FAILED gives the code. */
static int rotate(struct world *w, bool master, struct credentials_rotate_result *out)
{
	const struct credentials_rotate_params p = { .master = master };
	struct call c = { .principal = &w->principal,
			  .arena = &w->arena,
			  .store = w->store,
			  .server = &w->server,
			  .now_ms = 1 };
	int e = credentials_rotate(&c, &p, out);

	while (e == CALL_AGAIN)
		e = credentials_rotate(&c, &p, out);
	return e == CALL_FAILED ? (int)c.failure.code : e;
}

static void change(struct world *w, const char *sql)
{
	struct store_tx tx;

	CHECK_OK(store_begin(w->store));
	CHECK_OK(store_call_begin(w->store, &w->arena, 0, &tx));
	CHECK_OK(db_exec(tx.db, sql));
	CHECK_OK(store_call_keep(w->store));
	CHECK_OK(store_commit(w->store));
}

TEST(f_35_a_rotation_that_was_cut_short_is_finished_by_the_next)
{
	struct credentials_rotate_result r;
	WORLD_OPEN(w);

	CHECK_INT(rotate(&w, false, &r), 0);
	CHECK_INT(r.data_key, 1);
	world_say(&w, INGEST, "A", "A");
	world_say(&w, INGEST, "B", "B");
	/* as if the server had been killed between two steps */
	change(&w, "insert into data_keys (sealed, created_at) values ('k', 1)");
	CHECK_INT(rotate(&w, false, &r), 0);
	CHECK_INT(r.data_key, 2);
	CHECK_INT(r.resealed, 2);
	CHECK_INT(r.removed, 1);
	CHECK_INT(rotate(&w, true, &r), 0);
	CHECK_INT(r.data_key, 3);
	CHECK_INT(r.resealed, 2);
}

TEST(tm_cry_01_what_is_broken_stays_and_keeps_its_key)
{
	struct credentials_rotate_result r;
	WORLD_OPEN(w);

	world_say(&w, INGEST, "A", "A");
	world_say(&w, INGEST, "B", "B");
	change(&w, "update credentials set name = 'C' where name = 'B'");
	CHECK_INT(rotate(&w, false, &r), 0);
	CHECK_INT(r.corrupt, 1);
	CHECK_INT(r.resealed, 1);
	CHECK_INT(r.removed, 0);
	w.is_vault_locked = true;
	CHECK_INT(rotate(&w, false, &r), ERROR_CREDENTIALS_LOCKED);
}
