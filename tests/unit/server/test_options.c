/* SPDX-License-Identifier: Apache-2.0 */
#include "server/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "tests/unit/test.h"

static char *none[] = { NULL };

/* Up to four flags behind --data-dir. */
static int read_with(struct options *o, char *const *environment, struct options_error *error,
		     char *a, char *b, char *c)
{
	char *args[] = { "--data-dir", (char *)test_dir(), a, b, c };
	int n = 2 + !!a + !!b + !!c;

	*error = (struct options_error){ "" };
	return options_read(o, n, args, environment, error);
}

static void write_config(const char *text)
{
	CHECK_OK(fd_write_file(test_path("questd.toml"), str_from(text), 0600));
}

TEST(options_have_defaults)
{
	struct options_error error;
	struct options o;

	CHECK_INT(read_with(&o, none, &error, NULL, NULL, NULL), 0);
	CHECK_STR(o.http, "127.0.0.1:8400");
	CHECK_CSTR(o.http_address, "127.0.0.1");
	CHECK_INT(o.http_port, 8400);
	CHECK(o.is_http_on && !o.is_http_asked && !o.no_auth);
	CHECK_INT(o.drain_s, 10);
	CHECK_INT(o.workers, 0);
	CHECK_INT(o.keep_events_days, 30);
	CHECK(!o.toolsets.v);
	options_deinit(&o);
}

TEST(options_flag_beats_environment_beats_file_beats_default)
{
	char *environment[] = { "QUESTD_SERVER_DRAIN=3", "QUESTD_STORE_KEEP_BACKUPS=5",
				"QUESTD_HTTP_ORIGINS=https://a.example, https://b.example", NULL };
	struct options_error error;
	struct option_row row;
	struct options o;
	struct arena a;
	int n_seen = 0;

	write_config(
	    "[server]\ndrain = 2\nworkers = 4\n[store]\nkeep_backups = 6\nkeep_events_days = 9\n");
	CHECK_INT(read_with(&o, environment, &error, "--drain=1", "--http", "[::1]:0"), 0);
	CHECK_INT(o.drain_s, 1);
	CHECK_INT(o.keep_backups, 5);
	CHECK_INT(o.keep_events_days, 9);
	CHECK_INT(o.keep_replies_hours, 24);
	CHECK_CSTR(o.http_address, "::1");
	CHECK(o.is_http_asked);
	CHECK_INT(o.origins.n, 2);
	CHECK_STR(o.origins.v[1], "https://b.example");
	arena_init(&a, 0);
	for (size_t i = 0; options_row(&o, i, &a, &row); i++) {
		if (str_eq(row.key, STR("server.drain")))
			n_seen += CHECK_INT(row.origin.kind, OPTION_FLAG);
		if (str_eq(row.key, STR("store.keep_backups")))
			n_seen += CHECK_INT(row.origin.kind, OPTION_ENVIRONMENT);
		if (str_eq(row.key, STR("server.workers")))
			n_seen += CHECK_INT(row.origin.kind, OPTION_FILE) &&
				  CHECK_INT(row.origin.line, 3);
		if (str_eq(row.key, STR("http.origins")))
			n_seen += CHECK_STR(row.value, "https://a.example,https://b.example") &&
				  CHECK_STR(row.variable, "QUESTD_HTTP_ORIGINS");
	}
	CHECK_INT(n_seen, 4);
	arena_deinit(&a);
	options_deinit(&o);
}

