/* SPDX-License-Identifier: Apache-2.0 */
/* Which process serves a socket, and how it came to be there. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"

/* The process at the other end of a Unix socket; 0 when the kernel does not say. */
pid_t peer_pid(int fd);
/* Does it belong to another user than us? Such a server takes no call of ours, root's neither. */
bool peer_is_another(int fd, uid_t *out);
/* Whose server it is, from its keeper's command line. */
enum peer_origin {
	PEER_FOREIGN, /* nobody keeps it: a terminal or a service manager runs it, or none can tell
		       */
	PEER_STARTED, /* questd start */
	PEER_TEMPORARY, /* questd mcp: it ends by itself */
	PEER_PRIVATE,   /* questd mcp --private: it ends with that one, and is nobody else's */
	PEER_ORIGIN_MAX
};

/* What the keeper is given as --for, and what status says. */
extern const char *const peer_origin_names[PEER_ORIGIN_MAX];
enum peer_origin peer_origin(pid_t pid);
/* Its arguments, NULL-terminated; NULL when they cannot be read. */
char **peer_arguments(struct arena *a, pid_t pid);
