/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for any of the relay's six ends. epoll costs less a turn than poll; what it cannot watch
 * (a file as stdin or stdout) is always ready. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"

enum relay_end {
	RELAY_INPUT,
	RELAY_OUTPUT,
	RELAY_SERVER,
	RELAY_SERVER_OUT,
	RELAY_SIGNAL,
	RELAY_REPORT,
	RELAY_ENDS,
};

struct relay_wait {
	int fd;
	struct {
		int fd; /* -1: not watched */
		uint32_t wanted;
		bool is_file;
	} ends[RELAY_ENDS];
	uint32_t ready[RELAY_ENDS]; /* EPOLLIN, …: of the last turn */
};

int relay_wait_init(struct relay_wait *w) must_check;
void relay_wait_deinit(struct relay_wait *w);
/* What to wait for at this end; no system call when nothing changes. Errors and hang-ups are always
 * waited for. fd -1: nothing. */
int relay_wait_want(struct relay_wait *w, enum relay_end end, int fd, uint32_t events) must_check;
/* The end's descriptor was closed: the next one may have its number. */
void relay_wait_forget(struct relay_wait *w, enum relay_end end);
/* Fills `ready`. */
int relay_wait_turn(struct relay_wait *w, int timeout_ms) must_check;
