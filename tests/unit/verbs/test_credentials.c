/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials where the front door does not come: at their bounds, half sealed. */
#include "handlers.gen.h"
#include "store/credentials.h"
#include "store/db.h"
#include "tests/unit/verbs/world.h"

#define INGEST "credentials.ingest", "{'name': '%s', 'value': 'the-value-of-%s'}"

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
