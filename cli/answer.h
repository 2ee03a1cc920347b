/* SPDX-License-Identifier: Apache-2.0 */
/* A call's answer, and telling of the error in it. */
#pragma once

#include "base/json.h"
#include "cli/command.h"

struct answer {
	struct str method;
	struct str result; /* as the server wrote it; NONE for an error */
	struct json error; /* JSON-RPC's error object; type NONE for a result */
};

/* Tells of the error on stderr, as text or with --json as the server gave it; its exit code. */
int answer_say_error(struct cli *c, const struct answer *a);
