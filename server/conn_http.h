/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP: paths, Host and Origin lists, the token, and who answers: /rpc, /mcp…, /events, /healthz,
 * /readyz, /metrics. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "transport/http.h"

struct conn_http;
struct server;

/* Listens at options.http_address and http_port. Positive: the values of http_server_new(). */
int conn_http_new(struct server *s, struct conn_http **out) must_check;
uint16_t conn_http_port(const struct conn_http *h);
/* No new connections, no new calls; exchanges in flight are answered. */
void conn_http_quiesce(struct conn_http *h);
size_t conn_http_n(const struct conn_http *h); /* exchanges in flight */
void conn_http_stats(const struct conn_http *h, struct http_stats *out);
struct conn_http *conn_http_free(struct conn_http *h);
