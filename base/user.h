/* SPDX-License-Identifier: Apache-2.0 */
/* The system's users, as messages name them. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct user_text {
	char who[96];  /* "user 1000 (alice)"; "user 1000" where no name is known */
	char sudo[64]; /* behind sudo -u: "alice", or "'#1000'" */
};

void user_text(uid_t uid, struct user_text *out);
/* Does what is at the path belong to somebody else than us? Not when it cannot be looked at. */
bool user_is_another(const char *path, uid_t *out);
