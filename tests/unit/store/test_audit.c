/* SPDX-License-Identifier: Apache-2.0 */
#include "store/audit.h"

#include "store/rows.h"
#include "tests/unit/store/world.h"

static void add(struct world *w, const char *principal, enum audit_outcome outcome)
{
	struct store_audit_head head;
	struct audit_entry e = { .principal = str_from(principal),
				 .verb = STR("a.b"),
				 .outcome = outcome };
	struct store_tx tx;

	CHECK_OK(world_write_begin(w, &tx));
	CHECK_OK(store_audit_head(&tx, &head));
	e.seq = head.seq + 1;
	e.at = tx.now_ms;
	e.hash = str_fmt(tx.arena, "hash-%lld", (long long)e.seq);
	CHECK_OK(store_audit_add(&tx, &e));
	CHECK_OK(world_write_end(w));
}

TEST(audit_text_of_two_rows_is_never_the_same)
{
	struct audit_entry a = { .principal = STR("p"), .verb = STR("v"), .target = STR("ab") };
	struct audit_entry b = a, c = a, d = a;
	struct arena arena;
	struct str text;

	arena_init(&arena, 0);
	b.target = STR("a");
	b.reason = STR("b");
	c.target = STR_NONE;
	d.target = STR("");
	text = store_audit_text(&arena, &a);
	CHECK(!str_eq(text, store_audit_text(&arena, &b)));
	CHECK(!str_eq(store_audit_text(&arena, &c), store_audit_text(&arena, &d)));
	a.seq = 1;
	CHECK(!str_eq(text, store_audit_text(&arena, &a)));
	arena_deinit(&arena);
}

TEST(audit_pages_are_those_that_were_asked_for)
{
	WORLD_OPEN(w);
	struct store_audit_filter f = { .limit = 2 };
	struct audit_entry_list page;
	struct store_tx tx;
	int64_t after;

	for (int i = 0; i < 6; i++)
		add(&w, i % 2 ? "ann" : "bob", 1 + i % 3);
	CHECK_OK(world_read_begin(&w, &tx));
	CHECK_OK(store_audit_page(&tx, &f, &page, &after));
	CHECK_INT(page.n, 2);
	CHECK_INT(after, 2);
	f = (struct store_audit_filter){ .limit = 9, .principal = STR("ann") };
	CHECK_OK(store_audit_page(&tx, &f, &page, &after));
	CHECK_INT(page.n, 3);
	CHECK_INT(after, 0);
	f = (struct store_audit_filter){ .limit = 9, .outcome = AUDIT_OUTCOME_DENIED };
	CHECK_OK(store_audit_page(&tx, &f, &page, &after));
	CHECK_INT(page.n, 2);
	CHECK_INT(page.v[0].seq, 3);
	f = (struct store_audit_filter){ .limit = 9, .since_ms = tx.now_ms + 1 };
	CHECK_OK(store_audit_page(&tx, &f, &page, &after));
	CHECK_INT(page.n, 0);
	world_read_end(&w);
}

TEST(audit_retention_leaves_what_the_chain_hangs_on)
{
	WORLD_OPEN(w);
	struct store_audit_head floor, head;
	struct store_tx tx;
	int64_t next;

	add(&w, "ann", AUDIT_OUTCOME_DONE);
	add(&w, "ann", AUDIT_OUTCOME_DONE);
	clock_advance(&w.clock, w.o.keep_audit_ms);
	add(&w, "ann", AUDIT_OUTCOME_DONE);
	clock_advance(&w.clock, 2000);
	CHECK_OK(store_housekeep(w.store, &next));
	CHECK_OK(world_read_begin(&w, &tx));
	CHECK_OK(store_audit_floor(&tx, &floor));
	CHECK_INT(floor.seq, 2);
	CHECK_STR(floor.hash, "hash-2");
	world_read_end(&w);
	/* and when nothing is left the next row hangs on the last that was */
	clock_advance(&w.clock, w.o.keep_audit_ms);
	CHECK_OK(store_housekeep(w.store, &next));
	CHECK_OK(world_read_begin(&w, &tx));
	CHECK_OK(store_audit_head(&tx, &head));
	CHECK_INT(head.seq, 3);
	CHECK_STR(head.hash, "hash-3");
	world_read_end(&w);
}

