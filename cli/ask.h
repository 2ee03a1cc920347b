/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the server: one call over the socket, or over --url, and its answer. */
#pragma once

#include "base/json.h"
#include "cli/answer.h"
#include "cli/command.h"

/* A frame of a stream, as the server wrote it. Not 0 ends the following with this code. */
typedef int ask_frame_fn(struct cli *c, struct str frame);

/* 0 with the answer, or an exit code (said). `params` is a JSON object or NONE. */
int ask(struct cli *c, struct str method, struct str params, struct answer *out) must_check;
/* As ask(); between, each notification is given to fn. Only over the socket. */
int ask_stream(struct cli *c, struct str method, struct str params, ask_frame_fn *fn,
	       struct answer *out) must_check;
/* For those who need the result only: its parsed object, or an exit code (said). */
int ask_object(struct cli *c, struct str method, struct str params, struct json *out) must_check;
