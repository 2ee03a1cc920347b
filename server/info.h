/* SPDX-License-Identifier: Apache-2.0 */
/* What the server says of itself: system.info, system.health, system.config, /readyz. */
#pragma once

#include "server/server.h"

/* Fills s->for_verbs. */
void info_init(struct server *s);
/* Can calls be served, writes included? Loop thread. */
struct server_health {
	bool can_read, can_write, is_draining;
	const char *reason; /* NULL when all is well: "the disk is full", … */
};
struct server_health server_health(const struct server *s);
/* "127.0.0.1:8400" or "off". */
struct str server_http_text(const struct server *s, struct arena *a);
