/* SPDX-License-Identifier: Apache-2.0 */
/* The calling side, blocking with a deadline of boot time: every wait is a poll() for what is left.
 */
#include "transport/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/user.h"

#define UNIX_PATH_MAX_BYTES 107
#define ANSWER_MAX          ((size_t)64 * 1024 * 1024)
#define HEAD_MAX            ((size_t)64 * 1024)
#define READ_ROOM           ((size_t)65536)

static int64_t client_now_ms(void)
{
	return clock_boot_ms(&(struct clock){ 0 });
}

/* -1 = no end. */
static int64_t client_deadline(int64_t timeout_ms)
{
	return timeout_ms < 0 ? -1 : client_now_ms() + timeout_ms;
}

static int client_wait(int fd, short events, int64_t deadline_ms)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = events };
		int64_t left = deadline_ms < 0 ? -1 : deadline_ms - client_now_ms();
		int n;

		if (deadline_ms >= 0 && left <= 0)
			return CLIENT_TIMEOUT;
		n = poll(&p, 1, (int)MIN(left, INT_MAX));
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_sys("cannot wait for a socket");
	}
}

static int client_write(int fd, struct str s, int64_t deadline_ms)
{
	while (s.n) {
		ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0) {
			s = str_slice(s, (size_t)n, s.n);
		} else if (errno == EAGAIN) {
			int e = client_wait(fd, POLLOUT, deadline_ms);

			if (e)
				return e;
		} else if (errno == EPIPE || errno == ECONNRESET) {
			return CLIENT_CLOSED;
		} else if (errno != EINTR) {
			return err_sys("cannot send");
		}
	}
	return 0;
}

/* More bytes into b, or CLIENT_CLOSED, CLIENT_TIMEOUT. */
static int client_read_some(int fd, struct buf *b, int64_t deadline_ms)
{
	for (;;) {
		char *p = buf_reserve(b, READ_ROOM);
		ssize_t n;
		int e;

		if (!p)
			return err_nomem();
		n = recv(fd, p, READ_ROOM, MSG_DONTWAIT);
		if (n > 0) {
			b->tail += (size_t)n;
			return 0;
		}
		if (n == 0 || errno == ECONNRESET)
			return CLIENT_CLOSED;
		if (errno != EAGAIN && errno != EINTR)
			return err_sys("cannot receive");
		e = client_wait(fd, POLLIN, deadline_ms);
		if (e)
			return e;
	}
}

/* ---- lines ---- */

/* Whoever answers at the path must be this user (or root): anybody can squat a path in a folder
 * that is not ours. */
static bool client_peer_is_trusted(int fd)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) &&
	       (cred.uid == geteuid() || cred.uid == 0);
}

/* The folder of a socket that lets nobody in tells whose it is, or one above it. */
static int client_no_access(const char *path)
{
	char at[UNIX_PATH_MAX_BYTES + 1];
	struct user_text owner;
	int why = errno;
	struct stat st;
	char *slash;
	uid_t uid;

	snprintf(at, sizeof(at), "%s", path);
	while (stat(at, &st) && (slash = strrchr(at, '/')) && slash > at)
		*slash = '\0';
	bool is_anothers = user_is_another(at, &uid);

	errno = why;
	if (errno != EACCES || !is_anothers)
		return err_sys("cannot connect to '%s'", path);
	user_text(uid, &owner);
	return err_new(ERR_SYS, "cannot connect to '%s': '%s' belongs to %s, who alone may use it",
		       path, at, owner.who);
}

int client_connect_unix(const char *path, int *out_fd)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	CLEANUP(fd_close) int fd = -1;

	if (strlen(path) > UNIX_PATH_MAX_BYTES)
		return CLIENT_TOO_LONG;
	memcpy(sa.sun_path, path, strlen(path) + 1); /* fits: just checked */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys("cannot make a socket");
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa))) {
		if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR)
			return CLIENT_NOT_RUNNING;
		return client_no_access(path);
	}
	if (geteuid() != 0 && !client_peer_is_trusted(fd)) {
		errno = EACCES;
		return err_sys("another user's program answers at '%s'", path);
	}
	*out_fd = TAKE_FD(fd);
	return 0;
}

int client_send_line(int fd, struct str line, int64_t timeout_ms)
{
	int64_t deadline = client_deadline(timeout_ms);
	int e = client_write(fd, line, deadline);

	return e ? e : client_write(fd, STR("\n"), deadline);
}

