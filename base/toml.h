/* SPDX-License-Identifier: Apache-2.0 */
/* A strict subset of TOML 1.0: comments, [section] of one word, key = string | integer | boolean |
 * array of strings on one line. Everything else is an error with line and column; so are a repeated
 * key or section. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

enum toml_type { TOML_STRING = 1, TOML_INT, TOML_BOOL, TOML_STRINGS };

struct toml_entry {
	struct str section, key;
	enum toml_type type;
	struct str s;
	int64_t i;
	bool b;
	struct str_list list;
	int line;
};

struct toml {
	struct toml_entry *v;
	size_t n;
};

enum { TOML_BAD = 1 };

struct toml_error {
	int line, column;
	char text[160];
};

/* 0, TOML_BAD with *error, or negative. */
int toml_parse(struct arena *a, struct str text, struct toml *out,
	       struct toml_error *error) must_check;
