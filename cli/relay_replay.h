/* SPDX-License-Identifier: Apache-2.0 */
/* What a client has set up on its connection, so that another server can be given the same: its
 * `keys.use`, `initialize`, `notifications/initialized`, `logging/setLevel`, resource
 * subscriptions, and its open `subscriptions/listen`. The repeated requests carry ids of ours,
 * whose answers the client never sees; a `listen`, and an `initialize` without an answer yet, go
 * out as they came, for theirs is still owed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"
#include "base/str.h"
#include "cli/relay_ids.h"
#include "cli/relay_open.h"

struct arena;
struct buf;

#define RELAY_KEPT_MAX       1024
#define RELAY_KEPT_BYTES_MAX (1024 * 1024)

struct relay_replay {
	struct list kept; /* in the order in which they came */
	size_t n_kept, n_bytes;
	size_t n_awaited;      /* answers to our repetitions that have not come yet */
	size_t n_acknowledged; /* repeated listens whose acknowledgement is not for the client */
	char prefix[24];       /* of our ids, with the opening quote */
	struct arena *arena;
};

void relay_replay_init(struct relay_replay *r, struct arena *arena);
void relay_replay_deinit(struct relay_replay *r);
/* Is this a method that a client sets something up with? */
bool relay_replay_notes(struct str method);
/* A message of the client, and one of the server. */
void relay_replay_note(struct relay_replay *r, const struct relay_message *m);
void relay_replay_note_answer(struct relay_replay *r, struct str id);
/* Is this line of the server an answer to a repetition? Then the client must not see it. */
bool relay_replay_swallows(struct relay_replay *r, const struct relay_message *m);
/* Takes the ids whose messages will be repeated as they are out of `open`, puts them back. */
void relay_replay_hold(struct relay_replay *r, struct relay_open *open);
void relay_replay_release(struct relay_replay *r, struct relay_open *open);
/* All there is to repeat, as lines. */
void relay_replay_put(struct relay_replay *r, const struct relay_open *open, struct buf *out);
/* The answer to a repeated keys.use: unless it is a result the connection must not be used, for it
 * would be somebody else's. */
bool relay_replay_is_use(const struct relay_replay *r, const struct relay_message *m);
/* A ping of ours, behind all that: its answer says that this server lives and is not about to stop.
 */
void relay_replay_put_probe(struct relay_replay *r, struct buf *out);
bool relay_replay_is_probe(const struct relay_replay *r, const struct relay_message *m);
