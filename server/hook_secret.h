/* SPDX-License-Identifier: Apache-2.0 */
/* How the secrets of hooks lie in the store: sealed for their hook alone, with a key that is
 * derived from the file beside the database. This is the one place that knows. */
#pragma once

#include "base/macros.h"
#include "verbs/call.h"

struct server;

/* Makes the text where there is none; then seals it. */
int hook_secret_seal(const struct server *s, struct arena *a,
		     struct call_hook_secret *h) must_check;
/* The text of a sealed one. HOOK_SECRET_LOST: it was sealed with another key. */
enum { HOOK_SECRET_LOST = 1 };
int hook_secret_open(const struct server *s, struct arena *a,
		     struct call_hook_secret *h) must_check;
