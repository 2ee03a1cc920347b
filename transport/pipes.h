/* SPDX-License-Identifier: Apache-2.0 */
/* Lines over two pipes instead of the socket they began on: a round trip through pipes costs about
 * a fifth less than one through a Unix socket, and a relay makes two of them a call.
 *
 * With its first byte, a newline (an empty line says nothing), a peer sends the end that the other
 * side reads from and the end it writes to, in this order (SCM_RIGHTS, unix(7)). From then on all
 * is said through the pipes, and the socket is closed. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/macros.h"

/* The two ends of one side; -1: none. */
struct pipe_pair {
	int in, out;
};

void pipe_pair_close(struct pipe_pair *p);
/* Makes two pipes and sends the other side's ends. 0 or an error; then there are none. */
int pipes_offer(int socket, struct pipe_pair *out) must_check;
/* read(2) of a connection's first bytes, with the pipes that came along, if any did: opened anew
 * and non-blocking, so that the peer cannot change how we use them. What else is sent is closed. */
ssize_t pipes_read_first(int socket, void *p, size_t n, struct pipe_pair *out);
