/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of other kinds and for other uses are passed over; of a private key that lies in the file
 * by mistake, the public half is used. A key verifies the one algorithm that its type is for,
 * whatever a token's header says. */
#include "server/jwks.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "server/seal.h"

#define FILE_MAX     65536
#define KEYS_MAX     10
#define KID_MAX      200
#define RSA_MIN      256 /* bytes: 2048 bits */
#define RSA_MAX      512
#define EXPONENT_MAX 8
#define CURVE_BYTES  32
#define SIGNATURE    64 /* of both curves */

struct jwk {
	struct str kid;
	enum jwt_algorithm algorithm;
	gnutls_pubkey_t key;
};

struct jwks {
	char *path;
	struct arena arena; /* the kids */
	struct jwk keys[KEYS_MAX];
	size_t n;
	int64_t changed_ns; /* of the file that was read last, sound or not */
	ino_t inode;
};

static int fault(int code, const char *what)
{
	return code == GNUTLS_E_MEMORY_ERROR
		   ? err_nomem()
		   : err_new(ERR_SYS, "%s: %s", what, gnutls_strerror(code));
}

static gnutls_datum_t datum(struct str s)
{
	return (gnutls_datum_t){ (unsigned char *)(uintptr_t)s.p, (unsigned)s.n };
}

/* ---- reading ---- */

static void forget(struct jwks *k)
{
	while (k->n)
		gnutls_pubkey_deinit(k->keys[--k->n].key);
	arena_reset(&k->arena);
	k->inode = 0;
}

/* A member in base64url with a length between both. */
static int read_bytes(struct jwks *k, const struct json *v, struct str name,
		      const size_t between[2], struct str *out)
{
	int e = seal_unbase64(&k->arena, json_get_str(v, name), out);

	if (e < 0)
		return err_trace(e);
	return e || out->n < between[0] || out->n > between[1]
		   ? err_new(ERR_SYS, "a key's '%.*s' is no number of the right length",
			     STR_ARG(name))
		   : 0;
}

static int import_rsa(struct jwks *k, const struct json *v, struct jwk *out)
{
	struct str n, exponent;
	gnutls_datum_t first, second;
	int e = read_bytes(k, v, STR("n"), (size_t[]){ RSA_MIN, RSA_MAX }, &n);

	if (!e)
		e = read_bytes(k, v, STR("e"), (size_t[]){ 1, EXPONENT_MAX }, &exponent);
	if (e)
		return err_trace(e);
	first = datum(n);
	second = datum(exponent);
	e = gnutls_pubkey_import_rsa_raw(out->key, &first, &second);
	return e < 0 ? fault(e, "an RSA key cannot be used") : 0;
}

static int import_curve(struct jwks *k, const struct json *v, struct jwk *out)
{
	const size_t length[] = { CURVE_BYTES, CURVE_BYTES };
	bool has_y = out->algorithm == JWT_ES256;
	gnutls_datum_t first, second;
	struct str x, y = STR_NONE;
	int e = read_bytes(k, v, STR("x"), length, &x);

	if (!e && has_y)
		e = read_bytes(k, v, STR("y"), length, &y);
	if (e)
		return err_trace(e);
	first = datum(x);
	second = datum(y);
	e = gnutls_pubkey_import_ecc_raw(out->key,
					 has_y ? GNUTLS_ECC_CURVE_SECP256R1
					       : GNUTLS_ECC_CURVE_ED25519,
					 &first, has_y ? &second : NULL);
	return e < 0 ? fault(e, "a key on a curve cannot be used") : 0;
}

/* 0: it is none of ours. */
static enum jwt_algorithm algorithm_of(const struct json *v)
{
	struct str type = json_get_str(v, STR("kty")), curve = json_get_str(v, STR("crv"));
	struct str use = json_get_str(v, STR("use")), name = json_get_str(v, STR("alg"));
	enum jwt_algorithm algorithm = 0;
	struct str own = STR_NONE;

	if (str_eq(type, STR("RSA"))) {
		algorithm = JWT_RS256;
		own = STR("RS256");
	} else if (str_eq(type, STR("EC")) && str_eq(curve, STR("P-256"))) {
		algorithm = JWT_ES256;
		own = STR("ES256");
	} else if (str_eq(type, STR("OKP")) && str_eq(curve, STR("Ed25519"))) {
		algorithm = JWT_EDDSA;
		own = STR("EdDSA");
	}
	if ((use.p && !str_eq(use, STR("sig"))) || (name.p && !str_eq(name, own)))
		return 0;
	return algorithm;
}

static const struct jwk *find(const struct jwks *k, struct str kid)
{
	for (size_t i = 0; i < k->n; i++)
		if (str_eq(k->keys[i].kid, kid))
			return &k->keys[i];
	return NULL;
}

