/* SPDX-License-Identifier: Apache-2.0 */
/* How the secrets of hooks and channels lie in the store: sealed for their object alone, with a key
 * that is derived from the file beside the database. This is the one place that knows. */
#pragma once

#include "base/macros.h"
#include "verbs/call.h"

struct server;

/* Makes the text where there is none; then seals it. */
int hook_secret_seal(const struct server *s, struct arena *a,
		     struct call_hook_secret *h) must_check;
/* The text of a sealed one. NONE where there is none, or where it was sealed with another key: what
 * nobody can know any more lets nobody in. */
int hook_secret_find(const struct server *s, struct arena *a, struct str of, struct str sealed,
		     struct str *out) must_check;
