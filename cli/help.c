/* SPDX-License-Identifier: Apache-2.0 */
/* questd help. */
#include "cli/help.h"

#include <stdio.h>

#include "base/err.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/help_verb.h"
#include "cli/say.h"
#include "verbs.gen.h"

static void put_option(struct buf *out, const struct args_option *o)
{
	char left[64];
	int n = snprintf(left, sizeof(left), "--%s%s%s", o->name, o->value ? " " : "",
			 o->value ? o->value : "");

	buf_fmt(out, "  %-24.*s %s\n", n, left, o->help);
}

static void put_globals(struct buf *out)
{
	BUF_LIT(out, "\nEvery command takes:\n");
	for (size_t i = 0; i < args_n_globals; i++)
		put_option(out, &args_globals[i]);
}

/* Each noun once, with its verbs behind it; then those that have none. */
static void put_nouns(struct buf *out)
{
	struct str last = STR_NONE;

	for (size_t i = 0; i < VERB_MAX; i++) {
		struct str name = verb_table[i].name, noun = str_cut(&name, '.');

		if (!name.p)
			continue;
		if (!str_eq(noun, last))
			buf_fmt(out, "%s  %-11.*s", last.p ? "\n" : "", STR_ARG(noun));
		buf_fmt(out, " %.*s", STR_ARG(name));
		last = noun;
	}
	BUF_LIT(out, "\n\nVerbs without a noun:\n ");
	for (size_t i = 0; i < VERB_MAX; i++)
		if (commands_find_alone(verb_table[i].name))
			buf_fmt(out, " %.*s", STR_ARG(verb_table[i].name));
	buf_put_char(out, '\n');
}

static void put_overview(struct cli *c, struct buf *out)
{
	BUF_LIT(out, "questd: a company runtime for LLM agents: quests, ideas, agents, events.\n\n"
		     "usage: questd COMMAND [options]\n"
		     "       questd NOUN VERB [--field value ...]\n\nCommands:\n");
	for (size_t i = 0; i < c->n_commands; i++)
		if (!c->commands[i].is_hidden)
			buf_fmt(out, "  %-12s %s\n", c->commands[i].name, c->commands[i].summary);
	BUF_LIT(out, "\nNouns and their verbs:\n");
	put_nouns(out);
	put_globals(out);
	BUF_LIT(
	    out,
	    "\nFirst steps:\n"
	    "  questd setup                                   make a data directory, show what to "
	    "paste where\n"
	    "  questd start                                   run a server in the background\n"
	    "  questd quests create --subject \"write the plan\"\n"
	    "  questd quests list\n"
	    "\n'questd help COMMAND', 'questd help NOUN' and 'questd help NOUN VERB' say more.\n"
	    "Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 conflict, 5 denied, 6 not "
	    "running,\n"
	    "7 timeout, 130 interrupted.\n");
}

static void put_command(const struct command *command, struct buf *out)
{
	buf_fmt(out, "questd %s: %s\n\nusage: questd %s%s%s\n", command->name, command->summary,
		command->name, command->synopsis[0] ? " " : "", command->synopsis);
	if (command->text[0])
		buf_fmt(out, "\n%s\n", command->text);
	if (command->n_options > 0)
		BUF_LIT(out, "\nOptions:\n");
	for (size_t i = 0; i < command->n_options; i++)
		put_option(out, &command->options[i]);
	put_globals(out);
}

static void put_noun(struct str noun, struct buf *out)
{
	buf_fmt(out, "usage: questd %.*s VERB [--field value ...]\n\n", STR_ARG(noun));
	for (size_t i = 0; i < VERB_MAX; i++) {
		struct str rest = verb_table[i].name;

		if (str_eq(str_cut(&rest, '.'), noun))
			buf_fmt(out, "  %-14.*s %.*s\n", STR_ARG(rest),
				STR_ARG(verb_table[i].summary));
	}
	buf_fmt(out, "\n'questd help %.*s VERB' shows a verb's fields, errors and examples.\n",
		STR_ARG(noun));
}

static int say_nobody_knows(struct cli *c, const char *word)
{
	struct str names[128];
	size_t n = 0;

	for (size_t i = 0; i < c->n_commands && n < ARRAY_LEN(names); i++)
		if (!c->commands[i].is_hidden)
			names[n++] = str_from(c->commands[i].name);
	for (size_t i = 0; i < VERB_MAX && n < ARRAY_LEN(names); i++)
		names[n++] = str_slice(verb_table[i].name, 0, str_find(verb_table[i].name, '.', 0));
	struct str near = str_nearest(str_from(word), names, n);

	if (!near.p)
		near = verb_nearest(str_from(word));
	say_error("there is no command '%s'", word);
	if (near.p)
		say_hint("did you mean '%.*s'?", STR_ARG(near));
	else
		say_hint("'questd help' names all");
	return EXIT_USAGE;
}

static const struct verb *verb_of(const char *const *words, int n)
{
	struct str first = str_from(words[0]);

	if (n > 1)
		return commands_find(first, str_from(words[1]));
	if (commands_find_alone(first))
		return commands_find_alone(first);
	return str_find(first, '.', 0) < first.n || str_find(first, '_', 0) < first.n
		   ? verb_find(first)
		   : NULL;
}

static const struct command *command_of(struct cli *c, const char *word)
{
	for (size_t i = 0; i < c->n_commands; i++)
		if (!c->commands[i].is_hidden && strcmp(c->commands[i].name, word) == 0)
			return &c->commands[i];
	return NULL;
}

int help_about(struct cli *c, const char *const *words, int n)
{
	CLEANUP(buf_deinit) struct buf out;
	const struct verb *verb = n > 0 ? verb_of(words, n) : NULL;
	const struct command *command = n > 0 ? command_of(c, words[0]) : NULL;

	buf_init(&out, 0);
	if (n == 0)
		put_overview(c, &out);
	else if (verb)
		help_put_verb(c, verb, &out);
	else if (command)
		put_command(command, &out);
	else if (commands_is_noun(str_from(words[0])) && n == 1)
		put_noun(str_from(words[0]), &out);
	else if (commands_is_noun(str_from(words[0])))
		return commands_say_no_verb(c, str_from(words[0]), words[1]);
	else
		return say_nobody_knows(c, words[0]);
	return say_out(&out);
}

int help_run(struct cli *c, struct args *a)
{
	struct args_spec spec = { .max_words = 2 };
	int e = args_parse(c, a, &spec);

	return e ? e : help_about(c, spec.words, spec.n_words);
}
