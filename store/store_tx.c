/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's transactions: a batch of calls, each in a savepoint of its own, one commit. */
#include "store/store_state.h"

#include <assert.h>

#include "base/failpoint.h"
#include "store/interest.h"

static int begin(struct store *s, bool is_pressed)
{
	enum store_state state = atomic_load(&s->state);
	int e;

	assert(!s->is_in_transaction);
	if (atomic_load(&s->is_lost))
		return err_new(ERR_SYS, "the store is lost: the server must start again");
	if (state == STORE_READ_ONLY)
		return err_new(ERR_READONLY, "the data directory is read-only");
	if (state == STORE_FULL)
		return err_new(ERR_FULL, "the disk is full");
	/* Here the batch before has been handed back: only who is in this one waits. */
	e = store_move_log(s, is_pressed);
	if (!e)
		e = db_begin(s->writer, true);
	if (e) {
		store_note_fault(s);
		return err_trace(e);
	}
	s->is_in_transaction = true;
	s->n_changes = db_all_changes(s->writer);
	s->n_kept = 0;
	s->news = (struct store_news){ .n_ready = 0 };
	return 0;
}

int store_begin(struct store *s)
{
	return err_trace(begin(s, false));
}

int store_begin_soon(struct store *s)
{
	return err_trace(begin(s, true));
}

static void fill(struct store *s, struct arena *a, int64_t now_ms, struct store_tx *tx)
{
	*tx = (struct store_tx){
		.db = s->writer,
		.arena = a,
		.ids = &s->ids,
		.news = &s->news,
		.interest = s->interest,
		.generation = str_from(s->generation),
		.now_ms = now_ms,
		.steady_ms = store_steady_ms(s),
		.is_write = true,
	};
}

int store_call_begin(struct store *s, struct arena *a, int64_t now_ms, struct store_tx *tx)
{
	int e;

	assert(s->is_in_transaction);
	e = db_savepoint(s->writer);
	if (e) {
		store_note_fault(s);
		return err_trace(e);
	}
	s->has_savepoint = true;
	fill(s, a, now_ms, tx);
	return 0;
}

void store_call_begin_bare(struct store *s, struct arena *a, int64_t now_ms, struct store_tx *tx)
{
	assert(s->is_in_transaction);
	s->has_savepoint = false;
	s->n_before = db_all_changes(s->writer);
	fill(s, a, now_ms, tx);
}

int store_call_keep(struct store *s)
{
	int e = s->has_savepoint ? db_release(s->writer) : db_go_on(s->writer);

	if (e) {
		store_note_fault(s);
		return err_trace(e);
	}
	s->n_kept++;
	return 0;
}

int store_call_undo(struct store *s)
{
	int e = s->has_savepoint ? db_rollback_to(s->writer) : db_go_on(s->writer);

	store_interest_undone(s->interest);
	store_note_fault(s);
	if (e == 0 && !s->has_savepoint && db_all_changes(s->writer) != s->n_before)
		return STORE_SPOILT;
	return err_trace(e);
}

int store_commit(struct store *s)
{
	int e = FAIL_POINT("store_commit_before");

	assert(s->is_in_transaction);
	s->is_in_transaction = false;
	if (e)
		db_rollback(s->writer);
	else
		e = db_commit(s->writer);
	if (e) {
		store_interest_rolled_back(s->interest);
		store_note_fault(s);
		return err_trace(e);
	}
	store_interest_kept(s->interest);
	/* One that changed nothing wrote nothing. */
	if (db_all_changes(s->writer) != s->n_changes) {
		atomic_fetch_add_explicit(&s->n_commits, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&s->n_calls, s->n_kept, memory_order_relaxed);
		atomic_fetch_add_explicit(&s->version, 1, memory_order_release);
	}
	return FAIL_POINT("store_commit_after");
}

void store_rollback(struct store *s)
{
	s->is_in_transaction = false;
	db_rollback(s->writer);
	store_interest_rolled_back(s->interest);
	store_note_fault(s);
}

bool store_has_matches(const struct store *s)
{
	return store_interest_has_matches(s->interest);
}

const struct store_news *store_news(const struct store *s)
{
	return &s->news;
}
