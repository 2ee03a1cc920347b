/* SPDX-License-Identifier: Apache-2.0 */
/* Values that are kept sealed: credentials, and the small secrets of other objects (a hook's, a
 * channel's), which lie in the same table, so that one way seals, rotates and hides them all. */
#pragma once

#include "store/credentials.h"
#include "verbs/call.h"

/* What a row's value is sealed for. NONE when memory is out. */
struct str secret_label(struct arena *a, const struct credential *k);

/* Seals the value for the row, keeps it there (n 0: a new row), and hides the value from all texts.
 * Fills in id, version and times. CALL_FAILED. */
int secret_put(struct call *c, struct store_credential *k, struct str value) must_check;
/* CALL_FAILED with credentials_locked or credential_corrupt. */
int secret_get(struct call *c, const struct store_credential *k, struct str *out) must_check;

/* ---- of another object: "hook:<id>", "channel:<id>", … ---- */
struct secret_of {
	struct str owner, name; /* the name as in [A-Za-z0-9_-]{1,64} */
};
/* A first value, or another one. Below 8 bytes it is kept, but not looked for in texts. */
int secret_keep(struct call *c, const struct secret_of *of, struct str value) must_check;
/* CALL_FAILED with not_found too. */
int secret_read(struct call *c, const struct secret_of *of, struct str *out) must_check;
/* All of the object, which goes. */
int secret_drop(struct call *c, struct str owner) must_check;
