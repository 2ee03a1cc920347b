/* SPDX-License-Identifier: Apache-2.0 */
/* A Content-Length that is no number never reaches our handler: libmicrohttpd 0.9.75 answers it
 * itself, and its answer's head goes out twice. The one thing it does before that is to write a log
 * message. We listen to that, answer on the socket ourselves and shut its writing side, so that the
 * client gets one answer and the end. Of MHD's messages nothing else is used, and none is printed:
 * they come once a broken connection (TM-LOG-01). */
#include "transport/http_internal.h"

#include <string.h>

#define BAD_LENGTH                     \
	"HTTP/1.1 400 Bad Request\r\n" \
	"Connection: close\r\n"        \
	"Content-Type: text/plain\r\n" \
	"Content-Length: 31\r\n\r\n"   \
	"Content-Length is not a number\n"

/* Its head is complete, it has no answer yet, and we have not been asked about it. */
static bool http_is_being_judged(const struct http_exchange *x)
{
	struct MHD_Connection *mhd = x->conn->mhd;

	return x->state == HTTP_STATE_HEAD && !x->is_cut &&
	       MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE) &&
	       !MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_HTTP_STATUS);
}

void http_on_mhd_message(void *cls, const char *format, va_list ap)
{
	struct http_server *s = cls;

	if (!s->daemon || !strstr(format, "Content-Length"))
		return;
	list_for_each (it, tmp, &s->exchanges) {
		struct http_exchange *x = list_entry(it, struct http_exchange, link);

		if (!http_is_being_judged(x))
			continue;
		s->stats.n_bad_heads++;
		x->is_cut = true;
		x->conn->must_linger = true;
		(void)!send(x->conn->fd, BAD_LENGTH, sizeof(BAD_LENGTH) - 1,
			    MSG_NOSIGNAL | MSG_DONTWAIT);
		(void)shutdown(x->conn->fd, SHUT_WR); /* fails when the client has gone: fine */
		return;
	}
}
