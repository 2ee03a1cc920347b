/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed text = base64url(nonce ‖ ciphertext ‖ tag), XChaCha20-Poly1305 with random nonces. The
 * associated data is a hash of the company's id, what is sealed for whom, and the data key's
 * number, so that nothing opens in another place. Master keys are only added while the process
 * lives, so that whoever opens needs no lock. */
#include "server/vault.h"

#include <limits.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/failpoint.h"
#include "base/fd.h"
#include "server/vault_file.h"
#include "store/credentials.h"

#define KEY     crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define NONCE   crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG     crypto_aead_xchacha20poly1305_ietf_ABYTES
#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define BINDING 32

#define PAGE 64 /* data keys that are sealed anew at a time */

_Static_assert(KEY == VAULT_KEY_BYTES, "a key of the file is one of the cipher");

struct secrets {
	uint8_t master[VAULT_KEYS_MAX][KEY];
};

struct vault {
	struct vault_options o;
	struct arena arena;           /* of the options' texts */
	struct secrets *secrets;      /* locked memory */
	atomic_int n_master, current; /* current: which one seals */
	atomic_int why;
};

/* ---- sealing with a key ---- */

struct bound {
	uint8_t hash[BINDING];
};

static struct bound bind(const struct vault *v, const char *use, struct str text, int64_t n)
{
	const struct str parts[] = { str_from(use), v->o.instance, text };
	crypto_generichash_state state;
	struct bound b;

	crypto_generichash_init(&state, NULL, 0, BINDING);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		uint64_t len = parts[i].n;

		crypto_generichash_update(&state, (const uint8_t *)&len, sizeof(len));
		if (len)
			crypto_generichash_update(&state, (const uint8_t *)parts[i].p, len);
	}
	crypto_generichash_update(&state, (const uint8_t *)&n, sizeof(n));
	crypto_generichash_final(&state, b.hash, BINDING);
	return b;
}

/* NONE when memory is out. */
static struct str seal_with(const uint8_t key[KEY], struct arena *a, const struct bound *b,
			    struct str plain)
{
	size_t n = NONCE + plain.n + TAG, n_text = sodium_base64_encoded_len(n, VARIANT);
	uint8_t *raw = arena_alloc(a, n);
	char *text = arena_alloc(a, n_text);

	if (!raw || !text)
		return STR_NONE;
	randombytes_buf(raw, NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(raw + NONCE, NULL, (const uint8_t *)plain.p,
						   plain.n, b->hash, BINDING, NULL, raw, key);
	sodium_bin2base64(text, n_text, raw, n, VARIANT);
	return (struct str){ text, n_text - 1 };
}

static int unbase64(struct arena *a, struct str text, int variant, uint8_t **out, size_t *n)
{
	*out = arena_alloc(a, text.n + 1);
	if (!*out)
		return err_nomem();
	return sodium_base642bin(*out, text.n + 1, text.p, text.n, NULL, n, NULL, variant)
		   ? VAULT_CORRUPT
		   : 0;
}

static int open_with(const uint8_t key[KEY], struct arena *a, const struct bound *b,
		     struct str sealed, struct str *out)
{
	uint8_t *raw, *plain;
	size_t n;
	int e = unbase64(a, sealed, VARIANT, &raw, &n);

	if (e)
		return e < 0 ? err_trace(e) : e;
	if (n < NONCE + TAG)
		return VAULT_CORRUPT;
	plain = arena_alloc(a, n);
	if (!plain)
		return err_nomem();
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, raw + NONCE, n - NONCE,
						       b->hash, BINDING, raw, key))
		return VAULT_CORRUPT;
	*out = (struct str){ (const char *)plain, n - NONCE - TAG };
	return 0;
}

/* ---- master keys ---- */

static const uint8_t *master(const struct vault *v, int i)
{
	return v->secrets->master[i];
}

static int n_master(const struct vault *v)
{
	return atomic_load_explicit(&v->n_master, memory_order_acquire);
}

static int find_master(const struct vault *v, const uint8_t key[KEY])
{
	for (int i = 0; i < n_master(v); i++)
		if (sodium_memcmp(master(v, i), key, KEY) == 0)
			return i;
	return -1;
}

/* Its place; -1: there is none left. */
static int add_master(struct vault *v, const uint8_t key[KEY])
{
	int i = find_master(v, key), n = n_master(v);

	if (i >= 0 || n == VAULT_KEYS_MAX)
		return i;
	memcpy(v->secrets->master[n], key, KEY);
	atomic_store_explicit(&v->n_master, n + 1, memory_order_release);
	return n;
}

#define DATA_KEY "data key"

/* Any of them opens it. */
static int open_data_key(struct vault *v, struct arena *a, int64_t n, struct str sealed,
			 struct str *out)
{
	struct bound b = bind(v, DATA_KEY, STR(""), n);
	int e = VAULT_CORRUPT;

