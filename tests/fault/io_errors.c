/* SPDX-License-Identifier: Apache-2.0 */
/* io_errors: F-08. The n-th operation on the store's files fails, for n = 1, 2, … until none is hit
 * any more: once, from then on, and as a full disk. Whatever was being done then, the store opens
 * again afterwards and holds what was acknowledged and no half of anything else; and a commit whose
 * fsync failed is never acknowledged and says that the store is lost. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "store/store_state.h"
#include "tests/crashvfs/crashvfs.h"
#include "tests/fault/ledger.h"

static const struct kind {
	const char *name;
	enum crashvfs_fault fault;
	bool is_full;
} kinds[] = {
	{ "once", CRASHVFS_ONCE, false },
	{ "from then on", CRASHVFS_ON, false },
	{ "as a full disk", CRASHVFS_ON, true },
};

struct tally {
	long n_tried, n_lost, n_wrong;
};

/* A backup among the batches; what it says does not matter, only what it leaves of the store. */
static void back_up(struct ledger *l)
{
	struct store_job *job;
	int64_t done, all;
	char path[300];
	int e;

	snprintf(path, sizeof(path), "%s/copy.db", l->folder);
	e = store_backup_new(l->store, path, &job);
	if (e) {
		err_forget();
		return;
	}
	do
		e = store_backup_step(job, &done, &all);
	while (e == STORE_MORE);
	if (e)
		err_forget();
	store_backup_free(job);
}

/* false: the store is lost, or must be. */
static bool one_batch(struct ledger *l, struct tally *t)
{
	int e = ledger_batch(l, 3, 3000);

	if (e == 0)
		return true;
	err_forget();
	if (crashvfs_has_failed_sync() && !store_is_lost(l->store) && err_class(e) != ERR_FULL) {
		printf("a commit failed with its fsync, and the store says nothing\n");
		t->n_wrong++;
	}
	return !store_is_lost(l->store);
}

/* Open, write, move the log, back up, write, close: until something makes an end of it. */
static void work(struct ledger *l, struct tally *t)
{
	int64_t next;

	if (ledger_open(l)) {
		err_forget();
		return;
	}
	for (int i = 0; i < 5; i++) {
		if (!one_batch(l, t))
			break;
		if (i % 2 && db_checkpoint(l->store->writer, i % 4 == 3) < 0)
			err_forget();
		if (i == 3)
			back_up(l);
		clock_advance(&l->clock, 1000);
		if (store_housekeep(l->store, &next) < 0) {
			err_forget();
			break;
		}
	}
	t->n_lost += store_is_lost(l->store);
}

static void verify(struct ledger *l, struct tally *t, const struct kind *k, int64_t n)
{
	int64_t there = 0;
	const char *why;

	crashvfs_fail(CRASHVFS_NONE, 0, false);
	why = ledger_verify(l->folder, l->n_acked, l->n_written, &there);
	if (!why)
		return;
	printf("%s, operation %lld: %s\n", k->name, (long long)n, why);
	t->n_wrong++;
}

/* false when operation n was not reached. */
static bool try_one(const char *folder, const struct kind *k, int64_t n, struct tally *t)
{
	struct ledger l;
	bool has_failed;

	ledger_empty_folder(folder, false);
	crashvfs_reset(folder);
	ledger_init(&l, folder);
	if (ledger_open(&l) || ledger_batch(&l, 3, 2000))
		exit(1);
	ledger_close(&l);
	crashvfs_fail(k->fault, n, k->is_full);
	work(&l, t);
	ledger_deinit(&l);
	has_failed = crashvfs_has_failed();
	verify(&l, t, k, n);
	t->n_tried += has_failed;
	return has_failed;
}

int main(void)
{
	char folder[256];
	struct tally t = { 0 };

	ledger_make_folder(folder);
	crashvfs_start("", 1);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		for (int64_t n = 1; try_one(folder, &kinds[i], n, &t); n++)
			;
	ledger_empty_folder(folder, true);
	printf("F-08 %ld operations failed: %ld stores said lost, %ld wrong\n", t.n_tried, t.n_lost,
	       t.n_wrong);
	return t.n_wrong > 0 || t.n_tried < 100 || t.n_lost == 0;
}
