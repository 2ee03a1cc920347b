/* SPDX-License-Identifier: Apache-2.0 */
/* Takes connections from a listening socket: at most 64 a turn, and without spinning when
 * descriptors run out. A spare descriptor is then given up for a moment to take the waiting client,
 * tell it so and close it; when even that fails, accepting rests for 100 ms. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/loop.h"
#include "base/str.h"

struct acceptor;

/* The descriptor (non-blocking, CLOEXEC) is the callee's. */
typedef void acceptor_fn(struct acceptor *a, int fd, const struct sockaddr *peer,
			 socklen_t peer_len);

struct acceptor {
	struct loop *loop;
	struct loop_fd watch;
	struct loop_timer rest;
	int spare_fd;
	acceptor_fn *fn;
	struct str
	    refusal; /* what a client hears that comes when descriptors are out; may be NONE */
	int64_t n_refused;
	bool is_paused;
};

/* Takes over listen_fd, which must be non-blocking; on failure it stays the caller's. */
int acceptor_init(struct acceptor *a, struct loop *l, int listen_fd, acceptor_fn *fn) must_check;
void acceptor_deinit(struct acceptor *a); /* closes the listening socket */
/* New clients wait in the kernel's queue meanwhile. */
int acceptor_pause(struct acceptor *a, bool on) must_check;
