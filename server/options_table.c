/* SPDX-License-Identifier: Apache-2.0 */
#include "server/options_table.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/macros.h"
#include "server/options.h"

#define AT(member) offsetof(struct options, member)
/* clang-format off */
const struct option option_table[] = {
	{ "server", "socket", "--socket", OPTION_STR, AT(socket),
	  0, 0, NULL, NULL,
	  "path of the Unix socket; DATA_DIR/questd.sock unless said" },
	{ "server", "workers", "--workers", OPTION_INT, AT(workers),
	  0, 64, "0", NULL,
	  "how many workers to keep" },
	{ "server", "idle_exit", "--idle-exit", OPTION_INT, AT(idle_exit_s),
	  0, 604800, "0", NULL,
	  "end after so many seconds without a client; 0 = never" },
	{ "server", "drain", "--drain", OPTION_INT, AT(drain_s),
	  0, 600, "10", NULL,
	  "how many seconds running calls have when the server stops" },
	{ "server", "read_only", "--read-only", OPTION_BOOL, AT(read_only),
	  0, 0, "false", NULL,
	  "change nothing: reads only" },
	{ "http", "listen", "--http", OPTION_STR, AT(http),
	  0, 0, "127.0.0.1:8400", NULL,
	  "ADDR:PORT for HTTP, port 0 for any free one; off for none" },
	{ "http", "hosts", "--hosts", OPTION_STRS, AT(hosts),
	  0, 0, NULL, NULL,
	  "further names that Host may have, such as questd.example.org" },
	{ "http", "origins", "--origins", OPTION_STRS, AT(origins),
	  0, 0, NULL, NULL,
	  "further origins that browsers may come from" },
	{ "http", "no_auth", "--no-auth", OPTION_BOOL, AT(no_auth),
	  0, 0, "false", NULL,
	  "ask for no token over HTTP; on a loopback address only" },
	{ "http", "behind_proxy", "--behind-proxy", OPTION_BOOL, AT(behind_proxy),
	  0, 0, "false", NULL,
	  "a proxy that speaks TLS stands in front: other addresses than loopback are allowed" },
	{ "auth", "issuer", "--auth-issuer", OPTION_STR, AT(auth_issuer),
	  0, 0, NULL, NULL,
	  "the authorization server whose tokens let people in over HTTP, as its URL" },
	{ "auth", "resource", "--auth-resource", OPTION_STR, AT(auth_resource),
	  0, 0, NULL, NULL,
	  "our own URL, as tokens name it: https://questd.example.org/mcp" },
	{ "auth", "keys", "--auth-keys", OPTION_STR, AT(auth_keys),
	  0, 0, NULL, NULL,
	  "a file with the issuer's public keys (JWKS); it may be replaced at any time" },
	{ "auth", "claim", "--auth-claim", OPTION_STR, AT(auth_claim),
	  0, 0, "sub", NULL,
	  "the claim of a token that is a person's name here, or id" },
	{ "store", "keep_events_days", "--keep-events-days", OPTION_INT, AT(keep_events_days),
	  1, 36500, "30", NULL,
	  "how many days events are kept" },
	{ "store", "keep_replies_hours", "--keep-replies-hours", OPTION_INT, AT(keep_replies_hours),
	  24, 8760, "24", NULL,
	  "how many hours the answers to request_ids are kept" },
	{ "store", "keep_audit_days", "--keep-audit-days", OPTION_INT, AT(keep_audit_days),
	  1, 36500, "365", NULL,
	  "how many days the audit is kept" },
	{ "store", "keep_messages_days", "--keep-messages-days", OPTION_INT, AT(keep_messages_days),
	  1, 36500, "3650", NULL,
	  "how many days what is said in sessions is kept" },
	{ "store", "keep_events_rows", "--keep-events-rows", OPTION_INT, AT(keep_events_rows),
	  100, 1000000000, "10000000", NULL,
	  "how many events are kept, the newest" },
	{ "store", "keep_messages_rows", "--keep-messages-rows", OPTION_INT, AT(keep_messages_rows),
	  100, 1000000000, "10000000", NULL,
	  "how many messages are kept, the newest of all sessions" },
	{ "store", "keep_backups", "--keep-backups", OPTION_INT, AT(keep_backups),
	  1, 1000, "7", NULL,
	  "how many automatic backups are kept" },
	{ "store", "ballast_mb", "--ballast-mb", OPTION_INT, AT(ballast_mb),
	  0, 65536, "64", NULL,
	  "disk space held back in MiB, given up when the disk is full" },
	{ "mcp", "toolsets", "--toolsets", OPTION_STRS, AT(toolsets),
	  0, 0, NULL, NULL,
	  "groups of tools that MCP clients see; they may choose others" },
	{ "mcp", "read_only", "--read-only-tools", OPTION_BOOL, AT(read_only_tools),
	  0, 0, "false", NULL,
	  "MCP clients see only tools that change nothing" },
	{ "company", "model", "--model", OPTION_STR, AT(company_model),
	  0, 0, NULL, NULL,
	  "the model of agents that have none of their own" },
	{ "events", "cycle", "--events-cycle", OPTION_INT, AT(cycle_s),
	  1, 86400, "300", NULL,
	  "seconds after which an event stream is asked to connect again" },
	{ "log", "level", "--log-level", OPTION_CHOICE, AT(log_level_text),
	  0, 0, "info", "debug|info|warn|error",
	  "what is logged" },
	{ "log", "format", "--log-format", OPTION_CHOICE, AT(log_format_text),
	  0, 0, "text", "text|json",
	  "how it is logged" },
};
/* clang-format on */
_Static_assert(ARRAY_LEN(option_table) <= OPTIONS_MAX, "options.h: raise OPTIONS_MAX");
const size_t option_n = ARRAY_LEN(option_table);

