/* SPDX-License-Identifier: Apache-2.0 */
/* Takes the values of credentials out of whatever leaves: the exact value and its forms (base64 at
 * any place of a longer text, hexadecimal, URL-encoded, JSON-escaped) become `[redacted:NAME]`.
 * Values below 8 bytes are not looked for: they would be found everywhere.
 *
 * Without values it costs one look at a pointer. With them every fourth place of a text is looked
 * at: of each form four windows of five bytes stand in a table, of which one lies there wherever
 * the form begins. Adding and retiring is one thread's, looking any thread's, without a lock. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/macros.h"
#include "base/str.h"

#define REDACT_MIN 8 /* bytes of a value */

struct redact_table;

struct redact {
	_Atomic(struct redact_table *) table; /* NULL: there is nothing to look for */
	atomic_uint n_users;                  /* who is looking right now */
	struct redact_entry *entries;         /* newest first */
	struct redact_table *old;             /* could not be freed yet */
};

void redact_init(struct redact *r);
void redact_deinit(struct redact *r);

struct redact_value {
	struct str id; /* whose: a later version retires the earlier */
	int64_t version;
	struct str name, value;
};
/* From redact_apply() on it is looked for, until the program ends: what was replaced or deleted may
 * still be valid elsewhere. Of those only the newest REDACT_RETIRED_MAX are kept. Negative: memory.
 */
#define REDACT_RETIRED_MAX 1000
int redact_add(struct redact *r, const struct redact_value *v) must_check;
int redact_apply(struct redact *r) must_check;
/* It was deleted. */
void redact_retire(struct redact *r, struct str id);

static inline bool redact_is_on(const struct redact *r)
{
	return atomic_load_explicit(&r->table, memory_order_relaxed) != NULL;
}

enum redact_kind {
	REDACT_TEXT = 1, /* anywhere */
	REDACT_JSON,     /* within strings; names of members, which are ours, stay */
	REDACT_GIVEN,    /* likewise, names too: JSON that somebody gave us */
};
/* 0: nothing was found, `out` is as it was; REDACT_FOUND: the text without it was put there; or
 * negative (memory): then nothing of the text may leave. What was JSON stays JSON. */
enum { REDACT_FOUND = 1 };
int redact_text(struct redact *r, enum redact_kind kind, struct str text,
		struct buf *out) must_check;
