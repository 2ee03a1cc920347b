/* SPDX-License-Identifier: Apache-2.0 */
/* The table of all settings: what each is called, what it may be, and where it goes. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

enum option_type { OPTION_STR = 1, OPTION_INT, OPTION_BOOL, OPTION_STRS, OPTION_CHOICE };

struct option {
	const char *section, *key, *flag;
	enum option_type type;
	size_t offset;
	int64_t min, max;
	const char *initial; /* as in the environment */
	const char *choices; /* "a|b|c" */
	const char *what;
};

extern const struct option option_table[];
extern const size_t option_n; /* at most OPTIONS_MAX */

struct str option_name(struct arena *a, const struct option *row); /* "http.listen" */
/* "QUESTD_HTTP_LISTEN" */
#define OPTION_VARIABLE_MAX 96
void option_variable(const struct option *row, char out[OPTION_VARIABLE_MAX]);
const struct option *option_find_flag(struct str flag); /* NULL when unknown */
