/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its answer, as MHD calls us for it: the request line (http_on_uri), the head, the
 * body in pieces, its end, again whenever a suspended connection was resumed, and at last
 * http_on_completed. MHD takes an answer only inside such a call, so one that is made outside is
 * kept until the connection is resumed.
 *
 * An answer before the body is read closes the connection: MHD would not know where the next
 * request begins. Without a body it is therefore queued at the second call, which follows at once.
 */
#include "transport/http_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define HEADER_NAME_MAX  128
#define HEADER_VALUE_MAX 1024
#define LONG_ANSWER      65536 /* fits into no socket buffer at once */

/* ---- exchanges in stock ---- */

static struct http_exchange *http_exchange_take(struct http_server *s)
{
	struct list *l = list_pop_front(&s->spare);
	struct http_exchange *x;

	if (l) {
		s->n_spare--;
		x = list_entry(l, struct http_exchange, link);
	} else {
		x = calloc(1, sizeof(*x));
		if (!x)
			return NULL;
		x->server = s;
		arena_init(&x->arena, 0);
		buf_init(&x->stream, 0);
	}
	list_push_back(&s->exchanges, &x->link);
	s->n_exchanges++;
	return x;
}

static void http_exchange_give_back(struct http_exchange *x)
{
	struct http_server *s = x->server;

	list_unlink(&x->link);
	s->n_exchanges--;
	if (x->response)
		MHD_destroy_response(x->response);
	buf_deinit(&x->stream);
	if (s->n_spare == HTTP_SPARE_MAX) {
		arena_deinit(&x->arena);
		free(x);
		return;
	}
	arena_reset(&x->arena);
	x->conn = NULL;
	x->response = NULL;
	x->body = NULL;
	x->common = NULL;
	x->n_common = 0;
	x->user = NULL;
	x->uri = STR_NONE;
	x->request = (struct http_request){ 0 };
	x->n_body = x->n_body_got = x->n_answer = 0;
	x->is_known = x->is_in_handler = x->is_answered = x->is_cut = x->is_stream = x->is_ending =
	    false;
	list_push_front(&s->spare, &x->link);
	s->n_spare++;
}

void http_exchange_free_spare(struct http_server *s)
{
	struct list *l;

	while ((l = list_pop_front(&s->spare))) {
		struct http_exchange *x = list_entry(l, struct http_exchange, link);

		arena_deinit(&x->arena);
		free(x);
	}
	s->n_spare = 0;
}

void *http_on_uri(void *cls, const char *uri, struct MHD_Connection *mhd)
{
	struct http_conn *c =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
	struct http_exchange *x = http_exchange_take(cls);

	if (!x)
		return NULL;
	x->conn = c;
	x->state = HTTP_STATE_HEAD;
	x->uri = str_dup(&x->arena, str_from(uri ? uri : ""));
	c->exchange = x;
	return x;
}

/* ---- answering ---- */

static bool http_add_header(struct http_exchange *x, struct str name, struct str value)
{
	const char *n = str_cstr(&x->arena, name), *v = str_cstr(&x->arena, value);

	return n && v && MHD_add_response_header(x->response, n, v) == MHD_YES;
}

static bool http_add_list(struct http_exchange *x, const struct http_header *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!http_add_header(x, v[i].name, v[i].value))
			return false;
	return true;
}

int http_add_headers(struct http_exchange *x, const struct http_answer *a)
{
	bool ok = http_add_list(x, x->common, x->n_common) &&
		  http_add_list(x, a->headers, a->n_headers);

	if (ok && a->content_type.p)
		ok = http_add_header(x, STR("Content-Type"), a->content_type);
	if (ok && (a->close || x->server->is_quiesced))
		ok = http_add_header(x, STR("Connection"), STR("close"));
	if (ok)
		return 0;
	MHD_destroy_response(x->response);
	x->response = NULL;
	return err_new(ERR_NOMEM, "cannot make the head of an answer");
}

void http_answer_ready(struct http_exchange *x, const struct http_answer *a)
{
	x->status = (unsigned)a->status;
	x->is_answered = true;
	if (!x->is_in_handler && x->conn->is_suspended)
		http_resume(x->conn);
}

int http_reply(struct http_exchange *x, const struct http_answer *a)
{
	void *body = NULL;
	int e;

	if (x->is_cut || x->is_answered)
		return HTTP_GONE;
	if (a->body.n) {
		body = arena_dup(&x->arena, a->body.p, a->body.n);
		if (!body)
			return err_nomem();
	}
	x->response = MHD_create_response_from_buffer(a->body.n, body, MHD_RESPMEM_PERSISTENT);
	if (!x->response)
		return err_nomem();
	e = http_add_headers(x, a);
	if (e)
		return err_trace(e);
	x->n_answer = a->body.n;
	http_answer_ready(x, a);
	return 0;
}

