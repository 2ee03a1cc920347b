/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed text = base64url(nonce ‖ expiry ‖ ciphertext ‖ tag); the binding and the expiry are the
 * associated data, so that nothing of them can be exchanged. */
#include "server/seal.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define NONCE      crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG        crypto_aead_xchacha20poly1305_ietf_ABYTES
#define EXPIRY     8
#define HEAD       (NONCE + EXPIRY)
#define SEALED_MAX (64 * 1024)
#define VARIANT    sodium_base64_VARIANT_URLSAFE_NO_PADDING

struct seal {
	uint8_t key[SEAL_KEY_BYTES];
};

int seal_new(const uint8_t key[SEAL_KEY_BYTES], struct seal **out)
{
	struct seal *s;

	if (sodium_init() < 0)
		return err_new(ERR_INTERNAL, "libsodium cannot start");
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_nomem();
	memcpy(s->key, key, sizeof(s->key));
	*out = s;
	return 0;
}

struct seal *seal_free(struct seal *s)
{
	if (!s)
		return NULL;
	sodium_memzero(s->key, sizeof(s->key));
	free(s);
	return NULL;
}

/* A hash of all parts with their lengths: no two bindings give the same bytes. */
static void bind_all(const struct seal_binding *b, const uint8_t expiry[EXPIRY], uint8_t out[32])
{
	const struct str parts[] = { b->principal, b->method, b->digest };
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, 32);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		uint64_t n = parts[i].n;

		crypto_generichash_update(&state, (const uint8_t *)&n, sizeof(n));
		if (n)
			crypto_generichash_update(&state, (const uint8_t *)parts[i].p, n);
	}
	crypto_generichash_update(&state, expiry, EXPIRY);
	crypto_generichash_final(&state, out, 32);
}

static void put_expiry(uint8_t out[EXPIRY], int64_t ms)
{
	for (int i = 0; i < EXPIRY; i++)
		out[i] = (uint8_t)((uint64_t)ms >> (8 * i));
}

static int64_t get_expiry(const uint8_t in[EXPIRY])
{
	uint64_t ms = 0;

	for (int i = 0; i < EXPIRY; i++)
		ms |= (uint64_t)in[i] << (8 * i);
	return (int64_t)ms;
}

struct str seal_close(const struct seal *s, struct arena *a, const struct seal_binding *b,
		      struct str plain, int64_t expires_ms)
{
	size_t n = HEAD + plain.n + TAG, n_text = sodium_base64_encoded_len(n, VARIANT);
	uint8_t *raw = arena_alloc(a, n), bound[32];
	char *text = arena_alloc(a, n_text);

	if (!raw || !text)
		return STR_NONE;
	randombytes_buf(raw, NONCE);
	put_expiry(raw + NONCE, expires_ms);
	bind_all(b, raw + NONCE, bound);
	crypto_aead_xchacha20poly1305_ietf_encrypt(raw + HEAD, NULL, (const uint8_t *)plain.p,
						   plain.n, bound, sizeof(bound), NULL, raw,
						   s->key);
	sodium_bin2base64(text, n_text, raw, n, VARIANT);
	return (struct str){ text, n_text - 1 };
}

int seal_open(const struct seal *s, struct arena *a, const struct seal_binding *b,
	      struct str sealed, int64_t now_ms, struct str *out_plain)
{
	uint8_t *raw, bound[32];
	unsigned char *plain;
	size_t n;
	int64_t expires_ms;

	if (!sealed.n || sealed.n > SEALED_MAX)
		return SEAL_BAD;
	raw = arena_alloc(a, sealed.n);
	plain = arena_alloc(a, sealed.n);
	if (!raw || !plain)
		return err_nomem();
	if (sodium_base642bin(raw, sealed.n, sealed.p, sealed.n, NULL, &n, NULL, VARIANT) != 0 ||
	    n < HEAD + TAG)
		return SEAL_BAD;
	bind_all(b, raw + NONCE, bound);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, raw + HEAD, n - HEAD,
						       bound, sizeof(bound), raw, s->key) != 0)
		return SEAL_BAD;
	expires_ms = get_expiry(raw + NONCE);
	if (expires_ms && now_ms >= expires_ms)
		return SEAL_EXPIRED;
	*out_plain = (struct str){ (const char *)plain, n - HEAD - TAG };
	return 0;
}

