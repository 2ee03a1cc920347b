/* SPDX-License-Identifier: Apache-2.0 */
#include "sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "server/conn_http.h"
#include "server/conn_line.h"
#include "tests/unit/test.h"

bool sock_world(struct world *w, bool is_clock_fake)
{
	if (!CHECK_OK(fd_write_file(test_path("token"), STR(SOCK_TOKEN), 0600)) ||
	    !world_open(w, NULL, is_clock_fake))
		return false;
	w->server.options.http_address = "127.0.0.1";
	w->server.options.http_port = 0;
	return CHECK_OK(conn_lines_new(&w->server, &w->server.lines)) &&
	       CHECK_OK(conn_http_new(&w->server, &w->server.http));
}

static bool sock_connect(struct sock *s, struct world *w, const struct sockaddr *sa, socklen_t n)
{
	*s = (struct sock){ .world = w };
	buf_init(&s->in, 0);
	s->fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!CHECK(s->fd >= 0 && !connect(s->fd, sa, n)))
		return false;
	return CHECK(!fcntl(s->fd, F_SETFL, O_NONBLOCK));
}

bool sock_open_http(struct sock *s, struct world *w)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_port = htons(conn_http_port(w->server.http)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	return sock_connect(s, w, (struct sockaddr *)&sa, sizeof(sa));
}

bool sock_open_lines(struct sock *s, struct world *w)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	strncpy(sa.sun_path, w->server.options.paths.socket, sizeof(sa.sun_path) - 1);
	return sock_connect(s, w, (struct sockaddr *)&sa, sizeof(sa));
}

void sock_close(struct sock *s)
{
	close(s->fd);
	buf_deinit(&s->in);
	for (int i = 0; i < 4; i++)
		CHECK_OK(loop_turn(s->world->server.loop, 0));
}

static void sock_read(struct sock *s)
{
	for (;;) {
		char *to = buf_reserve(&s->in, 65536);
		ssize_t n = recv(s->fd, to, 65536, 0);

		if (n <= 0) {
			s->is_at_end = s->is_at_end || n == 0 || errno != EAGAIN;
			return;
		}
		s->in.tail += (size_t)n;
	}
}

void sock_send(struct sock *s, struct str text)
{
	for (int i = 0; text.n && i < 100000; i++) {
		ssize_t n = send(s->fd, text.p, text.n, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			return; /* closed: the test sees that */
		if (n > 0)
			text = str_slice(text, (size_t)n, text.n);
		else
			sock_read(
			    s); /* answers that nobody takes would keep the server from reading */
		if (n <= 0)
			CHECK_OK(loop_turn(s->world->server.loop, 1));
	}
	CHECK_INT((int64_t)text.n, 0);
}

void sock_ask(struct sock *s, const char *request_line, const char *headers, const char *body)
{
	struct buf b;

	buf_init(&b, 0);
	buf_fmt(&b, "%s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer %s\r\n%s",
		request_line, conn_http_port(s->world->server.http), SOCK_TOKEN, headers);
	if (body)
		buf_fmt(&b, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
			strlen(body), body);
	else
		buf_put_str(&b, STR("\r\n"));
	sock_send(s, buf_str(&b));
	buf_deinit(&b);
}

static bool sock_turn_until(struct sock *s, const char *text)
{
	struct clock real = { 0 };
	int64_t until = clock_boot_ms(&real) + test_patience_ms();

	while (clock_boot_ms(&real) < until) {
		sock_read(s);
		if (text && str_contains(sock_text(s), str_from(text)))
			return true;
		if (s->is_at_end)
			return !text;
		if (!CHECK_OK(loop_turn(s->world->server.loop, 5)))
			return false;
	}
	return false;
}

bool sock_wait(struct sock *s, const char *text)
{
	return sock_turn_until(s, text);
}

bool sock_wait_end(struct sock *s)
{
	return sock_turn_until(s, NULL);
}

int sock_status(const struct sock *s)
{
	struct str text = sock_text(s);
	int64_t n = 0;

	return str_to_i64(str_slice(text, 9, 12), &n) ? (int)n : 0;
}

struct str sock_text(const struct sock *s)
{
	return buf_str(&s->in);
}

void sock_forget(struct sock *s)
{
	buf_clear(&s->in);
}
