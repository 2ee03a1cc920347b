/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that come in pieces. What the owner puts lies in the exchange's buffer until MHD asks for
 * it; with nothing there the connection is suspended inside MHD's question, and resumed by the next
 * put. */
#include "transport/http_internal.h"

#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"

#define UNSENT_MAX 131072 /* in the kernel, for one who does not read */
#define BLOCK      1024   /* MHD's, used for HTTP/1.0 only */

static ssize_t http_stream_read(void *cls, uint64_t pos, char *out, size_t max)
{
	struct http_exchange *x = cls;
	size_t n = MIN(buf_len(&x->stream), max);

	x->conn->is_suspended = x->conn->is_resuming = false;
	if (x->is_cut)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (n) {
		memcpy(out, buf_str(&x->stream).p, n);
		buf_eat(&x->stream, n);
		http_phase_moved(x->conn, n);
		return (ssize_t)n;
	}
	if (x->is_ending)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (x->stream.cap > HTTP_KEPT_BYTES)
		buf_deinit(&x->stream);
	http_phase_set(x->conn, HTTP_PHASE_NONE);
	http_suspend(x);
	return 0;
}

int http_stream_begin(struct http_exchange *x, const struct http_answer *head)
{
	int unsent = UNSENT_MAX;
	int e;

	if (x->is_cut || x->is_answered)
		return HTTP_GONE;
	x->response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, http_stream_read,
							x, NULL);
	if (!x->response)
		return err_nomem();
	e = http_add_headers(x, head);
	if (e)
		return err_trace(e);
	/* without it the kernel takes megabytes for a reader that has stopped */
	(void)setsockopt(x->conn->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
	x->is_stream = true;
	x->server->stats.n_streams++;
	http_answer_ready(x, head);
	return 0;
}

int http_stream_put(struct http_exchange *x, struct str bytes)
{
	struct http_conn *c = x->conn;

	if (x->is_cut || x->is_ending || !x->is_stream)
		return HTTP_GONE;
	if (buf_len(&x->stream) + bytes.n > HTTP_STREAM_MAX)
		return HTTP_SLOW;
	buf_put_str(&x->stream, bytes);
	if (x->stream.failed)
		return err_nomem();
	if (x->state == HTTP_STATE_SENDING && c->phase == HTTP_PHASE_NONE)
		http_phase_set(c, HTTP_PHASE_WRITE);
	if (c->is_suspended)
		http_resume(c);
	return 0;
}

size_t http_stream_waiting(const struct http_exchange *x)
{
	return buf_len(&x->stream);
}

void http_stream_end(struct http_exchange *x)
{
	x->is_ending = true;
	if (x->conn->is_suspended)
		http_resume(x->conn);
}

void http_stream_abort(struct http_exchange *x)
{
	http_conn_cut(x->conn);
}