int seal_unbase64(struct arena *a, struct str text, struct str *out)
{
	unsigned char *raw = arena_alloc(a, text.n);
	size_t n;

	if (!raw)
		return err_nomem();
	if (!text.n || sodium_base642bin(raw, text.n, text.p, text.n, NULL, &n, NULL, VARIANT) != 0)
		return SEAL_BAD;
	*out = (struct str){ (const char *)raw, n };
	return 0;
}

static struct str digest(struct arena *a, const uint8_t *key, size_t n_key, struct str text)
{
	uint8_t hash[SEAL_DIGEST_HEX / 2];
	char *hex = arena_alloc(a, SEAL_DIGEST_HEX + 1);

	if (!hex)
		return STR_NONE;
	crypto_generichash(hash, sizeof(hash), (const uint8_t *)text.p, text.n, key, n_key);
	sodium_bin2hex(hex, SEAL_DIGEST_HEX + 1, hash, sizeof(hash));
	return (struct str){ hex, SEAL_DIGEST_HEX };
}

struct str seal_digest(struct arena *a, struct str text)
{
	return digest(a, NULL, 0, text);
}

struct str seal_keyed_digest(struct arena *a, const uint8_t key[SEAL_KEY_BYTES], struct str text)
{
	return digest(a, key, SEAL_KEY_BYTES, text);
}

void seal_hmac_sha256(struct str key, const struct str *parts, size_t n, struct seal_mac *out)
{
	uint8_t mac[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state state;

	/* memcpy() may be given no NULL, not even for nothing */
	crypto_auth_hmacsha256_init(&state, (const uint8_t *)(key.p ? key.p : ""), key.n);
	for (size_t i = 0; i < n; i++)
		if (parts[i].n)
			crypto_auth_hmacsha256_update(&state, (const uint8_t *)parts[i].p,
						      parts[i].n);
	crypto_auth_hmacsha256_final(&state, mac);
	sodium_bin2hex(out->hex, sizeof(out->hex), mac, sizeof(mac));
	sodium_bin2base64(out->base64, sizeof(out->base64), mac, sizeof(mac),
			  sodium_base64_VARIANT_ORIGINAL);
	sodium_memzero(&state, sizeof(state));
	sodium_memzero(mac, sizeof(mac));
}

uint32_t seal_random_below(uint32_t n)
{
	return randombytes_uniform(n);
}

bool seal_equal(struct str a, struct str b)
{
	uint8_t x[32], y[32];

	/* digests first, so that neither length nor place of the difference shows */
	crypto_generichash(x, sizeof(x), (const uint8_t *)a.p, a.n, NULL, 0);
	crypto_generichash(y, sizeof(y), (const uint8_t *)b.p, b.n, NULL, 0);
	return sodium_memcmp(x, y, sizeof(x)) == 0;
}

void seal_make_token(char *out, size_t cap, const char *prefix)
{
	uint8_t bits[32];
	int n = snprintf(out, cap, "%s", prefix);

	randombytes_buf(bits, sizeof(bits));
	sodium_bin2base64(out + n, cap - (size_t)n, bits, sizeof(bits), VARIANT);
	sodium_memzero(bits, sizeof(bits));
}

void seal_make_key(uint8_t key[SEAL_KEY_BYTES])
{
	randombytes_buf(key, SEAL_KEY_BYTES);
}

void seal_key_text(const uint8_t key[SEAL_KEY_BYTES], char out[2 * SEAL_KEY_BYTES + 1])
{
	sodium_bin2hex(out, 2 * SEAL_KEY_BYTES + 1, key, SEAL_KEY_BYTES);
}

bool seal_key_parse(struct str text, uint8_t key[SEAL_KEY_BYTES])
{
	size_t n;

	return text.n == 2 * SEAL_KEY_BYTES &&
	       sodium_hex2bin(key, SEAL_KEY_BYTES, text.p, text.n, NULL, &n, NULL) == 0 &&
	       n == SEAL_KEY_BYTES;
}
