/* SPDX-License-Identifier: Apache-2.0 */
/* Everything the store does, with everything failing once that can: the n-th allocation (ours, then
 * SQLite's), the n-th system call of ours, the n-th file operation of SQLite, for each n until none
 * is hit. Of more than PLACES_MAX places as many are taken, lying evenly between the first and the
 * last (of fail points, which are not counted beforehand: ever further apart), so that the time
 * does not grow with the schema. Whatever comes of it, nothing crashes, a fault has a name, and the
 * store opens again afterwards with what was acknowledged (F-08, F-13, F-24). */
#include <limits.h>
#include <malloc.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/failpoint.h"
#include "base/fd.h"
#include "store/db.h"
#include "tests/crashvfs/crashvfs.h"
#include "tests/unit/alloc.h"
#include "tests/unit/store/world.h"
#include "tests/unit/sys.h"

enum { N_EVENTS = 30, PLACES_MAX = 32 };

void *__real_malloc(size_t n);
void *__real_realloc(void *p, size_t n);

/* Do SQLite's allocations count? */
static bool is_sqlite_counted;

static void *mem_alloc(int n)
{
	return is_sqlite_counted ? malloc((size_t)n) : __real_malloc((size_t)n);
}

static void *mem_realloc(void *p, int n)
{
	return is_sqlite_counted ? realloc(p, (size_t)n) : __real_realloc(p, (size_t)n);
}

static int mem_size(void *p)
{
	return p ? (int)malloc_usable_size(p) : 0;
}

static int mem_round_up(int n)
{
	return (n + 7) & ~7;
}

static int mem_init(void *data)
{
	return SQLITE_OK;
}

static void mem_shutdown(void *data)
{
}

/* Before anything opens a database. */
__attribute__((constructor)) static void stand_below_sqlite(void)
{
	static const sqlite3_mem_methods memory = { mem_alloc,    free,     mem_realloc,  mem_size,
						    mem_round_up, mem_init, mem_shutdown, NULL };

	if (sqlite3_config(SQLITE_CONFIG_MALLOC, &memory) != SQLITE_OK)
		abort();
	crashvfs_start("", 1);
}

/* What a scenario needs done before, what it does, and whether anybody may look inside afterwards.
 */
struct scenario {
	const char *name;
	void (*prepare)(struct world *w);
	int (*act)(struct world *w); /* the result is a problem's kind, negative, or 0 */
	bool is_reading;             /* through a reader: the store stays open */
};

static const char *copy_path(void)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/copy.db", test_dir());
	return path;
}

static void drop_all(struct world *w)
{
	static const char *const names[] = { "questd.db",      "questd.db-wal",
					     "questd.db-shm",  "questd.generation",
					     "questd.ballast", "copy.db",
					     "copy.db.part",   "instance",
					     "questd.db.new",  "questd.db.restored",
					     "questd.lock" };
	char path[512];

	world_close(w);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", test_dir(), names[i]);
		(void)unlink(path); /* most are not there */
	}
}

/* Failures counted here belong to the scenario's preparation. */
static void prepare_open(struct world *w)
{
	if (!w->store)
		CHECK_INT(world_open(w), 0);
	if (world_head(w) < N_EVENTS)
		CHECK_OK(world_fill(w, N_EVENTS, 200));
}

static void prepare_closed(struct world *w)
{
	prepare_open(w);
	world_close(w);
}

static void prepare_nothing(struct world *w)
{
	drop_all(w);
}

static void prepare_old(struct world *w)
{
	struct db *db = NULL;

	drop_all(w);
	CHECK_OK(db_open(w->o.database, DB_WRITER | DB_CREATE, &db));
	CHECK_OK(db_exec(db, sql_migrations[0].text));
	CHECK_OK(db_exec(
	    db, "pragma application_id = 1903391844; pragma user_version = 1;"
		"insert into meta values ('generation', 'old'), ('instance', 'old');"
		"insert into events (at_ms, kind, source, payload) values (1, 'a', 'b', '{}')"));
	CHECK_OK(db_fold_log(db));
	db_close(db);
}

