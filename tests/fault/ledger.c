/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fault/ledger.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "store/db.h"
#include "store/events.h"

void ledger_init(struct ledger *l, const char *folder)
{
	static const char *const names[] = { "questd.db", "questd.lock", "backups", "instance" };

	*l = (struct ledger){
		.clock = { .is_fake = true, .fake_wall_ms = 1795255200000, .fake_boot_us = 1000 }
	};
	snprintf(l->folder, sizeof(l->folder), "%s", folder);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		snprintf(l->paths[i], sizeof(l->paths[i]), "%s/%s", folder, names[i]);
	store_options_init(&l->o);
	l->o.database = l->paths[0];
	l->o.lock = l->paths[1];
	l->o.backups = l->paths[2];
	l->o.instance = l->paths[3];
	l->o.ballast_bytes = 0;
	l->o.clock = &l->clock;
	arena_init(&l->arena, 0);
}

void ledger_close(struct ledger *l)
{
	l->store = store_close(l->store);
	err_forget();
}

void ledger_deinit(struct ledger *l)
{
	ledger_close(l);
	arena_deinit(&l->arena);
}

int ledger_open(struct ledger *l)
{
	return store_open(&l->o, &l->store, &l->problem);
}

/* The writes of call n; those of an undone one say something else. */
static int write_call(struct ledger *l, struct store_tx *tx, int64_t n, size_t bytes,
		      bool is_undone)
{
	struct str id = str_fmt(&l->arena, "%lld", (long long)n);
	char *pad = arena_alloc(&l->arena, bytes + 16);
	struct store_event_new event = {
		is_undone ? STR("undone") : STR("kept"), STR("ledger"), id, { pad, 0 }
	};
	struct store_reply reply = { STR("digest"), { pad, 0 } };
	int e;

	if (!id.p || !pad)
		return err_nomem();
	memcpy(pad, "{\"pad\":\"", 8);
	memset(pad + 8, (int)('a' + n % 26), bytes);
	memcpy(pad + 8 + bytes, "\"}", 2);
	event.payload.n = reply.result.n = bytes + 10;
	e = store_event_add(tx, &event, NULL);
	if (!e)
		e = store_reply_add(tx, STR("ledger"), is_undone ? STR("undone") : STR("kept"), id,
				    &reply);
	return e ? e : store_meta_set(tx, STR("count"), id);
}

static int one_call(struct ledger *l, size_t bytes, bool is_undone)
{
	struct store_tx tx;
	int e;

	arena_reset(&l->arena);
	e = store_call_begin(l->store, &l->arena, clock_wall_ms(&l->clock), &tx);
	if (e)
		return e;
	e = write_call(l, &tx, is_undone ? -1 : l->n_written + 1, bytes, is_undone);
	if (e || is_undone)
		return store_call_undo(l->store) ? -ERR_INTERNAL : e;
	e = store_call_keep(l->store);
	if (!e)
		l->n_written++;
	return e;
}

int ledger_batch(struct ledger *l, int n, size_t bytes)
{
	int e = store_begin(l->store);

	if (e)
		return e;
	l->n_written = l->n_acked;
	for (int i = 0; i < n && !e; i++) {
		e = one_call(l, bytes, false);
		if (!e && i == n / 2)
			e = one_call(l, bytes, true);
	}
	if (e) {
		store_rollback(l->store);
		return e;
	}
	e = store_commit(l->store);
	if (!e)
		l->n_acked = l->n_written;
	return e;
}

int ledger_make_old(struct ledger *l, int n)
{
	struct db *db = NULL;
	int e = db_open(l->o.database, DB_WRITER | DB_CREATE, &db);

	if (!e)
		e = db_exec(db, sql_migrations[0].text);
	if (!e)
		e = db_exec(db, "pragma application_id = 1903391844; pragma user_version = 1;"
				"insert into meta values ('generation', 'old'), ('counter', '1')");
	for (int i = 1; i <= n && !e; i++)
		e = db_exec(
		    db,
		    str_fmt(
			&l->arena,
			"insert into events (at_ms, kind, source, subject, payload)"
			" values (1795255200000, 'kept', 'ledger', '%d', '{}');"
			"insert into replies (at_ms, principal, method, request_id, digest, result)"
			" values (1795255200000, 'ledger', 'kept', '%d', 'digest', '{}');"
			"insert into meta values ('count', '%d')"
			" on conflict (key) do update set value = excluded.value",
			i, i, i)
			.p);
	if (!e)
		e = db_fold_log(db);
	db_close(db);
	l->n_acked = l->n_written = n;
	return e;
}

static char wrong[2048];

static const char *say(const char *what, int e)
{
	struct err_report r;

	if (e < 0) {
		err_take(e, &r);
		snprintf(wrong, sizeof(wrong), "%s: %s", what, r.text);
	} else {
		snprintf(wrong, sizeof(wrong), "%s", what);
	}
	return wrong;
}

