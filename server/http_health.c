/* SPDX-License-Identifier: Apache-2.0 */
/* /healthz: the process lives. /readyz: it can serve, writes included, or why not. /metrics. */
#include "server/http_call.h"

#include "base/json.h"
#include "server/info.h"
#include "server/metrics.h"
#include "server/server.h"

void http_health_live(struct http_call *c, const struct http_request *r)
{
	http_call_answer(c, 200, STR("application/json"), STR("{\"status\":\"ok\"}\n"));
}

void http_health_ready(struct http_call *c, const struct http_request *r)
{
	struct server_health health = server_health(c->server);
	bool is_ready = health.can_read && health.can_write && !health.is_draining;
	CLEANUP(buf_deinit) struct buf b;
	struct json_out w;

	buf_init(&b, 0);
	w = json_out(&b);
	json_begin_object(&w);
	JSON_KV_STR(&w, "status", is_ready ? STR("ready") : STR("unavailable"));
	JSON_KV_BOOL(&w, "can_read", health.can_read);
	JSON_KV_BOOL(&w, "can_write", health.can_write);
	JSON_KV_BOOL(&w, "is_draining", health.is_draining);
	if (!is_ready)
		JSON_KV_STR(&w, "reason",
			    str_from(health.reason ? health.reason : "the server is stopping"));
	json_end_object(&w);
	buf_put_char(&b, '\n');
	http_call_answer(c, is_ready ? 200 : 503, STR("application/json"), buf_str(&b));
}

void http_health_metrics(struct http_call *c, const struct http_request *r)
{
	CLEANUP(buf_deinit) struct buf b;

	buf_init(&b, 0);
	metrics_write(c->server, &b);
	if (b.failed)
		http_call_refuse(c, 503, ERROR_OUT_OF_MEMORY, "memory is out");
	else
		http_call_answer(c, 200, STR("text/plain; version=0.0.4; charset=utf-8"),
				 buf_str(&b));
}
