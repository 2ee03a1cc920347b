/* SPDX-License-Identifier: Apache-2.0 */
/* What the store_*.c files share: the struct behind store.h and the parts of its opening, keeping
 * and closing. Nobody outside store/ includes this. */
#pragma once

#include <stdatomic.h>
#include <sys/types.h>

#include "store/db.h"
#include "store/store.h"

enum { STORE_WARNINGS_MAX = 8, STORE_NAME_MAX = 64 };

/* Milliseconds a reader may hold its snapshot; the second while the log is long. */
enum { STORE_READER_AGE = 30000, STORE_READER_AGE_LONG_WAL = 1000, STORE_READER_AGE_URGENT = 50 };
#define STORE_STEP_AGE (INT64_MAX / 2) /* none */

struct store {
	struct store_options o; /* its paths are the arena's */
	const char *folder, *sidecar, *ballast;
	const char *log, *index;      /* the database's side files */
	const char *fresh, *restored; /* names of a database that is not whole yet */
	struct arena arena;
	int lock_fd;
	dev_t device; /* of the database file, with inode: has it been taken away? */
	ino_t inode;
	struct db *writer; /* NULL when read_only */
	unsigned read_flags;
	struct id_gen ids;
	char instance[STORE_NAME_MAX], generation[STORE_NAME_MAX];
	int64_t counter; /* of the sidecar: openings, closings, backups */
	struct str warnings[STORE_WARNINGS_MAX];
	size_t n_warnings;
	bool is_in_transaction;
	int64_t n_changes;  /* of the writer, when the transaction began */
	int64_t n_before;   /* the same when its last call began */
	int64_t n_kept;     /* calls in it */
	bool has_savepoint; /* its last call */
	struct store_news news;
	struct store_interest *interest;
	int64_t steady_offset_ms; /* steady = boot + this */

	/* of store_keep.c, in boot ms */
	int64_t looked_ms, pruned_ms, probed_ms, tidied_ms;
	int64_t ballast_bytes; /* what the ballast file holds now */

	_Atomic uint64_t version;
	_Atomic int64_t n_commits, n_calls, n_readers;
	_Atomic int64_t n_scanning; /* scan readers with a snapshot */
	_Atomic int state;          /* enum store_state */
	_Atomic int64_t reader_age_ms, step_age_ms;
	_Atomic bool is_wal_long, is_lost;
};

/* Fills the problem and returns its kind. */
int store_problem_set(struct store_problem *p, enum store_problem_kind kind, const char *fmt, ...)
    printf_like(3, 4);
/* A negative error that the user can do something about becomes a problem; others stay. */
int store_problem_of(struct store *s, int e, struct store_problem *p);
/* A failed check as STORE_DAMAGED, with the newest backup's name. */
int store_problem_damaged(struct store *s, int e, struct store_problem *p);
void store_warn(struct store *s, const char *fmt, ...) printf_like(2, 3);

/* ---- store_new.c: the struct without anything open; frees whatever is ---- */
int store_new(const struct store_options *o, struct store **out) must_check;
struct store *store_free(struct store *s);
/* The folder of a path: "." for a bare name, "/" for one right below it. NULL: memory. */
const char *store_folder_of(struct arena *a, const char *path);

/* ---- store_lock.c ---- */
int store_lock_take(struct store *s, struct store_problem *p) must_check;
/* Negative, and the store is lost, when the lock or the database are no longer where they were. */
int store_lock_look(struct store *s) must_check;

/* ---- store_file.c: what lies at a path, before SQLite touches it ---- */
enum store_file { STORE_FILE_MISSING = 1, STORE_FILE_THERE };
/* *out is set when 0 is returned; else a problem. */
int store_file_look(struct store *s, const char *path, enum store_file *out,
		    struct store_problem *p) must_check;
bool store_file_exists(const char *path); /* and is not empty */
const char *store_path(struct arena *a, const char *stem, const char *suffix); /* NULL: memory */
/* May this user read and, unless read_only, write the database and its log? 0 or a problem. SQLite
 * would find out later, and leave an index (-shm) of the same mode, which stops every start. */
int store_file_access(struct store *s, struct store_problem *p) must_check;
/* Removes an index that this user may not write to: SQLite makes it anew. With the lock held. */
void store_file_drop_index(const struct store *s);
/* "…/backups/questd-….db" of the newest backup, or NONE. */
struct str store_file_newest(struct arena *a, const char *folder);
/* Removes a database file and its side files. */
void store_file_remove(const char *path);

/* ---- store_migrate.c ---- */
/* What marks a database as ours, "qstd": pragma application_id = 0x71737464. */
enum { STORE_APPLICATION_ID = 0x71737464 };
int store_create(struct store *s)
    must_check; /* under another name first: it is there whole or not */
/* The open database is ours and not newer; brings it to the newest version, with a backup first. */
int store_migrate(struct store *s, struct store_problem *p) must_check;
/* Ours, and not newer? For any connection. */
int store_version_check(struct db *db, const char *path, int64_t *out_version,
			struct store_problem *p) must_check;
int store_schema_version(void);

/* ---- store_sidecar.c ---- */
/* Reads instance, generation and counter, compares them with the files beside, and marks the store
 * as open. `db` is the writer, or a reader of a read-only store. is_log_missing: the log was not
 * there before it was opened. */
int store_identify(struct store *s, struct db *db, bool is_log_missing) must_check;
int store_count(struct store *s, bool is_closing) must_check; /* another counted occurrence */
int store_sidecar_counter(struct store *s, int64_t *out) must_check; /* 0 when there is no file */
int store_sidecar_write(struct store *s, bool is_closing) must_check;
/* A new generation for a database that is not the store's own yet. */
int store_mint(struct db *db, int64_t counter, struct str generation) must_check;

/* ---- store_ballast.c ---- */
int64_t store_free_bytes(const struct store *s);
void store_ballast_make(struct store *s);    /* at start: as much as the disk can spare */
void store_ballast_release(struct store *s); /* the disk is full */
/* Takes the ballast back as far as it fits; is there room to write beside it? */
bool store_ballast_restore(struct store *s);

/* ---- store_keep.c ---- */
/* Looks at what the writer's connection met and changes the state. */
void store_note_fault(struct store *s);
/* Moves the log into the database when it is due. */
int store_move_log(struct store *s, bool may_put_off) must_check;

/* ---- store_prune.c ---- */
int store_prune(struct store *s, bool *has_more) must_check;
void store_prune_backups(struct store *s);

/* ---- store_backup.c ---- */
/* A whole backup in one go, for what happens before the store serves. */
int store_backup_now(struct store *s, const char *path) must_check;

/* ---- store_check.c ---- */
/* Runs quick_check; negative (CORRUPT) with its first finding when the database is not sound. */
int store_verify(struct db *db) must_check;
