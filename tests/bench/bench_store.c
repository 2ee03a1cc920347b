/* SPDX-License-Identifier: Apache-2.0 */
/* Durable writes and prepared reads through the store, beside SQLite alone doing the same: same
 *rows (an event and a reply), same tables, same pragmas, no savepoints and no store. Rounds of both
 *take turns; the figure is the median of the rounds' ratios.
 *
 *	bench_store alone BATCH SECONDS: only SQLite, calls a second with all the rows that the
 *server writes for one: its event, its reply, and what the audit says of it */
#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "sql.gen.h"
#include "store/db.h"
#include "store/events.h"
#include "store/store.h"

enum { ROUNDS = 7, BATCHES = 60, BATCH = 64, SINGLES = 400, READS = 200000 };

static const char payload[] =
    "{\"subject\":\"Fix the login page so that long names do not break it\","
    "\"status\":\"pending\",\"priority\":\"high\",\"labels\":[\"frontend\"]}";

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(int e)
{
	struct err_report r;

	if (e == 0)
		return;
	err_take(e, &r);
	fprintf(stderr, "bench_store: %s (%s)\n", r.text, r.chain);
	exit(1);
}

/* ---- SQLite alone ---- */

struct raw {
	sqlite3 *db;
	sqlite3_stmt *begin, *commit, *event, *reply, *get;
	sqlite3_stmt *audit; /* NULL: without */
	int64_t n;
};

static void exec(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
		fprintf(stderr, "bench_store: %s\n", sqlite3_errmsg(db));
		exit(1);
	}
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s;

	if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK) {
		fprintf(stderr, "bench_store: %s\n", sqlite3_errmsg(db));
		exit(1);
	}
	return s;
}

/* The tables and indexes that the store has. */
static void make_tables(const char *path)
{
	struct db *db = NULL;

	must(db_open(path, DB_WRITER | DB_CREATE, &db));
	must(db_exec(db, "pragma foreign_keys = off"));
	for (size_t i = 0; i < sql_n_migrations; i++)
		must(db_exec(db, sql_migrations[i].text));
	db_close(db);
}

static void raw_open(struct raw *r, const char *path)
{
	make_tables(path);
	if (sqlite3_open_v2(path, &r->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL))
		exit(1);
	exec(r->db,
	     "pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on;"
	     "pragma cache_size = -16384; pragma journal_size_limit = 16777216;");
	r->begin = prepare(r->db, "begin immediate");
	r->commit = prepare(r->db, "commit");
	r->event = prepare(r->db, sql_table[SQL_EVENT_ADD].text);
	r->reply = prepare(r->db, sql_table[SQL_REPLY_ADD].text);
	r->get = prepare(r->db, sql_table[SQL_EVENT_GET].text);
}

static void step(sqlite3_stmt *s)
{
	if (sqlite3_step(s) != SQLITE_DONE)
		exit(1);
	sqlite3_reset(s);
}

static void raw_rows(struct raw *r)
{
	char id[40];
	int n = snprintf(id, sizeof(id), "request-%lld", (long long)r->n++);

	sqlite3_bind_int64(r->event, 1, 1795255200000);
	sqlite3_bind_text(r->event, 2, "quest.created", 13, SQLITE_STATIC);
	sqlite3_bind_text(r->event, 3, "uid:1000", 8, SQLITE_STATIC);
	sqlite3_bind_text(r->event, 4, id, n, SQLITE_STATIC);
	sqlite3_bind_text(r->event, 5, payload, sizeof(payload) - 1, SQLITE_STATIC);
	step(r->event);
	sqlite3_bind_int64(r->reply, 1, 1795255200000);
	sqlite3_bind_text(r->reply, 2, "uid:1000", 8, SQLITE_STATIC);
	sqlite3_bind_text(r->reply, 3, "quests.create", 13, SQLITE_STATIC);
	sqlite3_bind_text(r->reply, 4, id, n, SQLITE_STATIC);
	sqlite3_bind_text(r->reply, 5, "0123456789abcdef0123456789abcdef", 32, SQLITE_STATIC);
	sqlite3_bind_text(r->reply, 6, payload, sizeof(payload) - 1, SQLITE_STATIC);
	step(r->reply);
	if (!r->audit)
		return;
	sqlite3_bind_int64(r->audit, 1, r->n);
	sqlite3_bind_int64(r->audit, 2, 1795255200000);
	sqlite3_bind_text(r->audit, 3, "uid:1000", 8, SQLITE_STATIC);
	sqlite3_bind_text(r->audit, 5, "events.fire", 11, SQLITE_STATIC);
	sqlite3_bind_int64(r->audit, 7, 1);
	sqlite3_bind_text(r->audit, 9, "0123456789abcdef0123456789abcdef0123456789a", 43,
			  SQLITE_STATIC);
	step(r->audit);
}

static void raw_open_audit(struct raw *r)
{
	r->audit = prepare(r->db, sql_table[SQL_AUDIT_ADD].text);
}

static double raw_write(struct raw *r, int batches, int each)
{
	double begun = now_s();

	for (int b = 0; b < batches; b++) {
		step(r->begin);
		for (int i = 0; i < each; i++)
			raw_rows(r);
		step(r->commit);
	}
	return batches * each / (now_s() - begun);
}

static double raw_read(struct raw *r)
{
	double begun = now_s();

	exec(r->db, "begin");
	for (int i = 0; i < READS; i++) {
		sqlite3_bind_int64(r->get, 1, 1 + i * 7919 % r->n);
		if (sqlite3_step(r->get) != SQLITE_ROW || !sqlite3_column_text(r->get, 5))
			exit(1);
		sqlite3_reset(r->get);
	}
	exec(r->db, "commit");
	return READS / (now_s() - begun);
}

