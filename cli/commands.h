/* SPDX-License-Identifier: Apache-2.0 */
/* `questd NOUN VERB [TARGET] [--field value …]`, or `questd VERB …` where a verb has no noun, for
 * every verb of the schemas: nothing here knows any of them by name. */
#pragma once

#include "cli/command.h"

struct verb;

/* Is it the noun of a verb ("quests")? */
bool commands_is_noun(struct str word);
/* "quests", "create": the verb, or NULL. */
const struct verb *commands_find(struct str noun, struct str name);
/* "message_to", "message-to": a verb without a noun, or NULL. */
const struct verb *commands_find_alone(struct str name);
/* The field that a word without an option is for: the target, else the first that is required, else
 * `id`. NULL. */
const struct shape_field *commands_word_field(const struct verb *v);
/* Says which verbs the noun has, and which is meant by `given` (NULL: none was). EXIT_USAGE. */
int commands_say_no_verb(struct cli *c, struct str noun, const char *given);
/* What stands behind the noun, or behind the verb, is in `a`. */
int commands_run(struct cli *c, struct str noun, struct args *a);
int commands_run_verb(struct cli *c, const struct verb *v, struct args *a);
