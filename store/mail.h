/* SPDX-License-Identifier: Apache-2.0 */
/* What lies in mailboxes: in the order it came, delivered until it is acknowledged. */
#pragma once

#include "store/mailboxes.h"

struct store_mail {
	struct mail mail; /* without the receipt */
	int64_t n;
	struct str token; /* of this delivery */
};
struct store_mail_list {
	struct store_mail *v;
	size_t n;
};

/* Fills in seq and times; the mailbox counts it. STORE_TOO_MANY: it holds as much as it may. */
int store_mail_send(struct store_tx *tx, struct store_mailbox *m,
		    struct store_mail *mail) must_check;
/* The first that wait, at most `max`, and no more than `max_bytes` of payload but for the first. */
int store_mail_waiting(struct store_tx *tx, const struct store_mailbox *m, size_t max,
		       size_t max_bytes, struct store_mail_list *out) must_check;
/* One of those is given out with its token until visible_at (steady). */
int store_mail_deliver(struct store_tx *tx, struct store_mailbox *m,
		       struct store_mail *mail) must_check;
/* The mail of this n, seq and token is gone. STORE_NONE: it was before; STORE_STALE: it was
 * delivered again since, or there never was such a mail. */
int store_mail_ack(struct store_tx *tx, struct store_mailbox *m,
		   const struct store_mail *mail) must_check;

/* What was not acknowledged in time waits again; mail of mailboxes that were removed goes. At most
 * `max` of each; sets *has_more when there is. */
int store_mail_tick(struct store_tx *tx, size_t max, bool *has_more) must_check;
/* When there is something for that (steady); 0 = never. */
int store_mail_next_time(struct store_tx *tx, int64_t *out) must_check;
