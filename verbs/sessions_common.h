/* SPDX-License-Identifier: Apache-2.0 */
/* How sessions are shown. */
#pragma once

#include "verbs/talk_where.h"

/* With its participants. */
int session_shown(struct call *c, const struct store_session *s, struct session *out) must_check;
/* What people know it by: its title, or who takes part beside the caller. */
int session_title(struct call *c, const struct store_session *s, struct str *out) must_check;
/* How many messages the caller, or its seat, has not read; -1: takes no part. */
int session_unread(struct call *c, const struct store_session *s, struct participant *place,
		   int64_t *out) must_check;