static int act_open(struct world *w)
{
	return store_open(&w->o, &w->store, &w->problem);
}

static int act_open_read_only(struct world *w)
{
	struct store_options o = w->o;
	int64_t floor, head;
	struct store_tx tx;
	int e;

	o.read_only = true;
	e = store_open(&o, &w->store, &w->problem);
	if (!e)
		e = world_read_begin(w, &tx);
	if (e)
		return e;
	e = store_event_bounds(&tx, &floor, &head);
	world_read_end(w);
	return e;
}

static int act_close(struct world *w)
{
	world_close(w);
	return 0;
}

static int act_write(struct world *w)
{
	struct store_reply reply = { STR("d"), STR("{}") };
	struct store_event_new event = { STR("a"), STR("b"), STR_NONE, STR("{}") };
	struct store_tx tx;
	int e = world_write_begin(w, &tx);

	if (e)
		return e;
	e = store_event_add(&tx, &event, NULL);
	if (!e)
		e = store_meta_set(&tx, STR("k"), STR("v"));
	if (!e)
		e = store_reply_add(&tx, STR("p"), STR("m"), STR("r"), &reply);
	if (e || store_call_undo(w->store)) {
		store_rollback(w->store);
		return e;
	}
	e = store_call_begin(w->store, &w->arena, 1, &tx);
	if (!e)
		e = store_event_add(&tx, &event, NULL);
	if (!e)
		return world_write_end(w);
	store_rollback(w->store);
	return e;
}

static int read_all(struct store_tx *tx)
{
	struct store_event_filter all = { 0 }, of_subject = { .subject = STR("x") };
	struct event_list list;
	struct store_reply reply;
	struct event event;
	struct str value;
	int64_t to;
	int e = store_event_page(tx, &all, 0, 5, &list, &to);

	if (!e)
		e = store_event_list(tx, &of_subject, 0, 5, &list);
	if (!e)
		e = store_event_get(tx, 3, &event);
	if (!e)
		e = store_meta_get(tx, STR("generation"), &value);
	if (!e)
		e = store_reply_find(tx, STR("p"), STR("m"), STR("kept"), &reply);
	return e == STORE_NONE ? -ERR_INTERNAL : e;
}

/* A reader of its own, which has prepared nothing yet. */
static void prepare_reader(struct world *w)
{
	prepare_open(w);
	w->reader = store_reader_free(w->reader);
}

static void prepare_read(struct world *w)
{
	struct store_reply reply = { STR("d"), STR("{}") }, there;
	struct store_tx tx;

	prepare_reader(w);
	CHECK_OK(world_write_begin(w, &tx));
	if (store_reply_find(&tx, STR("p"), STR("m"), STR("kept"), &there))
		CHECK_OK(store_reply_add(&tx, STR("p"), STR("m"), STR("kept"), &reply));
	CHECK_OK(world_write_end(w));
}

static int act_read(struct world *w)
{
	struct store_tx tx;
	int e = world_read_begin(w, &tx);

	if (e)
		return e;
	e = read_all(&tx);
	world_read_end(w);
	return e;
}

static int check(struct world *w, bool is_quick)
{
	struct str_list problems = { 0 };
	struct store_tx tx;
	int e = world_read_begin(w, &tx);

	if (e)
		return e;
	e = store_check(&tx, is_quick, &problems);
	world_read_end(w);
	CHECK_INT(problems.n, 0);
	return e;
}

static int act_check(struct world *w)
{
	return check(w, false);
}

static int act_look(struct world *w)
{
	bool is_there;

	return store_look(&w->o, &is_there, &w->problem);
}

static int act_keep(struct world *w)
{
	int64_t next;

	return store_housekeep(w->store, &next);
}

