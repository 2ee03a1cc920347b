/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters typed on a command line, as a JSON object: `key=value` and `--key value` by the verb's
 * shape. What does not look like its type is sent as text, so that the server names every fault at
 * once, in the words it has for all callers; but not where any JSON is good, a text too: there half
 * an object would become one. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "schemas/shape.h"

#define VALUES_MAX 256

struct value {
	struct str name, part;           /* part: what follows a dot, "outcome.summary"; NONE */
	const struct shape_field *field; /* of name; NULL when unknown */
	const struct shape_field *leaf;  /* of what is written: field, or the part's */
	struct str text;
	bool is_json; /* given as JSON (`key:=…`) */
};

struct values {
	struct arena *arena;
	const struct shape *shape; /* NULL: of an unknown verb */
	const char *dashes;        /* what a field's name has before it, where one is typed */
	int64_t now_ms;            /* for times such as +2h */
	struct value v[VALUES_MAX];
	size_t n;
	bool is_input;  /* what is added comes from stdin */
	bool has_input; /* stdin has been read */
};

enum { VALUES_TOO_MANY = 1, VALUES_NOT_JSON, VALUES_TWICE, VALUES_SECRET };

/* 0, VALUES_TOO_MANY, VALUES_NOT_JSON where JSON is the only way to write it, or VALUES_TWICE for a
 * field that has its value already: only a list's elements may come one by one. VALUES_SECRET: what
 * a command line shows to everybody on the machine. */
int values_add(struct values *values, struct str key, struct str text, bool is_json) must_check;
/* values_add(), and what is wrong is said: 0, or the exit code. */
int values_take(struct values *values, struct str key, struct str text, bool is_json) must_check;
/* Would what is JSON show a secret? Calls within it (of a batch, of a tool) are looked at too. */
bool values_hold_secret(const struct shape *shape, const struct json *value);
/* The object; a list's elements gather from all that name it. */
void values_write(const struct values *values, struct buf *out);
/* The field that a key (with or without a part, '-' as good as '_') names, or NULL. */
const struct shape_field *values_field(const struct shape *shape, struct str key);
