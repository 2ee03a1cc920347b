/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's way to its server: connecting, starting one where none runs, coming back after a
 * loss.
 *
 * A server that is lost is looked for at once and then every so often. One is started only when the
 * client wants something, so that `questd stop` holds while windows stay open; and where the lost
 * one was run by somebody else (systemd, a terminal), who may be about to start it again, only
 * after a moment of grace. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/paths.h"
#include "cli/relay_open.h"
#include "cli/start.h"
#include "transport/pipes.h"

enum relay_link_state {
	LINK_UP = 1,
	LINK_WAITING, /* for a time (relay_link_next_ms) or for starting.report_fd */
	LINK_FAILED,  /* no server can be had: failure says why; tried again when asked again */
};

struct relay_link {
	struct arena *arena;
	const struct paths *paths;
	bool may_start, is_private;
	struct pipe_pair ends; /* -1: not connected, or `out` when there is no more to say */
	struct start_handle starting;
	bool is_proven;   /* the connection's server has answered */
	bool was_foreign; /* the last server had no keeper */
	bool is_plain;    /* on the socket, as pipes did not work; the next likewise */
	bool is_suspect;  /* a server was reported but did not answer: once more, not for ever */
	int64_t lost_ms, next_try_ms, backoff_ms;
	int64_t contested_ms; /* since when another server has the folder; 0 = none has */
	struct {
		int64_t at_ms; /* 0 = none */
		int code;
		char text[2048];
	} failure;
};

void relay_link_init(struct relay_link *l, struct arena *a, const struct paths *p, bool may_start,
		     bool is_private);
void relay_link_deinit(struct relay_link *l);
/* One step. `is_wanted`: the client waits for something. */
enum relay_link_state relay_link_step(struct relay_link *l, int64_t now_ms, bool is_wanted);
/* The report of a start is readable. */
void relay_link_on_report(struct relay_link *l, int64_t now_ms);
static inline bool relay_link_is_up(const struct relay_link *l)
{
	return l->ends.in >= 0;
}

/* The server is told that there is no more to come. */
void relay_link_end_output(struct relay_link *l);
/* The server has answered. */
void relay_link_proved(struct relay_link *l);
/* The connection is gone. One that never proved itself is not tried again at once. */
void relay_link_lost(struct relay_link *l, int64_t now_ms);
