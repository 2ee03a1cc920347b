/* SPDX-License-Identifier: Apache-2.0 */
/* power_loss [IMAGES] [SEED]: F-02. Batches of calls run on a file system that loses its power at
 * random moments, also while the log is moved, while the store is opened and closed, and in the
 * midst of migrations; every image is opened again and must hold each acknowledged call, and no
 * half of any other. To show that losses would be seen, some images are made with
 * synchronous=normal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "store/store_state.h"
#include "tests/crashvfs/crashvfs.h"
#include "tests/fault/ledger.h"

enum { PENDING_MAX = 16, NORMAL_IMAGES = 100, BATCHES_A_ROUND = 40 };

struct pending {
	struct crash_image *image;
	int64_t acked, written;
	char sidecar[256]; /* not written through SQLite, and synced by itself */
};

struct run {
	struct ledger ledger;
	char folder[256], scratch[256];
	struct pending pending[PENDING_MAX];
	size_t n_pending;
	unsigned one_in; /* changes, an image */
	long n_images, n_wanted, n_wrong, n_lost, n_later;
};

static size_t read_text(const char *folder, const char *name, char *out, size_t max)
{
	char path[300];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "rb");
	if (!f)
		return 0;
	n = fread(out, 1, max - 1, f);
	out[n] = '\0';
	fclose(f);
	return n;
}

static void write_text(const char *folder, const char *name, const char *text)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "wb");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		perror(path);
}

static void take_image(void *data)
{
	struct run *r = data;
	struct pending *p = &r->pending[r->n_pending];

	if (r->n_pending == PENDING_MAX || r->n_images + (long)r->n_pending >= r->n_wanted ||
	    crashvfs_random(r->one_in) != 0)
		return;
	*p = (struct pending){ .acked = r->ledger.n_acked, .written = r->ledger.n_written };
	p->image = crashvfs_image();
	read_text(r->folder, "questd.generation", p->sidecar, sizeof(p->sidecar));
	r->n_pending++;
}

static void verify_one(struct run *r, struct pending *p, bool is_told)
{
	int64_t n = 0;
	const char *why;

	ledger_empty_folder(r->scratch, false);
	if (!crashvfs_image_write(p->image, r->scratch)) {
		perror("image");
		exit(1);
	}
	if (p->sidecar[0])
		write_text(r->scratch, "questd.generation", p->sidecar);
	why = ledger_verify(r->scratch, p->acked, p->written, &n);
	if (why && is_told)
		printf("image %ld: %s\n", r->n_images, why);
	r->n_images++;
	r->n_wrong += why != NULL;
	r->n_lost += why && strncmp(why, "lost", 4) == 0;
	r->n_later += !why && n > p->acked;
}

static void verify_pending(struct run *r, bool is_told)
{
	for (size_t i = 0; i < r->n_pending; i++) {
		verify_one(r, &r->pending[i], is_told);
		r->pending[i].image = crashvfs_image_free(r->pending[i].image);
	}
	r->n_pending = 0;
}

static void must(int e, const char *what)
{
	struct err_report report;

	if (e == 0)
		return;
	err_take(e, &report);
	fprintf(stderr, "power_loss: %s: %s\n", what, report.text);
	exit(1);
}

/* A fresh store, or one of the first version that is brought up to date under our eyes. */
static void begin_round(struct run *r, bool is_old)
{
	ledger_empty_folder(r->folder, false);
	crashvfs_reset("");
	ledger_init(&r->ledger, r->folder);
	if (is_old) {
		must(ledger_make_old(&r->ledger, 5), "old database");
	} else {
		must(ledger_open(&r->ledger), "open");
		ledger_close(&r->ledger);
	}
	crashvfs_reset(r->folder);
	crashvfs_on_change(take_image, r);
	r->one_in = 3;
	must(ledger_open(&r->ledger), "open");
	verify_pending(r, true);
	r->one_in = 12;
}

static void end_round(struct run *r, bool is_told)
{
	r->one_in = 2;
	ledger_close(&r->ledger);
	verify_pending(r, is_told);
	crashvfs_on_change(NULL, NULL);
	ledger_deinit(&r->ledger);
}

static void one_batch(struct run *r, bool is_told)
{
	static const size_t sizes[] = { 10, 300, 3000, 20000 };
	struct ledger *l = &r->ledger;
	int64_t next;

	must(ledger_batch(l, 1 + (int)crashvfs_random(12), sizes[crashvfs_random(4)]), "batch");
	switch (crashvfs_random(8)) {
	case 0:
		must(db_checkpoint(l->store->writer, false), "checkpoint");
		break;
	case 1:
		must(db_checkpoint(l->store->writer, true), "checkpoint");
		break;
	case 2:
		must(store_housekeep(l->store, &next), "housekeep");
		break;
	}
	verify_pending(r, is_told);
}

static void run(struct run *r, long n_images, bool is_normal)
{
	r->n_images = r->n_wrong = r->n_lost = r->n_later = 0;
	r->n_wanted = n_images;
	for (long round = 0; r->n_images < n_images; round++) {
		begin_round(r, !is_normal && round % 4 == 3);
		if (is_normal)
			must(db_exec(r->ledger.store->writer, "pragma synchronous = normal"),
			     "pragma");
		for (int i = 0; i < BATCHES_A_ROUND && r->n_images < n_images; i++)
			one_batch(r, !is_normal);
		end_round(r, !is_normal);
	}
}

int main(int argc, char **argv)
{
	struct run r = { 0 };
	long n_images = argc > 1 ? atol(argv[1]) : 1000;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 20261121;
	long n_wrong, n_later;

	ledger_make_folder(r.folder);
	ledger_make_folder(r.scratch);
	crashvfs_start("", seed);
	run(&r, n_images, false);
	n_wrong = r.n_wrong;
	n_later = r.n_later;
	run(&r, NORMAL_IMAGES, true);
	ledger_empty_folder(r.folder, true);
	ledger_empty_folder(r.scratch, true);
	printf(
	    "F-02 %ld images: %ld wrong; %ld hold a batch whose answer was still on its way; with "
	    "synchronous=normal %ld of %d lose what was acknowledged\n",
	    n_images, n_wrong, n_later, r.n_lost, NORMAL_IMAGES);
	return n_wrong > 0 || r.n_lost == 0;
}
