/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "store/db.h"
#include "tests/unit/store/world.h"

static int add(struct store_tx *tx, const char *kind)
{
	struct store_event_new e = { str_from(kind), STR("test"), STR_NONE, STR("{}") };

	return store_event_add(tx, &e, NULL);
}

TEST(store_an_undone_call_leaves_no_trace_and_events_stay_dense)
{
	WORLD_OPEN(w);
	struct store_tx tx;
	struct event e;
	struct str value;

	CHECK_OK(store_begin(w.store));
	CHECK_OK(store_call_begin(w.store, &w.arena, 1, &tx));
	CHECK_OK(add(&tx, "kept.first"));
	CHECK_OK(store_call_keep(w.store));
	CHECK_OK(store_call_begin(w.store, &w.arena, 2, &tx));
	CHECK_OK(add(&tx, "undone"));
	CHECK_OK(store_meta_set(&tx, STR("k"), STR("v")));
	CHECK_OK(store_call_undo(w.store));
	CHECK_OK(store_call_begin(w.store, &w.arena, 3, &tx));
	CHECK_OK(add(&tx, "kept.second"));
	CHECK_OK(store_call_keep(w.store));
	CHECK_OK(store_commit(w.store));

	CHECK_INT(world_head(&w), 2);
	CHECK_OK(world_read_begin(&w, &tx));
	CHECK_OK(store_event_get(&tx, 2, &e));
	CHECK_STR(e.kind, "kept.second");
	CHECK_INT(e.time, 3);
	CHECK_INT(store_meta_get(&tx, STR("k"), &value), STORE_NONE);
	world_read_end(&w);
}

TEST(store_a_call_without_a_savepoint_says_when_it_cannot_be_undone_alone)
{
	WORLD_OPEN(w);
	struct store_tx tx;

	CHECK_OK(store_begin(w.store));
	store_call_begin_bare(w.store, &w.arena, 1, &tx);
	CHECK_OK(add(&tx, "kept"));
	CHECK_OK(store_call_keep(w.store));
	store_call_begin_bare(w.store, &w.arena, 2, &tx);
	CHECK_OK(store_call_undo(w.store)); /* it has changed nothing */
	store_call_begin_bare(w.store, &w.arena, 3, &tx);
	CHECK_OK(add(&tx, "halfway"));
	CHECK_INT(store_call_undo(w.store), STORE_SPOILT);
	store_rollback(w.store);
	CHECK_INT(world_head(&w), 0);
	CHECK_INT(world_fire(&w, "after"), 1);
}

TEST(store_a_batch_that_is_rolled_back_never_was)
{
	WORLD_OPEN(w);
	struct store_tx tx;
	uint64_t version = store_version(w.store);

	CHECK_OK(world_write_begin(&w, &tx));
	CHECK_OK(add(&tx, "gone"));
	CHECK_OK(store_call_keep(w.store));
	store_rollback(w.store);
	CHECK_INT(store_version(w.store), version);
	CHECK_INT(world_fire(&w, "first"), 1);
	CHECK_INT(store_version(w.store), version + 1);
}

TEST(store_a_refusal_by_a_constraint_names_it_and_leaves_the_call_whole)
{
	WORLD_OPEN(w);
	struct store_tx tx;
	struct db_stmt *q;

	CHECK_INT(world_fire(&w, "a.b"), 1);
	CHECK_OK(world_write_begin(&w, &tx));
	CHECK_OK(db_exec(tx.db, "create temp table t (name text unique) strict"));
	CHECK_OK(db_stmt(tx.db, SQL_REPLY_ADD, &q));
	CHECK_INT(db_run(q), DB_CONSTRAINT); /* all null */
	CHECK_STR(db_reason(tx.db), "replies.at_ms");
	CHECK_OK(add(&tx, "after"));
	CHECK_OK(world_write_end(&w));
	CHECK_INT(world_head(&w), 2);
}

TEST(store_events_never_change)
{
	WORLD_OPEN(w);
	struct store_tx tx;
	int e;

	CHECK_INT(world_fire(&w, "a.b"), 1);
	CHECK_OK(world_write_begin(&w, &tx));
	e = db_exec(tx.db, "update events set kind = 'x' where seq = 1");
	if (CHECK(e < 0)) {
		struct err_report r;

		err_take(e, &r);
		CHECK_HAS(str_from(r.text), "events.never_change");
	}
	CHECK_OK(store_call_undo(w.store));
	store_rollback(w.store);
}

TEST(store_text_comes_back_as_it_went_in)
{
	WORLD_OPEN(w);
	struct store_tx tx;
	struct str got;

	CHECK_OK(world_write_begin(&w, &tx));
	CHECK_OK(store_meta_set(&tx, STR("empty"), STR("")));
	CHECK_OK(store_meta_set(&tx, STR("zero"), STR("a\0b")));
	CHECK_OK(store_meta_set(&tx, STR("script"), STR("東京 \xF0\x9F\x99\x82")));
	CHECK_OK(world_write_end(&w));
	CHECK_OK(world_read_begin(&w, &tx));
	CHECK_OK(store_meta_get(&tx, STR("empty"), &got));
	CHECK_STR_EQ(got, STR(""));
	CHECK_OK(store_meta_get(&tx, STR("zero"), &got));
	CHECK_STR_EQ(got, STR("a\0b"));
	CHECK_OK(store_meta_get(&tx, STR("script"), &got));
	CHECK_STR_EQ(got, STR("東京 \xF0\x9F\x99\x82"));
	world_read_end(&w);
}

