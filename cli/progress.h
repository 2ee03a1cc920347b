/* SPDX-License-Identifier: Apache-2.0 */
/* A line on a terminal's stderr while something takes longer than half a second; gone when it is
 * over. */
#pragma once

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct cli;

struct progress {
	pthread_t thread;
	int stop_fd, signal_fd; /* -1: no line is wanted */
	int64_t started_ms;
	char what[80];
	sigset_t mask; /* before; while the line may be there the thread takes SIGINT */
};

/* Does nothing where stderr is no terminal. */
void progress_begin(struct progress *p, const struct cli *c, struct str what);
void progress_end(struct progress *p);
