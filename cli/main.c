/* SPDX-License-Identifier: Apache-2.0 */
/* questd: the table of commands, and finding the one that is meant. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macros.h"
#include "cli/args.h"
#include "cli/background.h"
#include "cli/backup.h"
#include "cli/call.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/doctor.h"
#include "cli/help.h"
#include "cli/keep.h"
#include "cli/logs.h"
#include "cli/paths_cmd.h"
#include "cli/relay.h"
#include "cli/say.h"
#include "cli/secrets.h"
#include "cli/serve.h"
#include "cli/setup.h"
#include "cli/status.h"
#include "cli/verbs.h"
#include "cli/version.h"

#define MEMORY_MAX ((size_t)1024 * 1024 * 1024)

static const struct command commands[] = {
	{
	    .name = "setup",
	    .run = setup_run,
	    .synopsis = "[--rotate-token]",
	    .summary = "make the data directory, key and token, show what to paste",
	    .text =
		"Can be repeated: what is there stays. The lines it prints hold the paths of this\n"
		"machine; the token itself is never printed, only the file it is in.",
	    .options = setup_options,
	    .n_options = 1,
	},
	{
	    .name = "serve",
	    .run = serve_run,
	    .synopsis = "[--http ADDR:PORT] [--config FILE] [--no-auth] ...",
	    .summary = "run the server in the foreground",
	    .text = "Writes one line to stderr when it can serve:\n"
		    "  questd ready socket=PATH http=ADDR:PORT pid=N\n"
		    "SIGTERM ends it: calls under way are finished, exit code 0. 'questd serve "
		    "--help'\n"
		    "shows every setting.",
	    .options = background_start_options,
	    .n_options = 7,
	},
	{
	    .name = "start",
	    .run = background_start,
	    .synopsis = "[--http ADDR:PORT] [--config FILE] ...",
	    .summary = "run the server in the background",
	    .text = "Takes the flags of questd serve. Its log is DIR/questd.log (questd logs), "
		    "capped at\n"
		    "8 MiB with the one before. A server that questd mcp started, and that would "
		    "end by\n"
		    "itself, is replaced: its calls are finished, and windows do not notice.",
	    .options = background_start_options,
	    .n_options = 7,
	},
	{
	    .name = "stop",
	    .run = background_stop,
	    .synopsis = "",
	    .summary = "stop the server",
	    .text = "Waits until calls under way are finished and the server is gone.",
	},
	{
	    .name = "restart",
	    .run = background_restart,
	    .synopsis = "[flags of start]",
	    .summary = "stop the server and start it anew",
	    .text = "Without flags it gets those it had. A server that systemd or a terminal runs "
		    "is left\n"
		    "alone.",
	    .options = background_start_options,
	    .n_options = 7,
	},
	{
	    .name = "status",
	    .run = status_run,
	    .synopsis = "",
	    .summary = "show whether a server runs and how it does",
	    .text = "Exit code 6 when none runs.",
	},
	{
	    .name = "mcp",
	    .run = relay_run,
	    .synopsis = "[--toolsets A,B] [--read-only] [--private]",
	    .summary = "speak MCP on stdin and stdout, for MCP clients",
	    .text = "What an MCP client starts. It finds the server of the data directory, or "
		    "starts one\n"
		    "that ends by itself five minutes after its last client; it survives that "
		    "server, and\n"
		    "ends with its own client. JSON-RPC calls of any verb work on the same pipe.\n"
		    "\n"
		    "  claude mcp add questd -- questd mcp\n"
		    "  questd mcp --toolsets quests,ideas --read-only",
	    .options = relay_options,
	    .n_options = 3,
	},
	{
	    .name = "call",
	    .run = call_run,
	    .synopsis = "METHOD [JSON | - | key=value ...]",
	    .summary = "call any verb",
	    .text = "The parameters are a JSON object, a JSON object on stdin (-), or words: "
		    "key=value by\n"
		    "the verb's types (lists: a,b,c), key:=JSON as JSON, key.part=value inside an "
		    "object.\n"
		    "\n"
		    "  questd call quests.create subject='write the plan' labels=docs,plan\n"
		    "  questd call quests.list '{\"status\":\"pending\"}'\n"
		    "  echo '{\"name\":\"notes\",\"content\":\"...\"}' | questd call ideas.store -",
	},
	{
	    .name = "verbs",
	    .run = verbs_run,
	    .synopsis = "",
	    .summary = "list all verbs",
	    .text = "Needs no server.",
	},
	{
	    .name = "help",
	    .run = help_run,
	    .synopsis = "[COMMAND | NOUN | NOUN VERB | NOUN.VERB]",
	    .summary = "explain a command or a verb",
	    .text = "",
	},
	{
	    .name = "backup",
	    .run = backup_run,
	    .synopsis = "[FILE]",
	    .summary = "copy the database while the server runs",
	    .text =
		"Without FILE the copy goes beside the automatic ones. Its secrets open with the "
		"master key\n"
		"alone, which is not in it: keep the file that 'questd paths' calls key too.",
	},
	{
	    .name = "restore",
	    .run = restore_run,
	    .synopsis = "FILE",
	    .summary = "put a backup in the database's place",
	    .text =
		"No server may run. What was there is kept beside it. Asks first, or needs --yes. "
		"Secrets open\n"
		"where the master key of their time lies in its place: questd doctor says.",
	},
	{
	    .name = "secrets",
	    .run = secrets_run,
	    .synopsis = "set|get|list|unset [NAME] [--agent A | --role R] ...",
	    .summary = "keep keys and passwords, show which there are, forget them",
	    .text = "A value is typed without being shown, or comes from a pipe; it is never shown "
		    "again:\n"
		    "'get' says what it is, for whom, and where it came from. The narrowest holds: "
		    "an\n"
		    "agent's own, its role's, the company's.\n"
		    "\n"
		    "  questd secrets set OPENROUTER_API_KEY\n"
		    "  printf %s \"$TOKEN\" | questd secrets set GITHUB_TOKEN --agent ann\n"
		    "  questd secrets unset GITHUB_TOKEN --agent ann",
	    .options = secrets_options,
	    .n_options = 4,
	},
	{
	    .name = "doctor",
	    .run = doctor_run,
	    .synopsis = "[--strict]",
	    .summary = "look for what is wrong and say what to do",
	    .text = "Exit code 1 when something fails; with --strict also for warnings.",
	    .options = doctor_options,
	    .n_options = 1,
	},
	{
	    .name = "logs",
	    .run = logs_run,
	    .synopsis = "[--lines N] [--follow]",
	    .summary = "show the log of a server in the background",
	    .text = "",
	    .options = logs_options,
	    .n_options = 2,
	},
	{
	    .name = "paths",
	    .run = paths_run,
	    .synopsis = "",
	    .summary = "show where everything lies",
	    .text = "",
	},
	{
	    .name = "completion",
	    .run = completion_run,
	    .synopsis = "bash|zsh|fish",
	    .summary = "print the completion script of a shell",
	    .text = "  source <(questd completion bash)\n"
		    "  questd completion fish > ~/.config/fish/completions/questd.fish",
	},
	{
	    .name = "version",
	    .run = version_run,
	    .synopsis = "",
	    .summary = "show the version",
	    .text = "",
	},
	{
	    .name = "complete-ids",
	    .run = completion_ids_run,
	    .synopsis = "TYPE [PREFIX]",
	    .summary = "print ids for completion",
	    .text = "",
	    .is_hidden = true,
	},
	{
	    .name = "keep",
	    .run = keep_run,
	    .synopsis = "",
	    .summary = "keep a server in the background",
	    .text = "",
	    .is_hidden = true,
	},
};

static void on_interrupt(int signo)
{
	(void)signo;
	_exit(EXIT_INTERRUPTED);
}

/* A program may be started with its first descriptors closed; what it opens must not become them.
 */