/* Inside a call by MHD. */
static enum MHD_Result http_queue(struct http_exchange *x, struct MHD_Connection *mhd)
{
	struct MHD_Response *response = TAKE_PTR(x->response);
	enum MHD_Result r;

	x->state = HTTP_STATE_SENDING;
	http_phase_set(x->conn, HTTP_PHASE_WRITE);
	if (x->n_answer > LONG_ANSWER)
		http_phase_mark_start(x->conn);
	r = MHD_queue_response(mhd, x->status, response);
	MHD_destroy_response(response);
	return r;
}

/* ---- the request ---- */

static enum MHD_Result http_collect_header(void *cls, enum MHD_ValueKind kind, const char *name,
					   size_t n_name, const char *value, size_t n_value)
{
	struct http_exchange *x = cls;
	struct http_request *r = &x->request;

	if (r->n_headers < HTTP_HEADERS_MAX)
		x->headers[r->n_headers] = (struct http_header){ { name, n_name },
								 { value ? value : "", n_value } };
	r->n_headers++;
	return MHD_YES;
}

/* Before the owner sees anything. 0, or the status to refuse with. */
static int http_vet(struct http_exchange *x, struct MHD_Connection *mhd, const char *method,
		    const char *version, const char **why)
{
	struct http_request *r = &x->request;
	struct http_head head = {
		.method = r->method, .uri = x->uri, .headers = x->headers, .version = version
	};
	int64_t n = 0;
	int status;

	(void)MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, http_collect_header,
					  x); /* their number */
	if (r->n_headers > HTTP_HEADERS_MAX) {
		r->n_headers = 0;
		*why = "more than 64 headers";
		return MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
	}
	head.n_headers = r->n_headers;
	if (x->server->shows_raw_head)
		head.raw = (struct str){
			method,
			MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)
			    ->header_size
		};
	status = http_head_vet(&head, &n, why);
	x->n_body = (size_t)n;
	for (size_t i = 0; i < r->n_headers; i++)
		x->headers[i].value = str_trim(x->headers[i].value);
	return status;
}

static enum MHD_Result http_refuse(struct http_exchange *x, struct MHD_Connection *mhd, int status,
				   const char *why)
{
	struct http_answer a = { .status = status,
				 .content_type = http_refusal_type(x->server),
				 .close = true };
	CLEANUP(buf_deinit) struct buf body;

	buf_init(&body, 0);
	http_put_refusal(x->server, status, why, &body);
	a.body = buf_str(&body);
	x->conn->must_linger = true;
	if (body.failed || http_reply(x, &a)) {
		err_forget(); /* no memory for an answer: the connection closes without one */
		return MHD_NO;
	}
	return http_queue(x, mhd);
}

static enum MHD_Result refuse_body(struct http_exchange *x, struct MHD_Connection *mhd, size_t max)
{
	char why[64];

	snprintf(why, sizeof(why), "the body is longer than %zu bytes", max);
	return http_refuse(x, mhd, MHD_HTTP_CONTENT_TOO_LARGE, why);
}

static enum MHD_Result http_head(struct http_exchange *x, struct MHD_Connection *mhd,
				 const char *method, const char *version)
{
	struct http_server *s = x->server;
	struct http_request *r = &x->request;
	size_t body_max = HTTP_BODY_MAX_DEFAULT;
	size_t mark = str_find(x->uri, '?', 0);
	const char *why = NULL;
	int status;

	http_phase_set(x->conn, HTTP_PHASE_NONE);
	r->method = str_from(method);
	r->path = str_slice(x->uri, 0, mark);
	r->query = mark < x->uri.n ? str_slice(x->uri, mark + 1, x->uri.n) : STR_NONE;
	r->headers = x->headers;
	r->peer = str_from(x->conn->peer->text);
	r->body = STR("");
	status = http_vet(x, mhd, method, version, &why);
	if (status) {
		s->stats.n_bad_heads++;
		return http_refuse(x, mhd, status, why);
	}
	x->state = HTTP_STATE_BODY;
	x->is_known = true;
	s->ops->on_head(s->data, x, r, &body_max);
	if (x->is_cut)
		return MHD_NO;
	if (x->is_answered && x->n_body) {
		x->conn->must_linger = true;
		return http_queue(x, mhd);
	}
	if (!x->is_answered && x->n_body > body_max)
		return refuse_body(x, mhd, body_max);
	if (!x->is_answered && x->n_body) {
		x->body = arena_alloc(&x->arena, x->n_body);
		if (!x->body)
			return MHD_NO;
		http_phase_set(x->conn, HTTP_PHASE_BODY);
	}
	return MHD_YES;
}