	for (int i = n_master(v) - 1; i >= 0 && e == VAULT_CORRUPT; i--)
		e = open_with(master(v, i), a, &b, sealed, out);
	if (e)
		return e < 0 ? err_trace(e) : e;
	return out->n == KEY ? 0 : VAULT_CORRUPT;
}

static int set_why(struct vault *v, enum vault_why why)
{
	atomic_store(&v->why, (int)why);
	return 0;
}

/* The newest data key says whether the keys are the right ones. */
static int try_keys(struct vault *v, struct store_tx *tx, bool is_file)
{
	struct store_data_key k;
	struct str plain;
	int e = store_data_key_newest(tx, &k);

	if (e < 0)
		return err_trace(e);
	if (e == STORE_NONE)
		return set_why(v, is_file ? VAULT_IS_OPEN : VAULT_IS_NEW);
	if (!is_file)
		return set_why(v, VAULT_NO_FILE);
	e = open_data_key(v, tx->arena, k.n, k.sealed, &plain);
	if (e < 0)
		return err_trace(e);
	return set_why(v, e ? VAULT_OTHER_KEY : VAULT_IS_OPEN);
}

static int read_keys(struct vault *v, bool *is_file)
{
	struct vault_keys keys;
	int e = vault_file_read(v->o.file, v->o.is_given, &keys);

	*is_file = !e;
	if (e == VAULT_FILE_MISSING)
		return 0;
	if (e)
		return e < 0 ? err_trace(e) : e;
	for (size_t i = keys.n; !e && i-- > 0;) {
		int at = add_master(v, keys.v[i]);

		e = at < 0 ? VAULT_FILE_BAD : 0;
		if (!e)
			atomic_store(&v->current, at);
	}
	sodium_memzero(&keys, sizeof(keys));
	return e;
}

int vault_look(struct vault *v, struct store_tx *tx)
{
	bool is_file;
	int e;

	if (vault_why(v) == VAULT_IS_OPEN)
		return 0;
	if (!v->o.file)
		return set_why(v, VAULT_NO_PLACE);
	if (!v->o.is_given && vault_file_is_inside(v->o.file, v->o.data_dir))
		return set_why(v, VAULT_IS_INSIDE);
	e = read_keys(v, &is_file);
	if (e < 0) { /* what it cannot read is a locked vault, not a broken server */
		err_forget();
		return set_why(v, VAULT_NO_KEY);
	}
	if (e)
		return set_why(v, e == VAULT_FILE_SHARED ? VAULT_IS_SHARED : VAULT_NO_KEY);
	return err_trace(try_keys(v, tx, is_file));
}

enum vault_why vault_why(const struct vault *v)
{
	return (enum vault_why)atomic_load(&v->why);
}

const char *vault_file(const struct vault *v)
{
	return v->o.file;
}

struct str vault_advice(const struct vault *v, struct arena *a)
{
	const char *file = v->o.file;

	switch (vault_why(v)) {
	case VAULT_IS_OPEN:
	case VAULT_IS_NEW:
		return STR_NONE;
	case VAULT_NO_PLACE:
		return STR("neither HOME nor XDG_CONFIG_HOME is set, so there is no place for the "
			   "master key: set one of them and start again");
	case VAULT_NO_FILE:
		return str_fmt(a, "the master key '%s' is missing: put the file back (mode 0400)",
			       file);
	case VAULT_OTHER_KEY:
		return str_fmt(a,
			       "the master key '%s' is not the one of this database: put the "
			       "right one in its place",
			       file);
	case VAULT_NO_KEY:
		return str_fmt(a,
			       "the file '%s' cannot be read or holds no master key: put the "
			       "right one in its place",
			       file);
	case VAULT_IS_SHARED:
		return str_fmt(a, "the master key '%s' is not yours alone: chmod 0400 it", file);
	case VAULT_IS_INSIDE:
		return str_fmt(a,
			       "the master key '%s' would lie in the data directory: set "
			       "XDG_CONFIG_HOME to a folder outside",
			       file);
	}
	return STR_NONE;
}

/* ---- making keys ---- */

/* Of a vault that has none yet. */
static int make_master(struct vault *v)
{
	struct vault_keys keys = { .n = 1 };
	int e;

	randombytes_buf(keys.v[0], KEY);
	e = v->o.is_given ? VAULT_FILE_MISSING : vault_file_make(v->o.file, &keys);
	if (!e && add_master(v, keys.v[0]) >= 0)
		(void)set_why(v, VAULT_IS_OPEN);
	sodium_memzero(&keys, sizeof(keys));
	return e < 0 ? err_trace(e) : 0;
}

