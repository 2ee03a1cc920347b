/* SPDX-License-Identifier: Apache-2.0 */
/* What `questd serve` was told, by flag, environment, file or default, in this order of strength,
 * and where each value came from. One table in options.c names all of them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/paths.h"
#include "base/str.h"

enum option_origin_kind { OPTION_DEFAULT = 1, OPTION_FILE, OPTION_ENVIRONMENT, OPTION_FLAG };

struct option_origin {
	enum option_origin_kind kind;
	int line; /* in the file */
};

enum options_check {
	OPTIONS_CHECK_CONFIG = 1,
	OPTIONS_CHECK_ADDRESS,
	OPTIONS_CHECK_LISTEN,
	OPTIONS_CHECK_DATABASE
};

#define OPTIONS_MAX          32
#define OPTIONS_WARNINGS_MAX 8

struct options {
	struct arena arena; /* of all texts */
	struct paths paths;
	const char *restore;      /* --restore: put this backup in place and end; NULL */
	enum options_check check; /* --check: look at this and end; 0 = serve */
	const char *config_path;  /* the file that was read, NULL when there was none */

	/* The table's values. */
	struct str socket;       /* as given; paths.socket is where it is */
	struct str http;         /* ADDR:PORT or off */
	struct str_list hosts;   /* further names that Host may have */
	struct str_list origins; /* further origins that browsers may come from */
	bool no_auth, behind_proxy, read_only;
	struct str auth_issuer; /* NONE: no tokens but our own */
	struct str auth_resource, auth_keys, auth_claim;
	int64_t workers, idle_exit_s, drain_s;
	int64_t keep_events_days, keep_replies_hours, keep_audit_days, keep_backups, ballast_mb;
	int64_t keep_messages_days, keep_events_rows, keep_messages_rows;
	struct str_list
	    toolsets; /* of MCP, where the client chooses none; empty = the default list */
	bool read_only_tools;
	struct str company_model; /* of agents that have none of their own; NONE = none */
	int64_t cycle_s;          /* of event streams, ± 20 % */
	struct str log_level_text, log_format_text;

	struct str warnings[OPTIONS_WARNINGS_MAX]; /* what nothing was made of */
	size_t n_warnings;

	/* What follows from them. */
	bool is_http_on;
	bool is_http_asked; /* a taken port is an error, not a note */
	char *http_address; /* without brackets */
	uint16_t http_port;
	enum log_level log_level;
	enum log_format log_format;
	struct option_origin origins_of[OPTIONS_MAX]; /* by row of the table */
};

struct options_error {
	char text[512]; /* "questd.toml:3: http.port: unknown key (did you mean …)" */
};

enum { OPTIONS_BAD = 1, OPTIONS_HELP, OPTIONS_VERSION };

/* argv without the program's name. `environment` is NULL-terminated (environ). Deinit it in any
 * case. */
int options_read(struct options *o, int argc, char **argv, char *const *environment,
		 struct options_error *error) must_check;
void options_deinit(struct options *o);
/* The usage text, for --help. */
void options_usage(struct buf *b);

/* For system.config: the i-th row, texts in the arena. Secrets never are options. False behind the
 * last row. */
struct option_row {
	struct str key, variable, flag, what; /* "http.listen", "QUESTD_HTTP_LISTEN", "--http" */
	struct str value;
	struct option_origin origin;
};
bool options_row(const struct options *o, size_t i, struct arena *a, struct option_row *out);
