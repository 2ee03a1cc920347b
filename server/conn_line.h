/* SPDX-License-Identifier: Apache-2.0 */
/* The Unix socket: accepts its owner's connections and makes a channel of lines of each. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"

struct conn_lines;
struct server;

/* Listens at options.paths.socket. Positive: the values of unix_listen() (transport/unix.h). */
int conn_lines_new(struct server *s, struct conn_lines **out) must_check;
/* No new connections, no new lines; what is in flight is answered. */
void conn_lines_quiesce(struct conn_lines *l);
/* Was the socket's file removed or replaced under us (F-27)? */
bool conn_lines_is_lost(const struct conn_lines *l);
size_t conn_lines_n(const struct conn_lines *l);
/* Cuts what is left (channel_gone for each), with what is unsent tried once more. */
struct conn_lines *conn_lines_free(struct conn_lines *l);
