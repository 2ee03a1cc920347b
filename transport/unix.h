/* SPDX-License-Identifier: Apache-2.0 */
/* The Unix socket's listener: a path in a folder of mode 0700, the socket 0600, no abstract names;
 * who connects is known by SO_PEERCRED. Out of descriptors: pauses accepting for a moment (a spare
 * descriptor closes the waiting one with no spin). */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/loop.h"
#include "base/str.h"

struct unix_listener;

struct unix_peer {
	uid_t uid;
	gid_t gid;
	pid_t pid; /* for the audit only: pids are reused */
};

/* fd is the callee's. */
typedef void unix_accept_fn(void *data, int fd, const struct unix_peer *peer);

enum { UNIX_PATH_TOO_LONG = 1, UNIX_IN_USE, UNIX_NOT_OURS, UNIX_OPEN_FOLDER };
#define UNIX_PATH_MAX_BYTES 107

/* A stale socket of ours is replaced (the store's lock is held by then); a symlink, a file of
 * another kind or owner is UNIX_NOT_OURS; a folder that others may write is UNIX_OPEN_FOLDER. */
int unix_listen(struct loop *l, const char *path, unix_accept_fn *fn, void *data,
		struct unix_listener **out) must_check;
/* What a client hears that comes when descriptors are out; the text stays the caller's. */
void unix_listener_refuse_with(struct unix_listener *u, struct str text);
void unix_listener_pause(struct unix_listener *u, bool on);
struct unix_listener *unix_listener_free(
    struct unix_listener *u); /* unlinks the path when still ours */
/* True when the socket's file was removed or replaced under us (F-27). */
bool unix_listener_is_lost(const struct unix_listener *u);
