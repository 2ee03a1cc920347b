/* SPDX-License-Identifier: Apache-2.0 */
/* Who comes with a key. What was looked up is kept, under a hash of the key, until something
 * changes what its owner may; then its keys that somebody is connected with are looked up again,
 * and those whose key has ended are cut before whoever ended it hears that it is done. Whoever came
 * by a token that was rotated is cut as soon as the server sees it. Loop thread. */
#pragma once

#include "base/arena.h"
#include "base/macros.h"
#include "verbs/call.h"

struct access_found;
struct access_keys;
struct access_tokens;
struct request;
struct server;

/* Reads the secret that the hashes are made with; makes it (mode 0600) where it is missing and the
 * store can be written. It lies beside the database, not in it: a copy of the database lets nobody
 * check a key. */
int access_keys_new(struct server *s, const char *secret_path, struct access_keys **out) must_check;
struct access_keys *access_keys_free(struct access_keys *k);

/* A key, or a token of the issuer. The texts of *out live until the next call of the loop. 0,
 * ACCESS_UNKNOWN, ACCESS_NO_SCOPE, or negative when it cannot be looked up now. */
int access_keys_find(struct access_keys *k, struct str text, struct access_found *out) must_check;
/* NULL where no issuer is configured. */
const struct access_tokens *access_keys_tokens(const struct access_keys *k);
/* The token is another one: who came by the one before is cut. */
void access_keys_token_changed(struct access_keys *k);
/* Something was committed that changes what this principal's keys may. */
void access_keys_changed(struct access_keys *k, struct str who);
/* Somebody came in with a key that ends then (wall time; 0 = never). */
void access_keys_expect_end(struct access_keys *k, int64_t expires_ms);
/* keys.use: the request's connection is the key's from here on; the call ends. */
void access_keys_use(struct request *r);

/* Ends such a call. What follows on a connection that did not become the key's would be done with
 * the rights that it had before: so nothing follows, it is closed. */
void access_keys_end_use(struct request *r);

/* A new key, and its hash as hex; the hash of an audit row as hex. NONE when memory is out. */
/* Of what must not be guessed from its hash, without the secret beside the database. NONE: memory.
 */
struct str access_keys_digest(struct access_keys *k, struct arena *a, struct str text);
int access_keys_make(struct access_keys *k, struct arena *a, struct call_key *out) must_check;
/* A key for another use, which nobody finds who has the database alone; as hex. NONE when memory is
 * out. */
struct str access_keys_derive(const struct access_keys *k, struct arena *a, struct str what);
