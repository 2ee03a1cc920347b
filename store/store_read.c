/* SPDX-License-Identifier: Apache-2.0 */
/* Readers. An inline reader keeps its snapshot from call to call until something was committed: to
 * open one costs as much as to read a row. A scan reader gives it back after each call. */
#include "store/store_state.h"

#include <assert.h>
#include <stdlib.h>

struct store_reader {
	struct store *store;
	struct db *db;
	uint64_t version; /* of the snapshot: nothing committed before it is missing */
	bool is_inline, has_snapshot, is_in_call, takes_steps;
};

int store_reader_new(struct store *s, bool is_inline, struct store_reader **out)
{
	struct store_reader *r = calloc(1, sizeof(*r));
	unsigned flags = (s->read_flags ? s->read_flags : DB_READER) | (is_inline ? DB_NO_WAIT : 0);
	int e;

	if (!r)
		return err_nomem();
	e = db_open(s->o.database, flags, &r->db);
	if (e) {
		free(r);
		return err_trace(e);
	}
	r->store = s;
	r->is_inline = is_inline;
	atomic_fetch_add(&s->n_readers, 1);
	*out = r;
	return 0;
}

struct store_reader *store_reader_free(struct store_reader *r)
{
	if (!r)
		return NULL;
	store_reader_idle(r);
	db_close(r->db);
	atomic_fetch_sub(&r->store->n_readers, 1);
	free(r);
	return NULL;
}

/* Reads a row, so that the snapshot is taken now and busy comes out here. */
static int take_snapshot(struct store_reader *r)
{
	uint64_t version = store_version(r->store);
	struct db_stmt *q;
	int e = db_begin(r->db, false);

	if (e)
		return err_trace(e);
	r->has_snapshot = true;
	if (!r->is_inline)
		atomic_fetch_add(&r->store->n_scanning, 1);
	e = db_stmt(r->db, SQL_TOUCH, &q);
	if (!e)
		e = db_run(q);
	if (e) {
		store_reader_idle(r);
		return err_trace(e);
	}
	r->version = version;
	return 0;
}

int store_read_begin(struct store_reader *r, struct arena *a, int64_t now_ms, struct store_tx *tx)
{
	struct store *s = r->store;

	assert(!r->is_in_call);
	if (r->has_snapshot && r->version != store_version(s))
		store_reader_idle(r);
	/* a short read does not even ask what time it is */
	db_limit_age(r->db, s->o.clock, r->is_inline ? 0 : clock_boot_ms(s->o.clock),
		     r->takes_steps ? &s->step_age_ms : &s->reader_age_ms);
	if (!r->has_snapshot) {
		int e = take_snapshot(r);

		if (e)
			return err_trace(e);
	}
	r->is_in_call = true;
	*tx = (struct store_tx){
		.db = r->db,
		.arena = a,
		.generation = str_from(s->generation),
		.now_ms = now_ms,
	};
	return 0;
}

void store_read_end(struct store_reader *r)
{
	r->is_in_call = false;
	if (!r->is_inline || atomic_load_explicit(&r->store->is_wal_long, memory_order_relaxed))
		store_reader_idle(r);
	else
		db_reset_all(r->db);
}

void store_reader_idle(struct store_reader *r)
{
	if (!r->has_snapshot)
		return;
	db_rollback(r->db);
	r->has_snapshot = false;
	if (!r->is_inline)
		atomic_fetch_sub(&r->store->n_scanning, 1);
}

void store_reader_interrupt(struct store_reader *r)
{
	db_interrupt(r->db);
}

void store_reader_take_steps(struct store_reader *r, bool on)
{
	r->takes_steps = on;
}

int64_t store_reader_age_ms(const struct store *s, bool takes_steps)
{
	return atomic_load_explicit(takes_steps ? &s->step_age_ms : &s->reader_age_ms,
				    memory_order_relaxed);
}

bool store_is_log_long(const struct store *s)
{
	return atomic_load_explicit(&s->is_wal_long, memory_order_relaxed);
}

uint64_t store_version(const struct store *s)
{
	return atomic_load_explicit(&s->version, memory_order_acquire);
}
