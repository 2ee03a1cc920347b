/* SPDX-License-Identifier: Apache-2.0 */
/* Mailboxes as rows. What lies in them is mail.h's. */
#pragma once

#include "store/store.h"
#include "types.gen.h"

/* Counted whenever one is made. */
#define MAILBOXES_MAX 10000

struct store_mailbox {
	struct mailbox mailbox;
	int64_t n;
};

/* By id or name. STORE_NONE. */
int store_mailbox_find(struct store_tx *tx, struct str who, struct store_mailbox *out) must_check;
/* Fills in n, id and times. STORE_NAME_TAKEN, STORE_TOO_MANY. */
int store_mailbox_add(struct store_tx *tx, struct store_mailbox *m) must_check;
/* Nobody finds it any more, who waits there is woken; its mail goes step by step. */
int store_mailbox_remove(struct store_tx *tx, const struct store_mailbox *m) must_check;

struct store_mailbox_filter {
	struct str owner; /* NONE = any */
	struct str after; /* a name; NONE = from the first */
	size_t limit;
};
/* By name. *out_after is where the next page begins, NONE when there is none. */
int store_mailbox_page(struct store_tx *tx, const struct store_mailbox_filter *f,
		       struct mailbox_list *out, struct str *out_after) must_check;
