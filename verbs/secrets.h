/* SPDX-License-Identifier: Apache-2.0 */
/* The values of credentials: sealed, opened, and hidden from all texts. */
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