static void prepare_old_rows(struct world *w)
{
	world_close(w);
	w->o.ballast_bytes = 1 << 20;
	w->o.keep_events_ms = 1000;
	prepare_open(w);
	CHECK_OK(act_keep(w)); /* what the last time left */
	CHECK_OK(world_fill(w, 10, 100));
	clock_advance(&w->clock, 2000);
}

static void prepare_full(struct world *w)
{
	struct store_tx tx;
	int64_t max;

	world_close(w);
	w->o.ballast_bytes = 1 << 20;
	prepare_open(w);
	CHECK_OK(world_write_begin(w, &tx));
	store_rollback(w->store);
	CHECK_OK(db_exec_i64(tx.db, "pragma max_page_count = 1", &max));
	CHECK_FAULT(world_fill(w, 500, 1000), ERR_FULL);
	CHECK_OK(db_exec_i64(tx.db, "pragma max_page_count = 100000", &max));
}

static void prepare_backup(struct world *w)
{
	prepare_open(w);
	(void)unlink(copy_path()); /* the first time there is none */
}

static int act_backup(struct world *w)
{
	struct store_job *job;
	int64_t done, all;
	int e = store_backup_new(w->store, copy_path(), &job);

	if (e)
		return e;
	do
		e = store_backup_step(job, &done, &all);
	while (e == STORE_MORE);
	store_backup_free(job);
	return e;
}

static void prepare_restore(struct world *w)
{
	prepare_open(w);
	if (!world_has(copy_path()))
		CHECK_OK(act_backup(w));
	world_close(w);
	clock_advance(&w->clock, 1);
}

static int act_restore(struct world *w)
{
	return store_restore(&w->o, copy_path(), &w->problem);
}

/* ---- what goes wrong ---- */

enum way {
	OUR_MEMORY,
	ALL_MEMORY,
	SYSTEM,
	SYSTEM_FULL,
	FILES,
	FILES_FULL,
	ARENAS, /* this and what follows: fail points */
	STATEMENTS,
	ROWS,
	N_WAYS,
};

static const char *const way_names[N_WAYS] = {
	"our allocation",     "any allocation", "system call",
	"system call (full)", "file operation", "file operation (full)",
	"arena_alloc",        "db_stmt",        "db_step",
};

static void arm(enum way way, unsigned n)
{
	is_sqlite_counted = way == ALL_MEMORY;
	alloc_fail_at(way <= ALL_MEMORY ? n : 0);
	sys_fail_at(way == SYSTEM || way == SYSTEM_FULL ? n : 0, way == SYSTEM ? EIO : ENOSPC);
	if (way >= ARENAS) {
		char fp[64];

		snprintf(fp, sizeof(fp), "%s:%u*return", way_names[way], n);
		fail_points_set(fp);
	}
	if (way != FILES && way != FILES_FULL)
		return;
	crashvfs_reset(test_dir());
	crashvfs_fail(CRASHVFS_ONCE, n, way == FILES_FULL);
}

/* Allocations, calls or operations since. */
static unsigned n_places(enum way way)
{
	return way <= ALL_MEMORY    ? alloc_n()
	       : way <= SYSTEM_FULL ? sys_n()
				    : (unsigned)crashvfs_n_operations();
}

/* Disarms; was the n-th reached? */
static bool disarm(enum way way, unsigned n)
{
	bool is_reached = way >= ARENAS ? fail_points_have_acted() : n_places(way) >= n;

	fail_points_set(NULL);
	alloc_fail_at(0);
	sys_fail_at(0, 0);
	crashvfs_reset("");
	return is_reached;
}

/* Everything is closed and opened again: is it sound, with all that was there? What only we know of
 * rows no scenario touches: it is looked at once, in the end. */
static bool is_sound(struct world *w, bool is_quick)
{
	struct store_options o = w->o;
	bool is_fine;

	world_close(w);
	err_forget();
	arena_reset(&w->arena);
	clock_advance(&w->clock, 1); /* a backup before a migration has another name */
	w->o.keep_events_ms = 0;
	is_fine = CHECK_INT(world_open(w), 0) && CHECK_OK(check(w, is_quick));
	w->o = o;
	return is_fine;
}

