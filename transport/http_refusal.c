/* SPDX-License-Identifier: Apache-2.0 */
/* What the transport refuses by itself is said in its owner's words, so that a client reads one
 * kind of error whatever stood in its way. */
#include "transport/http_internal.h"

#include <string.h>

struct str http_refusal_type(const struct http_server *s)
{
	return s->ops->refusal ? s->ops->refusal_type : STR("text/plain");
}

void http_put_refusal(struct http_server *s, int status, const char *why, struct buf *body)
{
	if (s->ops->refusal)
		s->ops->refusal(s->data, status, why, body);
	else
		buf_fmt(body, "%s\n", why);
}

void http_put_whole_refusal(struct http_server *s, int status, const char *why, struct buf *out)
{
	CLEANUP(buf_deinit) struct buf body;
	struct str type = http_refusal_type(s);

	buf_init(&body, 0);
	http_put_refusal(s, status, why, &body);
	buf_fmt(out, "HTTP/1.1 %d %s\r\nConnection: close\r\n%sContent-Type: %.*s\r\n", status,
		MHD_get_reason_phrase_for((unsigned)status),
		status == MHD_HTTP_SERVICE_UNAVAILABLE ? "Retry-After: 1\r\n" : "", STR_ARG(type));
	buf_fmt(out, "Content-Length: %zu\r\n\r\n%.*s", buf_len(&body), STR_ARG(buf_str(&body)));
	out->failed = out->failed || body.failed;
}