/* The last try: the file may have come back, and a new vault gets its key now. */
static int ensure_open(struct vault *v, struct store_tx *tx)
{
	int e = 0;

	if (vault_why(v) != VAULT_IS_OPEN && tx->is_write)
		e = vault_look(v, tx);
	if (!e && vault_why(v) == VAULT_IS_NEW && tx->is_write)
		e = make_master(v);
	if (e)
		return err_trace(e);
	return vault_why(v) == VAULT_IS_OPEN ? 0 : VAULT_LOCKED;
}

static int seal_data_key(struct vault *v, struct store_tx *tx, int64_t n, struct str plain)
{
	struct bound b = bind(v, DATA_KEY, STR(""), n);
	struct str sealed = seal_with(master(v, atomic_load(&v->current)), tx->arena, &b, plain);

	return sealed.p ? err_trace(store_data_key_set(tx, n, sealed)) : err_nomem();
}

int vault_make_data_key(struct vault *v, struct store_tx *tx, int64_t *out)
{
	uint8_t key[KEY];
	int e = ensure_open(v, tx);

	if (e)
		return e < 0 ? err_trace(e) : e;
	/* its number is part of what it is bound to */
	e = store_data_key_add(tx, STR(""), out);
	if (e)
		return err_trace(e);
	randombytes_buf(key, KEY);
	e = seal_data_key(v, tx, *out, (struct str){ (const char *)key, KEY });
	sodium_memzero(key, KEY);
	return err_trace(e);
}

/* ---- values ---- */

static int data_key(struct vault *v, struct store_tx *tx, int64_t n, struct str *out)
{
	struct str sealed;
	int e = store_data_key_get(tx, n, &sealed);

	if (e)
		return e < 0 ? err_trace(e) : VAULT_CORRUPT;
	e = open_data_key(v, tx->arena, n, sealed, out);
	return e < 0 ? err_trace(e) : e;
}

static void wipe(struct str key)
{
	sodium_memzero((void *)key.p, key.n);
}

int vault_seal(struct vault *v, struct store_tx *tx, struct vault_label *label, struct str plain,
	       struct str *out)
{
	struct store_data_key newest;
	struct bound b;
	struct str key;
	int e = ensure_open(v, tx);

	if (!e)
		e = store_data_key_newest(tx, &newest);
	else
		return e < 0 ? err_trace(e) : e;
	if (e == STORE_NONE)
		e = vault_make_data_key(v, tx, &newest.n);
	if (!e)
		e = data_key(v, tx, newest.n, &key);
	if (e)
		return e < 0 ? err_trace(e) : e;
	label->data_key = newest.n;
	b = bind(v, "value", label->text, newest.n);
	*out = seal_with((const uint8_t *)key.p, tx->arena, &b, plain);
	wipe(key);
	return out->p ? 0 : err_nomem();
}

int vault_open(struct vault *v, struct store_tx *tx, const struct vault_label *label,
	       struct str sealed, struct str *out)
{
	struct bound b;
	struct str key;
	int e = ensure_open(v, tx);

	if (!e)
		e = data_key(v, tx, label->data_key, &key);
	if (e)
		return e < 0 ? err_trace(e) : e;
	b = bind(v, "value", label->text, label->data_key);
	e = open_with((const uint8_t *)key.p, tx->arena, &b, sealed, out);
	wipe(key);
	return e < 0 ? err_trace(e) : e;
}

/* ---- a new master key ---- */

/* The file of the service manager has its new key in front already. */
static bool has_new_in_front(const struct vault *v)
{
	return v->o.is_given && atomic_load(&v->current) != 0;
}

int vault_master_begin(struct vault *v)
{
	struct vault_keys keys = { .n = 1 };
	int e = 0, i;

	if (vault_why(v) != VAULT_IS_OPEN)
		return VAULT_LOCKED;
	if (v->o.is_given)
		return has_new_in_front(v) ? 0 : VAULT_GIVEN;
	if (n_master(v) == VAULT_KEYS_MAX)
		return VAULT_FULL;
	randombytes_buf(keys.v[0], KEY);
	/* all that there are: a rotation before may have come to this step and no further */
	for (; keys.n <= (size_t)n_master(v); keys.n++)
		memcpy(keys.v[keys.n], master(v, (int)keys.n - 1), KEY);
	e = vault_file_write(v->o.file, &keys);
	i = e ? -1 : add_master(v, keys.v[0]);
	if (i >= 0)
		atomic_store(&v->current, i);
	sodium_memzero(&keys, sizeof(keys));
	return e ? err_trace(e) : err_trace(FAIL_POINT("vault_master_written"));
}

