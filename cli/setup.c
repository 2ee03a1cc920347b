/* SPDX-License-Identifier: Apache-2.0 */
/* questd setup. */
#include "cli/setup.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/id.h"
#include "base/json.h"
#include "cli/ask.h"
#include "cli/print.h"
#include "cli/program.h"
#include "cli/running.h"
#include "cli/say.h"
#include "cli/where.h"

#define TOKEN_CHARS 52 /* of 31 letters: more than 256 bits */
#define KEY_BYTES   32
#define ADDRESS_MS  10000

struct setup {
	struct cli *cli;
	struct paths paths;
	struct str instance, program;
	char *instance_path;
	bool is_new_dir, is_new_key, is_new_token, is_tightened;
	bool is_running;
	struct str http; /* where it listens, or the next one will; "off", or NONE: nobody knows */
	struct str silent; /* why there is nothing to call over HTTP; NONE: there is */
};

struct setup_flags {
	bool rotate_token;
};

const struct args_option setup_options[] = {
	{ "rotate-token", ARGS_FLAG, offsetof(struct setup_flags, rotate_token), NULL,
	  "make a new token; the old one is refused and its streams end at once" },
};
const size_t setup_n_options = ARRAY_LEN(setup_options);

/* 0, or an exit code (said). */
static int make_data_dir(struct setup *s)
{
	unsigned mode;

	s->is_new_dir = access(s->paths.data_dir, F_OK) != 0;
	int e = paths_make_private(s->paths.data_dir, &s->is_tightened, &mode);

	if (e != PATHS_SHARED)
		return e ? say_fault(e, "setup") : 0;
	say_error("'%s' is open to other users (mode %04o) and not questd's alone",
		  s->paths.data_dir, mode);
	say_hint("give another --data-dir, or chmod 0700 it");
	return EXIT_USAGE;
}

/* The data directory's id, made by whoever comes first: the server or us. */
static int make_instance(struct setup *s)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	char id[ID_LEN + 2];

	s->instance_path = (char *)str_fmt(&s->cli->arena, "%s/instance", s->paths.data_dir).p;
	if (!s->instance_path)
		return err_nomem();
	buf_init(&b, 0);
	int e = fd_read_file(s->instance_path, 256, &b);

	if (e < 0)
		return err_trace(e);
	if (e == FD_NOT_FOUND) {
		id_make(&(struct id_gen){ 0 }, clock_wall_ms(&(struct clock){ 0 }), id);
		buf_put(&b, id, ID_LEN);
		buf_put_char(&b, '\n');
		e = fd_write_file(s->instance_path, buf_str(&b), 0600);
		if (e)
			return err_trace(e);
	}
	s->instance = str_dup(&s->cli->arena, str_trim(buf_str(&b)));
	return s->instance.p ? 0 : err_nomem();
}

