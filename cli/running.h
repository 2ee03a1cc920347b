/* SPDX-License-Identifier: Apache-2.0 */
/* The server of a data directory, seen from outside: which process it is, and ending it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/macros.h"
#include "base/paths.h"
#include "cli/peer.h"

struct running {
	pid_t pid;        /* 0: none */
	bool is_locked;   /* some process holds the data directory's lock */
	bool is_reached;  /* it answers on the socket */
	bool is_anothers; /* and takes no call of ours: it is the user's `uid` */
	uid_t uid;
	enum peer_origin origin;
};

/* By the socket, else by the lock file. Negative: a fault. */
int running_find(const struct paths *p, struct running *out) must_check;
/* Where the server that the lock file names was told to listen; NULL when there is none, or it was
 * told nothing. Tries no lock that a server could be about to take. */
const char *running_socket(struct arena *a, const struct paths *p);
enum { RUNNING_STILL = 1 };
/* SIGTERM, and waits for the end. */
int running_stop(const struct paths *p, const struct running *r, int64_t timeout_ms) must_check;
