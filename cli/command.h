/* SPDX-License-Identifier: Apache-2.0 */
/* What every command is given, and how one is described: name, options, help. The table of them is
 * in main.c; help.c prints it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"
#include "cli/args.h"
#include "cli/exits.h"

struct cli;

/* Returns the exit code. `a` stands behind the command's name. */
typedef int command_fn(struct cli *c, struct args *a);

struct command {
	const char *name;
	command_fn *run;
	const char *synopsis; /* "[--http ADDR:PORT]": behind `questd NAME` */
	const char *summary;  /* one line, imperative */
	const char *text;     /* what more there is to say; examples last */
	const struct args_option *options;
	size_t n_options;
	bool is_hidden; /* run by questd itself */
};

struct cli {
	struct arena arena;
	struct globals globals;
	const struct command *commands;
	size_t n_commands;
	const struct command *command; /* the one that runs; NULL for a generated one */
	bool is_tty_in, is_tty_out, is_tty_err;
	bool has_color_out, has_color_err;
};
