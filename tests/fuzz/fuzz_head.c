/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP heads through a real server on loopback. A strict reader of RFC 9112, written apart, reads
 * the same bytes: each request that the server's owner is shown must be the next one that this
 * reader finds, with the same method, target and body length. So nothing ambiguous gets in, however
 * the bytes are split. */
#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "transport/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TURNS_MAX 400

struct strict {
	struct str rest;
	struct str method, path;
	int64_t length;
};

struct world {
	struct clock clock;
	struct loop *loop;
	struct http_server *server;
	struct strict reader;
	int n_heads, n_ends;
};

static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", s.p[i]))
			return false;
	return s.n > 0;
}

static bool take_line(struct strict *r, struct str *line)
{
	for (size_t i = 0; i + 1 < r->rest.n; i++) {
		if (r->rest.p[i] == '\n')
			return false;
		if (r->rest.p[i] == '\r' && r->rest.p[i + 1] == '\n') {
			*line = str_slice(r->rest, 0, i);
			r->rest = str_slice(r->rest, i + 2, r->rest.n);
			return true;
		}
	}
	return false;
}

static bool is_length(struct str s, int64_t *out)
{
	return s.n && s.n <= 8 && s.p[0] >= '0' && s.p[0] <= '9' && str_to_i64(s, out);
}

static bool take_headers(struct strict *r)
{
	int n_host = 0, n_length = 0;
	struct str line, name;

	r->length = 0;
	for (;;) {
		if (!take_line(r, &line))
			return false;
		if (!line.n)
			return n_host == 1;
		name = str_cut(&line, ':');
		if (!line.p || !is_token(name) || str_eq_nocase(name, STR("transfer-encoding")))
			return false;
		for (size_t i = 0; i < line.n; i++)
			if (((unsigned char)line.p[i] < ' ' && line.p[i] != '\t') ||
			    line.p[i] == 0x7f)
				return false;
		n_host += str_eq_nocase(name, STR("host"));
		if (str_eq_nocase(name, STR("content-length")) &&
		    (n_length++ || !is_length(str_trim(line), &r->length)))
			return false;
	}
}

/* A higher minor version is served as 1.1 (RFC 9110 §2.5). */
static bool is_version(struct str s)
{
	return s.n == 8 && str_starts(s, STR("HTTP/1.")) && s.p[7] >= '0' && s.p[7] <= '9';
}

/* Empty lines before a request may be skipped. */
static void skip_empty_lines(struct strict *r)
{
	while (r->rest.n && (r->rest.p[0] == '\n' || str_starts(r->rest, STR("\r\n"))))
		(void)str_cut(&r->rest, '\n');
}

static bool take_request(struct strict *r)
{
	struct str line;

	skip_empty_lines(r);
	if (!take_line(r, &line))
		return false;
	r->method = str_cut(&line, ' ');
	r->path = str_cut(&line, ' ');
	if (!is_token(r->method) || !r->path.n || !is_version(line))
		return false;
	for (size_t i = 0; i < r->path.n; i++)
		if (r->path.p[i] <= ' ' || r->path.p[i] >= 0x7f)
			return false;
	r->path = str_cut(&r->path, '?');
	return take_headers(r);
}

static void on_head(void *data, struct http_exchange *x, const struct http_request *r,
		    size_t *body_max)
{
	struct world *w = data;
	bool is_strict = take_request(&w->reader);

	assert(is_strict);
	assert(str_eq(r->method, w->reader.method));
	assert(str_eq(r->path, w->reader.path));
	w->n_heads++;
	http_mark_authenticated(x);
}

static void on_request(void *data, struct http_exchange *x, const struct http_request *r)
{
	struct world *w = data;
	int e;

	assert((int64_t)r->body.n == w->reader.length);
	w->reader.rest = str_slice(w->reader.rest, r->body.n, w->reader.rest.n);
	e = http_reply(x, &(struct http_answer){
			      .status = 200, .content_type = STR("a/b"), .body = STR("ok") });
	assert(!e);
}

static void on_end(void *data, struct http_exchange *x, bool was_cut)
{
	((struct world *)data)->n_ends++;
}

static const struct http_ops ops = { .on_head = on_head,
				     .on_request = on_request,
				     .on_end = on_end };

static struct world *world(void)
{
	static struct world *w; /* one server for all inputs */
	struct http_options o;
	int e;

	if (w)
		return w;
	w = calloc(1, sizeof(*w));
	assert(w);
	w->clock.is_fake = true;
	http_options_init(&o);
	e = loop_new(&w->clock, &w->loop);
	assert(!e);
	e = http_server_new(w->loop, &o, &ops, w, &w->server);
	assert(!e);
	return w;
}

static void turn(struct world *w)
{
	int e = loop_turn(w->loop, 0);

	assert(!e);
}

static int64_t n_conns(struct world *w)
{
	struct http_stats s;

	http_server_stats(w->server, &s);
	return s.n_conns;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct linger reset = { .l_onoff = 1 };
	struct world *w = world();
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_port = htons(http_server_port(w->server)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct str text = size < 2 ? STR_NONE : (struct str){ (const char *)data + 2, size - 2 };
	size_t cut;

	if (size < 2 || fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa))) {
		close(fd);
		return 0;
	}
	if (memchr(data + 2, '\0', size - 2) || str_contains(text, STR("\n:\n")) ||
	    str_contains(text, STR("\n:\r\n"))) {
		close(fd);
		return 0;
	}
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset,
		   sizeof(reset)); /* no TIME_WAIT by the thousand */
	w->reader = (struct strict){ .rest = text };
	w->n_heads = w->n_ends = 0;
	cut = text.n ? (data[0] | (size_t)data[1] << 8) % (text.n + 1) : 0;
	(void)!send(fd, text.p, cut, MSG_NOSIGNAL | MSG_DONTWAIT);
	turn(w);
	turn(w);
	(void)!send(fd, text.p + cut, text.n - cut, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(fd, SHUT_WR);
	for (int i = 0; i < 20; i++)
		turn(w);
	close(fd);
	for (int i = 0; i < TURNS_MAX && n_conns(w); i++)
		turn(w);
	assert(n_conns(w) == 0 && w->n_ends == w->n_heads);
	return 0;
}
