/* SPDX-License-Identifier: Apache-2.0 */
/* A store that counts: call n writes an event, a reply and a count, all saying n; a store that is
 * reopened can be asked whether it holds whole calls, whole batches, and what was acknowledged. */
#pragma once

#include "store/store.h"

struct ledger {
	struct store_options o;
	struct clock clock;
	struct arena arena;
	struct store *store;
	struct store_problem problem;
	char folder[256], paths[4][300];
	int64_t n_acked;   /* calls whose commit returned 0 */
	int64_t n_written; /* with those of the running batch */
};

void ledger_init(struct ledger *l, const char *folder);
void ledger_deinit(struct ledger *l); /* closes without a word */
int ledger_open(struct ledger *l);    /* 0, a problem, or negative */
void ledger_close(struct ledger *l);
/* n calls, and one that is undone between them, in one batch. 0 when it is acknowledged. */
int ledger_batch(struct ledger *l, int n, size_t bytes);
/* A database of the first version that holds n calls, as its questd left it. */
int ledger_make_old(struct ledger *l, int n);

/* Opens what lies in the folder: is it sound and does it hold `acked` calls, or `written`? NULL, or
 * what is wrong (in a static buffer). *out is how many it holds. */
const char *ledger_verify(const char *folder, int64_t acked, int64_t written, int64_t *out);

/* Folders of the driver's own: in memory where that can be, because the disk is played. */
void ledger_make_folder(char out[256]);
/* The files of one, not those of folders below it, into the other. */
bool ledger_copy_folder(const char *from, const char *to);
void ledger_empty_folder(const char *folder, bool is_removed);
