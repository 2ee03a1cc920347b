/* SPDX-License-Identifier: Apache-2.0 */
/* What the writer does between batches: looks whether its files are still there, moves the log into
 * the database, prunes what retention gives up, and, when a write has failed, tries until one works
 * again. Each part is bounded to some milliseconds; what is left waits for the next time. */
#include "store/store_state.h"

#include <time.h>

enum {
	LOOK_MS = 500,
	PROBE_MS = 1000,
	PRUNE_MS = 1000,
	TIDY_MS = 3600000,
	NEXT_MS = 1000,          /* at most, between two calls */
	NEXT_SOON_MS = 10,       /* there is more to prune */
	WAL_MOVE_PAGES = 1000,   /* 4 MiB wait to be moved, */
	WAL_LATE_PAGES = 3000,   /* or more while somebody waits who is to wait for little */
	WAL_LONG_PAGES = 4000,   /* readers let go of old snapshots, so that the log begins anew */
	WAL_URGENT_PAGES = 8000, /* they let go at once, however fast it grows */
	WAL_MAX_PAGES = 10000,   /* the writer waits until they have; a batch is 16 MiB at most */
	WAIT_MS = 2000,
	WAIT_LOOK_NS = 1000000,
};

void store_note_fault(struct store *s)
{
	enum err_class fault = db_take_fault(s->writer);

	if (db_is_lost(s->writer))
		atomic_store(&s->is_lost, true);
	switch (fault) {
	case ERR_FULL:
		if (atomic_exchange(&s->state, STORE_FULL) != STORE_FULL)
			s->probed_ms = 0;
		break;
	case ERR_READONLY:
		atomic_store(&s->state, STORE_READ_ONLY);
		break;
	case ERR_SYS:
	case ERR_CORRUPT:
		atomic_store(&s->state, STORE_IO_ERROR);
		break;
	default:
		break;
	}
}

static int lost_or_not(struct store *s, int e)
{
	store_note_fault(s);
	if (atomic_load(&s->is_lost))
		return err_trace(e);
	if (e < 0)
		err_forget(); /* the state tells it; the next time tries again */
	return 0;
}

/* Only for readers of ours: they are told to let go and new ones wait; a stranger may stay for
 * days, and time without writes is worse than a long log. */
static void wait_for_readers(const struct store *s)
{
	static const struct timespec moment = { .tv_nsec = WAIT_LOOK_NS };
	struct clock real = { 0 };
	int64_t until_ms = clock_boot_ms(&real) + WAIT_MS;

	while (atomic_load(&s->n_scanning) > 0 && clock_boot_ms(&real) < until_ms)
		(void)nanosleep(&moment, NULL); /* cut short is fine */
}

static void tell_readers(struct store *s)
{
	int64_t n_pages = db_wal_pages(s->writer);
	bool is_long = n_pages >= WAL_LONG_PAGES;
	int64_t age_ms = n_pages >= WAL_URGENT_PAGES ? STORE_READER_AGE_URGENT
						     : STORE_READER_AGE_LONG_WAL;

	atomic_store(&s->is_wal_long, is_long);
	atomic_store(&s->reader_age_ms, is_long ? age_ms : STORE_READER_AGE);
	atomic_store(&s->step_age_ms, is_long ? age_ms : STORE_STEP_AGE);
}

int store_move_log(struct store *s, bool may_put_off)
{
	int64_t n_due = may_put_off ? WAL_LATE_PAGES : WAL_MOVE_PAGES;
	int64_t n_pages = db_wal_pages(s->writer);
	bool is_long = n_pages >= WAL_LONG_PAGES;
	int e;

	tell_readers(s);
	if (db_wal_pending(s->writer) < n_due && !is_long)
		return 0;
	if (n_pages >= WAL_MAX_PAGES)
		wait_for_readers(s);
	e = db_checkpoint(s->writer, is_long);
	tell_readers(s);
	return err_trace(e);
}

/* A write of one small row. */
static int probe(struct store *s)
{
	struct store_tx tx = { .db = s->writer, .is_write = true };
	int e = db_begin(s->writer, true);

	if (e)
		return err_trace(e);
	e = store_meta_set(&tx, STR("probe"), STR("1"));
	if (!e)
		return err_trace(db_commit(s->writer));
	db_rollback(s->writer);
	return err_trace(e);
}

/* The first try after the disk became full gives up the reserve and cuts the log with it. */
static int recover(struct store *s)
{
	int e;

	if (atomic_load(&s->state) == STORE_FULL) {
		if (db_wal_pages(s->writer) > 0) {
			store_ballast_release(s);
			e = db_checkpoint(s->writer, true);
			if (e)
				return err_trace(e);
		}
		if (!store_ballast_restore(s))
			return 0;
	}
	e = probe(s);
	if (!e)
		atomic_store(&s->state, STORE_OK);
	return err_trace(e);
}

static bool is_due(int64_t *last_ms, int64_t now_ms, int64_t every_ms)
{
	if (*last_ms != 0 && now_ms - *last_ms < every_ms)
		return false;
	*last_ms = now_ms;
	return true;
}

/* Once an hour, and at the first call. */
static void tidy(struct store *s)
{
	store_prune_backups(s);
	if (s->o.ballast_bytes > s->ballast_bytes && store_free_bytes(s) >= 2 * s->o.ballast_bytes)
		store_ballast_make(s);
}

static int keep_healthy(struct store *s, int64_t now_ms, bool *has_more)
{
	int e = store_move_log(s, false);

	if (!e && is_due(&s->pruned_ms, now_ms, PRUNE_MS))
		e = store_prune(s, has_more);
	if (*has_more)
		s->pruned_ms = 0; /* due again at once */
	if (is_due(&s->tidied_ms, now_ms, TIDY_MS))
		tidy(s);
	return err_trace(e);
}

int store_housekeep(struct store *s, int64_t *next_ms)
{
	int64_t now_ms = clock_boot_ms(s->o.clock) + 1; /* 0 means never */
	bool has_more = false;
	int e = 0;

	*next_ms = NEXT_MS;
	if (s->o.read_only)
		return 0;
	if (atomic_load(&s->is_lost))
		return err_new(ERR_SYS, "the store is lost: the server must start again");
	if (is_due(&s->looked_ms, now_ms, LOOK_MS))
		e = store_lock_look(s);
	if (e)
		return err_trace(e);
	if (atomic_load(&s->state) == STORE_OK)
		e = keep_healthy(s, now_ms, &has_more);
	else if (is_due(&s->probed_ms, now_ms, PROBE_MS))
		e = recover(s);
	if (has_more)
		*next_ms = NEXT_SOON_MS;
	return err_trace(lost_or_not(s, e));
}
