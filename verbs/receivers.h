/* SPDX-License-Identifier: Apache-2.0 */
/* What hooks and channels have in common: services post to them, and sign what they post. */
#pragma once

#include "verbs/call.h"

/* An id, and so a path, that is not to be guessed, though knowing it is of no use without the
 * secret. */
int receiver_make_id(struct call *c, struct str *out) must_check;
/* The secret that was given, or a new one: sealed for the receiver of this id. *out_shown is one
 * that was made here, else NONE. */
int receiver_seal(struct call *c, struct str id, struct str given, struct str *out_sealed,
		  struct str *out_shown) must_check;
