/* SPDX-License-Identifier: Apache-2.0 */
/* Words for what the tests of tasks do and look at. */
#pragma once

#include "tests/unit/verbs/world.h"

struct str task_state(struct world *w, const char *id);
struct str task_reason(struct world *w, const char *id);
const struct json *task_create(struct world *w, const char *params);
/* The first of what is claimed, or NULL. */
const struct json *task_claim(struct world *w, const char *params);
struct str task_claimed(struct world *w, const char *params);
/* "'id': 't-1', 'attempt': 1, 'token': '…'" of what was claimed. */
const char *task_proof(struct world *w, const struct json *c);
const struct json *task_complete(struct world *w, const struct json *c);
const struct json *task_fail(struct world *w, const struct json *c, const char *code);
size_t task_events(struct world *w, const char *kind);
