/* SPDX-License-Identifier: Apache-2.0 */
#include "server/hook_secret.h"

#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "server/access_keys.h"
#include "server/seal.h"
#include "server/server.h"

static void release(struct seal **s)
{
	*s = seal_free(*s);
}

static int make_seal(const struct server *s, struct arena *a, struct seal **out)
{
	struct str text = access_keys_derive(s->keys, a, STR("hook secrets"));
	uint8_t key[SEAL_KEY_BYTES];
	int e;

	if (!text.p)
		return err_nomem();
	if (!seal_key_parse(text, key))
		return err_new(ERR_INTERNAL, "a derived key is none");
	e = seal_new(key, out);
	explicit_bzero(key, sizeof(key));
	return err_trace(e);
}

static struct seal_binding binding_of(const struct call_hook_secret *h)
{
	return (struct seal_binding){ .principal = h->of, .method = STR("hook secret") };
}

static struct str make_text(struct arena *a)
{
	char text[64];
	struct str made;

	seal_make_token(text, sizeof(text), "whs_");
	made = str_dup(a, str_from(text));
	explicit_bzero(text, sizeof(text));
	return made;
}

int hook_secret_seal(const struct server *s, struct arena *a, struct call_hook_secret *h)
{
	CLEANUP(release) struct seal *seal = NULL;
	struct seal_binding binding = binding_of(h);
	int e = make_seal(s, a, &seal);

	if (e)
		return err_trace(e);
	if (!h->text.p)
		h->text = make_text(a);
	if (h->text.p)
		h->sealed = seal_close(seal, a, &binding, h->text, 0);
	return h->sealed.p ? 0 : err_nomem();
}

/* The text of a sealed one. */
enum { SECRET_LOST = 1 }; /* it was sealed with another key */
static int open_sealed(const struct server *s, struct arena *a, struct call_hook_secret *h)
{
	CLEANUP(release) struct seal *seal = NULL;
	struct seal_binding binding = binding_of(h);
	int e = make_seal(s, a, &seal);

	if (!e)
		e = seal_open(seal, a, &binding, h->sealed, 0, &h->text);
	return e > 0 ? SECRET_LOST : err_trace(e);
}

int hook_secret_find(const struct server *s, struct arena *a, struct str of, struct str sealed,
		     struct str *out)
{
	struct call_hook_secret secret = { .of = of, .sealed = sealed };
	int e = sealed.p ? open_sealed(s, a, &secret) : 0;

	if (e > 0)
		log_warn("a secret cannot be opened: give the hook or channel another",
			 LOG_S("id", of));
	*out = secret.text;
	return e < 0 ? err_trace(e) : 0;
}