static void raw_close(struct raw *r)
{
	sqlite3_stmt *all[] = { r->begin, r->commit, r->event, r->reply, r->get, r->audit };

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		sqlite3_finalize(all[i]);
	sqlite3_close(r->db);
}

/* ---- the store ---- */

struct ours {
	struct store *store;
	struct store_reader *reader;
	struct arena arena;
	int64_t n;
};

static void our_rows(struct ours *o)
{
	struct store_reply reply = { STR("0123456789abcdef0123456789abcdef"),
				     { payload, sizeof(payload) - 1 } };
	struct store_event_new event = {
		STR("quest.created"), STR("uid:1000"), STR_NONE, { payload, sizeof(payload) - 1 }
	};
	struct store_tx tx;
	struct str id;

	arena_reset(&o->arena);
	must(store_call_begin(o->store, &o->arena, 1795255200000, &tx));
	id = str_fmt(&o->arena, "request-%lld", (long long)o->n++);
	event.subject = id;
	must(store_event_add(&tx, &event, NULL));
	must(store_reply_add(&tx, STR("uid:1000"), STR("quests.create"), id, &reply));
	must(store_call_keep(o->store));
}

static double our_write(struct ours *o, int batches, int each)
{
	double begun = now_s();
	int64_t next;

	for (int b = 0; b < batches; b++) {
		must(store_begin(o->store));
		for (int i = 0; i < each; i++)
			our_rows(o);
		must(store_commit(o->store));
		must(store_housekeep(o->store, &next));
	}
	return batches * each / (now_s() - begun);
}

static double our_read(struct ours *o)
{
	double begun = now_s();
	struct store_tx tx;
	struct event e;

	for (int i = 0; i < READS; i++) {
		arena_reset(&o->arena);
		must(store_read_begin(o->reader, &o->arena, 0, &tx));
		must(store_event_get(&tx, 1 + i * 7919 % o->n, &e));
		store_read_end(o->reader);
	}
	return READS / (now_s() - begun);
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *v)
{
	qsort(v, ROUNDS, sizeof(*v), by_size);
	return v[ROUNDS / 2];
}

static bool report(const char *name, double *ours, double *raw, double limit)
{
	double ratios[ROUNDS], ratio;

	for (int i = 0; i < ROUNDS; i++)
		ratios[i] = ours[i] / raw[i];
	ratio = median(ratios);
	printf("%s %s %.0f/s, SQLite alone %.0f/s, ratio %.2f, limit %.2f\n",
	       ratio >= limit ? "ok" : "not ok", name, median(ours), median(raw), ratio, limit);
	return ratio >= limit;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	return remove(path);
}

static int raw_alone(int each, double seconds)
{
	char dir[] = "/tmp/questd-bench-XXXXXX", path[64];
	double begun = now_s(), n = 0;
	struct raw raw = { 0 };

	if (!mkdtemp(dir) || each < 1)
		return 1;
	snprintf(path, sizeof(path), "%s/raw.db", dir);
	raw_open(&raw, path);
	raw_open_audit(&raw);
	while (now_s() - begun < seconds) {
		raw_write(&raw, 10, each);
		n += 10.0 * each;
	}
	printf("%.0f\n", n / (now_s() - begun));
	raw_close(&raw);
	(void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS); /* what is left lies in /tmp */
	return 0;
}

int main(int argc, char **argv)
{
	char dir[] = "/tmp/questd-bench-XXXXXX", paths[3][64];
	struct store_options o;
	struct store_problem problem;
	struct clock clock = { 0 };
	struct ours ours = { 0 };
	struct raw raw = { 0 };
	double a[3][ROUNDS], b[3][ROUNDS];
	bool is_met = true;

	if (argc == 4 && strcmp(argv[1], "alone") == 0)
		return raw_alone(atoi(argv[2]), atof(argv[3]));
	if (!mkdtemp(dir))
		return 1;
	snprintf(paths[0], sizeof(paths[0]), "%s/questd.db", dir);
	snprintf(paths[1], sizeof(paths[1]), "%s/questd.lock", dir);
	snprintf(paths[2], sizeof(paths[2]), "%s/raw.db", dir);
	store_options_init(&o);
	o.database = paths[0];
	o.lock = paths[1];
	o.clock = &clock;
	must(store_open(&o, &ours.store, &problem));
	must(store_reader_new(ours.store, true, &ours.reader));
	raw_open(&raw, paths[2]);
	for (int i = 0; i < ROUNDS; i++) {
		b[0][i] = raw_write(&raw, BATCHES, BATCH);
		a[0][i] = our_write(&ours, BATCHES, BATCH);
		b[1][i] = raw_write(&raw, SINGLES, 1);
		a[1][i] = our_write(&ours, SINGLES, 1);
		b[2][i] = raw_read(&raw);
		a[2][i] = our_read(&ours);
	}
	is_met &= report("store-batches-of-64", a[0], b[0], 0.4);
	is_met &= report("store-single-inserts", a[1], b[1], 0.7);
	is_met &= report("store-prepared-gets", a[2], b[2], 0.3);
	store_reader_free(ours.reader);
	store_close(ours.store);
	raw_close(&raw);
	arena_deinit(&ours.arena);
	(void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS); /* what is left lies in /tmp */
	return is_met ? 0 : 1;
}
