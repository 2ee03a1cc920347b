/* SPDX-License-Identifier: Apache-2.0 */
/* A whole server in a folder of its own, and two channels of lines in memory, whose last answer is
 * kept: `channel` may become another principal's, `owner` stays who may do everything. What is
 * between the hands of this file never allocates while a call runs. */
#pragma once

#include "server/channel.h"
#include "server/server.h"

struct in_memory {
	struct server server;
	struct channel channel, owner;
	char folder[256];
	size_t n_answers, n; /* of answers; of bytes in the last one */
	char answer[1 << 20];
};

/* `fresh`: a folder to begin with a copy of, or NULL. Prints why not. */
bool in_memory_open(struct in_memory *m, const char *fresh);
/* Everything in it goes, the folder too. */
void in_memory_close(struct in_memory *m);
/* A folder as a first start leaves it, so that a server that begins with a copy makes no database;
 * who asks removes it (ledger_empty_folder). */
bool in_memory_make_fresh(struct in_memory *m, char out[256]);
/* Hands over the line and turns the loop until it is answered; NONE after 10 s. */
struct str in_memory_ask(struct in_memory *m, struct str line);
struct str in_memory_ask_as_owner(struct in_memory *m, struct str line);