int client_read_line(int fd, struct buf *rest, struct arena *a, int64_t timeout_ms, struct str *out)
{
	int64_t deadline = client_deadline(timeout_ms);
	size_t scanned = 0;

	for (;;) {
		struct str s = buf_str(rest);
		size_t end = str_find(s, '\n', scanned);
		struct str line;
		int e;

		if (end < s.n) {
			line = str_dup(a, str_slice(s, 0, end));
			buf_eat(rest, end + 1);
			if (!line.p)
				return err_nomem();
			*out = line;
			return 0;
		}
		if (s.n > ANSWER_MAX)
			return CLIENT_TOO_LONG;
		scanned = s.n;
		e = client_read_some(fd, rest, deadline);
		if (e)
			return e;
	}
}

/* ---- HTTP ---- */

struct client_url {
	struct str host; /* without brackets */
	struct str authority, path;
	char host_text[INET6_ADDRSTRLEN];
	uint16_t port;
};

static int client_parse_url(struct str url, struct client_url *u)
{
	struct str rest, port = STR("80");
	size_t slash, colon;
	int64_t n;

	if (str_starts(url, STR("https://")))
		return CLIENT_HTTPS;
	if (!str_starts(url, STR("http://")))
		return CLIENT_BAD_URL;
	rest = str_slice(url, strlen("http://"), url.n);
	slash = str_find(rest, '/', 0);
	u->authority = str_slice(rest, 0, slash);
	u->path = slash < rest.n ? str_slice(rest, slash, rest.n) : STR("/");
	for (size_t i = 0; i < rest.n; i++)
		if ((unsigned char)rest.p[i] <= ' ' || rest.p[i] == 0x7f)
			return CLIENT_BAD_URL; /* would end the line we send it in */
	u->host = u->authority;
	if (u->authority.n && u->authority.p[0] == '[') {
		size_t end = str_find(u->authority, ']', 0);

		u->host = str_slice(u->authority, 1, end);
		colon = end + 1;
	} else {
		colon = str_find(u->authority, ':', 0);
		u->host = str_slice(u->authority, 0, colon);
	}
	if (colon < u->authority.n)
		port = str_slice(u->authority, colon + 1, u->authority.n);
	if (!u->host.n || u->host.n >= sizeof(u->host_text) || !str_to_i64(port, &n) || n < 1 ||
	    n > 65535)
		return CLIENT_BAD_URL;
	memcpy(u->host_text, u->host.p, u->host.n);
	u->host_text[u->host.n] = '\0';
	u->port = (uint16_t)n;
	return 0;
}

static int client_connect_addr(const struct sockaddr *sa, socklen_t len, int64_t deadline_ms,
			       int *out_fd)
{
	CLEANUP(fd_close)
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error = 0;
	socklen_t n = sizeof(error);
	int e;

	if (fd < 0)
		return errno == EAFNOSUPPORT ? CLIENT_NOT_RUNNING : err_sys("cannot make a socket");
	if (connect(fd, sa, len) && errno != EINPROGRESS)
		return CLIENT_NOT_RUNNING;
	e = client_wait(fd, POLLOUT, deadline_ms);
	if (e)
		return e;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) || error)
		return CLIENT_NOT_RUNNING;
	*out_fd = TAKE_FD(fd);
	return 0;
}

static int client_connect_tcp(const struct client_url *u, int64_t deadline_ms, int *out_fd)
{
	bool is_local = str_eq_nocase(u->host, STR("localhost"));
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(u->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(u->port) };
	int e;

	if (inet_pton(AF_INET6, is_local ? "::1" : u->host_text, &v6.sin6_addr) == 1 && !is_local)
		return client_connect_addr((struct sockaddr *)&v6, sizeof(v6), deadline_ms, out_fd);
	if (inet_pton(AF_INET, is_local ? "127.0.0.1" : u->host_text, &v4.sin_addr) != 1)
		return CLIENT_BAD_URL;
	e = client_connect_addr((struct sockaddr *)&v4, sizeof(v4), deadline_ms, out_fd);
	if (e == CLIENT_NOT_RUNNING && is_local)
		e = client_connect_addr((struct sockaddr *)&v6, sizeof(v6), deadline_ms, out_fd);
	return e;
}

static bool client_token_is_sane(struct str token)
{
	for (size_t i = 0; i < token.n; i++)
		if ((unsigned char)token.p[i] <= ' ' || (unsigned char)token.p[i] >= 0x7f)
			return false;
	return true;
}