static int add(struct jwks *k, const struct json *v)
{
	struct jwk key = { .kid = json_get_str(v, STR("kid")), .algorithm = algorithm_of(v) };
	int e;

	if (!key.algorithm || !key.kid.n || key.kid.n > KID_MAX)
		return 0;
	if (find(k, key.kid))
		return err_new(ERR_SYS, "two keys have the kid '%.*s'", STR_ARG(key.kid));
	key.kid = str_dup(&k->arena, key.kid);
	if (!key.kid.p)
		return err_nomem();
	e = gnutls_pubkey_init(&key.key);
	if (e < 0)
		return fault(e, "a key cannot be made");
	e = key.algorithm == JWT_RS256 ? import_rsa(k, v, &key) : import_curve(k, v, &key);
	if (e) {
		gnutls_pubkey_deinit(key.key);
		return err_trace(e);
	}
	k->keys[k->n++] = key;
	return 0;
}

static int read_keys(struct jwks *k, struct str text)
{
	struct json all;
	const struct json *list;
	int e = json_parse(&k->arena, text, &all, NULL);

	if (e < 0)
		return err_trace(e);
	list = e ? NULL : json_get(&all, STR("keys"));
	if (!list || list->type != JSON_ARRAY)
		return err_new(ERR_SYS, "it is no JWKS: no object with an array 'keys'");
	if (list->n > KEYS_MAX)
		return err_new(ERR_SYS, "it holds more than %d keys", KEYS_MAX);
	for (uint32_t i = 0; i < list->n; i++) {
		e = add(k, &list->items[i]);
		if (e)
			return err_trace(e);
	}
	if (!k->n)
		return err_new(ERR_SYS, "it holds no key with a kid for RS256, ES256 or EdDSA");
	return 0;
}

static int64_t changed_ns(const struct stat *st)
{
	return st->st_ctim.tv_sec * INT64_C(1000000000) + st->st_ctim.tv_nsec;
}

static int load(struct jwks *k)
{
	CLEANUP(buf_deinit) struct buf text;
	struct stat st;
	int e;

	buf_init(&text, 0);
	forget(k);
	if (stat(k->path, &st) != 0)
		return err_sys("cannot look at '%s'", k->path);
	k->inode = st.st_ino;
	k->changed_ns = changed_ns(&st);
	if (st.st_mode & 022)
		return err_new(ERR_SYS,
			       "others may write '%s', and so let themselves in: chmod go-w it",
			       k->path);
	e = fd_read_file(k->path, FILE_MAX, &text);
	if (e)
		return e < 0 ? err_trace(e) : err_new(ERR_SYS, "'%s' went away", k->path);
	e = read_keys(k, buf_str(&text));
	if (e) {
		ino_t inode = k->inode;

		forget(k);
		k->inode = inode;
	}
	return err_trace(e);
}

int jwks_new(const char *path, struct jwks **out)
{
	struct jwks *k = calloc(1, sizeof(*k));
	int e;

	if (!k)
		return err_nomem();
	arena_init(&k->arena, (size_t)16 * FILE_MAX);
	k->path = strdup(path);
	e = k->path ? load(k) : err_nomem();
	if (e) {
		jwks_free(k);
		return err_trace(e);
	}
	*out = k;
	return 0;
}

struct jwks *jwks_free(struct jwks *k)
{
	if (!k)
		return NULL;
	forget(k);
	arena_deinit(&k->arena);
	free(k->path);
	free(k);
	return NULL;
}

/* The file is read when it is another one or was changed, however many tokens name keys that are
 * not in it. */
static void refresh(struct jwks *k)
{
	struct stat st;
	bool is_there = stat(k->path, &st) == 0;
	int e;

	if (is_there ? st.st_ino == k->inode && changed_ns(&st) == k->changed_ns : !k->inode)
		return;
	e = load(k);
	if (e < 0)
		log_fault(e, "no token is let in: the file of keys cannot be used", NULL, 0);
}

/* ---- verifying ---- */

/* GnuTLS wants both numbers of an ECDSA signature as DER. */
static int verify_es256(const struct jwk *key, const gnutls_datum_t *text, struct str signature)
{
	gnutls_datum_t r = datum(str_slice(signature, 0, SIGNATURE / 2));
	gnutls_datum_t s = datum(str_slice(signature, SIGNATURE / 2, SIGNATURE)), der = { NULL, 0 };
	int e = gnutls_encode_rs_value(&der, &r, &s);

	if (e < 0)
		return e;
	e = gnutls_pubkey_verify_data2(key->key, GNUTLS_SIGN_ECDSA_SHA256, 0, text, &der);
	gnutls_free(der.data);
	return e;
}

int jwks_verify(struct jwks *k, const struct jwt *t)
{
	gnutls_datum_t text = datum(t->signed_text), signature = datum(t->signature);
	const struct jwk *key;
	int e;

	refresh(k);
	key = find(k, t->kid);
	if (!key)
		return JWT_KEY;
	if (key->algorithm != t->algorithm)
		return JWT_ALGORITHM;
	if (key->algorithm != JWT_RS256 && t->signature.n != SIGNATURE)
		return JWT_SIGNATURE;
	if (key->algorithm == JWT_ES256)
		e = verify_es256(key, &text, t->signature);
	else
		e = gnutls_pubkey_verify_data2(key->key,
					       key->algorithm == JWT_RS256
						   ? GNUTLS_SIGN_RSA_SHA256
						   : GNUTLS_SIGN_EDDSA_ED25519,
					       0, &text, &signature);
	if (e == GNUTLS_E_MEMORY_ERROR)
		return err_nomem();
	return e < 0 ? JWT_SIGNATURE : 0;
}