static int make_key(struct setup *s)
{
	char bytes[KEY_BYTES], text[2 * KEY_BYTES + 2];
	int e = paths_find_key(&s->cli->arena, &s->paths, s->instance);

	if (e)
		return e < 0
			   ? err_trace(e)
			   : err_new(ERR_SYS, "HOME is not set, so there is no place for the key");
	if (access(s->paths.key, F_OK) == 0)
		return 0;
	char *folder = str_cstr(&s->cli->arena, str_from(s->paths.key));

	if (!folder)
		return err_nomem();
	*strrchr(folder, '/') = '\0';
	e = fd_mkdir_all(folder, 0700);
	if (e)
		return err_trace(e);
	id_random(bytes, sizeof(bytes));
	for (size_t i = 0; i < KEY_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", (unsigned char)bytes[i]);
	text[2 * KEY_BYTES] = '\n';
	s->is_new_key = true;
	e = fd_make_file(s->paths.key, (struct str){ text, 2 * KEY_BYTES + 1 }, 0400);
	explicit_bzero(bytes, sizeof(bytes));
	explicit_bzero(text, sizeof(text));
	return e == FD_EXISTS ? 0 : err_trace(e); /* a server was first */
}

static int make_token(struct setup *s, bool is_rotation)
{
	char text[3 + TOKEN_CHARS + 2] = "qd_";

	if (!is_rotation && access(s->paths.token, F_OK) == 0)
		return chmod(s->paths.token, 0600)
			   ? err_sys("cannot close '%s' to others", s->paths.token)
			   : 0;
	id_random_text(text + 3, TOKEN_CHARS);
	text[3 + TOKEN_CHARS] = '\n';
	s->is_new_token = true;
	int e = fd_write_file(s->paths.token, (struct str){ text, 3 + TOKEN_CHARS + 1 }, 0600);

	explicit_bzero(text, sizeof(text));
	return err_trace(e);
}

static bool look_for_server(struct setup *s)
{
	struct running r;
	struct json info;

	if (running_find(&s->paths, &r)) {
		err_forget();
		return false;
	}
	if (!r.is_reached || ask_object(s->cli, STR("system.info"), STR_NONE, &info))
		return false;
	s->is_running = true;
	s->http = json_get_str(&info, STR("http"));
	if (str_eq(s->http, STR("off")))
		s->silent = STR("the server that runs does not listen");
	return true;
}

/* Where the settings, from file and environment, let the next server listen. */
static void look_at_settings(struct setup *s)
{
	static char *const check[] = { "--check", "address", NULL };
	struct arena *a = &s->cli->arena;
	struct program_said answer;

	program_ask(a, s->paths.data_dir, check, ADDRESS_MS, &answer);
	if (answer.code) {
		s->silent = str_fmt(a, "nobody knows where: %s",
				    answer.said[0] ? answer.said : "questd-server does not run");
		return;
	}
	s->http = str_dup(a, str_from(answer.said));
	if (str_eq(s->http, STR("off")))
		s->silent = STR("the settings turn it off (http.listen)");
	else if (str_ends(s->http, STR(":0")))
		s->silent = str_fmt(a, "the port is chosen at the start: questd status%s names it",
				    s->paths.flags);
}

struct lines {
	struct str mcp, call, curl, command, start;
};

static void make_lines(struct setup *s, struct lines *l)
{
	struct arena *a = &s->cli->arena;
	struct str where = str_from(s->paths.flags);
	struct str token = paths_word(a, str_from(s->paths.token));

	struct str questd = paths_word(a, s->program);

	l->command = str_fmt(a, "%.*s mcp%.*s", STR_ARG(questd), STR_ARG(where));
	l->start = str_fmt(a, " (questd start%.*s runs the server)", STR_ARG(where));
	l->mcp = str_fmt(a, "claude mcp add questd -- %.*s", STR_ARG(l->command));
	l->call = str_fmt(a, "%.*s call%.*s quests.list", STR_ARG(questd), STR_ARG(where));
	if (s->silent.p)
		return;
	l->curl = str_fmt(
	    a,
	    "curl -s http://%.*s/rpc -H \"Authorization: Bearer $(cat %.*s)\" -H 'Content-Type: "
	    "application/json' -d '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system.ping\"}'",
	    STR_ARG(s->http), STR_ARG(token));
}

static void put_text(const struct setup *s, const struct lines *l, struct buf *out)
{
	buf_fmt(out, "data directory  %s%s\n", s->paths.data_dir,
		s->is_new_dir     ? "  (new)"
		: s->is_tightened ? "  (closed to others now)"
				  : "");
	buf_fmt(out, "key             %s%s\n", s->paths.key, s->is_new_key ? "  (new)" : "");
	buf_fmt(out, "token           %s%s\n", s->paths.token, s->is_new_token ? "  (new)" : "");
	buf_fmt(out, "\nClaude Code (it starts a server by itself):\n  %.*s\n", STR_ARG(l->mcp));
	buf_fmt(out, "Codex:\n  codex mcp add questd -- %.*s\n", STR_ARG(l->command));
	buf_fmt(out, "Gemini CLI:\n  gemini mcp add questd %.*s\n", STR_ARG(l->command));
	buf_fmt(out, "Every other MCP client: the command\n  %.*s\n", STR_ARG(l->command));
	buf_fmt(out, "\nFrom a shell%s:\n  %.*s\n", s->is_running ? "" : l->start.p,
		STR_ARG(l->call));
	if (l->curl.p)
		buf_fmt(out, "Over HTTP:\n  %.*s\n", STR_ARG(l->curl));
	else
		buf_fmt(out, "Over HTTP: nothing; %.*s\n", STR_ARG(s->silent));
}

static void put_json(const struct setup *s, const struct lines *l, struct buf *out)
{
	struct json_out w = json_out(out);

	json_begin_object(&w);
	JSON_KV_STR(&w, "data_dir", str_from(s->paths.data_dir));
	JSON_KV_STR(&w, "instance", s->instance);
	JSON_KV_STR(&w, "key", str_from(s->paths.key));
	JSON_KV_STR(&w, "token_file", str_from(s->paths.token));
	JSON_KV_STR(&w, "socket", str_from(s->paths.socket));
	JSON_KV_BOOL(&w, "is_new", s->is_new_dir || s->is_new_key);
	JSON_KV_BOOL(&w, "is_new_token", s->is_new_token);
	JSON_KV_STR(&w, "mcp_add", l->mcp);
	JSON_KV_STR(&w, "mcp_command", l->command);
	JSON_KV_STR(&w, "call", l->call);
	JSON_KV_STR(&w, "http", s->http);
	JSON_KV_STR(&w, "curl", l->curl);
	json_end_object(&w);
}

static int make_all(struct setup *s, bool is_rotation)
{
	int e = make_instance(s);

	if (!e)
		e = make_key(s);
	if (!e)
		e = make_token(s, is_rotation);
	return err_trace(e);
}

int setup_run(struct cli *c, struct args *a)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	struct setup_flags flags = { 0 };
	struct args_spec spec = { .options = setup_options,
				  .n_options = setup_n_options,
				  .into = &flags };
	struct setup s = { .cli = c };
	struct lines lines = { 0 };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int e = args_parse(c, a, &spec);

	if (!e)
		e = where_own_paths(c, &s.paths);
	if (e)
		return e;
	e = make_data_dir(&s);
	if (e)
		return e;
	e = make_all(&s, flags.rotate_token);
	if (e)
		return say_fault(e, "setup");
	s.program = n > 0 ? (struct str){ self, (size_t)n } : STR("questd");
	if (!look_for_server(&s))
		look_at_settings(&s);
	make_lines(&s, &lines);
	buf_init(&b, 0);
	if (print_is_json(c)) {
		put_json(&s, &lines, &b);
		return print_own(c, &b);
	}
	put_text(&s, &lines, &b);
	return say_out(&b);
}