static int client_send_request(int fd, const struct client_http *h, const struct client_url *u,
			       int64_t deadline)
{
	struct buf b;
	int e;

	buf_init(&b, 0);
	BUF_LIT(&b, "POST ");
	buf_put_str(&b, u->path);
	BUF_LIT(&b, " HTTP/1.1\r\nHost: ");
	buf_put_str(&b, u->authority);
	BUF_LIT(&b, "\r\nContent-Type: application/json\r\nAccept: application/json\r\nConnection: "
		    "close\r\n");
	if (h->token.p) {
		BUF_LIT(&b, "Authorization: Bearer ");
		buf_put_str(&b, h->token);
		BUF_LIT(&b, "\r\n");
	}
	BUF_LIT(&b, "Content-Length: ");
	buf_put_i64(&b, (int64_t)h->body.n);
	BUF_LIT(&b, "\r\n\r\n");
	buf_put_str(&b, h->body);
	e = b.failed ? err_nomem() : client_write(fd, buf_str(&b), deadline);
	buf_deinit(&b);
	return e;
}

/* The value of a header of the head (its lines end with CRLF), or NONE. */
static struct str client_header(struct str head, struct str name)
{
	while (head.p) {
		struct str line = str_cut(&head, '\n'), key = str_cut(&line, ':');

		if (str_eq_nocase(key, name))
			return str_trim(line);
	}
	return STR_NONE;
}

/* Takes the chunks out of `raw` (complete by then: the server closes behind them). */
static int client_join_chunks(struct str raw, struct arena *a, struct str *body)
{
	char *out = arena_alloc(a, raw.n), *at = out;

	if (!out)
		return err_nomem();
	for (;;) {
		struct str size = str_cut(&raw, '\n');
		size_t n = 0, i;

		for (i = 0; i < size.n && i < 7 && strchr("0123456789abcdefABCDEF", size.p[i]); i++)
			n = n * 16 + (size_t)(size.p[i] <= '9' ? size.p[i] - '0'
							       : (size.p[i] | 0x20) - 'a' + 10);
		if (i == 0 || n > raw.n)
			return CLIENT_CLOSED;
		if (n == 0)
			break;
		memcpy(at, raw.p, n);
		at += n;
		raw = str_slice(raw, n, raw.n);
		(void)str_cut(&raw, '\n'); /* the line end behind the chunk */
		if (!raw.p)
			return CLIENT_CLOSED;
	}
	*body = (struct str){ out, (size_t)(at - out) };
	return 0;
}

static size_t client_head_end(struct str s)
{
	for (size_t i = 0; i + 4 <= s.n; i++)
		if (!memcmp(s.p + i, "\r\n\r\n", 4))
			return i + 4;
	return 0;
}

static int client_take_answer(struct str all, size_t head_n, struct arena *a, int *status,
			      struct str *body)
{
	struct str head = str_slice(all, 0, head_n), raw = str_slice(all, head_n, all.n);
	struct str length = client_header(head, STR("content-length"));
	int64_t code, n;

	if (!str_starts(head, STR("HTTP/1.")) || !str_to_i64(str_slice(head, 9, 12), &code))
		return CLIENT_BAD_URL; /* whatever it is, it does not speak HTTP */
	*status = (int)code;
	if (client_header(head, STR("transfer-encoding")).p)
		return client_join_chunks(raw, a, body);
	if (length.p && (!str_to_i64(length, &n) || n < 0 || (size_t)n > raw.n))
		return CLIENT_CLOSED;
	*body = str_dup(a, length.p ? str_slice(raw, 0, (size_t)n) : raw);
	return body->p ? 0 : err_nomem();
}

/* Everything until the server closes. */
static int client_read_answer(int fd, struct buf *b, int64_t deadline_ms)
{
	for (;;) {
		int e = client_read_some(fd, b, deadline_ms);

		if (e == CLIENT_CLOSED)
			return client_head_end(buf_str(b)) ? 0 : e;
		if (e)
			return e;
		if (buf_len(b) > ANSWER_MAX)
			return CLIENT_TOO_LONG;
	}
}

int client_http_post(const struct client_http *h, struct arena *a, int *status, struct str *body)
{
	int64_t deadline = client_deadline(h->timeout_ms);
	struct client_url u = { 0 };
	CLEANUP(fd_close) int fd = -1;
	CLEANUP(buf_deinit) struct buf in = { 0 };
	int e;

	e = client_parse_url(h->url, &u);
	if (e)
		return e;
	if (!client_token_is_sane(h->token))
		return CLIENT_BAD_URL;
	e = client_connect_tcp(&u, deadline, &fd);
	if (!e)
		e = client_send_request(fd, h, &u, deadline);
	/* A server that refuses early closes while we still send: its answer counts. */
	if (!e || e == CLIENT_CLOSED)
		e = client_read_answer(fd, &in, deadline);
	if (e)
		return e < 0 ? err_trace(e) : e;
	return client_take_answer(buf_str(&in), client_head_end(buf_str(&in)), a, status, body);
}