/* What is in the file, and what is said of it behind its name. */
static const struct {
	const char *file, *text;
} bad_files[] = {
	{ "[server]\nsockett = \"x\"\n",
	  ":2: server.sockett: unknown key (did you mean server.socket?)" },
	{ "[servr]\ndrain = 1\n", ":2: servr.drain: unknown key (did you mean server.drain?)" },
	{ "drain = 1\n", ":1: drain: unknown key (did you mean server.drain?)" },
	{ "[http]\ndrain = 1\n", ":2: http.drain: unknown key (did you mean server.drain?)" },
	{ "[weather]\ntomorrow = \"rain\"\n", ":2: weather.tomorrow: unknown key" },
	{ "[server]\n\n\ndrain = \"1\"\n", ":4: server.drain: must be a whole number, not a text" },
	{ "[server]\ndrain = true\n",
	  ":2: server.drain: must be a whole number, not true or false" },
	{ "[server]\ndrain = [\"1\"]\n",
	  ":2: server.drain: must be a whole number, not a list of texts" },
	{ "[server]\ndrain = -1\n", ":2: server.drain: must be 0 to 600, not -1" },
	{ "[server]\ndrain = 601\n", ":2: server.drain: must be 0 to 600, not 601" },
	{ "[server]\nworkers = 65\n", ":2: server.workers: must be 0 to 64, not 65" },
	{ "[server]\nidle_exit = 604801\n",
	  ":2: server.idle_exit: must be 0 to 604800, not 604801" },
	{ "[server]\nsocket = \"\"\n", ":2: server.socket: must not be empty" },
	{ "[server]\nsocket = 7\n", ":2: server.socket: must be a text, not a whole number" },
	{ "[server]\nread_only = \"yes\"\n",
	  ":2: server.read_only: must be true or false, not a text" },
	{ "[server]\nread_only = 1\n",
	  ":2: server.read_only: must be true or false, not a whole number" },
	{ "[http]\nlisten = true\n", ":2: http.listen: must be a text, not true or false" },
	{ "[http]\nlisten = \"nowhere\"\n",
	  ":2: http.listen: must be ADDR:PORT, [ADDR]:PORT or off, not 'nowhere'" },
	{ "[http]\nno_auth = true\nbehind_proxy = true\nlisten = \"0.0.0.0:1\"\n",
	  ":2: http.no_auth: is for loopback addresses only" },
	{ "[http]\norigins = \"x\"\n", ":2: http.origins: must be a list of texts, not a text" },
	{ "[http]\nhosts = [\"\"]\n", ":2: http.hosts: holds an empty text" },
	{ "[store]\nkeep_events_days = 0\n",
	  ":2: store.keep_events_days: must be 1 to 36500, not 0" },
	{ "[store]\nkeep_replies_hours = 23\n",
	  ":2: store.keep_replies_hours: must be 24 to 8760, not 23" },
	{ "[store]\nkeep_backups = 0\n", ":2: store.keep_backups: must be 1 to 1000, not 0" },
	{ "[store]\nballast_mb = 99999999999999999999\n", ":2:" },
	{ "[events]\ncycle = 0\n", ":2: events.cycle: must be 1 to 86400, not 0" },
	{ "[log]\nlevel = \"loud\"\n",
	  ":2: log.level: must be one of debug|info|warn|error, not 'loud'" },
	{ "[log]\nformat = \"xml\"\n", ":2: log.format: must be one of text|json, not 'xml'" },
	{ "[log]\nlevel = \"\"\n", ":2: log.level: must not be empty" },
	{ "[server\n", ":1:" },
	{ "[server]\ndrain\n", ":2:" },
	{ "[server]\ndrain = \n", ":2:" },
	{ "[server]\ndrain = 1 2\n", ":2:" },
	{ "[server]\ndrain = 1\ndrain = 2\n", ":3:" },
	{ "[server]\n[server]\n", ":2:" },
	{ "[a.b]\nc = 1\n", ":1:" },
	{ "[server]\nsocket = 'x\n", ":2:" },
	{ "[server]\nsocket = \"\xff\"\n", ":2:" },
	{ "\x01", ":1:" },
};

TEST(f_23_bad_files_are_refused_with_line_and_reason)
{
	const char *path = test_path("questd.toml");
	struct options_error error;
	struct options o;

	for (size_t i = 0; i < ARRAY_LEN(bad_files); i++) {
		CHECK_OK(fd_write_file(path, str_from(bad_files[i].file), 0600));
		CHECK_INT(read_with(&o, none, &error, NULL, NULL, NULL), OPTIONS_BAD);
		CHECK_HAS(str_from(error.text), path);
		CHECK_HAS(str_from(error.text), bad_files[i].text);
		options_deinit(&o);
	}
}

static const struct {
	char *a, *b, *c;
	const char *text;
} bad_flags[] = {
	{ "--htpp", "off", NULL, "--htpp: unknown flag (did you mean --http?)" },
	{ "--datadir=x", NULL, NULL, "--datadir: unknown flag (did you mean --data-dir?)" },
	{ "--zzzzzzzzzzzz", NULL, NULL, "--zzzzzzzzzzzz: unknown flag; --help names all" },
	{ "serve", NULL, NULL, "'serve': only flags are expected here; --help names them" },
	{ "-h", NULL, NULL, "'-h': only flags are expected here; --help names them" },
	{ "--http", NULL, NULL, "--http: needs a value" },
	{ "--http=", NULL, NULL, "--http: must not be empty" },
	{ "--config=", NULL, NULL, "--config: must not be empty" },
	{ "--config", "/nowhere/questd.toml", NULL, "/nowhere/questd.toml: there is no such file" },
	{ "--drain", "soon", NULL, "--drain: must be a whole number, not 'soon'" },
	{ "--drain", "601", NULL, "--drain: must be 0 to 600, not 601" },
	{ "--no-auth=maybe", NULL, NULL, "--no-auth: must be true or false, not 'maybe'" },
	{ "--log-level", "x", NULL, "--log-level: must be one of debug|info|warn|error, not 'x'" },
	{ "--http", "8400", NULL,
	  "http.listen: must be ADDR:PORT, [ADDR]:PORT or off, not '8400'" },
	{ "--http", "127.0.0.1:70000", NULL,
	  "http.listen: the port must be 0 to 65535, not '127.0.0.1:70000'" },
	{ "--http", "127.0.0.1:http", NULL,
	  "http.listen: the port must be 0 to 65535, not '127.0.0.1:http'" },
	{ "--http", "example.org:80", NULL,
	  "http.listen: the address must be an IPv4 or IPv6 one, not 'example.org:80'" },
	{ "--http", "::1:8400", NULL,
	  "http.listen: must be ADDR:PORT, [ADDR]:PORT or off, not '::1:8400'" },
	{ "--http", "0.0.0.0:8400", NULL,
	  "http.listen: '0.0.0.0:8400' is no loopback address: this needs --behind-proxy and a "
	  "proxy that speaks "
	  "TLS" },
	{ "--http", "0.0.0.0:8400", "--no-auth",
	  "http.no_auth: is for loopback addresses only, and http.listen is '0.0.0.0:8400'" },
	{ "--toolsets", "a,,b", NULL, "--toolsets: holds an empty text" },
};

