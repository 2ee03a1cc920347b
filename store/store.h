/* SPDX-License-Identifier: Apache-2.0 */
/* Where state lives: opening, transactions, and what concerns the database as a whole. What is in
 * it has a header a kind of object (quests.h, ideas.h, …).
 *
 * One process holds the lock, one connection writes and checkpoints, readers only read. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/macros.h"
#include "base/str.h"

struct db;
struct store;
struct store_interest;
struct store_reader;

/* Where a call that may wait takes something from: a queue's tasks, a mailbox's mail. Both are
 * 64 bits, so that its bytes name it. */
enum { STORE_PLACE_QUEUE = 1, STORE_PLACE_MAILBOX };
struct store_place {
	int64_t kind;
	int64_t n; /* 0 = one that is not there yet */
};

/* What a batch did that somebody waits for; counted by typed functions, handed on with the commit.
 * What was undone may be among it: waking for nothing does no harm. */
struct store_news {
	struct store_news_ready {
		struct store_place place;
		int64_t n;    /* so many more can be taken there */
		size_t needs; /* by who meets needs[needs - 1]; 0 = by anybody */
	} ready[256];
	struct store_news_needs {
		int64_t assignee;
		char capabilities[192], tags[64]; /* sorted, one a line */
	} needs[16];
	size_t n_ready, n_needs;
	bool is_more;     /* than fits: anybody may be concerned */
	bool has_firings; /* new ones */
	int64_t due_at;   /* steady: the earliest that was set; 0 = none */
	int64_t wake_at;  /* wall, likewise */
};

/* A transaction as the typed functions see it. */
struct store_tx {
	struct db *db;
	struct arena *arena;             /* results of typed functions live here: the call's */
	struct id_gen *ids;              /* NULL when reading */
	struct store_news *news;         /* NULL when reading */
	struct store_interest *interest; /* likewise */
	struct str generation;           /* an event's id is "<generation>.<seq>" */
	int64_t now_ms;
	int64_t steady_ms; /* for leases and time limits */
	int64_t firing;    /* whose calls are made; 0 = none: its events say so */
	int64_t depth;     /* of that firing */
	bool is_write;
};

/* Rows by their key inside. */
struct store_n_list {
	int64_t *v;
	size_t n;
};

struct store_options {
	/* Paths. `database` and `lock` are needed; without `backups` nothing is backed up before a
	 * migration, without `instance` the instance id is kept in the database only. */
	const char *database, *lock, *backups, *instance;
	const char *flags; /* " --data-dir 'DIR'": behind `questd COMMAND` in texts; may be NULL */
	struct clock *clock;
	bool read_only;                               /* serve reads from a read-only file system */
	int64_t ballast_bytes;                        /* default 64 MiB; 0 = none */
	int64_t keep_events_ms, keep_replies_ms;      /* defaults 30 d, 24 h */
	int64_t keep_audit_ms;                        /* default 365 d */
	int64_t keep_messages_ms;                     /* default 3,650 d */
	int64_t keep_events_rows, keep_messages_rows; /* defaults 10,000,000; 0 = any number */
	int64_t keep_backups;                         /* automatic ones; default 7 */
	int64_t check_bytes; /* quick check at start up to this size; default 64 MiB */
};

/* Why a store cannot be opened; text says what to do. */
enum store_problem_kind {
	STORE_LOCKED = 1, /* another server; `pid` */
	STORE_NEWER,      /* written by a newer questd */
	STORE_FOREIGN,    /* not a questd database */
	STORE_DAMAGED,
	STORE_NO_ACCESS, /* permission, missing folder, read-only */
};
struct store_problem {
	enum store_problem_kind kind;
	int64_t pid;
	char text[1536];
};

void store_options_init(struct store_options *o); /* defaults */
/* Opens, creates or migrates (with a backup first). 0, a store_problem_kind, or negative. */
int store_open(const struct store_options *o, struct store **out,
	       struct store_problem *problem) must_check;
/* The database of these options as it lies there, opened for reading only, without the lock: a
 * store_problem_kind, 0 (sound, or !*is_there), or negative. However large it is. */
int store_look(const struct store_options *o, bool *is_there,
	       struct store_problem *problem) must_check;
/* Likewise: how many keys are there that nobody revoked? 0 where it cannot be told. */
int64_t store_look_keys(const struct store_options *o);
/* All readers must have been freed. */
struct store *store_close(struct store *s);
/* What the opening found worth a warning, a line each ("possible rollback: …"): for the log. */
struct str_list store_warnings(const struct store *s);

/* How a command line names this data directory: options.flags, never NULL. */
const char *store_flags(const struct store *s);

/* ---- the writer thread only ---- */
/* While the store is degraded this fails at once (FULL, READONLY) until store_housekeep() has seen
 * a write succeed again. */
int store_begin(struct store *s) must_check;
/* The same for somebody who should not wait for the log to be moved, when another batch soon will:
 * it is put off for as long as the log is not too long. */
int store_begin_soon(struct store *s) must_check;
/* Fills tx for one call inside the begun transaction and sets a savepoint. */
int store_call_begin(struct store *s, struct arena *a, int64_t now_ms,
		     struct store_tx *tx) must_check;
/* The same without a savepoint, which costs as much as a small call: for one that is likely to go
 * well. */
void store_call_begin_bare(struct store *s, struct arena *a, int64_t now_ms, struct store_tx *tx);
int store_call_keep(struct store *s) must_check;
/* Negative: the whole batch is gone with it (a full disk may end the transaction under us); roll
 * back and answer every call of the batch with this error. STORE_SPOILT: what a call without a
 * savepoint has changed is still there; roll back, and do the others again. */
