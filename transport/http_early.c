/* SPDX-License-Identifier: Apache-2.0 */
/* What libmicrohttpd 0.9.75 refuses before our handler sees it, where it lets us say so ourselves:
 * a Content-Length that is no number, whose answer's head it sends twice, and a head that its pool
 * does not hold, which it answers in HTML. The one thing it does before that is to write a log
 * message. We listen to that, answer on the socket ourselves and shut its writing side, so that the
 * client gets one answer and the end. The message does not say whose connection it was: there must
 * be one alone that it can be, or MHD's answer stands. Of MHD's messages nothing else is used, and
 * none is printed: they come once a broken connection (TM-LOG-01). */
#include "transport/http_internal.h"

#include <string.h>

/* Of one that has no answer yet. */
static bool http_is_head_complete(const struct http_exchange *x)
{
	return MHD_get_connection_info(x->conn->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE) !=
	       NULL;
}

/* The only request whose head is complete, or is not, and about which we have not been asked. NULL
 * when there is none or several. */
static struct http_exchange *http_find_unseen(struct http_server *s, bool is_head_complete)
{
	struct http_exchange *found = NULL;

	list_for_each (it, tmp, &s->exchanges) {
		struct http_exchange *x = list_entry(it, struct http_exchange, link);

		if (x->state != HTTP_STATE_HEAD || x->is_cut ||
		    http_is_head_complete(x) != is_head_complete)
			continue;
		if (found)
			return NULL;
		found = x;
	}
	return found;
}

static void http_refuse_early(struct http_exchange *x, int status, const char *why)
{
	CLEANUP(buf_deinit) struct buf whole;

	buf_init(&whole, 0);
	http_put_whole_refusal(x->server, status, why, &whole);
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
	struct http_exchange *x = NULL;

	if (!s->daemon)
		return;
	if (strstr(format, "Content-Length")) {
		x = http_find_unseen(s, true);
		if (x)
			http_refuse_early(x, MHD_HTTP_BAD_REQUEST,
					  "Content-Length is not a number");
		return;
	}
	/* 431 is said only where the request line was read: where there is an exchange */
	if (!strncmp(format, "Error processing request (HTTP response code is %u", 50) &&
	    va_arg(ap, unsigned) == MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE)
		x = http_find_unseen(s, false);
	if (x)
		http_refuse_early(
		    x, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE,
		    "the head is longer than 6144 bytes, or has more than 64 headers");
}