TEST(store_a_reader_sees_what_was_committed_when_its_call_began)
{
	WORLD_OPEN(w);
	struct store_tx tx;
	int64_t floor, head;

	CHECK_INT(world_fire(&w, "one"), 1);
	CHECK_OK(world_read_begin(&w, &tx));
	CHECK_INT(world_fire(&w, "two"), 2);
	CHECK_OK(store_event_bounds(&tx, &floor, &head));
	CHECK_INT(head, 1);
	world_read_end(&w);
	CHECK_INT(world_head(&w), 2);
}

TEST(store_a_reader_that_kept_its_snapshot_still_sees_the_next_commit)
{
	WORLD_OPEN(w);

	for (int i = 1; i <= 20; i++) {
		CHECK_INT(world_head(&w), i - 1);
		CHECK_INT(world_head(&w), i - 1);
		CHECK_INT(world_fire(&w, "more"), i);
		if (i % 3 == 0)
			store_reader_idle(w.reader);
	}
}

TEST(store_a_reader_cannot_write)
{
	WORLD_OPEN(w);
	struct store_tx tx;

	CHECK_OK(world_read_begin(&w, &tx));
	CHECK_FAULT(store_meta_set(&tx, STR("k"), STR("v")), ERR_READONLY);
	world_read_end(&w);
}

TEST(store_a_scan_that_grows_too_old_is_interrupted)
{
	WORLD_OPEN(w);
	struct store_reader *scan;
	struct store_tx tx;
	int64_t n;

	CHECK_OK(store_reader_new(w.store, false, &scan));
	CHECK_OK(store_read_begin(scan, &w.arena, 0, &tx));
	clock_advance(&w.clock, 30001);
	CHECK_FAULT(
	    db_exec_i64(
		tx.db,
		"with recursive c(n) as (select 1 union all select n + 1 from c limit 1000000) "
		"select count(*) from c",
		&n),
	    ERR_INTERRUPT);
	store_read_end(scan);
	CHECK_OK(store_read_begin(scan, &w.arena, 0, &tx));
	CHECK_OK(db_exec_i64(
	    tx.db,
	    "with recursive c(n) as (select 1 union all select n + 1 from c limit 100000) "
	    "select count(*) from c",
	    &n));
	CHECK_INT(n, 100000);
	store_read_end(scan);
	store_reader_free(scan);
}

TEST(store_a_step_of_long_work_takes_as_long_as_it_does)
{
	WORLD_OPEN(w);
	struct store_reader *scan;
	struct store_check check;
	struct store_tx tx;
	int e = STORE_MORE;

	CHECK_OK(world_fill(&w, 2000, 10)); /* enough rows for SQLite to look at the time */
	CHECK_OK(store_reader_new(w.store, false, &scan));
	for (int is_step = 0; is_step < 2; is_step++) {
		store_reader_take_steps(scan, is_step);
		CHECK_OK(store_read_begin(scan, &w.arena, 0, &tx));
		CHECK_OK(store_check_begin(&tx, false, 0, &check));
		clock_advance(&w.clock, 3600 * 1000);
		while (e == STORE_MORE)
			e = store_check_step(&tx, &check);
		if (!is_step)
			CHECK_FAULT(e, ERR_INTERRUPT);
		else
			CHECK_OK(e);
		store_read_end(scan);
		e = STORE_MORE;
	}
	CHECK_INT(check.problems.n, 0);
	CHECK_INT(check.n_done, check.n_all);
	CHECK(check.n_all > 20); /* the catalogue, tables, references, counts */
	store_reader_free(scan);
}

TEST(store_a_reply_is_found_by_principal_method_and_request)
{
	WORLD_OPEN(w);
	struct store_reply reply = { STR("digest"), STR("{\"ok\":true}") }, got;
	struct store_tx tx;

	CHECK_OK(world_write_begin(&w, &tx));
	CHECK_INT(store_reply_find(&tx, STR("uid:1"), STR("a.b"), STR("r1"), &got), STORE_NONE);
	CHECK_OK(store_reply_add(&tx, STR("uid:1"), STR("a.b"), STR("r1"), &reply));
	CHECK_OK(world_write_end(&w));
	CHECK_OK(world_read_begin(&w, &tx));
	CHECK_OK(store_reply_find(&tx, STR("uid:1"), STR("a.b"), STR("r1"), &got));
	CHECK_STR(got.digest, "digest");
	CHECK_STR(got.result, "{\"ok\":true}");
	CHECK_INT(store_reply_find(&tx, STR("uid:2"), STR("a.b"), STR("r1"), &got), STORE_NONE);
	CHECK_INT(store_reply_find(&tx, STR("uid:1"), STR("a.c"), STR("r1"), &got), STORE_NONE);
	CHECK_INT(store_reply_find(&tx, STR("uid:1"), STR("a.b"), STR("r2"), &got), STORE_NONE);
	world_read_end(&w);
}

TEST(store_an_undone_calls_reply_is_not_kept)
{
	WORLD_OPEN(w);
	struct store_reply reply = { STR("digest"), STR("{}") }, got;
	struct store_tx tx;

	CHECK_OK(store_begin(w.store));
	CHECK_OK(store_call_begin(w.store, &w.arena, 1, &tx));
	CHECK_OK(store_reply_add(&tx, STR("p"), STR("m"), STR("r"), &reply));
	CHECK_OK(store_call_undo(w.store));
	CHECK_OK(store_call_begin(w.store, &w.arena, 1, &tx));
	CHECK_INT(store_reply_find(&tx, STR("p"), STR("m"), STR("r"), &got), STORE_NONE);
	CHECK_OK(store_reply_add(&tx, STR("p"), STR("m"), STR("r"), &reply));
	CHECK_OK(store_call_keep(w.store));
	CHECK_OK(store_commit(w.store));
}
