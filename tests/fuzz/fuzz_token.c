/* SPDX-License-Identifier: Apache-2.0 */
/* What a stranger may send as a bearer: a key or a token. A key that parses is its own text again;
 * whatever a token says, its signature is never one of a key that signed nothing. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "server/jwks.h"
#include "server/key_text.h"
#include "types.gen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nobody has the private halves. */
static const char public_keys[] = "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"d\","
				  "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"},"
				  "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e\","
				  "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
				  "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";

static struct jwks *keys;
static char path[] = "/tmp/questd-fuzz.XXXXXX";

static void clean_up(void)
{
	keys = jwks_free(keys);
	unlink(path);
}

static void open_keys(void)
{
	int fd = mkstemp(path), e;

	assert(fd >= 0);
	close(fd);
	e = fd_write_file(path, str_from(public_keys), 0600);
	assert(!e);
	e = jwks_new(path, &keys);
	assert(!e && keys);
	atexit(clean_up);
}

static void look_at_key(struct str text)
{
	char again[KEY_TEXT_LEN];
	struct str id;

	if (!key_text_parse(text, &id))
		return;
	assert(text.n == KEY_TEXT_LEN && id.n == KEY_ID_LEN);
	memcpy(again, text.p, KEY_TEXT_LEN);
	key_text_check(again);
	assert(memcmp(again, text.p, KEY_TEXT_LEN) == 0);
	again[KEY_TEXT_LEN - 1] ^= 1;
	assert(!key_text_parse((struct str){ again, KEY_TEXT_LEN }, &id));
}

static void look_at_token(struct arena *a, struct str text)
{
	const struct jwt_rules rules = { STR("https://i"), STR("https://r"), STR("sub") };
	struct jwt_claims claims;
	struct jwt t;
	int e = jwt_parse(a, text, &t);

	assert(e >= 0 && e < JWT_FAULT_MAX && (!e || jwt_fault_text((enum jwt_fault)e)));
	if (e)
		return;
	assert(jwt_is_one(text) && t.algorithm && t.kid.n && t.claims.type == JSON_OBJECT);
	assert(t.signed_text.n < text.n);
	assert(jwks_verify(keys, &t) > 0);
	e = jwt_check(&t, &rules, INT64_C(1800000000000), &claims);
	assert(e >= 0 && e < JWT_FAULT_MAX);
	assert(e ||
	       (claims.person.n && !(claims.roles & 1u) && !(claims.roles >> ACCESS_ROLE_MAX)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct arena arena;

	if (!keys)
		open_keys();
	arena_init(&arena, (size_t)4 * 1024 * 1024);
	look_at_key(text);
	look_at_token(&arena, text);
	arena_deinit(&arena);
	return 0;
}