static int seal_anew(struct vault *v, struct store_tx *tx, const struct store_data_key *k)
{
	struct str plain;
	int e = open_data_key(v, tx->arena, k->n, k->sealed, &plain);

	if (e == VAULT_CORRUPT)
		return 0; /* what cannot be opened stays as it is */
	if (!e)
		e = seal_data_key(v, tx, k->n, plain);
	if (!e)
		wipe(plain);
	return err_trace(e);
}

int vault_master_seal(struct vault *v, struct store_tx *tx)
{
	struct store_data_key_list page = { .n = PAGE };
	int64_t after = 0;
	int e = 0;

	while (!e && page.n == PAGE) {
		e = store_data_key_page(tx, after, PAGE, &page);
		for (size_t i = 0; !e && i < page.n; i++)
			e = seal_anew(v, tx, &page.v[i]);
		if (!e && page.n)
			after = page.v[page.n - 1].n;
	}
	return e ? err_trace(e) : err_trace(FAIL_POINT("vault_master_sealed"));
}

int vault_master_end(struct vault *v)
{
	struct vault_keys keys = { .n = 1 };
	int e;

	if (v->o.is_given)
		return 0;
	memcpy(keys.v[0], master(v, atomic_load(&v->current)), KEY);
	e = vault_file_write(v->o.file, &keys);
	sodium_memzero(&keys, sizeof(keys));
	return err_trace(e);
}

/* ---- boxes ---- */

struct pair {
	uint8_t public[crypto_box_PUBLICKEYBYTES], secret[crypto_box_SECRETKEYBYTES];
};

static void make_pair(const uint8_t key[KEY], struct pair *out)
{
	static const char use[] = "questd sealed box";
	uint8_t seed[crypto_box_SEEDBYTES];

	crypto_generichash(seed, sizeof(seed), (const uint8_t *)use, sizeof(use) - 1, key, KEY);
	crypto_box_seed_keypair(out->public, out->secret, seed);
	sodium_memzero(seed, sizeof(seed));
}

struct str vault_public_key(const struct vault *v, struct arena *a)
{
	size_t n = sodium_base64_encoded_len(crypto_box_PUBLICKEYBYTES, VARIANT);
	char *text;
	struct pair pair;

	if (vault_why(v) != VAULT_IS_OPEN)
		return STR_NONE;
	text = arena_alloc(a, n);
	if (!text)
		return STR_NONE;
	make_pair(master(v, atomic_load(&v->current)), &pair);
	sodium_bin2base64(text, n, pair.public, sizeof(pair.public), VARIANT);
	sodium_memzero(&pair, sizeof(pair));
	return (struct str){ text, n - 1 };
}

static bool unseal(const uint8_t key[KEY], uint8_t *plain, const uint8_t *raw, size_t n)
{
	struct pair pair;
	int e;

	make_pair(key, &pair);
	e = crypto_box_seal_open(plain, raw, n, pair.public, pair.secret);
	sodium_memzero(&pair, sizeof(pair));
	return e == 0;
}

int vault_unbox(struct vault *v, struct arena *a, struct str box, struct str *out)
{
	uint8_t *raw, *plain;
	size_t n;
	int e;

	if (vault_why(v) != VAULT_IS_OPEN)
		return VAULT_LOCKED;
	e = unbase64(a, box, VARIANT, &raw, &n);
	if (e == VAULT_CORRUPT)
		e = unbase64(a, box, sodium_base64_VARIANT_ORIGINAL, &raw, &n);
	if (e || n < crypto_box_SEALBYTES)
		return e < 0 ? err_trace(e) : VAULT_CORRUPT;
	plain = arena_alloc(a, n);
	if (!plain)
		return err_nomem();
	for (int i = n_master(v) - 1; i >= 0; i--)
		if (unseal(master(v, i), plain, raw, n)) {
			*out = (struct str){ (const char *)plain, n - crypto_box_SEALBYTES };
			return 0;
		}
	return VAULT_CORRUPT;
}

/* ---- life ---- */

int vault_new(const struct vault_options *o, struct vault **out)
{
	struct vault *v;

	if (sodium_init() < 0)
		return err_new(ERR_INTERNAL, "libsodium cannot start");
	v = calloc(1, sizeof(*v));
	if (!v)
		return err_nomem();
	arena_init(&v->arena, 0);
	v->o = *o;
	v->o.instance = str_dup(&v->arena, o->instance);
	v->secrets = sodium_malloc(sizeof(*v->secrets));
	if (!v->secrets || !v->o.instance.p) {
		vault_free(v);
		return err_nomem();
	}
	(void)set_why(v, VAULT_IS_NEW);
	*out = v;
	return 0;
}

struct vault *vault_free(struct vault *v)
{
	if (!v)
		return NULL;
	sodium_free(v->secrets); /* wipes */
	arena_deinit(&v->arena);
	free(v);
	return NULL;
}
