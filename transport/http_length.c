/* SPDX-License-Identifier: Apache-2.0 */
/* A Content-Length that is no number never reaches our handler: libmicrohttpd 0.9.75 answers it
 * itself, and its answer's head goes out twice. The one thing it does before that is to write a log
 * message. We listen to that, answer on the socket ourselves and shut its writing side, so that the
 * client gets one answer and the end. Of MHD's messages nothing else is used, and none is printed:
 * they come once a broken connection (TM-LOG-01). */
#include "transport/http_internal.h"

#include <string.h>

/* Its head is complete, it has no answer yet, and we have not been asked about it. */
static bool http_is_being_judged(const struct http_exchange *x)
{
	struct MHD_Connection *mhd = x->conn->mhd;

	return x->state == HTTP_STATE_HEAD && !x->is_cut &&
	       MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE) &&
	       !MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_HTTP_STATUS);
}

static void http_refuse_length(struct http_exchange *x)
{
	CLEANUP(buf_deinit) struct buf whole;

	buf_init(&whole, 0);
	http_put_whole_refusal(x->server, MHD_HTTP_BAD_REQUEST, "Content-Length is not a number",
			       &whole);
	x->server->stats.n_bad_heads++;
	x->is_cut = true;
	x->conn->must_linger = true;
	if (!whole.failed) /* without memory it closes without a word */
		(void)!send(x->conn->fd, buf_str(&whole).p, buf_len(&whole),
			    MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)shutdown(x->conn->fd, SHUT_WR); /* fails when the client has gone: fine */
}

void http_on_mhd_message(void *cls, const char *format, va_list ap)
{
	struct http_server *s = cls;

	if (!s->daemon || !strstr(format, "Content-Length"))
		return;
	list_for_each (it, tmp, &s->exchanges) {
		struct http_exchange *x = list_entry(it, struct http_exchange, link);

		if (http_is_being_judged(x)) {
			http_refuse_length(x);
			return;
		}
	}
}