TEST(f_23_bad_flags_are_refused_with_reason)
{
	struct options_error error;
	struct options o;

	for (size_t i = 0; i < ARRAY_LEN(bad_flags); i++) {
		CHECK_INT(read_with(&o, none, &error, bad_flags[i].a, bad_flags[i].b,
				    bad_flags[i].c),
			  OPTIONS_BAD);
		CHECK_CSTR(error.text, bad_flags[i].text);
		options_deinit(&o);
	}
}

TEST(f_23_a_bad_environment_is_refused_by_name)
{
	char *environment[] = { "QUESTD_SERVER_DRAIN=x", NULL };
	struct options_error error;
	struct options o;

	CHECK_INT(read_with(&o, environment, &error, NULL, NULL, NULL), OPTIONS_BAD);
	CHECK_CSTR(error.text, "QUESTD_SERVER_DRAIN: must be a whole number, not 'x'");
	options_deinit(&o);
}

TEST(options_say_what_to_look_at_instead_of_serving)
{
	struct options_error error;
	struct options o;

	CHECK_INT(read_with(&o, none, &error, "--check", "config", NULL), 0);
	CHECK_INT(o.check, OPTIONS_CHECK_CONFIG);
	options_deinit(&o);
	CHECK_INT(read_with(&o, none, &error, "--check=everything", NULL, NULL), OPTIONS_BAD);
	CHECK_CSTR(error.text,
		   "--check: must be config, address, listen or database, not 'everything'");
	options_deinit(&o);
	write_config("nonsense");
	CHECK_INT(read_with(&o, none, &error, "--check=config", NULL, NULL), OPTIONS_BAD);
	options_deinit(&o);
	CHECK_INT(read_with(&o, none, &error, "--check=database", NULL, NULL), 0);
	CHECK_INT(o.check, OPTIONS_CHECK_DATABASE);
	options_deinit(&o);
}

TEST(f_23_a_file_that_others_may_write_is_refused)
{
	struct options_error error;
	struct options o;

	write_config("[server]\ndrain = 1\n");
	CHECK_INT(chmod(test_path("questd.toml"), 0622), 0);
	CHECK_INT(read_with(&o, none, &error, NULL, NULL, NULL), OPTIONS_BAD);
	CHECK_HAS(str_from(error.text), "others may write it");
	options_deinit(&o);
}

TEST(options_tell_a_socket_path_that_is_too_long)
{
	struct options_error error;
	struct options o;
	char path[200], text[256];

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[150] = '\0';
	CHECK_INT(read_with(&o, none, &error, "--socket", path, NULL), OPTIONS_BAD);
	CHECK_HAS(str_from(error.text), "server.socket: '/x");
	CHECK_HAS(str_from(error.text), "longer than the 107 bytes");
	options_deinit(&o);

	snprintf(text, sizeof(text), "[server]\nsocket = \"%s\"\n", path);
	write_config(text);
	CHECK_INT(read_with(&o, none, &error, NULL, NULL, NULL), OPTIONS_BAD);
	CHECK_HAS(str_from(error.text), "/questd.toml:2: server.socket: '/x");
	options_deinit(&o);
}

TEST(options_usage_names_every_flag)
{
	struct options_error error;
	struct option_row row;
	struct options o;
	struct arena a;
	struct buf b;

	CHECK_INT(read_with(&o, none, &error, NULL, NULL, NULL), 0);
	arena_init(&a, 0);
	buf_init(&b, 0);
	options_usage(&b);
	for (size_t i = 0; options_row(&o, i, &a, &row); i++)
		CHECK(str_contains(buf_str(&b), row.flag));
	buf_deinit(&b);
	arena_deinit(&a);
	options_deinit(&o);
}
