/* SPDX-License-Identifier: Apache-2.0 */
/* The server's side of the audit: each change, whether it was done, failed or denied, is a row in
 * the transaction that it is about; each row's hash stands on the one before. Reads are counted and
 * put on record every few seconds. */
#pragma once

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"

struct request;
struct server;
struct store_tx;

/* A row for a call that has its outcome. Writer thread. */
int audit_add(struct request *r, struct store_tx *tx) must_check;
/* The hash of a row: over its text and the hash before. NONE when memory is out. */
struct str audit_chain(struct arena *a, struct str before, struct str text);
/* Loop thread. Something may have been counted: it is put on record soon. */
void audit_expect(struct server *s);
/* What was counted goes to the writer now. */
void audit_flush(struct server *s);
