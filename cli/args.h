/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the command line: `--name value`, `--name=value`, words, `--`. Options may stand before
 * and behind words. '-' and '_' in a name are the same; `-x` is the first option of the table that
 * begins with x. A usage error names the option and the nearest known one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "base/str.h"

struct cli;

/* What every command takes. */
struct globals {
	bool json, yes, no_input;
	const char *data_dir, *socket, *url, *token_file; /* NULL = not given */
	int64_t timeout_ms;                               /* 0 = not given */
};

enum args_option_kind { ARGS_FLAG, ARGS_TEXT, ARGS_INT, ARGS_TIME /* ms */ };

struct args_option {
	const char *name; /* without dashes */
	enum args_option_kind kind;
	size_t offset;     /* of a bool, const char * or int64_t in `into` */
	const char *value; /* "DIR", for help */
	const char *help;
};

enum args_kind { ARGS_END, ARGS_WORD, ARGS_OPTION };

struct arg {
	enum args_kind kind;
	const char *text;  /* as written */
	struct str name;   /* an option's, without dashes */
	const char *value; /* what stands behind its '='; NULL */
};

struct args {
	char **argv;
	int argc, at;
	bool is_only_words; /* behind `--` */
};

enum { ARGS_UNKNOWN = 1, ARGS_BAD };

#define ARGS_WORDS_MAX 256

/* The words of a command and its options, all at once. */
struct args_spec {
	const struct args_option *options;
	size_t n_options;
	void *into;
	int min_words, max_words;
	const char *words[ARGS_WORDS_MAX];
	int n_words;
};

extern const struct args_option args_globals[];
extern const size_t args_n_globals;

void args_next(struct args *a, struct arg *out);
/* The option's value: behind its '=', else the next word. NULL when there is none. */
const char *args_value(struct args *a, const struct arg *o);
bool args_name_is(struct str given, struct str known);
/* 0 when the option is one of the table's; ARGS_UNKNOWN; ARGS_BAD when its value is wrong (said).
 */
int args_take(struct args *a, const struct arg *o, const struct args_option *table, size_t n,
	      void *into) must_check;
/* Takes a global option; as args_take. */
int args_take_global(struct cli *c, struct args *a, const struct arg *o) must_check;
/* Says that nobody knows the option, with the nearest of the globals and these. */
struct args_known {
	const struct args_option *options;
	size_t n_options;
	const struct str *names;
	size_t n_names;
};
void args_say_unknown(struct cli *c, const struct arg *o, const struct args_known *known);
/* Everything there is. 0, or EXIT_USAGE (said). */
int args_parse(struct cli *c, struct args *a, struct args_spec *spec) must_check;
/* "10", "1.5s", "500ms", "2m": milliseconds, or -1. */
int64_t args_parse_time(const char *text);
