/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of credentials share. */
#pragma once

#include "verbs/secrets.h"

/* `denied`: an agent has nothing to do with secrets, whatever its key may. */
int credential_refuse_agent(struct call *c) must_check;
/* The agent's, the role's, or the entity's where neither is named. */
int credential_owner(struct call *c, struct str agent, struct str role,
		     struct store_credential_place *out) must_check;
/* Fills in what is not given of a name that is known. `kind` may be NULL. */
void credential_name_says(struct str name, struct str *provider, enum credential_kind *kind);
