/* SPDX-License-Identifier: Apache-2.0 */
/* The calling side, against a thread that plays the server. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/test.h"
#include "transport/client.h"

struct fake {
	int listen_fd;
	uint16_t port;
	pthread_t thread;
	struct str answer;
	char asked[4096];
};

static void *fake_main(void *data)
{
	struct fake *f = data;
	int fd = accept(f->listen_fd, NULL, NULL);
	size_t n = 0;

	while (n < sizeof(f->asked) - 1 && !str_ends(str_from(f->asked), STR("}"))) {
		ssize_t got = recv(fd, f->asked + n, sizeof(f->asked) - 1 - n, 0);

		if (got <= 0)
			break;
		n += (size_t)got;
	}
	(void)!send(fd, f->answer.p, f->answer.n, MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	close(fd);
	return NULL;
}

static void fake_start(struct fake *f, struct str answer)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(sa);

	*f = (struct fake){ .answer = answer };
	f->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(!bind(f->listen_fd, (struct sockaddr *)&sa, sizeof(sa)) && !listen(f->listen_fd, 4));
	getsockname(f->listen_fd, (struct sockaddr *)&sa, &n);
	f->port = ntohs(sa.sin_port);
	pthread_create(&f->thread, NULL, fake_main, f);
}

static int post(struct fake *f, struct arena *a, int *status, struct str *body)
{
	char url[64];
	int e;

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/rpc", f->port);
	e = client_http_post(&(struct client_http){ .url = str_from(url),
						    .token = STR("secret"),
						    .body = STR("{}"),
						    .timeout_ms = 10000 },
			     a, status, body);
	pthread_join(f->thread, NULL);
	close(f->listen_fd);
	return e;
}

TEST(a_post_says_what_it_must_and_reads_a_counted_body)
{
	struct fake f;
	struct arena a;
	struct str body;
	int status;

	arena_init(&a, 0);
	fake_start(&f, STR("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbodyextra"));
	CHECK_OK(post(&f, &a, &status, &body));
	CHECK_INT(status, 200);
	CHECK_STR(body, "body");
	CHECK_HAS(str_from(f.asked), "POST /rpc HTTP/1.1\r\nHost: 127.0.0.1:");
	CHECK_HAS(str_from(f.asked), "\r\nAuthorization: Bearer secret\r\n");
	CHECK_HAS(str_from(f.asked), "\r\nContent-Length: 2\r\n\r\n{}");
	arena_deinit(&a);
}

TEST(a_post_reads_chunks_and_a_body_without_a_length)
{
	struct fake f;
	struct arena a;
	struct str body;
	int status;

	arena_init(&a, 0);
	fake_start(&f, STR("HTTP/1.1 401 No\r\nTransfer-Encoding: "
			   "chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n"));
	CHECK_OK(post(&f, &a, &status, &body));
	CHECK_INT(status, 401);
	CHECK_STR(body, "abc0123456789");
	fake_start(&f, STR("HTTP/1.0 200 OK\r\n\r\nall of it"));
	CHECK_OK(post(&f, &a, &status, &body));
	CHECK_STR(body, "all of it");
	arena_deinit(&a);
}

TEST(answers_that_break_off_or_are_no_http_are_told_apart)
{
	static const struct {
		struct str answer;
		int want;
	} cases[] = {
		{ { "", 0 }, CLIENT_CLOSED },
		{ { "HTTP/1.1 200 OK\r\nContent-Le", 27 }, CLIENT_CLOSED },
		{ { "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", 43 }, CLIENT_CLOSED },
		{ { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nshort", 56 },
		  CLIENT_CLOSED },
		{ { "SSH-2.0-x\r\n\r\n", 13 }, CLIENT_BAD_URL },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fake f;
		struct arena a;
		struct str body;
		int status;

		arena_init(&a, 0);
		fake_start(&f, cases[i].answer);
		CHECK_INT(post(&f, &a, &status, &body), cases[i].want);
		arena_deinit(&a);
	}
}

TEST(urls_are_http_with_an_address)
{
	static const struct {
		const char *url;
		int want;
	} cases[] = {
		{ "https://127.0.0.1/", CLIENT_HTTPS },
		{ "ftp://127.0.0.1/", CLIENT_BAD_URL },
		{ "http://", CLIENT_BAD_URL },
		{ "http://127.0.0.1:0/", CLIENT_BAD_URL },
		{ "http://127.0.0.1:65536/", CLIENT_BAD_URL },
		{ "http://127.0.0.1:x/", CLIENT_BAD_URL },
		{ "http://a.name.invalid:1/", CLIENT_BAD_URL },
		{ "http://127.0.0.1:1/a b", CLIENT_BAD_URL },
		{ "http://127.0.0.1:1/\r\nX: y", CLIENT_BAD_URL },
		{ "http://127.0.0.1:1/", CLIENT_NOT_RUNNING },
		{ "http://localhost:1/", CLIENT_NOT_RUNNING },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena a;
		struct str body;
		int status;

		arena_init(&a, 0);
		if (!CHECK_INT(client_http_post(&(struct client_http){ .url = str_from(
									   cases[i].url),
								       .timeout_ms = 5000 },
						&a, &status, &body),
			       cases[i].want))
			puts(cases[i].url);
		arena_deinit(&a);
	}
}

TEST(lines_are_read_one_by_one_and_waiting_ends)
{
	struct arena a;
	struct buf rest;
	struct str line;
	int fds[2];

	arena_init(&a, 0);
	buf_init(&rest, 0);
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	CHECK_OK(client_send_line(fds[0], STR("a\nb"), 1000));
	CHECK_OK(client_read_line(fds[1], &rest, &a, 1000, &line));
	CHECK_STR(line, "a");
	CHECK_OK(client_read_line(fds[1], &rest, &a, 1000, &line));
	CHECK_STR(line, "b");
	CHECK_INT(client_read_line(fds[1], &rest, &a, 0, &line), CLIENT_TIMEOUT);
	close(fds[0]);
	CHECK_INT(client_read_line(fds[1], &rest, &a, 1000, &line), CLIENT_CLOSED);
	close(fds[1]);
	buf_deinit(&rest);
	arena_deinit(&a);
}

TEST(nobody_at_the_path_is_not_running)
{
	int fd;

	CHECK_INT(client_connect_unix(test_path("none.sock"), &fd), CLIENT_NOT_RUNNING);
}