static enum MHD_Result http_body_part(struct http_exchange *x, const char *p, size_t *n)
{
	if (*n > x->n_body - x->n_body_got)
		return MHD_NO; /* cannot be: MHD counts too */
	memcpy(x->body + x->n_body_got, p, *n);
	x->n_body_got += *n;
	http_phase_moved(x->conn, *n);
	*n = 0;
	return MHD_YES;
}

void http_suspend(struct http_exchange *x)
{
	struct http_conn *c = x->conn;

	MHD_suspend_connection(c->mhd);
	c->is_suspended = true;
	if (c->has_left) {
		x->is_cut = true;
		http_resume(c);
	}
}

static enum MHD_Result http_whole(struct http_exchange *x, struct MHD_Connection *mhd)
{
	struct http_server *s = x->server;

	x->state = HTTP_STATE_OWNED;
	if (!x->is_answered) {
		http_phase_set(x->conn, HTTP_PHASE_NONE);
		if (x->n_body)
			x->request.body = (struct str){ x->body, x->n_body_got };
		s->ops->on_request(s->data, x, &x->request);
	}
	if (x->is_cut)
		return MHD_NO;
	if (x->is_answered)
		return http_queue(x, mhd);
	http_suspend(x);
	return MHD_YES;
}

/* Resumed, with an answer or because the client has gone. */
static enum MHD_Result http_resumed(struct http_exchange *x, struct MHD_Connection *mhd)
{
	if (x->is_cut)
		return MHD_NO;
	if (x->response)
		return http_queue(x, mhd);
	http_suspend(x);
	return MHD_YES;
}

enum MHD_Result http_on_access(void *cls, struct MHD_Connection *mhd, const char *url,
			       const char *method, const char *version, const char *upload,
			       size_t *n_upload, void **context)
{
	struct http_exchange *x = *context;
	enum MHD_Result r = MHD_YES;

	if (!x || x->server->is_stopping || !x->uri.p)
		return MHD_NO;
	x->conn->is_suspended = x->conn->is_resuming = false;
	x->is_in_handler = true;
	if (x->state == HTTP_STATE_HEAD)
		r = http_head(x, mhd, method, version);
	else if (x->state == HTTP_STATE_BODY && *n_upload)
		r = http_body_part(x, upload, n_upload);
	else if (x->state == HTTP_STATE_BODY)
		r = http_whole(x, mhd);
	else if (x->state == HTTP_STATE_OWNED)
		r = http_resumed(x, mhd);
	x->is_in_handler = false;
	return r;
}

void http_on_completed(void *cls, struct MHD_Connection *mhd, void **context,
		       enum MHD_RequestTerminationCode code)
{
	struct http_exchange *x = *context;
	struct http_conn *c;

	*context = NULL;
	if (!x)
		return;
	c = x->conn;
	c->exchange = NULL;
	c->is_suspended = c->is_resuming = false;
	x->is_cut = x->is_cut || code != MHD_REQUEST_TERMINATED_COMPLETED_OK;
	if (x->is_known) {
		x->is_known = false;
		x->is_answered = true; /* nothing more can be said */
		x->server->ops->on_end(x->server->data, x, x->is_cut);
	}
	if (x->is_stream)
		x->server->stats.n_streams--;
	http_exchange_give_back(x);
	http_phase_set(c, c->has_left ? HTTP_PHASE_LEFT : HTTP_PHASE_IDLE);
}

/* ---- what the owner asks ---- */

struct arena *http_arena(struct http_exchange *x)
{
	return &x->arena;
}

void http_set_user(struct http_exchange *x, void *user)
{
	x->user = user;
}

void *http_user(const struct http_exchange *x)
{
	return x->user;
}

void http_set_common_headers(struct http_exchange *x, const struct http_header *headers, size_t n)
{
	x->common = headers;
	x->n_common = n;
}

struct str http_header(const struct http_request *r, struct str name)
{
	for (size_t i = 0; i < r->n_headers; i++) {
		struct str have = r->headers[i].name;

		/* length and first letter tell nearly all apart */
		if (have.n == name.n && ((have.p[0] ^ name.p[0]) & 0x5f) == 0 &&
		    str_eq_nocase(have, name))
			return r->headers[i].value;
	}
	return STR_NONE;
}

void http_mark_authenticated(struct http_exchange *x)
{
	http_conn_settle(x->conn);
}
