/* SPDX-License-Identifier: Apache-2.0 */
/* What leaves the server and must come back unchanged, by nobody else and to nothing else: cursors
 * and MCP request states, sealed by XChaCha20-Poly1305 with a key kept in the store. Digests and
 * the comparison of secrets live here too. What is kept sealed is the vault's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"

#define SEAL_KEY_BYTES  32
#define SEAL_DIGEST_HEX 64

struct seal;

/* What a sealed text is bound to. It opens for the same binding only. */
struct seal_binding {
	struct str principal, method;
	struct str digest; /* of the other parameters; may be NONE */
};

enum { SEAL_BAD = 1, SEAL_EXPIRED };

int seal_new(const uint8_t key[SEAL_KEY_BYTES], struct seal **out) must_check;
struct seal *seal_free(struct seal *s);

/* URL-safe text. expires_ms: wall time, 0 = never. NONE when memory is out. */
struct str seal_close(const struct seal *s, struct arena *a, const struct seal_binding *b,
		      struct str plain, int64_t expires_ms);
/* 0, SEAL_BAD, SEAL_EXPIRED, or negative. */
int seal_open(const struct seal *s, struct arena *a, const struct seal_binding *b,
	      struct str sealed, int64_t now_ms, struct str *out_plain) must_check;

/* base64url without padding, as the only text of its bytes. 0, SEAL_BAD, or negative. */
int seal_unbase64(struct arena *a, struct str text, struct str *out) must_check;
/* BLAKE2b-256 as lower-case hex, in the arena. NONE when memory is out. */
struct str seal_digest(struct arena *a, struct str text);
/* The same under a secret, for what must not be guessed from its hash. */
struct str seal_keyed_digest(struct arena *a, const uint8_t key[SEAL_KEY_BYTES], struct str text);
/* HMAC-SHA256 of the parts, one behind the other, as those who sign webhooks write it. */
struct seal_mac {
	char hex[SEAL_DIGEST_HEX + 1], base64[45];
};
void seal_hmac_sha256(struct str key, const struct str *parts, size_t n, struct seal_mac *out);
/* Random, each number as likely as the others. */
uint32_t seal_random_below(uint32_t n);
/* The same work whatever the difference. */
bool seal_equal(struct str a, struct str b);
/* A secret: prefix and 43 URL-safe characters (256 random bits); cap ≥ prefix + 44. */
void seal_make_token(char *out, size_t cap, const char *prefix);
/* The key as hex, for the store, and back; false when it is none. */
void seal_make_key(uint8_t key[SEAL_KEY_BYTES]);
void seal_key_text(const uint8_t key[SEAL_KEY_BYTES], char out[2 * SEAL_KEY_BYTES + 1]);
bool seal_key_parse(struct str text, uint8_t key[SEAL_KEY_BYTES]);
