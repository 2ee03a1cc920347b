/* SPDX-License-Identifier: Apache-2.0 */
/* Which events concern any subscription, asked for each event that is written: without any
 * subscription it is one look at a flag; else what is asked of the table is remembered by kind, so
 * that a kind that nobody waits for costs a look into a table in memory. The writer's. */
#pragma once

#include "base/json.h"
#include "store/store.h"

struct store_interest;
struct store_event_new;

struct store_interest *store_interest_new(void); /* NULL: memory */
struct store_interest *store_interest_free(struct store_interest *i);
/* Something about subscriptions is not what it was. */
void store_interest_changed(struct store_interest *i);
/* What was changed is undone: of a call, of all; or for good. */
void store_interest_undone(struct store_interest *i);
void store_interest_rolled_back(struct store_interest *i);
void store_interest_kept(struct store_interest *i);

/* Puts the event where matching finds it, if it may concern anybody. */
int store_interest_tell(struct store_tx *tx, const struct store_event_new *e,
			int64_t seq) must_check;

/* Are there events that are to be held against subscriptions? There may be. */
bool store_interest_has_matches(const struct store_interest *i);
void store_interest_matched(struct store_interest *i); /* none are left */

/* The beginnings by which a kind's subscriptions are found: "", "a.", "a.b.", and the whole. */
#define STORE_KEYS_MAX 10
size_t store_interest_keys(struct str kind, struct str out[STORE_KEYS_MAX]);
/* That of a pattern of kinds. */
struct str store_interest_key_of(struct str pattern);
/* The value that a path leads to in an event, as it is looked for: NONE when there is none that can
 * be. */
struct str store_interest_value(struct arena *a, struct str path, struct str subject,
				const struct json *payload);
/* The same of a value itself. */
struct str store_interest_text(struct arena *a, const struct json *value);
/* *out NULL: no sound JSON. */
int store_interest_parse(struct store_tx *tx, struct str payload,
			 const struct json **out) must_check;
/* The next way, by text, to tell the subscriptions of a key apart. STORE_NONE. */
int store_interest_next_path(struct store_tx *tx, struct str key, struct str after,
			     struct str *out) must_check;