static void fill_descriptors(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", (fd == 1 ? O_RDONLY : O_RDWR) | O_CLOEXEC) < 0)
			_exit(EXIT_FAILED);
}

static bool wants_color(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && (!no || !*no) && term && strcmp(term, "dumb") != 0;
}

static void cli_init(struct cli *c)
{
	*c = (struct cli){
		.commands = commands,
		.n_commands = ARRAY_LEN(commands),
		.is_tty_in = isatty(0),
		.is_tty_out = isatty(1),
		.is_tty_err = isatty(2),
		.has_color_out = wants_color(1),
		.has_color_err = wants_color(2),
	};
	arena_init(&c->arena, MEMORY_MAX);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static bool is_help(const struct arg *o)
{
	return o->kind == ARGS_OPTION &&
	       (str_eq(o->name, STR("help")) || str_eq(o->name, STR("h")));
}

/* --help behind a command, but not behind `--`. The server's own flags are the server's to explain.
 */
static bool asks_for_help(struct args a)
{
	for (struct arg o = { 0 };;) {
		args_next(&a, &o);
		if (o.kind == ARGS_END || a.is_only_words)
			return false;
		if (is_help(&o))
			return true;
	}
}

static int help_for(struct cli *c, const char *word, struct args a)
{
	const char *words[2] = { word };
	struct arg o;
	int n = 1;

	args_next(&a, &o);
	if (o.kind == ARGS_WORD && commands_is_noun(str_from(word)) &&
	    commands_find(str_from(word), str_from(o.text)))
		words[n++] = o.text;
	return help_about(c, words, n);
}

static int run_word(struct cli *c, const char *word, struct args *a)
{
	const struct command *command = find_command(word);
	bool is_noun = commands_is_noun(str_from(word));

	/* `questd verbs` is a command, `questd verbs search` a verb. */
	if (command && is_noun && a->at < a->argc &&
	    commands_find(str_from(word), str_from(a->argv[a->at])))
		command = NULL;
	if (!(command && command->run == serve_run) && asks_for_help(*a))
		return help_for(c, word, *a);
	struct str name = str_from(word), noun = str_cut(&name, '.');

	if (!command && name.p && commands_find(noun, name)) {
		/* quests.create, the verb's own name */
		a->argv[--a->at] = (char *)name.p;
		return commands_run(c, noun, a);
	}
	const struct verb *alone = command ? NULL : commands_find_alone(str_from(word));

	if (alone)
		return commands_run_verb(c, alone, a);
	c->command = command;
	if (command)
		return command->run(c, a);
	return is_noun ? commands_run(c, str_from(word), a) : help_about(c, &word, 1);
}

/* Global options before the command, then the command. */
static int run(struct cli *c, int argc, char **argv)
{
	struct args a = { .argv = argv, .argc = argc, .at = 1 };
	struct arg o;

	for (args_next(&a, &o); o.kind == ARGS_OPTION; args_next(&a, &o)) {
		if (is_help(&o))
			return help_about(c, NULL, 0);
		if (str_eq(o.name, STR("version")))
			return version_run(c, &a);
		int e = args_take_global(c, &a, &o);

		if (e == ARGS_UNKNOWN)
			args_say_unknown(c, &o, &(struct args_known){ 0 });
		if (e)
			return EXIT_USAGE;
	}
	if (o.kind == ARGS_WORD)
		return run_word(c, o.text, &a);
	say_error("a command is missing");
	say_hint("'questd help' names all; 'questd setup' is the first to run");
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct cli c;

	fill_descriptors();
	umask(077);
	signal(SIGINT, on_interrupt);
	cli_init(&c);
	int code = run(&c, argc, argv);

	arena_deinit(&c.arena);
	return code;
}
