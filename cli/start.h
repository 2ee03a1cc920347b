/* SPDX-License-Identifier: Apache-2.0 */
/* Starting the server in the background. Whoever needs one starts a keeper (`questd keep`, keep.c),
 * which takes the start lock, looks whether a server answers by now, starts one if not, and reports
 * in one line through a pipe; so eight relays start one server, and none of them blocks meanwhile.
 */
#pragma once

#include "base/arena.h"
#include "base/macros.h"
#include "base/paths.h"
#include "base/str.h"
#include "cli/peer.h"

struct start {
	const struct paths *paths;
	char *const *flags;      /* further ones for questd-server, NULL-terminated; may be NULL */
	enum peer_origin origin; /* TEMPORARY: it ends after five minutes without a client;
				    PRIVATE: with us */
	int lock_fd;             /* the start lock, already held; -1 */
};

struct start_handle {
	int report_fd; /* readable when the verdict is there */
	int life_fd;   /* private: the server ends when this is closed; else -1 */
};

enum { START_NO_PROGRAM = 1 };

enum start_verdict {
	START_READY = 1, /* `text` is the ready line */
	START_RUNNING,   /* one answers already */
	START_FAILED,    /* `text` says why, `code` is the exit code */
};

struct start_report {
	enum start_verdict verdict;
	int code;
	char text[2048];
};

int start_begin(struct arena *a, const struct start *s, struct start_handle *out) must_check;
/* Reads the report from the pipe, which must be readable (or blocks), and closes it. */
void start_finish(int *report_fd, struct start_report *out);
/* The data directory's start lock, DIR/questd.start: whoever holds it is the only one that starts a
 * server there. Blocks until it is free. */
int start_lock(struct arena *a, const struct paths *p, int *out_fd) must_check;
