/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs/receivers.h"

#include "base/id.h"

#define ID_CHARS 24

int receiver_make_id(struct call *c, struct str *out)
{
	char text[ID_CHARS + 1];

	id_random_text(text, ID_CHARS);
	*out = str_dup(c->arena, (struct str){ text, ID_CHARS });
	return out->p ? 0 : err_nomem();
}

int receiver_seal(struct call *c, struct str id, struct str given, struct str *out_sealed,
		  struct str *out_shown)
{
	struct call_hook_secret secret = { .of = id, .text = given };
	int e = c->server->seal_hook_secret(c->server->data, c, &secret);

	*out_sealed = secret.sealed;
	*out_shown = given.p ? STR_NONE : secret.text;
	return err_trace(e);
}
