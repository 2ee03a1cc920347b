/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP exchange as the server sees it; lives in the exchange's arena. Shared by conn_http.c
 * (the paths), http_gate.c (who may come in) and those who answer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "server/channel.h"
#include "server/mcp_http.h"
#include "transport/http.h"
#include "types.gen.h"

struct conn_http;
struct http_delivery;
struct http_events;
struct http_route;
struct server;

struct http_call {
	struct server *server;
	struct conn_http *owner;
	struct http_exchange *x;
	const struct http_route *route;
	struct principal principal;
	struct mcp_http_caller caller;  /* for /mcp… */
	struct mcp_exchange *mcp;       /* NULL when it is none, or over */
	struct http_events *events;     /* likewise */
	struct http_delivery *delivery; /* likewise */
	struct channel channel;         /* of /rpc */
	bool has_channel;
	struct http_header cors[3];
};

/* Answers {"error":"<code>","message":…,"hint":…,"retryable":…}. Refusals of 4xx and 5xx that come
 * before the body close the connection behind a body that was announced. */
void http_call_refuse(struct http_call *c, int status, enum error_code code, const char *fmt, ...)
    printf_like(4, 5);
/* The same with a header or a hint of its own. */
struct http_refusal {
	int status;
	enum error_code code;
	struct http_header header; /* name NONE: none */
	int retry_after_s;         /* 0: a second, where the code may be repeated at all */
	const char *text;
	const char *hint; /* NULL: the code's own */
};
void http_call_refuse_with(struct http_call *c, const struct http_refusal *refusal);
/* What a verb or the gates before it refused, with the status that belongs to its code. */
void http_call_refuse_failure(struct http_call *c, const struct call_failure *f,
			      const struct verb *verb);
void http_call_answer(struct http_call *c, int status, struct str content_type, struct str body);

/* ---- http_gate.c ---- */
/* Host, Origin, preflight, token, in this order. True: go on; false: it is answered. */
bool http_gate_pass(struct http_call *c, const struct http_request *r, uint16_t port,
		    bool needs_token);

/* The header of a 403 for a token of whose scopes none is among `would_do`. */
struct http_header http_step_up(struct http_exchange *x, const struct server *s,
				const struct principal *who, access_roles would_do);

/* ---- http_health.c ---- */
void http_health_live(struct http_call *c, const struct http_request *r);  /* /healthz */
void http_health_ready(struct http_call *c, const struct http_request *r); /* /readyz */
void http_health_metrics(struct http_call *c, const struct http_request *r);

/* ---- http_events.c ---- */
void http_events_start(struct http_call *c, const struct http_request *r);
void http_events_gone(struct http_events *e); /* the exchange is over */

/* ---- http_delivery.c ---- */
#define HTTP_DELIVERY_MAX ((size_t)256 * 1024) /* bytes of a body */
void http_hooks_start(struct http_call *c, const struct http_request *r);
void http_channels_start(struct http_call *c, const struct http_request *r);
void http_delivery_gone(struct http_delivery *d); /* the exchange is over */
