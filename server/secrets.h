/* SPDX-License-Identifier: Apache-2.0 */
/* Where the vault and the redactor meet the rest of the server: what verbs see of them, the values
 * that are hidden from the start on, and a value for those who are no verb. */
#pragma once

#include "server/redact.h"
#include "server/vault.h"
#include "verbs/call.h"

struct server;

/* Before the first call. A vault that is locked is no error. */
int secrets_start(struct server *s) must_check;
void secrets_stop(struct server *s);
/* For call_server. */
void secrets_fill(struct call_vault *out);

/* A message as it may leave: the text, or one in `scratch`; NONE: memory is out, and nothing may.
 */
struct str secrets_clean(struct server *s, enum redact_kind kind, struct str text,
			 struct buf *scratch);