int store_call_undo(struct store *s) must_check;
enum { STORE_SPOILT = 1 };
/* After this returned 0 everything kept is on disk. After a negative result nothing is, and the
 * transaction is rolled back; ask store_is_lost(). */
int store_commit(struct store *s) must_check;
void store_rollback(struct store *s);
/* Are there events that are to be held against subscriptions? */
bool store_has_matches(const struct store *s);
/* Of the transaction that was committed last; until the next store_begin(). */
const struct store_news *store_news(const struct store *s);
/* Retention, ballast, checkpoint when due; called between batches, bounded to a few ms. Says after
 * how many ms it wants to be called again (at most 1,000). Negative only when the store is lost. */
int store_housekeep(struct store *s, int64_t *next_ms) must_check;
/* Fatal: an fsync failed, or the data directory is gone. What is on disk is not known any more: the
 * caller must exit at once without acknowledging anything, start again, and recover. Asked
 * after a negative result of any function of the writer; any thread may. */
bool store_is_lost(const struct store *s);

/* ---- readers: one per thread ---- */
int store_reader_new(struct store *s, bool is_inline, struct store_reader **out) must_check;
struct store_reader *store_reader_free(struct store_reader *r);
/* Fills tx. A reader keeps its snapshot between calls while store_version() stays;
 * store_reader_idle() lets go of it. Inline readers never wait: a locked file is ERR_BUSY. */
int store_read_begin(struct store_reader *r, struct arena *a, int64_t now_ms,
		     struct store_tx *tx) must_check;
void store_read_end(struct store_reader *r);
void store_reader_idle(struct store_reader *r);
void store_reader_interrupt(struct store_reader *r); /* from any thread */
/* The calls from now on are steps of long work: each may take as long as it does, but not while the
 * log is long. */
void store_reader_take_steps(struct store_reader *r, bool on);
/* How long a reader may hold its snapshot now: less while the log is long. Statements look at it
 * themselves but for SQLite's own checks, which only an interrupt ends. Any thread. */
int64_t store_reader_age_ms(const struct store *s, bool takes_steps);
/* The log waits to be cut, which it can be only while nobody reads. Any thread. */
bool store_is_log_long(const struct store *s);

/* ---- any thread ---- */
uint64_t store_version(const struct store *s); /* counts commits of this process */
struct str store_instance(const struct store *s);
struct str store_generation(const struct store *s);
struct clock *store_clock(const struct store *s);
/* The wall's time when the store was opened, gone on with the machine's own clock: never jumps. */
int64_t store_steady_ms(const struct store *s);
struct store_stats {
	int64_t n_commits, n_calls, database_bytes, wal_bytes, free_bytes;
	bool is_degraded; /* the last write failed for want of space, access, or an I/O error */
	enum store_state { STORE_OK, STORE_FULL, STORE_READ_ONLY, STORE_IO_ERROR } state;
};
void store_stats(struct store *s, struct store_stats *out);

/* Small named values. */
int store_meta_get(struct store_tx *tx, struct str key,
		   struct str *out) must_check; /* STORE_NONE when absent */
int store_meta_set(struct store_tx *tx, struct str key, struct str value) must_check;
enum { STORE_NONE = 1, STORE_REFUSED = 2, STORE_TOO_MANY = 3 };

/* ---- idempotency: replies kept per principal, method and request_id ---- */
struct store_reply {
	struct str digest; /* of the canonical parameters */
	struct str result; /* JSON as it was sent */
};
int store_reply_find(struct store_tx *tx, struct str principal, struct str method,
		     struct str request_id, struct store_reply *out) must_check; /* STORE_NONE */
int store_reply_add(struct store_tx *tx, struct str principal, struct str method,
		    struct str request_id, const struct store_reply *reply) must_check;

/* ---- backup and check: long work in steps ---- */
struct store_job;
/* Writer thread. Copies into path (must not exist; a temp name until it is whole). */
int store_backup_new(struct store *s, const char *path, struct store_job **out) must_check;
/* 0 when done, STORE_MORE when there is more, negative on failure. */
enum { STORE_MORE = 1 };
int store_backup_step(struct store_job *job, int64_t *done_pages, int64_t *all_pages) must_check;
struct store_job *store_backup_free(struct store_job *job); /* unfinished: removes the temp file */

#define STORE_PROBLEMS_MAX 100
#define STORE_STUCK_MAX    20
#define STORE_TABLES_MAX   200
/* Any reader, a transaction a step or one for all; its texts are in the first one's arena. */
struct store_check {
	bool is_quick;            /* without the index cross-checks */
	struct str_list problems; /* lines of what is wrong, empty when sound */
	struct str_list stuck;    /* lines of quests that wait for each other */
	size_t n_done, n_all;     /* steps */
	struct str_list tables;
	bool is_in_parts;
	size_t n_pages; /* the first steps: those that look at pages */
};
#define STORE_CHECK_WHOLE_MAX ((int64_t)256 * 1024 * 1024)
/* `whole_max`: up to this size its pages are looked at whole, and only then a page that two tables
 * share is seen as what it is. A larger database goes table by table, so that no step holds its
 * snapshot for longer than its largest table takes. */
int store_check_begin(struct store_tx *tx, bool quick, int64_t whole_max,
		      struct store_check *out) must_check;
/* 0 when done, or STORE_MORE. A step that failed may be taken again. */
int store_check_step(struct store_tx *tx, struct store_check *c) must_check;
/* All steps at once. */
int store_check(struct store_tx *tx, bool quick, struct str_list *out_problems) must_check;
/* Offline: verifies `backup`, puts it in the database's place (what was there is kept beside it),
 * mints a new generation. The lock must be free. */
int store_restore(const struct store_options *o, const char *backup,
		  struct store_problem *problem) must_check;
