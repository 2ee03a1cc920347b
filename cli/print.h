/* SPDX-License-Identifier: Apache-2.0 */
/* Answers on stdout: JSON in a pipe or with --json; on a terminal lists as aligned tables and
 * objects as keys and values. Nothing a server sent reaches a terminal without having been made
 * harmless (TM-LLM-03). */
#pragma once

#include "base/buf.h"
#include "base/json.h"
#include "cli/command.h"

/* How it is to look; made once, so that tests can say it. */
struct print {
	struct arena *arena;
	size_t width;
	bool has_color;
	int64_t now_ms; /* for "3 min ago" */
};

/* A JSON value for people. */
void print_value(const struct print *p, const struct json *v, struct buf *out);
/* An array of objects as a table. */
void print_table(const struct print *p, const struct json *items, struct buf *out);
/* JSON with indentation, safe on a terminal. */
void print_json(const struct print *p, const struct json *v, struct buf *out);
/* Text for one cell or line: a time gets "3 min ago". */
struct str print_scalar(const struct print *p, const struct json *v, bool is_short);

struct print print_for(struct cli *c);
/* An answer's result, as the global options and stdout want it. Returns the exit code. */
int print_result(struct cli *c, struct str result);
/* JSON made by a command of our own: printed as print_result() does. */
int print_own(struct cli *c, struct buf *json);
/* Does stdout get JSON? */
bool print_is_json(const struct cli *c);
