/* SPDX-License-Identifier: Apache-2.0 */
/* Which process serves a socket, and how it came to be there. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"

/* The process at the other end of a Unix socket; 0 when the kernel does not say. */
pid_t peer_pid(int fd);
/* Was it started in the background (is its parent a keeper)? */
bool peer_is_kept(pid_t pid);
/* Its arguments, NULL-terminated; NULL when they cannot be read. */
char **peer_arguments(struct arena *a, pid_t pid);