static void prepare(struct world *w, const struct scenario *s)
{
	arena_reset(&w->arena);
	clock_advance(&w->clock, 1); /* as in is_sound */
	s->prepare(w);
}

/* Does it with the n-th place failing; was there one? What fails in none must work. */
static bool fail_at(struct world *w, const struct scenario *s, enum way way, unsigned n)
{
	bool is_reached;
	int e;

	prepare(w, s);
	arm(way, n);
	e = s->act(w); /* anything goes; what is left counts */
	is_reached = disarm(way, n);
	if (is_reached)
		err_forget();
	else
		CHECK_OK(e);
	return is_reached;
}

/* So many places are passed at a time. */
static unsigned step_of(struct world *w, const struct scenario *s, enum way way)
{
	unsigned n;

	if (way != ALL_MEMORY && way != FILES && way != FILES_FULL)
		return 1;
	prepare(w, s);
	arm(way, UINT_MAX);
	CHECK_OK(s->act(w));
	n = n_places(way);
	(void)disarm(way, UINT_MAX);
	return 1 + n / PLACES_MAX;
}

static void fail_each(struct world *w, const struct scenario *s, enum way way)
{
	unsigned step = step_of(w, s, way);
	unsigned n = way == FILES_FULL ? 1 + step / 2 : 1; /* between the places of FILES */
	bool is_reached = true;

	for (; is_reached && CHECK(n < 100000); /* some day it ends */
	     n += step + (way >= ARENAS ? 2 * n / PLACES_MAX : 0)) {
		is_reached = fail_at(w, s, way, n);
		if ((!s->is_reading || !is_reached) && !is_sound(w, is_reached)) {
			printf("  %s, %s %u\n", s->name, way_names[way], n);
			drop_all(w);
		}
	}
}

static void fail_in_all_ways(struct scenario s)
{
	WORLD(w);
	struct store_options o = w.o;

	for (int way = 0; way < (FAIL_POINTS_BUILT ? N_WAYS : ARENAS); way++) {
		drop_all(&w);
		w.o = o;
		fail_each(&w, &s, (enum way)way);
	}
}

TEST(faults_while_opening)
{
	fail_in_all_ways((struct scenario){ "open", prepare_closed, act_open });
}

TEST(faults_while_opening_read_only)
{
	fail_in_all_ways((struct scenario){ "open read-only", prepare_closed, act_open_read_only });
}

TEST(faults_while_looking_at_a_closed_one)
{
	fail_in_all_ways((struct scenario){ "look", prepare_closed, act_look });
}

TEST(faults_while_creating)
{
	fail_in_all_ways((struct scenario){ "create", prepare_nothing, act_open });
}

TEST(f_24_faults_while_migrating)
{
	fail_in_all_ways((struct scenario){ "migrate", prepare_old, act_open });
}

TEST(faults_while_closing)
{
	fail_in_all_ways((struct scenario){ "close", prepare_open, act_close });
}

TEST(faults_while_writing)
{
	fail_in_all_ways((struct scenario){ "write", prepare_open, act_write });
}

TEST(faults_while_reading)
{
	fail_in_all_ways((struct scenario){ "read", prepare_read, act_read, true });
}

TEST(faults_while_checking)
{
	fail_in_all_ways((struct scenario){ "check", prepare_reader, act_check, true });
}

TEST(faults_while_keeping_house)
{
	fail_in_all_ways((struct scenario){ "housekeep", prepare_old_rows, act_keep });
}

TEST(faults_while_recovering_from_a_full_disk)
{
	fail_in_all_ways((struct scenario){ "recover", prepare_full, act_keep });
}

TEST(f_25_faults_while_backing_up)
{
	fail_in_all_ways((struct scenario){ "backup", prepare_backup, act_backup });
}

TEST(faults_while_restoring)
{
	fail_in_all_ways((struct scenario){ "restore", prepare_restore, act_restore });
}