struct str option_name(struct arena *a, const struct option *row)
{
	return str_fmt(a, "%s.%s", row->section, row->key);
}

void option_variable(const struct option *row, char out[OPTION_VARIABLE_MAX])
{
	snprintf(out, OPTION_VARIABLE_MAX, "QUESTD_%s_%s", row->section, row->key);
	for (char *p = out; *p; p++)
		if (*p >= 'a' && *p <= 'z')
			*p -= 'a' - 'A';
}

const struct option *option_find_flag(struct str flag)
{
	for (size_t i = 0; i < option_n; i++)
		if (str_eq(flag, str_from(option_table[i].flag)))
			return &option_table[i];
	return NULL;
}

void options_usage(struct buf *b)
{
	buf_put_str(
	    b, STR("questd-server [FLAGS]: serve one data directory (started by questd serve)\n\n"
		   "  --data-dir DIR           where everything lies\n"
		   "  --config FILE            instead of DATA_DIR/questd.toml\n"
		   "  --restore FILE           put a backup in the database's place, and end\n"
		   "  --check config|address|listen|database  say whether it is sound (address: "
		   "where HTTP\n"
		   "                     is to be; listen: whether its port is free, too), change\n"
		   "                     nothing, and end\n"));
	for (size_t i = 0; i < option_n; i++) {
		buf_fmt(b, "  %-24s %s", option_table[i].flag, option_table[i].what);
		if (option_table[i].initial)
			buf_fmt(b, " (%s)", option_table[i].initial);
		buf_put_char(b, '\n');
	}
	buf_put_str(
	    b, STR("\nThe same in questd.toml as key of a [section], and in the environment as "
		   "QUESTD_SECTION_KEY.\n"));
}

/* ---- for system.config ---- */

static struct str join(struct arena *a, struct str_list list)
{
	struct str all = STR("");

	for (size_t i = 0; i < list.n; i++)
		all = str_fmt(a, "%.*s%s%.*s", STR_ARG(all), i ? "," : "", STR_ARG(list.v[i]));
	return all;
}

static struct str value_text(const struct options *o, const struct option *row, struct arena *a)
{
	const char *at = (const char *)o + row->offset;
	struct str s;

	switch (row->type) {
	case OPTION_INT:
		return str_fmt(a, "%lld", (long long)*(const int64_t *)at);
	case OPTION_BOOL:
		return *(const bool *)at ? STR("true") : STR("false");
	case OPTION_STRS:
		return join(a, *(const struct str_list *)at);
	case OPTION_STR:
	case OPTION_CHOICE:
		break;
	}
	s = *(const struct str *)at;
	return s.p ? s : STR("");
}

bool options_row(const struct options *o, size_t i, struct arena *a, struct option_row *out)
{
	char name[OPTION_VARIABLE_MAX];

	if (i >= option_n)
		return false;
	option_variable(&option_table[i], name);
	*out = (struct option_row){
		.key = option_name(a, &option_table[i]),
		.variable = str_dup(a, str_from(name)),
		.flag = str_from(option_table[i].flag),
		.what = str_from(option_table[i].what),
		.value = value_text(o, &option_table[i], a),
		.origin = o->origins_of[i],
	};
	return true;
}
