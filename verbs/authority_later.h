/* SPDX-License-Identifier: Apache-2.0 */
/* Whose authority calls have that are made later, when nobody is there who calls: that of whoever
 * asked for them, as it is then. What is kept is who it was; rights are never copied. */
#pragma once

#include "verbs/call.h"

struct authority_maker {
	enum principal_kind kind;
	struct str id, key; /* key NONE: the one who runs the server */
};

/* Who calls now, as a maker; refuses (`denied`) one who cannot be looked up later. */
int authority_maker(struct call *c, struct authority_maker *out) must_check;
/* What the maker may do now. STORE_NONE: nothing any more, *why says how that came. Texts are the
 * transaction's arena's. */
int authority_of_maker(struct store_tx *tx, const struct authority_maker *m, struct principal *out,
		       struct str *why) must_check;
