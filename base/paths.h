/* SPDX-License-Identifier: Apache-2.0 */
/* Where things lie: one answer for the command line, the relay and the server. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/macros.h"
#include "base/str.h"

struct paths {
	char *data_dir;    /* --data-dir, $QUESTD_DATA_DIR, $XDG_DATA_HOME/questd,
			      ~/.local/share/questd */
	char *socket;      /* --socket, else data_dir/questd.sock */
	char *database;    /* data_dir/questd.db */
	char *lock;        /* data_dir/questd.lock */
	char *token;       /* data_dir/token */
	char *keys_secret; /* data_dir/keys.secret */
	char *config;      /* data_dir/questd.toml */
	char *log;         /* data_dir/questd.log */
	char *backups;     /* data_dir/backups */
	char *flags;       /* behind `questd COMMAND` in what is printed to be pasted: "", or
			      " --data-dir 'DIR' --socket 'PATH'" as far as they are no defaults */
	char *key; /* $XDG_CONFIG_HOME/questd/keys/<instance>; NULL until an instance id is known */
};

enum { PATHS_NO_HOME = 1, PATHS_SOCKET_TOO_LONG, PATHS_SHARED };

/* NULL arguments mean "not given". Relative paths become absolute. With PATHS_SOCKET_TOO_LONG, *out
 * is filled all the same, for the message. */
int paths_find(struct arena *a, const char *data_dir, const char *socket,
	       struct paths *out) must_check;
/* Makes the data directory, mode 0700. One that is there and open to others is closed to them
 * (*out_closed) when it is ours and was made for this, that is, empty or with a database or
 * settings in it; else PATHS_SHARED with its mode, and nothing was changed. */
int paths_make_private(const char *data_dir, bool *out_closed, unsigned *out_mode) must_check;
/* data_dir/instance holds the instance id (made by setup or the server's first start). */
int paths_find_key(struct arena *a, struct paths *p, struct str instance) must_check;
/* As one word of a shell, in quotes. NONE: memory. */
struct str paths_quote(struct arena *a, struct str s);
/* Likewise, but in quotes only where they are needed. */
struct str paths_word(struct arena *a, struct str s);
/* A place for a socket whose own path is too long: $XDG_RUNTIME_DIR, /run/user/UID or /tmp. NULL:
 * memory. */
const char *paths_short_socket(struct arena *a);
/* The program `name` beside the running one, then in libexec; never from PATH. NULL when missing.
 */
char *paths_program(struct arena *a, const char *name);