static const char *verify_rows(struct store_tx *tx, int64_t *out)
{
	static const struct {
		const char *sql;
		const char *what;
	} rules[] = {
		{ "select count(*) from events where kind <> 'kept' or subject <> cast(seq as "
		  "text)",
		  "split: an undone or moved event is there" },
		{ "select count(*) from replies where request_id <> cast(id as text) or method <> "
		  "'kept'",
		  "split: an undone or moved reply is there" },
		{ "select (select count(*) from events) <> (select count(*) from replies)",
		  "split: not as many replies as events" },
		{ "select (select count(*) from events) <> cast(coalesce((select value from meta "
		  "where key = 'count'), '0') as integer)",
		  "split: the count says something else" },
	};
	struct str_list problems;
	int64_t n;
	int e = store_check(tx, false, &problems);

	if (e)
		return say("damaged", e);
	if (problems.n > 0) {
		snprintf(wrong, sizeof(wrong), "damaged: %.*s", STR_ARG(problems.v[0]));
		return wrong;
	}
	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		e = db_exec_i64(tx->db, rules[i].sql, &n);
		if (e || n != 0)
			return say(rules[i].what, e);
	}
	e = db_exec_i64(tx->db, "select count(*) from events", out);
	return e ? say("damaged", e) : NULL;
}

static const char *verify_store(struct ledger *l, int64_t *out)
{
	struct store_reader *reader = NULL;
	struct store_tx tx;
	const char *why;
	int e = store_reader_new(l->store, false, &reader);

	if (!e)
		e = store_read_begin(reader, &l->arena, 0, &tx);
	if (e) {
		store_reader_free(reader);
		return say("damaged", e);
	}
	why = verify_rows(&tx, out);
	store_read_end(reader);
	store_reader_free(reader);
	return why;
}

const char *ledger_verify(const char *folder, int64_t acked, int64_t written, int64_t *out)
{
	struct ledger l;
	const char *why;
	int e;

	ledger_init(&l, folder);
	e = ledger_open(&l);
	why = e ? say(e > 0 ? l.problem.text : "damaged: not opened", e) : verify_store(&l, out);
	if (!why && store_warnings(l.store).n > 0) {
		snprintf(wrong, sizeof(wrong), "warned: %.*s",
			 STR_ARG(store_warnings(l.store).v[0]));
		why = wrong;
	}
	if (!why && *out != acked && *out != written) {
		snprintf(wrong, sizeof(wrong),
			 "%s: %lld calls are there, %lld acknowledged, %lld written",
			 *out < acked ? "lost" : "split", (long long)*out, (long long)acked,
			 (long long)written);
		why = wrong;
	}
	if (!why) {
		l.n_acked = *out;
		if (ledger_batch(&l, 1, 10))
			why = say("damaged: it takes no more", 0);
	}
	ledger_deinit(&l);
	return why;
}

void ledger_make_folder(char out[256])
{
	const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : getenv("TMPDIR");

	snprintf(out, 256, "%s/questd-fault-XXXXXX", parent && *parent ? parent : "/tmp");
	if (!mkdtemp(out)) {
		perror(out);
		exit(1);
	}
}

static bool copy_file(const char *from, const char *to, mode_t mode)
{
	CLEANUP(fd_close) int in = open(from, O_RDONLY | O_CLOEXEC);
	CLEANUP(fd_close) int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	ssize_t n = 1;

	while (in >= 0 && out >= 0 && n > 0)
		n = copy_file_range(in, NULL, out, NULL, (size_t)1 << 30, 0);
	return in >= 0 && out >= 0 && n == 0;
}

bool ledger_copy_folder(const char *from, const char *to)
{
	char a[600], b[600];
	const struct dirent *entry;
	bool is_good = true;
	struct stat st;
	DIR *folder = opendir(from);

	while (folder && is_good && (entry = readdir(folder)) != NULL) {
		snprintf(a, sizeof(a), "%s/%s", from, entry->d_name);
		snprintf(b, sizeof(b), "%s/%s", to, entry->d_name);
		if (lstat(a, &st) == 0 && S_ISREG(st.st_mode))
			is_good = copy_file(a, b, st.st_mode & 0777);
	}
	if (!folder || !is_good)
		perror(from);
	if (folder)
		closedir(folder);
	return folder && is_good;
}

static int remove_below(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	return at->level > 0 ? remove(path) : 0;
}

void ledger_empty_folder(const char *folder, bool is_removed)
{
	if (nftw(folder, remove_below, 8, FTW_DEPTH | FTW_PHYS) != 0 ||
	    (is_removed && rmdir(folder) != 0))
		perror(folder);
}
