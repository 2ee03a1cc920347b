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

/* Prints why not. */
bool in_memory_open(struct in_memory *m);
/* Everything in it goes, the folder too. */
void in_memory_close(struct in_memory *m);
/* Hands over the line and turns the loop until it is answered; NONE after 10 s. */
struct str in_memory_ask(struct in_memory *m, struct str line);
struct str in_memory_ask_as_owner(struct in_memory *m, struct str line);