TEST(audit_reads_add_up_a_day_and_go_with_retention)
{
	WORLD_OPEN(w);
	struct audit_entry_list page;
	struct store_tx tx;
	int64_t day = clock_wall_ms(&w.clock) / STORE_DAY_MS, next;

	CHECK_OK(world_write_begin(&w, &tx));
	CHECK_OK(store_audit_reads_add(&tx, day, STR("ann"), 3));
	CHECK_OK(store_audit_reads_add(&tx, day, STR("ann"), 4));
	CHECK_OK(store_audit_reads_add(&tx, day, STR("bob"), 1));
	CHECK_OK(world_write_end(&w));
	CHECK_OK(world_read_begin(&w, &tx));
	CHECK_OK(store_audit_reads_page(&tx, day - 1, STR("x"), 10, &page));
	CHECK_INT(page.n, 2);
	CHECK_INT(page.v[0].reads, 7);
	CHECK_OK(store_audit_reads_page(&tx, day, STR("ann"), 10, &page));
	CHECK_INT(page.n, 1);
	world_read_end(&w);
	clock_advance(&w.clock, w.o.keep_audit_ms + STORE_DAY_MS);
	CHECK_OK(store_housekeep(w.store, &next));
	CHECK_OK(world_read_begin(&w, &tx));
	CHECK_OK(store_audit_reads_page(&tx, 0, STR(""), 10, &page));
	CHECK_INT(page.n, 0);
	world_read_end(&w);
}

TEST(audit_floor_that_is_no_seq_and_hash_is_a_fault)
{
	static const char *const texts[] = { "", "7", "x hash", " hash" };
	WORLD_OPEN(w);
	struct store_audit_head head;
	struct store_tx tx;

	CHECK_OK(world_write_begin(&w, &tx));
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		CHECK_OK(store_meta_set(&tx, STR("audit_floor"), str_from(texts[i])));
		CHECK_FAULT(store_audit_head(&tx, &head), ERR_CORRUPT);
	}
	CHECK_OK(world_write_end(&w));
}

TEST(audit_pages_of_reads_stop_where_they_were_asked_to)
{
	WORLD_OPEN(w);
	struct audit_entry_list page;
	struct store_tx tx;

	CHECK_OK(world_write_begin(&w, &tx));
	CHECK_OK(store_audit_reads_add(&tx, 1, STR("ann"), 1));
	CHECK_OK(store_audit_reads_add(&tx, 1, STR("bob"), 1));
	CHECK_OK(store_audit_reads_page(&tx, 0, STR(""), 1, &page));
	CHECK_INT(page.n, 1);
	CHECK_OK(world_write_end(&w));
}

TEST(audit_pages_look_at_a_bounded_number_of_rows)
{
	WORLD_OPEN(w);
	struct audit_entry row = { .principal = STR("ann"),
				   .verb = STR("a.b"),
				   .hash = STR("h"),
				   .outcome = AUDIT_OUTCOME_DONE };
	struct store_audit_filter f = { .limit = 5, .since_ms = 1 };
	struct audit_entry_list page;
	struct store_tx tx;
	int64_t after;

	CHECK_OK(world_write_begin(&w, &tx));
	for (row.seq = 1; row.seq <= ROWS_EXAMINED_MAX + 1; row.seq++)
		CHECK_OK(store_audit_add(&tx, &row));
	CHECK_OK(store_audit_page(&tx, &f, &page, &after));
	CHECK_INT(page.n, 0);
	CHECK_INT(after, ROWS_EXAMINED_MAX);
	f.after = after;
	CHECK_OK(store_audit_page(&tx, &f, &page, &after));
	CHECK_INT(after, 0);
	CHECK_OK(world_write_end(&w));
}
